/** The console's operations against the schema: what does not fit is refused, and what fits has its types and hash. */
import { createHash } from "node:crypto";
import { expect } from "@std/expect";
import { compileOperations } from "../../scripts/web_operations.ts";

const SDL = `
  type Query { model(name: String!): Model }
  type Model { name: String! size: BigInt state: State! }
  enum State { COLD WARM }
  scalar BigInt
`;
const compile = (text: string) => compileOperations(SDL, [{ path: "some.graphql", text }]);

Deno.test("compileOperations() types what an operation takes and gives", async () => {
  const { module } = await compile("query One($name: String!) { model(name: $name) { name size state } }");
  expect(module).toContain("export const One: Operation<OneQuery, OneQueryVariables>");
  expect(module).toMatch(/readonly name: string, readonly size: string \| null, readonly state: State/);
});

Deno.test("compileOperations() lists the text with its fragments under its hash", async () => {
  const { manifest } = await compile(`
    fragment Outer on Model { ...Inner state }
    fragment Inner on Model { name }
    query One { model(name: "a") { ...Outer } }
  `);
  const [[hash, text]] = Object.entries(manifest) as [[string, string]];
  expect(hash).toBe(createHash("sha256").update(text).digest("hex"));
  expect(text).toMatch(/^query One[\s\S]+fragment Outer[\s\S]+fragment Inner/);
});

for (
  const [what, text, message] of [
    [
      "a field that is gone",
      'query One { model(name: "a") { size gone } }',
      /Cannot query field "gone"[\s\S]*some\.graphql:1/,
    ],
    ["an argument that is missing", "query One { model { name } }", /Argument "Query.model\(name:\)"/],
    ["a variable of another type", "query One($name: Int!) { model(name: $name) { name } }", /\$name/],
    [
      "a fragment that nobody uses",
      'fragment F on Model { name } query One { model(name: "a") { name } }',
      /"F" is never used/,
    ],
    ["an operation without a name", '{ model(name: "a") { name } }', /needs a name/],
  ] as const
) {
  Deno.test(`compileOperations() refuses ${what}`, async () => {
    await expect(compile(text)).rejects.toThrow(message);
  });
}

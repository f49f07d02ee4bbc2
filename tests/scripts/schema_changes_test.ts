/** A change that breaks clients is found, and passes only with a reason. */
import { expect } from "@std/expect";
import { buildSchema } from "graphql";
import { parseAcceptedChanges, schemaComplaints } from "../../scripts/schema_changes.ts";

const RELEASED = `type Query { model(name: String): String! viewer: Viewer! }
  type Viewer { id: ID! } enum State { COLD WARM } input Ask { x: Int } type Mutation { ask(input: Ask!): State }`;
const edit = (from: string, to: string) => buildSchema(RELEASED.replace(from, to));

Deno.test("schemaComplaints() lets additions pass", () => {
  expect(schemaComplaints(RELEASED, edit("viewer:", "added: Int viewer:"), [])).toEqual([]);
  expect(schemaComplaints(RELEASED, edit("x: Int", "x: Int y: Int"), [])).toEqual([]);
  expect(schemaComplaints(RELEASED, edit("COLD", "COLD LOADING"), [])).toEqual([]);
});

for (
  const [name, from, to] of [
    ["a removed field", "viewer: Viewer!", ""],
    ["a field that may be null now", "String! viewer", "String viewer"],
    ["a required argument", "name: String", "name: String!"],
    ["a required input field", "x: Int", "x: Int y: Int!"],
    ["a removed enum value", "COLD WARM", "WARM"],
    ["another type", "viewer: Viewer!", "viewer: [Viewer!]!"],
  ] as const
) {
  Deno.test(`schemaComplaints() finds ${name}, and lets it pass with a reason`, () => {
    const schema = edit(from, to);
    const complaints = schemaComplaints(RELEASED, schema, []);
    expect(complaints).toHaveLength(1);
    const change = complaints[0]!.replace("This breaks clients: ", "");
    expect(schemaComplaints(RELEASED, schema, [{ change, reason: "Nobody used it" }])).toEqual([]);
    expect(schemaComplaints(RELEASED, schema, [{ change, reason: " " }])).toEqual([
      `No reason is given: ${change}`,
    ]);
  });
}

Deno.test("schemaComplaints() finds what is accepted and does not happen", () => {
  const accepted = [{ change: "FIELD_REMOVED: Query.gone was removed.", reason: "Long ago" }];
  expect(schemaComplaints(RELEASED, buildSchema(RELEASED), accepted)).toHaveLength(1);
});

Deno.test("parseAcceptedChanges() takes changes with reasons, and nothing else", () => {
  expect(parseAcceptedChanges("[]")).toEqual([]);
  for (const json of ["{}", '[{"change":"x"}]', "[1]"]) {
    expect(() => parseAcceptedChanges(json)).toThrow("Expected");
  }
});

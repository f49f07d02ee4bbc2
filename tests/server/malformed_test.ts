/** What is no request, no GraphQL, or GraphQL that means nothing here: a clear answer, and nothing started. */
import { expect } from "@std/expect";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";

const JSON_TYPE = { "content-type": "application/json", accept: "application/graphql-response+json" };
const START = `mutation ($input: GenerateInput!) { startGeneration(input: $input) { __typename } }`;
const start = (input: unknown) => JSON.stringify({ query: START, variables: { input } });
const MODEL = { name: "owner/merged" };
const PROMPT = { text: "Hello" };

const CASES: readonly (readonly [
  name: string,
  request: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  },
  status: number,
  message: RegExp,
])[] = [
  ["no JSON", { body: "{ viewer" }, 400, /JSON/],
  ["JSON that is no object", { body: "3" }, 400, /object/],
  ["a batch", { body: `[{"query":"{viewer{id}}"}]` }, 400, /Batching/],
  ["no query", { body: "{}" }, 400, /query/],
  ["a query that is no text", { body: `{"query":3}` }, 400, /query/],
  ["torn GraphQL", { body: `{"query":"{ viewer { id }"}` }, 400, /Syntax Error/],
  ["an unknown field", { body: `{"query":"{ viewer { name } }"}` }, 400, /Cannot query field/],
  [
    "two subscriptions at once",
    {
      body:
        `{"query":"subscription { a: generationEvents(id: 1) { seq } b: generationEvents(id: 1) { seq } }"}`,
    },
    400,
    /only/,
  ],
  ["a mutation over GET", { method: "GET", headers: {}, body: "?query=mutation{__typename}" }, 405, /POST/],
  ["another method", { method: "PUT", body: "{}" }, 405, /GET, POST/],
  [
    "a form",
    {
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "query=%7Bviewer%7Bid%7D%7D",
    },
    415,
    /application\/json/,
  ],
  [
    "plain text",
    { headers: { "content-type": "text/plain" }, body: `{"query":"{viewer{id}}"}` },
    415,
    /application/,
  ],
  [
    "multipart",
    { headers: { "content-type": "multipart/form-data; boundary=x" }, body: "--x--" },
    415,
    /application/,
  ],
  [
    "a model by id and by name",
    { body: start({ model: { ...MODEL, id: "x" }, prompt: PROMPT }) },
    400,
    /ModelRef/,
  ],
  ["no model", { body: start({ model: {}, prompt: PROMPT }) }, 400, /ModelRef/],
  [
    "two prompts",
    { body: start({ model: MODEL, prompt: { text: "x", tokenIds: [1] } }) },
    400,
    /PromptSource/,
  ],
  ["a null prompt", { body: start({ model: MODEL, prompt: { text: null } }) }, 400, /PromptSource|text/],
  [
    "a token id beyond 32 bits",
    {
      body: start({ model: MODEL, prompt: { tokenIds: [2 ** 31] } }),
    },
    400,
    /tokenIds/,
  ],
  [
    "a role that nobody has",
    {
      body: start({ model: MODEL, prompt: { messages: [{ role: "TOOL", content: "x" }] } }),
    },
    400,
    /Role/,
  ],
  [
    "a seed that is no whole number",
    {
      body: start({ model: MODEL, prompt: PROMPT, sampling: { seed: 1.5 } }),
    },
    400,
    /seed|BigInt/,
  ],
  [
    "a seed that JSON has rounded",
    {
      body: start({ model: MODEL, prompt: PROMPT, sampling: { seed: 2 ** 53 } }),
    },
    400,
    /seed|BigInt/,
  ],
  [
    "an unknown sampling parameter",
    {
      body: start({ model: MODEL, prompt: PROMPT, sampling: { heat: 1 } }),
    },
    400,
    /heat/,
  ],
];

for (const [name, { method = "POST", headers = {}, body = "" }, status, message] of CASES) {
  Deno.test(`startServer() refuses ${name} with ${status}`, async () => {
    const fake = new FakeGateway();
    await using api = new ApiServer(fake.gateway);
    const response = await fetch(method === "GET" ? api.url + body : api.url, {
      method,
      headers: { ...JSON_TYPE, ...headers },
      ...(method === "GET" ? {} : { body }),
    });
    const answer = await response.json();
    expect({ status: response.status, errors: answer.errors?.length > 0 }).toEqual({ status, errors: true });
    expect(JSON.stringify(answer.errors)).toMatch(message);
    for (const { extensions } of answer.errors) expect(extensions?.code).toMatch(/^[A-Z_]+$/);
    expect(answer.data ?? null).toBeNull();
    expect(JSON.stringify(answer)).not.toContain("/schema/");
    expect(fake.started).toEqual([]);
    expect(api.log).toEqual([]);
  });
}

Deno.test("startServer() refuses a subscription that cannot be streamed to its client", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const answer = await api.post(
    { query: `subscription { generationEvents(id: "x") { seq } }` },
    { accept: "application/json" },
  );
  expect(answer.body.errors[0].extensions.code).toBe("NOT_FOUND");
  const unknown = await fetch(`${api.server.origin}/nothing`);
  expect(unknown.status).toBe(404);
  expect((await unknown.json()).errors[0].extensions.code).toBe("NOT_FOUND");
});

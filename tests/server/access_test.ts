/** Who may do what: keys, roles, and pages of other origins. */
import { expect } from "@std/expect";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";

const MODEL = `model: { name: "owner/merged" }`;
const ERROR = "... on Error { code }";
const MUTATIONS: Readonly<Record<string, string>> = {
  createSession: `createSession(input: { ${MODEL} }) { __typename ${ERROR} }`,
  startGeneration: `startGeneration(input: { ${MODEL}, prompt: { text: "x" } }) { __typename ${ERROR} }`,
  updateSamplingDefaults:
    `updateSamplingDefaults(input: { sampling: { topK: 1 }, reason: "r" }) { __typename ${ERROR} }`,
  registerModel: `registerModel(input: { path: "/m" }) { __typename ${ERROR} }`,
  loadModel: `loadModel(input: { ${MODEL} }) { __typename ${ERROR} }`,
  unloadModel: `unloadModel(input: { ${MODEL} }) { __typename ${ERROR} }`,
};
const GENERATOR = ["createSession", "startGeneration"];
const ALLOWED: readonly (readonly [key: string | undefined, mutations: readonly string[]])[] = [
  ["v", []],
  [undefined, GENERATOR],
  ["g", GENERATOR],
  ["a", Object.keys(MUTATIONS)],
];

for (const [key, allowed] of ALLOWED) {
  Deno.test(`Mutation answers ForbiddenError to the key "${key ?? "(none)"}" where its role ends`, async () => {
    await using api = new ApiServer(new FakeGateway().gateway);
    for (const [name, field] of Object.entries(MUTATIONS)) {
      const answer = await api.query(`mutation { ${field} }`, {}, key);
      expect(answer.status).toBe(200);
      const result = answer.body.data[name];
      if (allowed.includes(name)) expect(result.code).toBeUndefined();
      else expect(result).toEqual({ __typename: "ForbiddenError", code: "FORBIDDEN" });
    }
  });
}

Deno.test("startServer() refuses a wrong key with 401 and a GraphQL-shaped body", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  for (const authorization of ["Bearer nope", "Bearer ", "Basic Zm9v", "v"]) {
    const answer = await api.post({ query: "{ viewer { id } }" }, { authorization });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(answer.body.data).toBeUndefined();
    expect(answer.body.errors).toHaveLength(1);
    expect(answer.body.errors[0]).toMatchObject({
      message: expect.any(String),
      extensions: { code: "UNAUTHENTICATED" },
    });
  }
});

Deno.test("Query.viewer tells who asks", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const viewer = async (key?: string) =>
    (await api.query("{ viewer { id role } }", {}, key)).body.data.viewer;
  expect(await viewer()).toEqual({ id: "anonymous", role: "GENERATOR" });
  expect(await viewer("v")).toEqual({ id: "key-viewer", role: "VIEWER" });
  expect(await viewer("a")).toEqual({ id: "key-admin", role: "ADMIN" });
});

Deno.test("startServer() asks for a key where nobody is anonymous, and shows no models", async () => {
  const fake = new FakeGateway();
  fake.allowAnonymous = false;
  await using api = new ApiServer(fake.gateway);
  expect((await api.query("{ viewer { id } }")).status).toBe(401);
  expect((await api.query("{ viewer { id } }", {}, "v")).status).toBe(200);
  expect(await (await fetch(api.server.origin)).text()).not.toContain("owner/merged");
});

Deno.test("startServer() refuses what a browser sends for a page of another origin", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const own = new URL(api.url).origin;
  for (
    const [headers, status] of [
      [{ "sec-fetch-site": "cross-site" }, 403],
      [{ "sec-fetch-site": "same-site", origin: "http://localhost:1" }, 403],
      [{ "sec-fetch-site": "same-origin" }, 200],
      [{ "sec-fetch-site": "none" }, 200],
      [{ origin: "https://evil.example" }, 403],
      [{ origin: "null" }, 403],
      [{ origin: own }, 200],
    ] as const
  ) {
    const answer = await api.post({ query: "{ viewer { id } }" }, headers);
    expect({ headers, status: answer.status }).toEqual({ headers, status });
    expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
    const said = JSON.stringify(answer.body).includes("; --cors https://evil.example lets them in");
    expect({ headers, said }).toEqual({
      headers,
      said: "origin" in headers && headers.origin === "https://evil.example",
    });
  }
  const query = `subscription { generate(input: { ${MODEL}, prompt: { text: "x" } }) { seq } }`;
  const asked = await fetch(`${api.url}?query=${encodeURIComponent(query)}`, {
    headers: { "sec-fetch-site": "cross-site", accept: "text/event-stream" },
  });
  expect(asked.status).toBe(403);
  await asked.body?.cancel();
  expect(fake.started).toEqual([]);
  const preflight = await fetch(api.url, { method: "OPTIONS", headers: { origin: "https://evil.example" } });
  expect(preflight.status).toBe(405);
  expect([...preflight.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
  await preflight.body?.cancel();
});

Deno.test("startServer() on loopback does not answer to a name that was made to point at it", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const port = api.server.port;
  const ask = async (path: string) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const request = `GET ${path} HTTP/1.1\r\nhost: evil.example:${port}\r\nconnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    return await new Response(connection.readable).text();
  };
  const text = await ask("/graphql?query={viewer{id}}");
  expect(text).toMatch(/^HTTP\/1\.1 421/);
  expect(text).toContain('{"errors":[{"message":"This gateway is bound to loopback and answers to localhost');
  expect(text).not.toContain("anonymous");
  const openAi = await ask("/v1/models");
  expect(openAi).toMatch(/^HTTP\/1\.1 421/);
  expect(openAi).toContain('{"error":{"message":"This gateway is bound to loopback');
  expect(openAi).toContain(`not to the host \\"evil.example:${port}\\": a reverse proxy must send`);
});

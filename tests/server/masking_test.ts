/** What nobody expected: the client learns an id, the log learns where, and neither what was said. */
import { expect } from "@std/expect";
import { FormatError } from "../../src/errors.ts";
import { StoreBusyError } from "../../src/store/store_busy.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { RawSocket } from "../support/ws_client.ts";

const QUERY = `{ model(ref: { name: "owner/merged" }) { name } }`;
/** Looks like a frame of a stack, as what people write may. */
const SECRET = "a prompt\n    at gsk_abc";

Deno.test("toGraphQLError() masks what nobody expected behind the request's id", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  for (const thrown of [new TypeError(SECRET), SECRET, { message: SECRET }, null]) {
    fake.failWith = thrown ?? undefined;
    const answer = await api.post({ query: QUERY }, { "x-request-id": "req-42" });
    expect(answer.headers.get("x-request-id")).toBe("req-42");
    expect(answer.body.data).toEqual({ model: null });
    expect(answer.body.errors).toMatchObject([
      { message: "Internal error", path: ["model"], extensions: { code: "INTERNAL", requestId: "req-42" } },
    ]);
    expect(JSON.stringify(answer.body)).not.toContain("gsk_abc");
  }
  expect(api.log).toHaveLength(4);
  for (const line of api.log) {
    expect(JSON.parse(line)).toMatchObject({ level: "error", requestId: "req-42", principal: "anonymous" });
    expect(line).not.toContain("gsk_abc");
  }
  expect(JSON.parse(api.log[0]!)).toMatchObject({
    error: "TypeError",
    stack: expect.arrayContaining([expect.stringContaining("masking_test.ts")]),
  });
});

Deno.test("toGraphQLError() keeps the code, words and details of what was expected", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  fake.failWith = new FormatError("Cannot read the index", { file: "model.safetensors.index.json" });
  const answer = await api.query(QUERY);
  expect(answer.body.errors).toMatchObject([{
    message: "Cannot read the index",
    extensions: { code: "FORMAT", details: { file: "model.safetensors.index.json" } },
  }]);
  expect(api.log).toEqual([]);
});

Deno.test("createGraphQLHandler() masks what fails outside of a resolver", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  // A null where the schema promises none: GraphQL's own complaint names our types and is not for clients.
  fake.runtime = () => Promise.resolve(null as never);
  const answer = await api.post({ query: `{ runtime { running } }` }, { "x-request-id": "req-43" });
  expect(answer.body.errors[0]).toMatchObject({
    message: "Internal error",
    extensions: { code: "INTERNAL", requestId: "req-43" },
  });
  expect(JSON.parse(api.log.at(-1)!)).toMatchObject({ level: "error", requestId: "req-43" });
});

Deno.test("createRouter() answers 500 with an id where even the keys cannot be read", async () => {
  const fake = new FakeGateway();
  fake.access.authenticate = () => Promise.reject(new Error(SECRET));
  await using api = new ApiServer(fake.gateway);
  const answer = await api.query(QUERY);
  expect(answer.status).toBe(500);
  expect(answer.body.errors[0].extensions).toEqual({
    code: "INTERNAL",
    requestId: answer.headers.get("x-request-id"),
  });
  expect(api.log.join()).not.toContain("gsk_abc");
});

Deno.test("createRouter() says on every way in when to come back where the keys cannot be read for now", async () => {
  const fake = new FakeGateway();
  fake.access.authenticate = () => Promise.reject(new StoreBusyError("its connection was lost"));
  await using api = new ApiServer(fake.gateway);
  const message = "The database cannot do this now: its connection was lost";
  for (const [method, path] of [["POST", "/graphql"], ["PUT", "/graphql/stream"], ["GET", "/metrics"]]) {
    const init = { method: method!, headers: { "content-type": "application/json" } };
    const answer = await fetch(api.server.origin + path, { ...init, ...method === "POST" && { body: "{}" } });
    expect([path, answer.status, answer.headers.get("retry-after")]).toEqual([path, 503, "1"]);
    expect((await answer.json()).errors).toMatchObject([
      { message, extensions: { code: "CAPACITY", details: { retryAfterMs: 1000 } } },
    ]);
  }
  const openAi = await fetch(`${api.server.origin}/v1/models`);
  expect([openAi.status, openAi.headers.get("retry-after-ms")]).toEqual([429, "1000"]);
  expect((await openAi.json()).error).toMatchObject({ message });
  const socket = new RawSocket(api.url);
  await socket.opened;
  socket.socket.send(JSON.stringify({ type: "connection_init" }));
  expect(await socket.closed).toEqual({ code: 1013, reason: message });
  expect(api.log).toEqual([]);
});

Deno.test("createRouter() takes no request id that would forge a log line", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const answer = await api.post({ query: QUERY }, { "x-request-id": 'a"}{' });
  expect(answer.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
});

/** The single connection mode of GraphQL over SSE: reservations, operations on one stream, and what becomes of them. */
import { expect } from "@std/expect";
import { createClient } from "graphql-sse";
import { ApiServer, type Json } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { finished, tokens } from "../support/fake_log.ts";
import { startWatched, untilNoConnections, untilNoStreams } from "../support/watching.ts";

const WATCH = `subscription ($id: ID!) { generationEvents(id: $id) { seq ... on TokensGenerated { text } } }`;
const VIEWER = "{ viewer { id } }";

/** The protocol by hand. */
class Connection {
  readonly #api: ApiServer;
  readonly token: string;
  readonly #headers: Readonly<Record<string, string>>;
  #reader: ReadableStreamDefaultReader<string> | undefined;
  #text = "";

  private constructor(api: ApiServer, token: string, headers: Readonly<Record<string, string>>) {
    this.#api = api;
    this.token = token;
    this.#headers = headers;
  }

  static async reserve(api: ApiServer, key?: string): Promise<Connection> {
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const response = await fetch(`${api.url}/stream`, { method: "PUT", headers });
    const token = await response.text();
    if (response.status !== 201) throw new Error(`${response.status} ${token}`);
    return new Connection(api, token, headers);
  }

  async request(
    method: string,
    options: {
      readonly body?: unknown;
      readonly search?: string;
      readonly headers?: Record<string, string>;
    } = {},
  ): Promise<{ readonly status: number; readonly code: string | undefined }> {
    const response = await fetch(`${this.#api.url}/stream${options.search ?? ""}`, {
      method,
      headers: {
        ...this.#headers,
        "x-graphql-event-stream-token": this.token,
        ...options.body === undefined ? {} : { "content-type": "application/json" },
        ...options.headers,
      },
      ...options.body === undefined ? {} : {
        body: typeof options.body === "string" ? options.body : JSON.stringify(options.body),
      },
    });
    const text = await response.text();
    return { status: response.status, code: /"code":"(\w+)"/.exec(text)?.[1] };
  }

  post(id: string, query: string, variables: Json = {}) {
    return this.request("POST", { body: { query, variables, extensions: { operationId: id } } });
  }

  async open(): Promise<this> {
    const response = await fetch(`${this.#api.url}/stream?token=${this.token}`, {
      headers: { ...this.#headers, accept: "text/event-stream" },
    });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    this.#reader = response.body!.pipeThrough(
      new TextDecoderStream() as TransformStream<Uint8Array, string>,
    ).getReader();
    return this;
  }

  /** The next event, or null at the end. */
  async next(): Promise<{ readonly event: string; readonly data: Json } | null> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end >= 0) {
        const [event, data] = this.#text.slice(0, end).split("\n");
        this.#text = this.#text.slice(end + 2);
        if (event === ":") continue;
        return { event: event!.slice("event: ".length), data: JSON.parse(data!.slice("data: ".length)) };
      }
      const { done, value } = await this.#reader!.read();
      if (done) return null;
      this.#text += value;
    }
  }

  async close(): Promise<void> {
    await this.#reader?.cancel();
  }
}

Deno.test("SseEndpoint carries several operations on one stream, and ends the one that is told to", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const ids = [await startWatched(api), await startWatched(api)];
  const logs = [...fake.logs.values()];
  const connection = await (await Connection.reserve(api)).open();
  for (const [index, id] of ids.entries()) {
    expect(await connection.post(`${index}`, WATCH, { id })).toEqual({ status: 202, code: undefined });
  }
  logs[1]!.push(tokens("b"));
  expect(await connection.next()).toEqual({
    event: "next",
    data: { id: "1", payload: { data: { generationEvents: { seq: 1, text: "b" } } } },
  });
  expect(await connection.post("2", VIEWER)).toEqual({ status: 202, code: undefined });
  expect((await connection.next())?.data).toEqual({
    id: "2",
    payload: { data: { viewer: { id: "anonymous" } } },
  });
  expect(await connection.next()).toEqual({ event: "complete", data: { id: "2" } });
  expect(await connection.request("DELETE", { search: "?operationId=1" })).toMatchObject({ status: 200 });
  while (api.server.liveStreams > 1) await connection.request("DELETE", { search: "?operationId=1" });
  logs[0]!.push(tokens("a"), finished("a"));
  const rest = [await connection.next(), await connection.next(), await connection.next()];
  expect(rest.map((event) => [event?.event, event?.data.id])).toEqual([
    ["next", "0"],
    ["next", "0"],
    ["complete", "0"],
  ]);
  await connection.close();
  await untilNoConnections(api);
});

Deno.test("SseEndpoint works with the client of graphql-sse", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const client = createClient({
    url: `${api.url}/stream`,
    singleConnection: true,
    fetchFn: fetch,
    retryAttempts: 0,
  });
  const id = await startWatched(api);
  const all = async (query: string, variables: Json = {}) => {
    const results: Json[] = [];
    for await (const result of client.iterate({ query, variables })) results.push(result);
    return results;
  };
  const watched = [all(WATCH, { id }), all(WATCH, { id }), all(VIEWER)];
  expect(await watched[2]).toEqual([{ data: { viewer: { id: "anonymous" } } }]);
  fake.lastLog.push(tokens("a"), finished("a"));
  for (const results of await Promise.all(watched.slice(0, 2))) {
    expect(results.map(({ data }) => data.generationEvents.seq)).toEqual([1, 2]);
  }
  expect((await all(WATCH, { id: "nope" }))[0].errors[0].extensions.code).toBe("NOT_FOUND");
  client.dispose();
  await untilNoConnections(api);
});

Deno.test("SseEndpoint ends every operation of a client that goes away", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await startWatched(api);
  const connection = await (await Connection.reserve(api)).open();
  for (const operation of ["1", "2", "3"]) await connection.post(operation, WATCH, { id });
  expect(api.server.liveStreams).toBe(3);
  await connection.close();
  await untilNoStreams(api);
  await untilNoConnections(api);
  expect((await connection.post("4", VIEWER)).status).toBe(404);
});

Deno.test("SseEndpoint refuses in words, each with its status and code", async () => {
  const fake = new FakeGateway();
  const limits = { operationsPerConnection: 2, connectionsPerPrincipal: 2 };
  await using api = new ApiServer(fake.gateway, { limits });
  const id = await startWatched(api);
  const connection = await (await Connection.reserve(api)).open();
  const operation = (extensions: unknown, query = VIEWER) => ({ body: { query, extensions } });
  const refused = async (method: string, options: Parameters<Connection["request"]>[1] = {}) =>
    await connection.request(method, options);
  expect(await refused("GET")).toEqual({ status: 409, code: "CONFLICT" });
  expect(await refused("PATCH")).toEqual({ status: 405, code: "METHOD_NOT_ALLOWED" });
  expect(await refused("DELETE")).toEqual({ status: 400, code: "BAD_REQUEST" });
  expect(await refused("DELETE", { search: "?operationId=never-there" })).toMatchObject({ status: 200 });
  expect(await refused("POST")).toEqual({ status: 415, code: "UNSUPPORTED_MEDIA_TYPE" });
  expect(await refused("POST", { body: "{" })).toEqual({ status: 400, code: "BAD_REQUEST" });
  for (const extensions of [undefined, null, {}, { operationId: "" }, { operationId: 1 }]) {
    expect(await refused("POST", operation(extensions))).toEqual({ status: 400, code: "BAD_REQUEST" });
  }
  expect(await refused("POST", { body: `"${"x".repeat(1_000_001)}"` }))
    .toEqual({ status: 413, code: "REQUEST_ENTITY_TOO_LARGE" });
  expect(await connection.post("x", "{ nope }")).toEqual({ status: 400, code: "GRAPHQL_VALIDATION_FAILED" });
  expect(await connection.post("x", "{")).toEqual({ status: 400, code: "GRAPHQL_PARSE_FAILED" });
  const deep = `{ ${Array.from({ length: 16 }, (_, index) => `a${index}: viewer { id }`).join(" ")} }`;
  expect(await connection.post("x", deep)).toEqual({ status: 400, code: "QUERY_TOO_COMPLEX" });
  expect(await connection.post("1", WATCH, { id })).toMatchObject({ status: 202 });
  expect(await connection.post("1", WATCH, { id })).toEqual({ status: 409, code: "CONFLICT" });
  expect(await connection.post("2", WATCH, { id })).toMatchObject({ status: 202 });
  expect(await connection.post("3", WATCH, { id })).toEqual({ status: 429, code: "CAPACITY" });
  await Connection.reserve(api);
  await expect(Connection.reserve(api)).rejects.toThrow("429");
  const foreign = { origin: "https://evil.example" };
  expect(await refused("PUT", { headers: foreign })).toEqual({ status: 403, code: "FORBIDDEN" });
  const none = await fetch(`${api.url}/stream`, { headers: { accept: "text/event-stream" } });
  expect(none.status).toBe(404);
  await none.body?.cancel();
  const wrong = await fetch(`${api.url}/stream`, {
    method: "PUT",
    headers: { authorization: "Bearer nope" },
  });
  expect(wrong.status).toBe(401);
  await wrong.body?.cancel();
  await connection.close();
  await untilNoStreams(api);
});

Deno.test("SseEndpoint lets nobody else use a reservation, and forgets one that nobody opens", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway, { limits: { reservationMs: 20 } });
  const connection = await Connection.reserve(api, "g");
  const id = await startWatched(api);
  const stolen = { authorization: "Bearer a", "x-graphql-event-stream-token": connection.token };
  for (
    const request of [
      { method: "GET", headers: stolen },
      { method: "DELETE", headers: stolen },
      {
        method: "POST",
        headers: { ...stolen, "content-type": "application/json" },
        body: JSON.stringify({ query: VIEWER, extensions: { operationId: "1" } }),
      },
    ]
  ) {
    const response = await fetch(`${api.url}/stream`, request);
    expect(response.status).toBe(404);
    await response.body?.cancel();
  }
  await connection.post("1", WATCH, { id }).catch(() => {});
  await untilNoConnections(api);
  await untilNoStreams(api);
  expect((await connection.request("GET")).status).toBe(404);
});

Deno.test("SseEndpoint reads no further than a client that does not read, and slows no other stream", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await startWatched(api);
  const total = 2_000;
  fake.lastLog.push(...Array.from({ length: total - 1 }, () => tokens("x".repeat(16_384))), finished(""));
  const slow = await (await Connection.reserve(api)).open();
  for (const operation of ["1", "2"]) await slow.post(operation, WATCH, { id });
  let seen = 0;
  for await (const _ of api.subscribe(WATCH, { id })) seen++;
  expect(seen).toBe(total);
  expect(fake.lastLog.reads - total).toBeLessThan(total);
  await slow.close();
  await untilNoStreams(api);
});

Deno.test("a key that ends takes its event streams along, with an error that says so", async () => {
  const fake = new FakeGateway();
  const revoked: ((id: string) => void)[] = [];
  Object.assign(fake.access, {
    onRevoked: (listener: (id: string) => void) => {
      revoked.push(listener);
      return { [Symbol.dispose]: () => {} };
    },
  });
  await using api = new ApiServer(fake.gateway);
  const GENERATE =
    `subscription { generate(input: { model: { name: "owner/merged" }, prompt: { text: "x" } }) {
    seq } }`;
  const single = await (await Connection.reserve(api, "g")).open();
  expect((await single.post("1", GENERATE)).status).toBe(202);
  const distinct = api.subscribe(GENERATE, {}, { key: "g" });
  const first = distinct.next();
  while (api.server.liveStreams < 2) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
  fake.lastLog.push(tokens("a"));
  expect((await first).value.data.generate.seq).toBe(1);
  for (const listener of revoked) listener("key-generator");
  const error = { message: "The API key has been revoked", extensions: { code: "UNAUTHENTICATED" } };
  expect((await distinct.next()).value.errors).toMatchObject([error]);
  expect((await distinct.next()).done).toBe(true);
  expect((await single.next())?.data.payload.errors).toMatchObject([error]);
  expect((await single.next())?.event).toBe("complete");
  await single.close();
  await untilNoStreams(api);
});

Deno.test("shutdown() completes what runs on an event stream, and ends it", async () => {
  const fake = new FakeGateway();
  const api = new ApiServer(fake.gateway);
  const id = await startWatched(api);
  const connection = await (await Connection.reserve(api)).open();
  await connection.post("1", WATCH, { id });
  await Connection.reserve(api); // never opened
  const stopped = api.server.shutdown();
  expect(await connection.next()).toEqual({ event: "complete", data: { id: "1" } });
  expect(await connection.next()).toBeNull();
  await stopped;
  expect(api.server.liveConnections).toBe(0);
});

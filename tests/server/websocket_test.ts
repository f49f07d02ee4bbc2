/** GraphQL over WebSocket against the real server: every close code, every refusal, and what slow or lost clients cost. */
import { expect } from "@std/expect";
import { createClient } from "graphql-ws/client";
import { ApiServer, type Json } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { finished, tokens } from "../support/fake_log.ts";
import { DeafSocket, RawSocket } from "../support/ws_client.ts";
import { startWatched, untilNoSockets, untilNoStreams } from "../support/watching.ts";

const INIT = { type: "connection_init" };
const ACK = { type: "connection_ack" };
const VIEWER = "{ viewer { id } }";
const WATCH = `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, afterSeq: $after) {
  seq ... on TokensGenerated { text } } }`;
const GENERATE = `subscription { generate(input: { model: { name: "owner/merged" }, prompt: { text: "x" } }) {
  seq generationId } }`;
const subscribe = (id: string, query: string, variables = {}) => ({
  type: "subscribe",
  id,
  payload: { query, variables },
});

const CLOSES: readonly {
  readonly name: string;
  readonly code: number;
  readonly messages: readonly unknown[];
  readonly protocols?: string;
  /** Messages that come before the close. */
  readonly answers?: number;
  readonly connectionInitMs?: number;
}[] = [
  { name: "a message that is no JSON", code: 4400, messages: ["{"] },
  { name: "a message of no known type", code: 4400, messages: [{ type: "shout" }] },
  {
    name: "a subscription without a query",
    code: 4400,
    messages: [INIT, { type: "subscribe", id: "1", payload: {} }],
  },
  { name: "an operation before the acknowledgement", code: 4401, messages: [subscribe("1", VIEWER)] },
  { name: "an unknown key", code: 4403, messages: [{ ...INIT, payload: { authorization: "Bearer nope" } }] },
  { name: "an unknown apiKey", code: 4403, messages: [{ ...INIT, payload: { apiKey: "nope" } }] },
  {
    name: "a key that is no text",
    code: 4403,
    messages: [{ ...INIT, payload: { apiKey: { toString: "v" } } }],
  },
  { name: "another subprotocol", code: 4406, messages: [], protocols: "graphql-ws" },
  { name: "silence", code: 4408, messages: [], connectionInitMs: 20 },
  {
    name: "an id that is in use",
    code: 4409,
    messages: [INIT, subscribe("1", GENERATE), subscribe("1", GENERATE)],
    answers: 1,
  },
  { name: "a second init", code: 4429, messages: [INIT, INIT] },
  { name: "a message that is too large", code: 1009, messages: [INIT, `"${"x".repeat(1_000_001)}"`] },
];

for (const { name, code, messages, protocols, answers, connectionInitMs = 60_000 } of CLOSES) {
  Deno.test(`WebSockets close ${name} with ${code}`, async () => {
    await using api = new ApiServer(new FakeGateway().gateway, { limits: { connectionInitMs } });
    const socket = new RawSocket(api.url, protocols);
    await socket.opened.catch(() => {});
    socket.send(...messages);
    if (answers !== undefined) expect(await socket.next()).toEqual(ACK);
    const closed = await socket.closed;
    expect({ ...closed, reason: closed.reason !== "" }).toEqual({ code, reason: true });
    await untilNoSockets(api);
    await untilNoStreams(api);
    expect(api.log).toEqual([]);
  });
}

Deno.test("WebSockets close binary messages with 4400", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const socket = await new RawSocket(api.url).init();
  socket.socket.send(new Uint8Array([1, 2, 3]));
  expect((await socket.closed).code).toBe(4400);
});

Deno.test("WebSockets close with 4500 what nobody expected, and log it without its words", async () => {
  const fake = new FakeGateway();
  fake.access.authenticate = () => Promise.reject(new Error("the key was gsk_secret"));
  await using api = new ApiServer(fake.gateway);
  const socket = new RawSocket(api.url);
  await socket.opened;
  socket.send(INIT);
  expect((await socket.closed).code).toBe(4500);
  expect(JSON.parse(api.log.at(-1)!)).toMatchObject({
    level: "error",
    message: "unexpected error on a WebSocket",
  });
  expect(api.log.join()).not.toContain("gsk_secret");
});

Deno.test("WebSockets are refused before the upgrade in words", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const head = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  const ask = async (headers: Readonly<Record<string, string>>, host = `127.0.0.1:${api.server.port}`) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: api.server.port });
    const lines = Object.entries({ ...headers, host, connection: headers["connection"] ?? "close" })
      .map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await connection.write(new TextEncoder().encode(`GET /graphql HTTP/1.1\r\n${lines}\r\n`));
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of connection.readable) {
      text += decoder.decode(chunk);
      if (/\r\n\r\n.+/s.test(text)) break;
    }
    return { status: Number(text.split(" ")[1]), code: /"code":"(\w+)"/.exec(text)?.[1], text };
  };
  const version = { "sec-websocket-version": "13" };
  const protocol = { "sec-websocket-protocol": "graphql-transport-ws" };
  const old = await ask({ ...head, "sec-websocket-version": "8", ...protocol });
  expect(old).toMatchObject({ status: 426, code: "UPGRADE_REQUIRED" });
  expect(old.text.toLowerCase()).toContain("sec-websocket-version: 13");
  const none = await ask({ ...head, ...version });
  expect(none).toMatchObject({ status: 400, code: "BAD_REQUEST" });
  expect(none.text).toContain("graphql-transport-ws");
  const foreign = { ...head, ...version, ...protocol, origin: "https://evil.example" };
  expect(await ask(foreign)).toMatchObject({ status: 403, code: "FORBIDDEN" });
  expect(await ask({ ...head, ...version, ...protocol }, "evil.example")).toMatchObject({ status: 421 });
  expect(api.server.liveSockets).toBe(0);
});

Deno.test("WebSockets know a caller by connection_init, by the upgrade's header, or as anonymous", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const viewer = async (payload?: Json, headers: Record<string, string> = {}) => {
    const socket = await new RawSocket(api.url, undefined, headers).init(payload);
    socket.subscribe("1", VIEWER);
    const { payload: result } = await socket.next();
    expect(await socket.next()).toEqual({ type: "complete", id: "1" });
    await socket.close();
    return result.data.viewer.id;
  };
  expect(await viewer()).toBe("anonymous");
  expect(await viewer({ authorization: "Bearer v" })).toBe("key-viewer");
  expect(await viewer({ Authorization: "bearer g" }).catch(() => "refused")).toBe("refused");
  expect(await viewer({ apiKey: "a" })).toBe("key-admin");
  expect(await viewer(undefined, { authorization: "Bearer g" })).toBe("key-generator");
  // What comes with the first message is what counts.
  expect(await viewer({ apiKey: "a" }, { authorization: "Bearer g" })).toBe("key-admin");
  fake.allowAnonymous = false;
  expect(await viewer().catch((error) => error.message)).toContain("4403");
});

Deno.test("WebSockets carry queries, mutations, subscriptions and errors, with the client of graphql-ws", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const client = createClient({ url: api.url.replace("http", "ws"), retryAttempts: 0 });
  const all = async (query: string, variables: Json = {}) => {
    const results: Json[] = [];
    for await (const result of client.iterate({ query, variables })) results.push(result);
    return results;
  };
  expect(await all(VIEWER)).toEqual([{ data: { viewer: { id: "anonymous" } } }]);
  const id = await startWatched(api);
  fake.lastLog.push(tokens("a"), tokens("b"), finished("ab"));
  expect(await all(WATCH, { id, after: 1 })).toEqual([
    { data: { generationEvents: { seq: 2, text: "b" } } },
    { data: { generationEvents: { seq: 3 } } },
  ]);
  const start = `mutation { startGeneration(input: { model: { name: "nope" }, prompt: { text: "x" } }) {
    ... on Error { code } } }`;
  expect(await all(start)).toEqual([{ data: { startGeneration: { code: "NOT_FOUND" } } }]);
  // Partial results are results.
  const merge = `query { model(ref: { name: "owner/merged" }) { name } node(id: "x") { id } }`;
  fake.failWith = new Error("secret");
  const [partial] = await all(merge);
  expect(partial).toMatchObject({ data: { model: null }, errors: [{ extensions: { code: "INTERNAL" } }] });
  expect(JSON.stringify(partial)).not.toContain("secret");
  for (
    const [query, code] of [
      ["{ nope }", "GRAPHQL_VALIDATION_FAILED"],
      ["{", "GRAPHQL_PARSE_FAILED"],
      ["query A { viewer { id } } query B { viewer { id } }", "OPERATION_RESOLUTION_FAILURE"],
      [
        `{ ${Array.from({ length: 16 }, (_, index) => `a${index}: viewer { id }`).join(" ")} }`,
        "QUERY_TOO_COMPLEX",
      ],
      [`subscription { generationEvents(id: "nope") { seq } }`, "NOT_FOUND"],
      [`subscription { generationEvents(id: "nope", heartbeatSeconds: 0) { seq } }`, "NOT_FOUND"],
      ["query ($x: Int!) { viewer { id } }", "GRAPHQL_VALIDATION_FAILED"],
    ] as const
  ) {
    const errors = await all(query).then((results) => results, (error) => error);
    expect({ query, code: errors[0]?.extensions?.code }).toEqual({ query, code });
    expect(JSON.stringify(errors)).not.toContain(`"http"`);
  }
  await client.dispose();
  await untilNoSockets(api);
});

Deno.test("WebSockets end a subscription when it is completed, or its socket is lost", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  for (const how of ["complete", "close"]) {
    const socket = await new RawSocket(api.url).init();
    socket.subscribe("1", GENERATE);
    while (api.server.liveStreams === 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
    fake.lastLog.push(tokens("a"));
    expect((await socket.next()).payload.data.generate.seq).toBe(1);
    if (how === "complete") socket.send({ type: "complete", id: "1" });
    else await socket.close();
    await untilNoStreams(api);
    expect(fake.lastLog.ended).toBe(true);
    await socket.close();
  }
});

Deno.test("WebSockets end an operation that is completed while it is being started", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const starting = Promise.withResolvers<void>();
  fake.beforeStart = starting.promise;
  const socket = await new RawSocket(api.url).init();
  socket.subscribe("1", GENERATE);
  while (api.server.liveStreams === 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
  socket.send({ type: "complete", id: "1" }, { type: "ping" });
  expect(await socket.next()).toEqual({ type: "pong" });
  starting.resolve();
  await untilNoStreams(api);
  expect(fake.lastLog.ended).toBe(true);
  await socket.close();
});

Deno.test("WebSockets bound the operations of a socket, the sockets, and the rate of a caller", async () => {
  const fake = new FakeGateway();
  const limits = { operationsPerConnection: 2, sockets: 2, rate: { burst: 6, perSecond: 0.001 } };
  await using api = new ApiServer(fake.gateway, { limits });
  const id = await startWatched(api); // one of the rate
  const socket = await new RawSocket(api.url).init();
  for (const operation of ["1", "2", "3"]) socket.subscribe(operation, WATCH, { id });
  expect(await socket.next()).toMatchObject({
    type: "error",
    id: "3",
    payload: [{ extensions: { code: "CAPACITY", details: { limit: 2 } } }],
  });
  const second = await new RawSocket(api.url).init();
  await expect(new RawSocket(api.url).opened).rejects.toThrow();
  for (const operation of ["1", "2"]) {
    second.subscribe(operation, VIEWER);
    expect(await second.next()).toMatchObject({ type: "next", id: operation });
    await second.next();
  }
  second.subscribe("3", VIEWER);
  expect(await second.next()).toMatchObject({ type: "next", id: "3" });
  await second.next();
  second.subscribe("4", VIEWER);
  expect(await second.next()).toMatchObject({
    type: "error",
    payload: [{ extensions: { code: "RATE_LIMITED", details: { retryAfterMs: expect.any(Number) } } }],
  });
  await socket.close();
  await second.close();
  await untilNoStreams(api);
});

Deno.test("WebSockets read no further than a client that does not read, and slow nobody else", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await startWatched(api);
  const total = 4_000;
  fake.lastLog.push(...Array.from({ length: total - 1 }, () => tokens("x".repeat(16_384))), finished(""));
  const deaf = await DeafSocket.open(api.server.port);
  await deaf.send(INIT);
  await deaf.send(subscribe("1", WATCH, { id }));
  let seen = 0;
  for await (const _ of api.subscribe(WATCH, { id })) seen++;
  expect(seen).toBe(total);
  expect(fake.lastLog.reads - total).toBeGreaterThan(0);
  expect(fake.lastLog.reads - total).toBeLessThan(total / 2);
  deaf[Symbol.dispose]();
  await untilNoSockets(api);
});

Deno.test("WebSockets give up a client that asks and never reads", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const socket = await DeafSocket.open(api.server.port);
  await socket.send(INIT);
  const ping = { type: "ping", payload: { x: "x".repeat(500_000) } };
  const sending = (async () => {
    for (let index = 0; index < 60; index++) await socket.send(ping);
  })().catch(() => {});
  await untilNoSockets(api);
  expect(api.log).toEqual([]);
  socket[Symbol.dispose]();
  await sending;
});

Deno.test("WebSockets end with the key they were opened with: 4403", async () => {
  const fake = new FakeGateway();
  const revoked: ((id: string) => void)[] = [];
  let expiresAt: Date | null = null;
  let isRevoked = false;
  Object.assign(fake.access, {
    validity: () => ({
      remainingMs: expiresAt === null ? null : expiresAt.getTime() - Date.now(),
      isRevoked,
    }),
    onRevoked: (listener: (id: string) => void) => {
      revoked.push(listener);
      return { [Symbol.dispose]: () => void revoked.splice(revoked.indexOf(listener), 1) };
    },
  });
  {
    await using api = new ApiServer(fake.gateway);
    const socket = await new RawSocket(api.url).init({ apiKey: "g" });
    const other = await new RawSocket(api.url).init({ apiKey: "a" });
    socket.subscribe("1", GENERATE);
    while (api.server.liveStreams === 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
    for (const listener of revoked) listener("key-generator");
    expect(await socket.closed).toEqual({ code: 4403, reason: "The API key has been revoked" });
    await untilNoStreams(api);
    expect(fake.lastLog.ended).toBe(true);
    other.subscribe("1", VIEWER);
    expect((await other.next()).type).toBe("next");
    await other.close();
    expiresAt = new Date(Date.now() + 400); // long enough to be acknowledged on a busy machine
    const expiring = await new RawSocket(api.url).init({ apiKey: "v" });
    expect(await expiring.closed).toEqual({ code: 4403, reason: "The API key has expired" });
    [expiresAt, isRevoked] = [null, true]; // told before this socket could hear it
    const late = new RawSocket(api.url);
    await late.opened;
    await late.send({ ...INIT, payload: { apiKey: "g" } });
    expect(await late.closed).toEqual({ code: 4403, reason: "The API key has been revoked" });
  }
  expect(revoked).toEqual([]);
});

Deno.test("shutdown() completes subscriptions over WebSocket, then closes with 1001", async () => {
  const fake = new FakeGateway();
  const api = new ApiServer(fake.gateway);
  const id = await startWatched(api);
  fake.lastLog.push(tokens("a"));
  const socket = await new RawSocket(api.url).init();
  socket.subscribe("1", WATCH, { id });
  expect((await socket.next()).payload.data.generationEvents.text).toBe("a");
  const idle = await new RawSocket(api.url).init();
  await api.server.shutdown();
  expect(await socket.next()).toEqual({ type: "complete", id: "1" });
  expect((await socket.closed).code).toBe(1001);
  expect((await idle.closed).code).toBe(1001);
  expect(api.server.liveSockets).toBe(0);
});

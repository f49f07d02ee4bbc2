/** What clients can do to each other and to the process: each of these was tried, and had worked. */
import { expect } from "@std/expect";
import type { ExecutionResult } from "graphql";
import { SseConnection } from "../../src/server/sse_connection.ts";
import { checkVariableLimits, DEFAULT_VARIABLE_LIMITS as LIMITS } from "../../src/server/variable_limits.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { untilNoConnections, untilNoSockets, untilNoStreams } from "../support/watching.ts";
import { RawSocket } from "../support/ws_client.ts";

const GENERATE = `subscription { generate(input: { model: { name: "owner/merged" }, prompt: { text: "x" } }) {
  seq } }`;
const START = `mutation ($input: GenerateInput!) { startGeneration(input: $input) { __typename } }`;
const INPUT = { model: { name: "owner/merged" }, prompt: { text: "x" } };

/** A fake whose keys a test can revoke. */
function revocable(): { readonly fake: FakeGateway; revoke(id: string): void } {
  const fake = new FakeGateway();
  const listeners = new Set<(id: string) => void>();
  const revoked = new Set<string>();
  Object.assign(fake.access, {
    validity: ({ id }: { readonly id: string }) => ({ remainingMs: null, isRevoked: revoked.has(id) }),
    onRevoked: (listener: (id: string) => void) => {
      listeners.add(listener);
      return { [Symbol.dispose]: () => listeners.delete(listener) };
    },
  });
  return {
    fake,
    revoke(id) {
      revoked.add(id);
      for (const listener of listeners) listener(id);
    },
  };
}

/** A connection over which a test sends bytes as it likes. */
class Raw implements Disposable {
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open(api: ApiServer): Promise<Raw> {
    return new Raw(await Deno.connect({ hostname: "127.0.0.1", port: api.server.port }));
  }

  async write(text: string): Promise<void> {
    await this.#connection.write(new TextEncoder().encode(text));
  }

  /** Sends nothing more, and still reads. */
  async end(): Promise<void> {
    await this.#connection.closeWrite();
  }

  /** What has come once `isWhole` says so. */
  async read(isWhole: (text: string) => boolean): Promise<string> {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(4_096);
    let text = "";
    while (!isWhole(text)) {
      const length = await this.#connection.read(buffer);
      if (length === null) break;
      text += decoder.decode(buffer.subarray(0, length), { stream: true });
    }
    return text;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

Deno.test("SseConnection survives a client that is gone before it has read anything", async () => {
  const endless = async function* (): AsyncGenerator<ExecutionResult> {
    for (;;) yield { data: { text: "x".repeat(70_000) } };
  };
  for (const isFull of [false, true]) {
    const ended = Promise.withResolvers<void>();
    const connection = new SseConnection(ended.resolve);
    if (isFull) await connection.start("1", () => Promise.resolve(endless()), () => true);
    connection.open();
    await connection.body.cancel();
    await ended.promise;
    // A rejection that nobody handles ends the process, and here the test.
    await new Promise((resolve) => setTimeout(resolve));
    expect(connection.operations).toBe(0);
  }
});

Deno.test("errors do not quote what they refuse fifty times over", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const unknown = Object.fromEntries(Array.from({ length: 60_000 }, (_, index) => [`k${index}`, 1]));
  const messages = Array.from({ length: 50 }, () => ({ role: "X".repeat(10_000), content: "" }));
  for (
    const input of [
      { ...INPUT, ...unknown },
      { ...INPUT, onDisconnect: "C".repeat(900_000) },
      { ...INPUT, prompt: { messages } },
    ]
  ) {
    const { status, body } = await api.post({ query: START, variables: { input } }, {
      accept: "application/graphql-response+json",
    });
    expect(status).toBe(400);
    expect(body.errors[0].extensions.code).toBe("BAD_USER_INPUT");
    expect(JSON.stringify(body).length).toBeLessThan(200_000);
  }
  expect(fake.started).toEqual([]);
});

Deno.test("checkVariableLimits() meets each limit from both sides", () => {
  const nested = (levels: number) => Array.from({ length: levels }).reduce((inner) => [inner], 1);
  const object = (fields: number) => Object.fromEntries(Array.from({ length: fields }, (_, at) => [at, 1]));
  const objects = (count: number) => ({ list: Array.from({ length: count }, () => object(100)) });
  for (
    const [passes, fails] of [
      [{ x: nested(LIMITS.depth) }, { x: nested(LIMITS.depth + 1) }],
      [{ x: object(LIMITS.fields) }, { x: object(LIMITS.fields + 1) }],
      [objects(LIMITS.allFields / 100 - 1), objects(LIMITS.allFields / 100)],
      [{ tokenIds: Array.from({ length: 100_000 }, () => 1) }, { x: nested(100_000) }],
    ]
  ) {
    expect(checkVariableLimits(passes, LIMITS)).toBeNull();
    expect(checkVariableLimits(fails, LIMITS)?.extensions["code"]).toBe("BAD_USER_INPUT");
  }
  expect([undefined, null, 3, "x"].map((value) => checkVariableLimits(value, LIMITS))).toEqual(
    [null, null, null, null],
  );
});

Deno.test("a key that is revoked while its request arrives starts nothing", async () => {
  const { fake, revoke } = revocable();
  await using api = new ApiServer(fake.gateway);
  const body = JSON.stringify({ query: GENERATE });
  using raw = await Raw.open(api);
  await raw.write(
    `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:${api.server.port}\r\nauthorization: Bearer g\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`,
  );
  await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
  revoke("key-generator");
  await raw.write(body.slice(10));
  const answer = await raw.read((text) => /"code":"\w+"/.test(text));
  expect(answer).toMatch(/^HTTP\/1.1 401 [^]*"UNAUTHENTICATED"/);
  expect(fake.started).toEqual([]);
  expect(api.server.liveStreams).toBe(0);
});

Deno.test("a key that is revoked takes its idle event streams along", async () => {
  const { fake, revoke } = revocable();
  await using api = new ApiServer(fake.gateway);
  const url = `${api.url}/stream`;
  const headers = { authorization: "Bearer g", accept: "text/event-stream" };
  const reserve = async () => await (await fetch(url, { method: "PUT", headers })).text();
  const stream = await fetch(`${url}?token=${await reserve()}`, { headers });
  await reserve(); // never opened
  expect(api.server.liveConnections).toBe(2);
  revoke("key-generator");
  expect(await stream.text()).toMatch(/^:\n\n$/);
  await untilNoConnections(api);
});

Deno.test("a request without a sound host or a sound upgrade is refused, and is no error of ours", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const upgrade =
    "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==" +
    "\r\nsec-websocket-protocol: graphql-transport-ws\r\n";
  for (
    const head of [
      "GET /livez HTTP/1.1\r\nhost: a b\r\n",
      `GET /graphql HTTP/1.1\r\nhost: 127.0.0.1:${api.server.port}\r\nconnection: keep-alive\r\n${upgrade}`,
    ]
  ) {
    using raw = await Raw.open(api);
    await raw.write(`${head}\r\n`);
    const answer = await raw.read((text) => /"code":"\w+"/.test(text));
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain(`"code":"BAD_REQUEST"`);
    expect(answer).toMatch(/x-request-id: [\w-]{36}/);
  }
  expect(api.log).toEqual([]);
  expect(api.server.liveSockets).toBe(0);
});

Deno.test("a body that breaks off is refused, and is no error of ours", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const opened = await fetch(`${api.url}/stream`, { method: "PUT" });
  const token = await opened.text();
  for (const path of ["/v1/chat/completions", "/graphql", `/graphql/stream?token=${token}`]) {
    using raw = await Raw.open(api);
    await raw.write(
      `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1:${api.server.port}\r\ncontent-type: application/json\r\n` +
        `content-length: 100\r\n\r\n{"model"`,
    );
    await raw.end();
    expect(await raw.read((text) => text.includes("}"))).toMatch(/^HTTP\/1.1 400 /);
  }
  expect(api.log).toEqual([]);
});

Deno.test("WebSockets say why in as many bytes as there is room for, and take no endless ids", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = "€".repeat(200);
  const socket = await new RawSocket(api.url).init();
  socket.subscribe("x".repeat(201), "{ viewer { id } }");
  expect(await socket.next()).toMatchObject({ type: "error", payload: [{ extensions: { code: "CONFIG" } }] });
  socket.subscribe(id, GENERATE);
  socket.subscribe(id, GENERATE);
  const closed = await socket.closed;
  expect(closed.code).toBe(4409);
  expect(closed.reason).toMatch(/^Subscriber for €+$/);
  const wide = await new RawSocket(api.url).init();
  wide.send(`{"type":"ping","payload":{"x":"${"€".repeat(340_000)}"}}`);
  expect((await wide.closed).code).toBe(1009);
  await untilNoSockets(api);
  await untilNoStreams(api);
  expect(api.log).toEqual([]);
});

Deno.test("WebSockets of one caller leave room for others", async () => {
  await using api = new ApiServer(new FakeGateway().gateway, { limits: { socketsPerPrincipal: 1 } });
  const first = await new RawSocket(api.url).init();
  const second = new RawSocket(api.url);
  await second.opened;
  second.send({ type: "connection_init" }, {
    type: "subscribe",
    id: "1",
    payload: { query: "{ viewer { id } }" },
  });
  expect(await second.closed).toEqual({
    code: 1013,
    reason: "You have 1 WebSockets open, which is the limit",
  });
  const other = await new RawSocket(api.url).init({ apiKey: "g" });
  await first.close();
  await untilOne(api);
  await (await new RawSocket(api.url).init()).close();
  await other.close();
  await untilNoSockets(api);
  expect(api.log).toEqual([]);
});

async function untilOne(api: ApiServer): Promise<void> {
  while (api.server.liveSockets > 1) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
}

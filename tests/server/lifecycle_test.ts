/** Listening, health, pages, and an end that cuts nobody off without a word. */
import { expect } from "@std/expect";
import { GeodesicError } from "../../src/errors.ts";
import { curlExample } from "../../src/server/curl_example.ts";
import { ApiServer, type Json } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { tokens } from "../support/fake_log.ts";
import { MODELS } from "../support/fake_objects.ts";
import { deafStream } from "../support/raw_streams.ts";

const WATCH = `subscription ($id: ID!) { generationEvents(id: $id) { seq } }`;

async function startGeneration(api: ApiServer): Promise<string> {
  const answer = await api.query(`mutation {
    startGeneration(input: { model: { name: "owner/merged" }, prompt: { text: "x" } }) {
      ... on StartGenerationPayload { generation { id } }
    }
  }`);
  return answer.body.data.startGeneration.generation.id;
}

Deno.test("startServer() names host and port where the port is in use", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const { port } = api.server;
  const second = () => new ApiServer(new FakeGateway().gateway, { port });
  expect(second).toThrow(`Cannot listen on 127.0.0.1:${port}: the port is in use`);
  try {
    second();
  } catch (error) {
    expect(error).toBeInstanceOf(GeodesicError);
    expect(error).toMatchObject({ code: "ADDRESS_UNAVAILABLE", details: { host: "127.0.0.1", port } });
  }
});

Deno.test("shutdown() ends subscriptions with complete and frees the port", async () => {
  const fake = new FakeGateway();
  const api = new ApiServer(fake.gateway);
  const id = await startGeneration(api);
  fake.lastLog.push(tokens("a"));
  const results: Json[] = [];
  const stream = api.subscribe(WATCH, { id });
  results.push((await stream.next()).value);
  const stopped = api.server.shutdown();
  // `subscribe` throws unless the stream ends with `complete`.
  for await (const result of stream) results.push(result);
  await stopped;
  await api.server.finished;
  expect(results).toEqual([{ data: { generationEvents: { seq: 1 } } }]);
  expect(api.server.liveStreams).toBe(0);
  await expect(fetch(api.url)).rejects.toThrow();
  await using next = new ApiServer(new FakeGateway().gateway, { port: api.server.port });
  expect((await next.query("{ viewer { id } }")).status).toBe(200);
});

Deno.test("shutdown() lets a query finish, and refuses one that takes too long", async () => {
  for (const finishes of [true, false]) {
    const fake = new FakeGateway();
    const api = new ApiServer(fake.gateway, { shutdownMs: finishes ? 60_000 : 1 });
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<null>();
    fake.merges.get = () => {
      asked.resolve();
      return answer.promise;
    };
    const id = new TextEncoder().encode("Merge:m").toBase64({ alphabet: "base64url", omitPadding: true });
    const query = api.query(`query ($id: ID!) { merge(id: $id) { id } }`, { id });
    await asked.promise;
    const stopped = api.server.shutdown();
    if (finishes) answer.resolve(null);
    const { status, body } = await query;
    await stopped;
    if (finishes) expect({ status, body }).toEqual({ status: 200, body: { data: { merge: null } } });
    else {
      expect({ status, code: body.errors[0].extensions.code }).toEqual({ status: 503, code: "UNAVAILABLE" });
      answer.reject(new Error("The database is closed"));
      await api.server.finished;
      await answer.promise.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve));
      expect(api.log.map((line) => JSON.parse(line).level)).toEqual(["warn"]);
    }
  }
});

Deno.test("shutdown() waits for no client that does not read, and neither does whoever waits for the end", async () => {
  const fake = new FakeGateway();
  const api = new ApiServer(fake.gateway, { shutdownMs: 1 });
  const asked = Promise.withResolvers<void>();
  fake.models.get = () => {
    asked.resolve();
    return Promise.resolve({ ...MODELS[0]!, description: "a".repeat(2 ** 26) }); // more than sockets hold
  };
  const query = `{ model(ref: { name: "owner/merged" }) { description } }`;
  using _deaf = await deafStream(api, query, {});
  await asked.promise;
  await api.query("{ viewer { id } }");
  await api.server.shutdown();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => timer = setTimeout(resolve, 1_000, "waits"));
  expect(await Promise.race([api.server.finished.then(() => "over"), late])).toBe("over");
  clearTimeout(timer);
});

Deno.test("startServer() shuts down with its signal", async () => {
  const stop = new AbortController();
  const api = new ApiServer(new FakeGateway().gateway, { signal: stop.signal });
  stop.abort();
  await api.server.finished;
  await api.server.shutdown();
});

Deno.test("/livez and /readyz are only read, and never kept by a cache", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  for (const path of ["/livez", "/readyz"]) {
    const ask = async (method: string) => {
      const { status, headers, body } = await fetch(`${api.server.origin}${path}`, { method });
      await body?.cancel();
      return [status, headers.get("allow") ?? headers.get("cache-control")];
    };
    for (const method of ["GET", "HEAD"]) expect(await ask(method)).toEqual([200, "no-store"]);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
      expect(await ask(method)).toEqual([405, "GET, HEAD"]);
    }
  }
});

Deno.test("/livez and /readyz tell a running process from one that can generate", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const get = async (path: string) => {
    const response = await fetch(`${api.server.origin}${path}`);
    return [response.status, await response.json()];
  };
  fake.runtime = () => Promise.reject(new Error("The engine is busy: nobody who probes may ask it"));
  expect(await get("/livez")).toEqual([200, { live: true }]);
  expect(await get("/readyz")).toEqual([200, { ready: true, device: "llvmpipe", engine: "READY" }]);
  fake.device = false;
  expect(await get("/livez")).toEqual([200, { live: true }]);
  expect(await get("/readyz")).toEqual([503, { ready: false, device: null, engine: "FAILED" }]);
});

Deno.test("curlExample() prints a command that streams, whatever the model is called", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const line = curlExample(api.server.origin, `it's "quoted"`);
  // The data is single-quoted for the shell: undo that as a shell would.
  const { query } = JSON.parse(/-d '(.*)'$/.exec(line)![1]!.replaceAll(`'\\''`, "'"));
  const refused = await api.subscribe(query).next();
  expect(refused.value.errors[0].message).toBe(`Cannot find model "it's "quoted""`);
});

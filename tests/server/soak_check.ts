/**
 * What many watchers cost, and what they leave behind. Run it for long with
 *
 *     deno run -A --v8-flags=--expose-gc tests/server/soak_check.ts 1000
 *
 * First 200 clients watch four generations, over SSE and WebSocket: a third reads to the end, a third is killed on the
 * way, a third never reads. Then so many subscriptions are opened and killed, over every transport. At the end all
 * gauges must be at zero and the heap where it was. Prints its figures as JSON; exits with 1 where something is wrong.
 */
import { systemClock } from "../../src/app/clock.ts";
import { ApiServer, type Json, sseResults } from "../support/api_server.ts";
import { ALICE, HELPER, TestGateway } from "../support/gateway.ts";
import { deafStream, killedStream } from "../support/raw_streams.ts";
import { DeafSocket, RawSocket } from "../support/ws_client.ts";

const WATCHERS = 200;
const GENERATIONS = 4;
const TOKENS = 1_000;
/** Opened and killed at a time. */
const BATCH = 50;
/** What a thousand subscriptions may leave on the heap: caches of the runtime, compiled code. */
const MAX_GROWTH_BYTES = 4 * 2 ** 20;
const WATCH = `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, afterSeq: $after) {
  __typename seq ... on TokensGenerated { tokens { id } } } }`;
const START = `mutation ($input: GenerateInput!) { startGeneration(input: $input) {
  ... on StartGenerationPayload { generation { id } } ... on Error { message } } }`;

const tokenAt = (index: number) => 300 + index % 500;
const expected = Array.from({ length: TOKENS }, (_, index) => tokenAt(index)).join();

interface Setup {
  readonly test: TestGateway;
  readonly api: ApiServer;
}

async function startOne({ test, api }: Setup): Promise<{ readonly id: string; readonly index: number }> {
  const index = test.engine.requests.length;
  const input = { model: HELPER, prompt: { text: "Hi" }, sampling: { maxTokens: TOKENS, ignoreEos: true } };
  const { body } = await api.query(START, { input });
  const id = body.data?.startGeneration.generation?.id;
  if (id === undefined) throw new Error(`Not started: ${JSON.stringify(body)}`);
  await test.engine.request(index);
  return { id, index };
}

/** Tokens as a fast engine sends them: a few at a time, with room for others in between. */
async function speak({ test }: Setup, index: number): Promise<void> {
  const request = await test.engine.request(index);
  request.promptProcessed();
  for (let next = 0; next < TOKENS; next += 4) {
    request.tokens(...[0, 1, 2, 3].map((offset) => tokenAt(next + offset)));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  request.finish("LENGTH");
}

/** Throws unless every token came once, in order, up to the end. */
function expectWhole(events: readonly Json[]): void {
  const ids = events.flatMap(({ tokens }) => tokens?.map(({ id }: { id: number }) => id) ?? []);
  if (ids.join() !== expected) throw new Error(`${ids.length} tokens came, expected ${TOKENS} in order`);
  if (events.at(-1).__typename !== "GenerationFinished") throw new Error("The end is missing");
  events.reduce((last, { seq }) => {
    if (seq <= last) throw new Error(`seq ${seq} came after ${last}`);
    return seq;
  }, 0);
}

async function readSse({ api }: Setup, id: string): Promise<void> {
  const events: Json[] = [];
  for await (const { data } of api.subscribe(WATCH, { id })) events.push(data.generationEvents);
  expectWhole(events);
}

async function readSocket({ api }: Setup, id: string): Promise<void> {
  const socket = await new RawSocket(api.url).init();
  socket.subscribe("1", WATCH, { id });
  const events: Json[] = [];
  for (let message = await socket.next(); message.type === "next"; message = await socket.next()) {
    events.push(message.payload.data.generationEvents);
  }
  await socket.close();
  expectWhole(events);
}

async function killSocket({ api }: Setup, id: string, afterEvents: number): Promise<void> {
  const socket = await new RawSocket(api.url).init();
  socket.subscribe("1", WATCH, { id });
  for (let count = 0; count < afterEvents; count++) if ((await socket.next()).type !== "next") break;
  await socket.close();
}

async function deafSocket({ api }: Setup, id: string): Promise<Disposable> {
  const socket = await DeafSocket.open(api.server.port);
  await socket.send({ type: "connection_init" });
  await socket.send({ type: "subscribe", id: "1", payload: { query: WATCH, variables: { id } } });
  return socket;
}

/** Everybody at once. */
async function watchTogether(setup: Setup): Promise<void> {
  const started = [];
  for (let index = 0; index < GENERATIONS; index++) started.push(await startOne(setup));
  const reading: Promise<unknown>[] = [];
  const deaf: Disposable[] = [];
  for (let watcher = 0; watcher < WATCHERS; watcher++) {
    const { id } = started[watcher % GENERATIONS]!;
    const isSocket = watcher % 2 === 0;
    // Spread over the whole run by a step that shares no divisor with it.
    const afterEvents = 1 + watcher * 7 % 40;
    if (watcher % 3 === 0) reading.push(isSocket ? readSocket(setup, id) : readSse(setup, id));
    else if (watcher % 3 === 1) {
      reading.push(
        isSocket ? killSocket(setup, id, afterEvents) : killedStream(setup.api, WATCH, { id }, afterEvents),
      );
    } else deaf.push(await (isSocket ? deafSocket(setup, id) : deafStream(setup.api, WATCH, { id })));
  }
  await Promise.all(started.map(({ index }) => speak(setup, index)));
  await Promise.all(reading);
  for (const each of deaf) each[Symbol.dispose]();
  await untilQuiet(setup);
}

/** Opens subscriptions of one generation that says nothing more, and kills them; every transport in turn. */
async function openAndKill(setup: Setup, count: number): Promise<void> {
  const { id, index } = await startOne(setup);
  const { api } = setup;
  for (let done = 0; done < count; done += BATCH) {
    await Promise.all(Array.from({ length: Math.min(BATCH, count - done) }, async (_, nth) => {
      switch (nth % 4) {
        case 0:
          return await killedStream(api, WATCH, { id }, 1);
        case 1:
          return await killSocket(setup, id, 1);
        case 2: {
          const stream = api.subscribe(WATCH, { id });
          await stream.next();
          return void await stream.return(undefined);
        }
        default:
          return await killConnection(api, id);
      }
    }));
    await untilQuiet(setup);
  }
  (await setup.test.engine.request(index)).finish("LENGTH");
}

async function killConnection(api: ApiServer, id: string): Promise<void> {
  const url = `${api.url}/stream`;
  const token = await (await fetch(url, { method: "PUT" })).text();
  const stream = await fetch(`${url}?token=${token}`, { headers: { accept: "text/event-stream" } });
  const accepted = await fetch(`${url}?token=${token}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: WATCH, variables: { id }, extensions: { operationId: "1" } }),
  });
  await accepted.body?.cancel();
  if (accepted.status !== 202) throw new Error(`The event stream answered ${accepted.status}`);
  for await (const _ of sseResults(stream.body!)) break;
}

async function untilQuiet({ api }: Setup): Promise<void> {
  const { server } = api;
  while (server.liveStreams + server.liveSockets + server.liveConnections > 0) {
    await (await fetch(`${server.origin}/livez`)).body?.cancel();
  }
}

/** After everything that can go has gone. */
async function heapBytes(): Promise<number> {
  const { gc } = globalThis as { gc?: () => void };
  if (gc === undefined) throw new Error("Run this with --v8-flags=--expose-gc");
  for (let round = 0; round < 5; round++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    gc();
  }
  return Deno.memoryUsage().heapUsed;
}

/** Whether nothing was left behind. */
async function run(count: number): Promise<boolean> {
  await using test = await TestGateway.make({
    clock: systemClock,
    admission: { totalUnits: 1_000, unitsPerPrincipal: 1_000 },
  });
  await using api = new ApiServer(test.gateway, {
    limits: { rate: { burst: 1e6, perSecond: 1e6 } },
    beforeStop: () => test.gateway.stop(),
  });
  const setup: Setup = { test, api };
  // Once for what is compiled and cached on first use.
  await watchTogether(setup);
  await openAndKill(setup, BATCH);
  const before = await heapBytes();
  const startedMs = performance.now();
  await watchTogether(setup);
  const watchedMs = performance.now() - startedMs;
  const between = await heapBytes();
  await openAndKill(setup, count);
  const after = await heapBytes();
  const { held } = await test.gateway.generations.concurrency({ ...ALICE, id: "anonymous" });
  const figures = {
    watchers: WATCHERS,
    watchedMs: Math.round(watchedMs),
    killed: count,
    heapGrowthOfWatchers: between - before,
    heapGrowthOfKilled: after - between,
    unitsHeld: held,
    errors: api.log,
  };
  console.log(JSON.stringify(figures));
  return after - before < MAX_GROWTH_BYTES && held === 0 && api.log.length === 0;
}

if (import.meta.main) {
  const isSound = await run(Number(Deno.args[0] ?? 1_000));
  // The runtime's own timers of sockets that were killed would keep the process for half a minute.
  Deno.exit(isSound ? 0 : 1);
}

/**
 * Watching generations over real HTTP and SSE: order, resuming, cancelling, and what is left behind when a client
 * goes away. The log's reader ignores its signal while it waits, as an async generator does: that the places are
 * free again is the API's own doing.
 */
import { expect } from "@std/expect";
import { createClient } from "graphql-sse";
import { ApiServer, type Json, sseResults } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { finished, tokens, USAGE } from "../support/fake_log.ts";

const EVENT = `__typename seq generationId at
  ... on GenerationQueued { position }
  ... on GenerationLoading { stage fraction }
  ... on PromptProcessed { promptTokens cachedTokens }
  ... on TokensGenerated { text tokens { id text logprob top { id text logprob } } }
  ... on GenerationFinished { finishReason text usage { completionTokens } timings { submitsPerStep } }
  ... on GenerationFailed { code message }
  ... on GenerationCancelled { usage { promptTokens completionTokens } }`;
const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) { ${EVENT} } }`;
const WATCH =
  `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, afterSeq: $after) { ${EVENT} } }`;
const START = `mutation ($input: GenerateInput!) { startGeneration(input: $input) {
  ... on StartGenerationPayload { generation { id } } } }`;
const CANCEL = `mutation ($id: ID!) { cancelGeneration(input: { id: $id }) { __typename } }`;
const INPUT = { model: { name: "owner/merged" }, prompt: { text: "Hello" } };

async function start(api: ApiServer, input: Json = INPUT): Promise<string> {
  return (await api.query(START, { input })).body.data.startGeneration.generation.id;
}

async function collect(results: AsyncIterable<Json>): Promise<Json[]> {
  const events: Json[] = [];
  for await (const { data, errors } of results) {
    if (errors) throw new Error(JSON.stringify(errors));
    events.push(data.generate ?? data.generationEvents);
  }
  return events;
}

/** Watches over a bare TCP connection, which a test can kill. Resolves once the first event is there. */
async function rawWatch(api: ApiServer, id: string): Promise<Deno.Conn> {
  const body = JSON.stringify({ query: WATCH, variables: { id } });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: api.server.port });
  await connection.write(new TextEncoder().encode(
    `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:${api.server.port}\r\ncontent-type: application/json\r\n` +
      `accept: text/event-stream\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  ));
  const buffer = new Uint8Array(4_096);
  for (let text = ""; !text.includes('"seq":1');) {
    const length = await connection.read(buffer);
    if (length === null) throw new Error(`The connection ended after ${text}`);
    text += new TextDecoder().decode(buffer.subarray(0, length));
  }
  return connection;
}

/** Lets the server go round until it has no subscriptions; a test that waits in vain is ended by its runner. */
async function untilNoStreams(api: ApiServer): Promise<void> {
  while (api.server.liveStreams > 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
}

Deno.test("Subscription.generationEvents shows every kind of event, in order", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await start(api);
  const top = [{ id: 7, text: "a", logprob: -0.5 }, { id: 8, text: "b", logprob: -1 }];
  fake.lastLog.push(
    { kind: "queued", position: 2 },
    { kind: "loading", stage: "READING", fraction: 0.25 },
    { kind: "promptProcessed", promptTokens: 3, cachedTokens: 1 },
    { kind: "tokens", text: "a", tokens: [{ id: 7, text: "a", logprob: -0.5, top }] },
    finished("a"),
  );
  const base = { generationId: id, at: "2024-01-31T09:30:00.000Z" };
  expect(await collect(api.subscribe(WATCH, { id }))).toEqual([
    { ...base, __typename: "GenerationQueued", seq: 1, position: 2 },
    { ...base, __typename: "GenerationLoading", seq: 2, stage: "READING", fraction: 0.25 },
    { ...base, __typename: "PromptProcessed", seq: 3, promptTokens: 3, cachedTokens: 1 },
    {
      ...base,
      __typename: "TokensGenerated",
      seq: 4,
      text: "a",
      tokens: [{ id: 7, text: "a", logprob: -0.5, top }],
    },
    {
      ...base,
      __typename: "GenerationFinished",
      seq: 5,
      finishReason: "STOP",
      text: "a",
      usage: { completionTokens: 2 },
      timings: { submitsPerStep: 1 },
    },
  ]);
  const failing = await start(api);
  fake.lastLog.push({ kind: "failed", code: "DEVICE_LOST", message: "Gone" });
  expect(await collect(api.subscribe(WATCH, { id: failing }))).toMatchObject([
    { __typename: "GenerationFailed", code: "DEVICE_LOST", message: "Gone" },
  ]);
  await untilNoStreams(api);
});

Deno.test("Subscription.generate starts a generation and streams it as it is written", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const response = await api.openStream(GENERATE, { input: INPUT });
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  expect(fake.started[0]!.input).toEqual({ ...INPUT, onDisconnect: "CANCEL" });
  const results = sseResults(response.body!);
  const texts: string[] = [];
  fake.lastLog.push(tokens("a"));
  // Each event is written only once the client has the one before: nothing is held back on the way.
  for await (const { data: { generate: event } } of results) {
    texts.push(event.text);
    if (event.__typename === "GenerationFinished") break;
    fake.lastLog.push(texts.length < 5 ? tokens(`${texts.length}`) : finished("end"));
  }
  expect(texts).toEqual(["a", "1", "2", "3", "4", "end"]);
});

Deno.test("Subscription.generationEvents resumes after any event without losing or repeating one", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await start(api);
  const log = fake.lastLog;
  log.push(...Array.from({ length: 9 }, (_, index) => tokens(`${index}`)));
  for (let lostAfter = 1; lostAfter <= 9; lostAfter++) {
    const seen: number[] = [];
    for await (const { data } of api.subscribe(WATCH, { id })) {
      seen.push(data.generationEvents.seq);
      if (seen.length === lostAfter) break;
    }
    const rest = api.subscribe(WATCH, { id, after: seen.at(-1) });
    if (lostAfter === 9) log.push(tokens("late"), finished("all"));
    for await (const { data } of rest) {
      seen.push(data.generationEvents.seq);
      if (seen.length === (lostAfter === 9 ? 11 : 9)) break;
    }
    expect(seen).toEqual(Array.from({ length: lostAfter === 9 ? 11 : 9 }, (_, index) => index + 1));
  }
  await untilNoStreams(api);
});

Deno.test("Mutation.cancelGeneration ends the stream of everyone who watches", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await start(api);
  const watchers = [0, 1, 2].map(() => collect(api.subscribe(WATCH, { id })));
  const canceller = api.subscribe(WATCH, { id });
  fake.lastLog.push(tokens("a"));
  expect((await canceller.next()).value.data.generationEvents.text).toBe("a");
  expect((await api.query(CANCEL, { id })).body.data.cancelGeneration.__typename).toBe(
    "CancelGenerationPayload",
  );
  for (const events of [...await Promise.all(watchers), await collect(canceller)]) {
    expect(events.at(-1)).toMatchObject({
      __typename: "GenerationCancelled",
      usage: { promptTokens: USAGE.promptTokens, completionTokens: USAGE.completionTokens },
    });
  }
  await untilNoStreams(api);
});

Deno.test("Subscription.generate cancels when its client goes away, and does not where told to continue", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  for (const onDisconnect of ["CANCEL", "CONTINUE"]) {
    const stream = api.subscribe(GENERATE, { input: { ...INPUT, onDisconnect } });
    const first = stream.next();
    while (api.server.liveStreams === 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
    fake.lastLog.push(tokens("a"));
    await first;
    await stream.return(undefined);
    await untilNoStreams(api);
    expect(fake.lastLog.ended).toBe(onDisconnect === "CANCEL");
  }
});

Deno.test("Subscription.generate cancels also for a client that leaves while the generation is being started", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const starting = Promise.withResolvers<void>();
  fake.beforeStart = starting.promise;
  const client = new AbortController();
  const left = api.openStream(GENERATE, { input: INPUT }, { signal: client.signal }).then(
    () => "answered",
    () => "left",
  );
  while (api.server.liveStreams === 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
  client.abort();
  expect(await left).toBe("left");
  starting.resolve();
  await untilNoStreams(api);
  expect(fake.lastLog.ended).toBe(true);
});

Deno.test("SubscriptionSource frees everything when 200 clients are killed", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await start(api);
  const log = fake.lastLog;
  log.push(tokens("a"));
  const clients = await Promise.all(Array.from({ length: 200 }, () => rawWatch(api, id)));
  expect(api.server.liveStreams).toBe(200);
  for (const client of clients) client.close();
  await untilNoStreams(api);
  // The readers were waiting all the while; the next event lets them see that they have been told to stop.
  expect(log.readers).toBe(200);
  log.push(tokens("b"));
  while (log.readers > 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
  expect(log.reads).toBe(200 + 200);
});

Deno.test("SubscriptionSource reads no further than a client that does not read", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await start(api);
  const total = 4_000;
  fake.lastLog.push(...Array.from({ length: total }, () => tokens("x".repeat(16_384))));
  const slow = await api.openStream(WATCH, { id });
  const results = sseResults(slow.body!);
  await results.next();
  // Another client goes through the whole log meanwhile: the slow one holds nobody up.
  let seen = 0;
  for await (const _ of api.subscribe(WATCH, { id })) if (++seen === total) break;
  expect(fake.lastLog.reads - total).toBeLessThan(total / 2);
  await results.return(undefined);
  await untilNoStreams(api);
});

Deno.test("Subscription refuses at subscribe: unknown or foreign generations, viewers, wrong cursors", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await start(api);
  fake.lastLog.push(finished("secret"));
  const first = async (query: string, variables: Json, key?: string) => {
    const results: Json[] = [];
    for await (const result of api.subscribe(query, variables, key === undefined ? {} : { key })) {
      results.push(result);
    }
    return results;
  };
  for (
    const [results, code] of [
      [await first(WATCH, { id }, "g"), "NOT_FOUND"],
      [await first(WATCH, { id: "nope" }), "NOT_FOUND"],
      [await first(WATCH, { id, after: -1 }), "CONFIG"],
      [await first(GENERATE, { input: INPUT }, "v"), "FORBIDDEN"],
      [await first(GENERATE, { input: { ...INPUT, model: { name: "nope" } } }), "NOT_FOUND"],
    ] as const
  ) {
    expect(results).toHaveLength(1);
    expect(results[0].errors[0].extensions.code).toBe(code);
    expect(JSON.stringify(results)).not.toContain("secret");
  }
  const unknown = await api.openStream(WATCH, { id }, { key: "nope" });
  expect(unknown.status).toBe(401);
  await unknown.body?.cancel();
  expect(api.server.liveStreams).toBe(0);
  expect(fake.started).toHaveLength(1);
});

Deno.test("startServer() refuses subscriptions beyond its places and has them again afterwards", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway, { limits: { streams: 2 } });
  const id = await start(api);
  fake.lastLog.push(tokens("a"));
  const open = [api.subscribe(WATCH, { id }), api.subscribe(WATCH, { id })];
  for (const stream of open) await stream.next();
  const refused = await api.subscribe(WATCH, { id }).next();
  expect(refused.value.errors[0].extensions.code).toBe("CAPACITY");
  const neverStarted = await api.subscribe(GENERATE, { input: INPUT }).next();
  expect(neverStarted.value.errors[0].extensions.code).toBe("CAPACITY");
  expect(fake.started).toHaveLength(1);
  for (const stream of open) await stream.return(undefined);
  await untilNoStreams(api);
  const again = api.subscribe(WATCH, { id });
  expect((await again.next()).value.data.generationEvents.seq).toBe(1);
  await again.return(undefined);
});

Deno.test("Subscription masks a source that breaks, and ends", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await start(api);
  fake.generations.events = async function* () {
    yield { seq: 1, generationId: "g1", at: new Date(0), ...tokens("a") };
    await Promise.resolve();
    throw new Error("the prompt was: tell me your secret");
  };
  const results: Json[] = [];
  for await (const result of api.subscribe(WATCH, { id })) results.push(result);
  expect(results).toHaveLength(2);
  expect(results[1].errors).toMatchObject([
    { message: "Internal error", extensions: { code: "INTERNAL", requestId: expect.any(String) } },
  ]);
  const line = JSON.parse(api.log.at(-1)!);
  expect(line).toMatchObject({ level: "error", requestId: results[1].errors[0].extensions.requestId });
  expect(api.log.join()).not.toContain("secret");
  await untilNoStreams(api);
});

Deno.test("Subscription works with the graphql-sse client, and over GET", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const client = createClient({ url: api.url, fetchFn: fetch, singleConnection: false, retryAttempts: 0 });
  const iterator = client.iterate({ query: GENERATE, variables: { input: INPUT } });
  const first = iterator.next();
  while (api.server.liveStreams === 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
  fake.lastLog.push(tokens("a"), finished("a"));
  const seqs = [(await first).value.data.generate.seq];
  for await (const result of { [Symbol.asyncIterator]: () => iterator }) {
    seqs.push((result.data as Json).generate.seq);
  }
  expect(seqs).toEqual([1, 2]);
  client.dispose();
  const id = encodeURIComponent(JSON.stringify({ id: await start(api) }));
  fake.lastLog.push(finished("a"));
  const response = await fetch(`${api.url}?query=${encodeURIComponent(WATCH)}&variables=${id}`, {
    headers: { accept: "text/event-stream" },
  });
  expect(await collect(sseResults(response.body!))).toMatchObject([{ seq: 1 }]);
  await untilNoStreams(api);
});

/**
 * What the gateway adds to GraphQL: events through log and stream, a token's way to its client, a query. The peer is a
 * bare Yoga server in the same process and run, whose subscription hands out the same events from memory. Both sides go
 * over real HTTP on loopback; the engine is scripted, so what is timed is everything but the model. Clients read in this
 * process, too, so their cost is in both sides.
 */
import process from "node:process";
import { createSchema, createYoga } from "graphql-yoga";
import { systemClock } from "../src/app/clock.ts";
import { ApiServer, type Json, sseResults } from "../tests/support/api_server.ts";
import { HELPER, TestGateway } from "../tests/support/gateway.ts";
import type { FakeRequest } from "../tests/support/scripted_engine.ts";
import type { Figure } from "./figure.ts";

/** Tokens of one event: as many as the gateway gathers at most. */
const BATCH = 16;
const STREAMS = 8;
/** Events of each stream in a round. */
const EVENTS = 200;
const ROUNDS = 7;
/** For the compiler. */
const WARM_UPS = 3;
const LATENCY_EVENTS = 200;
const QUERIES = 400;
/** Longer than tokens are gathered for, so that none waits for another. */
const PACE_MS = 55;

const FIELDS = "__typename seq generationId at ... on TokensGenerated { text tokens { id text } }";
const START = `mutation ($input: GenerateInput!) { startGeneration(input: $input) {
  ... on StartGenerationPayload { generation { id } } ... on Error { message } } }`;
const WATCH = `subscription ($id: ID!) { generationEvents(id: $id) { ${FIELDS} } }`;
const QUERY = `{ viewer { id role } }`;

/** One stream of token events, with a way to make the next. */
interface TokenStream {
  /** Makes `count` tokens; resolves when their event has arrived. */
  next(count: number): Promise<void>;
  end(): Promise<void>;
}

interface Side {
  open(): Promise<TokenStream>;
  /** A query over POST. */
  query(): Promise<void>;
}

export async function benchGateway(): Promise<readonly Figure[]> {
  await using gateway = await TestGateway.make({
    clock: systemClock,
    admission: { totalUnits: 1_000, unitsPerPrincipal: 1_000 },
  });
  await using api = new ApiServer(gateway.gateway, {
    limits: { rate: { burst: 1e9, perSecond: 1e9 } },
    beforeStop: () => gateway.gateway.stop(),
  });
  await using bare = bareServer();
  const sides = { ours: ourSide(gateway, api), bare: bareSide(bare.url) };
  await verify(sides.ours, sides.bare);

  const events = { ours: [] as Cost[], bare: [] as Cost[] };
  const asked = { ours: [] as Cost[], bare: [] as Cost[] };
  const latencyMs = { ours: [] as number[], bare: [] as number[] };
  const pacedMs: number[] = [];
  // In turns, so that a busy machine is busy for both.
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    for (const name of ["bare", "ours"] as const) {
      const perEvent = await throughput(sides[name]);
      const perQuery = await queries(sides[name]);
      const latencies = await latency(sides[name], Math.ceil(LATENCY_EVENTS / ROUNDS), BATCH, 0);
      if (round < 0) continue;
      events[name].push(perEvent);
      asked[name].push(perQuery);
      latencyMs[name].push(...latencies);
    }
  }
  pacedMs.push(...await latency(sides.ours, 40, 1, PACE_MS));
  const added = (share: number) => quantile(latencyMs.ours, share) - quantile(latencyMs.bare, share);
  const cpu = (costs: readonly Cost[]) => quantile(costs.map(({ cpuUs }) => cpuUs), 0.5);
  const wall = (costs: readonly Cost[]) => quantile(costs.map(({ wallUs }) => wallUs), 0.5);
  return [
    { name: "events, durable", value: 1e6 / wall(events.ours), unit: "events/s", note: SHAPE },
    { name: "events, bare Yoga", value: 1e6 / wall(events.bare), unit: "events/s" },
    { name: "an event, processor time", value: cpu(events.ours), unit: "µs", note: "its client's included" },
    {
      name: "cost of an event / bare Yoga, processor time",
      value: quantile(events.ours.map(({ cpuUs }, round) => cpuUs / events.bare[round]!.cpuUs), 0.5),
      unit: "×",
      note: "aim: 1.5",
    },
    { name: "added to an event, p50", value: added(0.5), unit: "ms", note: "one stream, 16 tokens an event" },
    { name: "added to an event, p99", value: added(0.99), unit: "ms" },
    { name: "a slow model's token to its client, p50", value: quantile(pacedMs, 0.5), unit: "ms" },
    { name: "a slow model's token to its client, p99", value: quantile(pacedMs, 0.99), unit: "ms" },
    { name: "a query, processor time", value: cpu(asked.ours), unit: "µs", note: "its client's included" },
    {
      name: "cost of a query / bare Yoga, processor time",
      value: cpu(asked.ours) / cpu(asked.bare),
      unit: "×",
    },
  ];
}

const SHAPE = `${STREAMS} generations at once, ${BATCH} tokens an event, each in the log before it is sent`;

/** Both sides must deliver what was made, whole and in order. */
async function verify(...sides: readonly Side[]): Promise<void> {
  for (const side of sides) {
    const stream = await side.open();
    for (let event = 0; event < 10; event++) await stream.next(BATCH);
    await stream.end();
    await side.query();
  }
}

interface Cost {
  /** Processor time of the whole process, clients included: a busy machine changes it little. */
  readonly cpuUs: number;
  readonly wallUs: number;
}

function startCost(): (count: number) => Cost {
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  return (count) => {
    const { user, system } = process.cpuUsage(cpu);
    return { cpuUs: (user + system) / count, wallUs: 1_000 * (performance.now() - startedMs) / count };
  };
}

/** Of an event, with all streams waiting for their last events before the next are made. */
async function throughput(side: Side): Promise<Cost> {
  const streams = await Promise.all(Array.from({ length: STREAMS }, () => side.open()));
  const cost = startCost();
  // As an engine's steps do: every sequence of its batch gets its tokens in the same turn.
  for (let event = 0; event < EVENTS; event++) await Promise.all(streams.map((stream) => stream.next(BATCH)));
  const each = cost(STREAMS * EVENTS);
  await Promise.all(streams.map((stream) => stream.end()));
  return each;
}

/** Milliseconds from a token's making to its arrival, one event at a time. */
async function latency(side: Side, events: number, tokens: number, paceMs: number): Promise<number[]> {
  const stream = await side.open();
  await stream.next(tokens);
  const samples: number[] = [];
  for (let event = 0; event < events; event++) {
    if (paceMs > 0) await new Promise((resolve) => setTimeout(resolve, paceMs));
    const startedMs = performance.now();
    await stream.next(tokens);
    samples.push(performance.now() - startedMs);
  }
  await stream.end();
  return samples;
}

async function queries(side: Side): Promise<Cost> {
  const cost = startCost();
  for (let query = 0; query < QUERIES; query++) await side.query();
  return cost(QUERIES);
}

const tokenAt = (index: number) => 300 + index % 500;

function ourSide(gateway: TestGateway, api: ApiServer): Side {
  const start = async (): Promise<{ id: string; request: FakeRequest }> => {
    const input = { model: HELPER, prompt: { text: "Hi" }, sampling: { ignoreEos: true } };
    const index = gateway.engine.requests.length;
    const { body } = await api.query(START, { input });
    const id = body.data?.startGeneration.generation?.id;
    if (id === undefined) throw new Error(`Not started: ${JSON.stringify(body)}`);
    await gateway.engine.request(index);
    const request = gateway.engine.requests.find(({ command }) =>
      command.requestId === atob(id.replaceAll("-", "+").replaceAll("_", "/")).split(":")[1]
    );
    if (request === undefined) throw new Error(`No request for ${id}`);
    return { id, request };
  };
  return {
    async open() {
      const { id, request } = await start();
      request.promptProcessed();
      const events = tokenEvents(api.subscribe(WATCH, { id }), "generationEvents");
      let made = 0;
      return {
        async next(count) {
          request.tokens(...Array.from({ length: count }, (_, offset) => tokenAt(made + offset)));
          for (let seen = 0; seen < count;) seen += await expectTokens(events, made + seen, count - seen);
          made += count;
        },
        async end() {
          request.finish("LENGTH");
          await events.return(undefined);
        },
      };
    },
    async query() {
      const { body } = await api.query(QUERY);
      if (body.data?.viewer.id !== "anonymous") throw new Error(`The query answered ${JSON.stringify(body)}`);
    },
  };
}

/** How many tokens the next event brought; throws where they are not those that follow. */
async function expectTokens(events: AsyncGenerator<Json>, from: number, most: number): Promise<number> {
  const { done, value } = await events.next();
  if (done) throw new Error("The stream ended");
  const ids: number[] = value.tokens.map(({ id }: { id: number }) => id);
  const right = ids.length <= most && ids.every((id, offset) => id === tokenAt(from + offset));
  if (!right) throw new Error(`Tokens ${ids.join()} came, expected ${most} from ${tokenAt(from)}`);
  return ids.length;
}

async function* tokenEvents(results: AsyncIterable<Json>, field: string): AsyncGenerator<Json> {
  for await (const { data, errors } of results) {
    if (errors) throw new Error(JSON.stringify(errors));
    if (data[field].__typename === "TokensGenerated") yield data[field];
  }
}

const TYPES = `interface Event { seq: Int! generationId: ID! at: String! }
  type TokensGenerated implements Event { seq: Int! generationId: ID! at: String! text: String! tokens: [Token!]! }
  type Token { id: Int! text: String! }
  type Viewer { id: ID! role: String! }
  type Query { viewer: Viewer! }
  type Subscription { generationEvents(id: ID!): Event! }`;

/** Events that the benchmark puts in and a subscription takes out. */
class Channel {
  readonly #waiting: Json[] = [];
  #wake = Promise.withResolvers<void>();
  #ended = false;

  push(event: Json): void {
    this.#waiting.push(event);
    this.#wake.resolve();
  }

  end(): void {
    this.#ended = true;
    this.#wake.resolve();
  }

  async *read(): AsyncGenerator<Json> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event !== undefined) yield event;
      else if (this.#ended) return;
      else {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      }
    }
  }
}

const channels = new Map<string, Channel>();

function bareServer(): AsyncDisposable & { readonly url: string } {
  const yoga = createYoga({
    logging: false,
    schema: createSchema({
      typeDefs: TYPES,
      resolvers: {
        Event: { __resolveType: () => "TokensGenerated" },
        Query: { viewer: () => ({ id: "anonymous", role: "GENERATOR" }) },
        Subscription: {
          generationEvents: {
            subscribe: (_root: unknown, { id }: { id: string }) => channels.get(id)!.read(),
            resolve: (event: Json) => event,
          },
        },
      },
    }),
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, yoga.fetch);
  return {
    url: `http://127.0.0.1:${server.addr.port}/graphql`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function bareSide(url: string): Side {
  const post = (query: string, variables: Json, accept: string) =>
    fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json", accept },
      body: JSON.stringify({ query, variables }),
    });
  return {
    async open() {
      const id = crypto.randomUUID();
      const channel = new Channel();
      channels.set(id, channel);
      const response = await post(WATCH, { id }, "text/event-stream");
      const events = tokenEvents(sseResults(response.body!), "generationEvents");
      let seq = 0;
      let made = 0;
      return {
        async next(count) {
          const tokens = Array.from(
            { length: count },
            (_, offset) => ({ id: tokenAt(made + offset), text: "token" }),
          );
          const text = tokens.map((token) => token.text).join("");
          const at = new Date().toISOString();
          channel.push({ seq: ++seq, generationId: id, at, text, tokens });
          await expectTokens(events, made, count);
          made += count;
        },
        async end() {
          channel.end();
          channels.delete(id);
          await events.return(undefined);
        },
      };
    },
    async query() {
      const { data } = await (await post(QUERY, {}, "application/json")).json();
      if (data.viewer.id !== "anonymous") throw new Error(`The query answered ${JSON.stringify(data)}`);
    },
  };
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)]!;
}

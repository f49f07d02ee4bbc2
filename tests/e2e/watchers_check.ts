/**
 * Two hundred watchers of the demo's model, generating for real in a gateway of its own process:
 *
 *     XDG_RUNTIME_DIR=/tmp DENO_WEBGPU_BACKEND=vulkan,metal,dx12 deno run -A tests/e2e/watchers_check.ts [ROUNDS]
 *
 * In each round four generations are watched over SSE and WebSocket: a third of the watchers reads to the end, a third is
 * killed somewhere on the way, a third never reads. Who reads must get every token once, in order, up to the end;
 * afterwards the gateway's gauges must be at zero, and its memory in the second half of the rounds where it was after the
 * first. The moments of
 * killing come from a seed, which is printed. Prints its figures as JSON; exits with 1 where something is wrong.
 */
import { GatewayProcess } from "../support/gateway_process.ts";
import { deafStream, killedStream, type Listening } from "../support/raw_streams.ts";
import { DeafSocket, RawSocket } from "../support/ws_client.ts";

const WATCHERS = 200;
const GENERATIONS = 4;
const TOKENS = 150;
/** The rows of a round's log stay in the database, and pages of that in memory. */
const MAX_GROWTH_BYTES = 48 * 2 ** 20;
const WATCH = `subscription ($id: ID!) { generationEvents(id: $id, afterSeq: 0) {
  __typename seq ... on TokensGenerated { text tokens { id text logprob top { id text logprob } } } } }`;
const START = `mutation ($input: GenerateInput!) { startGeneration(input: $input) {
  ... on StartGenerationPayload { generation { id } } ... on Error { message } } }`;

interface Event {
  readonly __typename: string;
  readonly seq: number;
  readonly tokens?: readonly { readonly id: number }[];
}

const idsOf = (events: readonly Event[]) => events.flatMap(({ tokens }) => tokens?.map(({ id }) => id) ?? []);

/** A small generator of numbers below `count` (the constants of Numerical Recipes). */
function random(seed: number): (count: number) => number {
  let state = seed >>> 0;
  return (count) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % count;
  };
}

async function start(gateway: GatewayProcess, seed: number): Promise<string> {
  const input = {
    model: { name: "geodesic/demo-slerp" },
    prompt: { text: `Tell me story number ${seed}.` },
    sampling: { temperature: 0.8, seed: String(seed), maxTokens: TOKENS, ignoreEos: true, logprobs: 5 },
  };
  const { data, errors } = await gateway.query<{ startGeneration: { generation?: { id: string } } }>(START, {
    input,
  });
  const id = data?.startGeneration.generation?.id;
  if (id === undefined) throw new Error(`Not started: ${JSON.stringify(errors ?? data)}`);
  return id;
}

async function readSse(gateway: GatewayProcess, id: string): Promise<Event[]> {
  const events: Event[] = [];
  for await (const message of gateway.subscribe(WATCH, { id })) {
    events.push((message["data"] as { generationEvents: Event }).generationEvents);
  }
  return events;
}

async function readSocket(gateway: GatewayProcess, id: string): Promise<Event[]> {
  const socket = await watchOverSocket(gateway, id);
  const events: Event[] = [];
  for (let message = await socket.next(); message.type === "next"; message = await socket.next()) {
    events.push(message.payload.data.generationEvents);
  }
  await socket.close();
  return events;
}

async function killSocket(gateway: GatewayProcess, id: string, afterEvents: number): Promise<void> {
  const socket = await watchOverSocket(gateway, id);
  for (let count = 0; count < afterEvents; count++) if ((await socket.next()).type !== "next") break;
  await socket.close();
}

async function watchOverSocket(gateway: GatewayProcess, id: string): Promise<RawSocket> {
  const socket = await new RawSocket(`${gateway.url}/graphql`).init();
  socket.subscribe("1", WATCH, { id });
  return socket;
}

async function deafSocket(port: number, id: string): Promise<Disposable> {
  const socket = await DeafSocket.open(port);
  await socket.send({ type: "connection_init" });
  await socket.send({ type: "subscribe", id: "1", payload: { query: WATCH, variables: { id } } });
  return socket;
}

/** One round; how many events its readers got. */
async function watchTogether(gateway: GatewayProcess, below: (count: number) => number): Promise<number> {
  const port = Number(new URL(gateway.url).port);
  const listening: Listening = { server: { port } };
  const ids: string[] = [];
  for (let index = 0; index < GENERATIONS; index++) ids.push(await start(gateway, below(1_000_000)));
  const reading: Promise<{ readonly id: string; readonly events: readonly Event[] }>[] = [];
  const killing: Promise<void>[] = [];
  const deaf: Promise<Disposable>[] = [];
  for (let watcher = 0; watcher < WATCHERS; watcher++) {
    const id = ids[watcher % GENERATIONS]!;
    const isSocket = below(2) === 0;
    const afterEvents = 1 + below(TOKENS);
    if (watcher % 3 === 0) {
      const events = isSocket ? readSocket(gateway, id) : readSse(gateway, id);
      reading.push(events.then((events) => ({ id, events })));
    } else if (watcher % 3 === 1) {
      const query = [WATCH, { id }, afterEvents] as const;
      killing.push(isSocket ? killSocket(gateway, id, afterEvents) : killedStream(listening, ...query));
    } else deaf.push(isSocket ? deafSocket(port, id) : deafStream(listening, WATCH, { id }));
  }
  const read = await Promise.all(reading);
  await Promise.all(killing);
  for (const each of await Promise.all(deaf)) each[Symbol.dispose]();
  const whole = new Map<string, string>();
  for (const id of ids) {
    const found = idsOf(await readSse(gateway, id));
    if (found.length !== TOKENS) throw new Error(`The log holds ${found.length} tokens, expected ${TOKENS}`);
    whole.set(id, found.join());
  }
  for (const { id, events } of read) expectWhole(events, whole.get(id)!);
  return read.reduce((sum, { events }) => sum + events.length, 0);
}

/** Throws unless every token came once, in order, up to the end. */
function expectWhole(events: readonly Event[], expected: string): void {
  if (idsOf(events).join() !== expected) throw new Error("A watcher's tokens are not those of the log");
  if (events.at(-1)?.__typename !== "GenerationFinished") throw new Error("The end is missing");
  events.reduce((last, { seq }) => {
    if (seq <= last) throw new Error(`seq ${seq} came after ${last}`);
    return seq;
  }, 0);
}

async function gauge(gateway: GatewayProcess, name: string): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith(`geodesic_${name}`))
    .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
}

/** The gateway's memory once nobody watches and nothing runs. */
async function memoryWhenQuiet(gateway: GatewayProcess): Promise<number> {
  for (const name of ["live_streams", "open_generations"]) {
    while (await gauge(gateway, name) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return await gauge(gateway, "gateway_resident_memory_bytes");
}

async function run(rounds: number, seed: number): Promise<boolean> {
  await using gateway = await GatewayProcess.start();
  const below = random(seed);
  const memoryBytes: number[] = [];
  const events: number[] = [];
  const startedMs = performance.now();
  for (let round = 0; round <= rounds; round++) {
    events.push(await watchTogether(gateway, below));
    memoryBytes.push(await memoryWhenQuiet(gateway));
  }
  const errors = gateway.output.split("\n").filter((line) => line.includes(`"level":"error"`));
  const seconds = Math.round((performance.now() - startedMs) / 1000);
  console.log(JSON.stringify({ seed, watchers: WATCHERS, seconds, events, memoryBytes, errors }));
  // Garbage is collected when the runtime likes, so single rounds go up and down.
  const late = Math.min(...memoryBytes.slice(Math.ceil(memoryBytes.length / 2)));
  return late - memoryBytes[0]! < MAX_GROWTH_BYTES && errors.length === 0;
}

if (import.meta.main) {
  const isSound = await run(Number(Deno.args[0] ?? 6), crypto.getRandomValues(new Uint32Array(1))[0]!);
  Deno.exit(isSound ? 0 : 1);
}

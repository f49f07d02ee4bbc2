/**
 * The whole engine through its Worker, on the demo model: tokens a second, time to the first token and the time between
 * tokens as a client sees them, with one, eight and 32 streams at once, and with the same streams while a long prompt
 * arrives: 4,000 tokens, on a software driver 250. Every stream is greedy and must say what the model's reference says
 * before anything is timed.
 */
import { fileURLToPath } from "node:url";
import { PortEngineClient } from "../src/engine/client.ts";
import type { RequestTimings } from "../src/engine/protocol.ts";
import { openWorkerPort } from "../src/engine/worker_port.ts";
import { type Figure, quantile } from "./figure.ts";
import { SAMPLING } from "./port.ts";

const DEMO = fileURLToPath(new URL("../demo/", import.meta.url));
const MODEL = "demo";
const STREAMS = [1, 8, 32];
/** The demo's own context is shorter; what a model says past it is of no interest here. */
const CONTEXT = 4608;
const SIZES = {
  software: { maxTokens: 24, longPrompt: 250 },
  hardware: { maxTokens: 200, longPrompt: 4000 },
} as const;

interface Reference {
  readonly model: string;
  readonly prompt_ids: readonly number[];
  readonly output_ids: readonly number[];
}

export async function benchEngine(): Promise<readonly Figure[]> {
  const dir = await Deno.makeTempDir({ prefix: "geodesic-engine-" });
  try {
    await widenedDemo(dir);
    await using client = new PortEngineClient(openWorkerPort());
    const { adapter, software } = await client.ready();
    await client.load({
      modelKey: MODEL,
      path: dir,
      quantization: "none",
      precision: "f32",
      speculation: "off", // How well guesses fit is another benchmark (speculation.ts).
      maxContext: CONTEXT,
      maxSequences: STREAMS.at(-1)! + 1,
    });
    const prompts = await verifiedPrompts(client);
    const { maxTokens, longPrompt } = SIZES[software ? "software" : "hardware"];
    const figures: Figure[] = [{
      name: "tokens a stream",
      value: maxTokens,
      unit: "",
      note: `on ${adapter}`,
    }];
    let one = 0;
    for (const streams of STREAMS) {
      const alone = await run(client, prompts, { streams, maxTokens, longPrompt: 0 });
      one ||= alone.tokensPerSecond;
      figures.push(...figuresOf(alone, streams, one));
      const disturbed = await run(client, prompts, { streams, maxTokens, longPrompt });
      figures.push(...disturbance(alone, disturbed, `${named(streams)} and a prompt of ${longPrompt}`));
    }
    return figures;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** The demo's helper with a context that a long prompt fits. */
async function widenedDemo(dir: string): Promise<void> {
  const source = `${DEMO}parents/helper/`;
  await Deno.copyFile(`${source}model.safetensors`, `${dir}/model.safetensors`);
  const config = JSON.parse(await Deno.readTextFile(`${source}config.json`));
  const widened = { ...config, max_position_embeddings: CONTEXT };
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(widened));
}

interface Stream {
  readonly ids: number[];
  /** When each token was there, since the submit. */
  readonly atMs: number[];
  readonly timings: RequestTimings;
}

let requests = 0;

function generate(client: PortEngineClient, promptTokenIds: readonly number[], maxTokens: number) {
  const { promise, resolve, reject } = Promise.withResolvers<Stream>();
  const [ids, atMs]: [number[], number[]] = [[], []];
  const startMs = performance.now();
  const sampling = { ...SAMPLING, maxTokens };
  const request = { requestId: `${requests++}`, modelKey: MODEL, promptTokenIds, eosTokenIds: [], sampling };
  client.submit(request, (message) => {
    if (message.type === "failed") reject(new Error(message.error.message));
    if (message.type === "tokens") {
      for (const { id } of message.tokens) {
        ids.push(id);
        atMs.push(performance.now() - startMs);
      }
    }
    if (message.type === "finished") resolve({ ids, atMs, timings: message.timings });
  });
  return promise;
}

/** Prompts of the references that the engine, asked for all of them at once, answers as it should. */
async function verifiedPrompts(client: PortEngineClient): Promise<(readonly number[])[]> {
  const lines = (await Deno.readTextFile(`${DEMO}eval/reference.jsonl`)).trim().split("\n");
  const references: Reference[] = lines.map((line) => JSON.parse(line));
  const own = references.filter(({ model }) => model === "helper").slice(0, 8);
  const streams = await Promise.all(
    own.map(({ prompt_ids, output_ids }) => generate(client, prompt_ids, output_ids.length)),
  );
  for (const [index, { ids }] of streams.entries()) {
    const wanted = own[index]!.output_ids;
    if (ids.join() !== wanted.join()) throw new Error(`Tokens are ${ids.join()}, expected ${wanted.join()}`);
  }
  return own.map(({ prompt_ids }) => prompt_ids);
}

interface Run {
  readonly tokensPerSecond: number;
  readonly firstMs: readonly number[];
  readonly gapsMs: readonly number[];
  /** Of the long prompt, where there was one. */
  readonly longFirstMs: number | null;
  readonly timings: RequestTimings;
}

async function run(
  client: PortEngineClient,
  prompts: readonly (readonly number[])[],
  { streams, maxTokens, longPrompt }: {
    readonly streams: number;
    readonly maxTokens: number;
    /** Tokens of one that arrives with them; 0: none. */
    readonly longPrompt: number;
  },
): Promise<Run> {
  const startMs = performance.now();
  const all = Array.from({ length: streams }, (_, index) => {
    // Prompts of their own, so that the prefix cache saves nobody the work.
    const prompt = [...prompts[index % prompts.length]!, 100 + requests % 1000];
    return generate(client, prompt, maxTokens);
  });
  const seed = requests;
  const long = longPrompt > 0
    ? generate(client, Array.from({ length: longPrompt }, (_, i) => 3 + (i * 31 + seed) % 2000), 1)
    : null;
  const done = await Promise.all(all);
  const seconds = (performance.now() - startMs) / 1000;
  return {
    tokensPerSecond: streams * maxTokens / seconds,
    firstMs: done.map(({ atMs }) => atMs[0]!),
    gapsMs: done.flatMap(({ atMs }) => atMs.slice(1).map((at, i) => at - atMs[i]!)),
    longFirstMs: (await long)?.atMs[0] ?? null,
    timings: done[0]!.timings,
  };
}

const named = (streams: number) => streams === 1 ? "1 stream" : `${streams} streams`;

function figuresOf(
  { tokensPerSecond, firstMs, gapsMs, timings }: Run,
  streams: number,
  one: number,
): Figure[] {
  const name = named(streams);
  const { dispatchesPerStep, submitsPerStep, readbackBytesPerStep } = timings;
  return [
    { name, value: tokensPerSecond, unit: "tokens/s", note: "prompts included" },
    ...streams === 1 ? [] : [{ name: `${name} / one`, value: tokensPerSecond / one, unit: "× tokens/s" }],
    { name: `${name}, first token, p50`, value: quantile(firstMs, 0.5), unit: "ms" },
    { name: `${name}, between tokens, p50`, value: quantile(gapsMs, 0.5), unit: "ms" },
    { name: `${name}, between tokens, p99`, value: quantile(gapsMs, 0.99), unit: "ms" },
    { name: `${name}, dispatches a step`, value: dispatchesPerStep, unit: "" },
    { name: `${name}, submits a step`, value: submitsPerStep, unit: "" },
    { name: `${name}, readback a step`, value: readbackBytesPerStep, unit: "bytes" },
  ];
}

function disturbance(alone: Run, disturbed: Run, name: string): Figure[] {
  const ratio = (share: number) => quantile(disturbed.gapsMs, share) / quantile(alone.gapsMs, share);
  return [
    { name: `${name}, its first token`, value: disturbed.longFirstMs, unit: "ms" },
    { name: `${name}, between tokens, p50`, value: ratio(0.5), unit: "× alone" },
    { name: `${name}, between tokens, p99`, value: ratio(0.99), unit: "× alone" },
  ];
}

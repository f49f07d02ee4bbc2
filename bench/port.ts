/**
 * What it costs that the engine has a process of its own: the same engine behind a Worker and behind a process, in
 * turns, on a model so small that little else takes time. Both must say the same before they are timed.
 */
import { fileURLToPath } from "node:url";
import { PortEngineClient } from "../src/engine/client.ts";
import { openProcessPort } from "../src/engine/process_port.ts";
import type { SubmitCommand } from "../src/engine/protocol.ts";
import { openWorkerPort } from "../src/engine/worker_port.ts";
import { type Figure, quantile } from "./figure.ts";

const PATH = fileURLToPath(new URL("../tests/fixtures/forward/gqa/", import.meta.url));
const ROUNDS = 4;
const GENERATIONS = 20;
const ROUND_TRIPS = 300;
/** Greedy, 50 tokens; also for other benchmarks. */
export const SAMPLING: SubmitCommand["sampling"] = {
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0, typicalP: 1, seed: "1", logprobs: -1 },
  ...{ repetitionPenalty: 1, presencePenalty: 0, frequencyPenalty: 0 },
  ...{ maxTokens: 50, minTokens: 0, stopTokenIds: [], ignoreEos: true },
  logitBias: [],
  constraint: null,
};

const KINDS = { Worker: openWorkerPort, process: openProcessPort } as const;

class Samples {
  /** Between two token messages, as the client sees them. */
  readonly gapMs: number[] = [];
  /** From a command to its answer, the engine being idle. */
  readonly roundTripMs: number[] = [];
  readonly tokens = new Set<string>();
}

export async function benchPort(): Promise<readonly Figure[]> {
  const samples = { Worker: new Samples(), process: new Samples() };
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ["Worker", "process"] as const) await measure(KINDS[kind], samples[kind]);
  }
  const said = new Set([...samples.Worker.tokens, ...samples.process.tokens]);
  if (said.size !== 1) throw new Error(`Greedy tokens differ: ${[...said].join(" / ")}`);
  const figures = (["Worker", "process"] as const).flatMap((kind): Figure[] => [
    { name: `round trip, ${kind}, p50`, value: quantile(samples[kind].roundTripMs, 0.5), unit: "ms" },
    { name: `round trip, ${kind}, p99`, value: quantile(samples[kind].roundTripMs, 0.99), unit: "ms" },
    { name: `between tokens, ${kind}, p50`, value: quantile(samples[kind].gapMs, 0.5), unit: "ms" },
    { name: `between tokens, ${kind}, p99`, value: quantile(samples[kind].gapMs, 0.99), unit: "ms" },
  ]);
  const median = (kind: "Worker" | "process") => quantile(samples[kind].roundTripMs, 0.5);
  return [...figures, {
    name: "added to a message, one way",
    value: (median("process") - median("Worker")) / 2,
    unit: "ms",
    note: "half of what a round trip takes longer",
  }];
}

async function measure(
  open: () => ReturnType<typeof openWorkerPort | typeof openProcessPort>,
  samples: Samples,
) {
  await using client = new PortEngineClient(open());
  const shape = { quantization: "none", precision: "f32", maxContext: 64, maxSequences: 2 } as const;
  await client.load({ modelKey: "m", path: PATH, ...shape });
  for (let index = 0; index < GENERATIONS; index++) await generate(client, `${index}`, samples);
  for (let index = 0; index < ROUND_TRIPS; index++) {
    const startMs = performance.now();
    await client.metrics();
    samples.roundTripMs.push(performance.now() - startMs);
  }
}

function generate(client: PortEngineClient, requestId: string, samples: Samples): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const ids: number[] = [];
  let lastMs: number | undefined;
  const command = {
    requestId,
    modelKey: "m",
    promptTokenIds: [1, 5, 6],
    eosTokenIds: [],
    sampling: SAMPLING,
  };
  client.submit(command, (message) => {
    if (message.type === "failed") reject(new Error(message.error.message));
    if (message.type === "tokens") {
      const nowMs = performance.now();
      if (lastMs !== undefined) samples.gapMs.push(nowMs - lastMs);
      lastMs = nowMs;
      ids.push(...message.tokens.map(({ id }) => id));
    }
    if (message.type !== "finished") return;
    samples.tokens.add(ids.join());
    resolve();
  });
  return promise;
}

/**
 * Decode steps of the demo model on whatever adapter there is: what a step costs in dispatches, submits and bytes,
 * and how decode gains from running ahead of the readback and from batching. The greedy tokens are checked against
 * the reference outputs before anything is timed.
 */
import { fileURLToPath } from "node:url";
import { GpuDevice } from "../src/gpu/device.ts";
import { loadModel } from "../src/model/load.ts";
import type {
  BlockId,
  DecodeRow,
  ModelRunner,
  PendingStep,
  PreparedStep,
  Slot,
} from "../src/model/runner.ts";
import { GREEDY } from "../src/model/sampling.ts";
import type { Figure } from "./figure.ts";

const DEMO = fileURLToPath(new URL("../demo/", import.meta.url));
const STEPS = 150;
const CONTEXT = 512;
const BATCH = 8;

export async function benchStep(): Promise<readonly Figure[]> {
  using device = await GpuDevice.open();
  using runner = await loadModel(device, `${DEMO}parents/helper`, {
    quantization: "none",
    precision: "f32",
    maxContext: CONTEXT,
    maxSequences: BATCH,
  });
  const prompt = await verify(runner);

  const rounds: { single: number; waiting: number; batched: number }[] = [];
  for (let round = 0; round < 3; round++) {
    rounds.push({
      single: await decodeMs(runner, prompt, { batch: 1, ahead: 1 }),
      waiting: await decodeMs(runner, prompt, { batch: 1, ahead: 0 }),
      batched: await decodeMs(runner, prompt, { batch: BATCH, ahead: 1 }),
    });
  }
  const median = (pick: (round: typeof rounds[number]) => number) =>
    rounds.map(pick).sort((a, b) => a - b)[1]!;
  const { cost } = await start(runner, prompt, 1).then(async ({ step }) => {
    const pending = step(0);
    await pending.submit().collect();
    return { cost: pending.costs[0]! };
  });
  return [
    { name: "dispatches a step", value: cost.dispatches, unit: "" },
    { name: "submits a step", value: cost.submits, unit: "" },
    { name: "readback a step", value: cost.readbackBytes, unit: "bytes" },
    { name: "weights on the device", value: runner.memory.weightBytes / 2 ** 20, unit: "MiB" },
    {
      name: "decode, one sequence",
      value: 1000 * STEPS / median(({ single }) => single),
      unit: "tokens/s",
      note: `on ${device.info.adapter}`,
    },
    {
      name: "one step ahead of the readback / waiting for it",
      value: median(({ single, waiting }) => waiting / single),
      unit: "× tokens/s",
    },
    {
      name: `${BATCH} sequences in a batch / one`,
      value: median(({ single, batched }) => BATCH * single / batched),
      unit: "× tokens/s",
    },
  ];
}

/** Greedy tokens of one reference prompt; returns its ids. */
async function verify(runner: ModelRunner): Promise<Uint32Array> {
  const lines = (await Deno.readTextFile(`${DEMO}eval/reference.jsonl`)).trim().split("\n");
  const reference: { model: string; prompt_ids: number[]; output_ids: number[] } = lines
    .map((line) => JSON.parse(line)).find(({ model }) => model === "helper");
  const prompt = Uint32Array.from(reference.prompt_ids);
  const { first, step } = await start(runner, prompt, 1);
  const found = [first];
  while (found.length < reference.output_ids.length) {
    const [samples] = await step(found.length - 1).submit().collect();
    found.push(samples![0]!.id);
  }
  if (found.join() !== reference.output_ids.join()) {
    throw new Error(`Greedy tokens are ${found.join()}, expected ${reference.output_ids.join()}`);
  }
  return prompt;
}

interface Started {
  /** First sampled token. */
  readonly first: number;
  /** Prepares decode step n, 0 first. */
  readonly step: (n: number) => PreparedStep;
}

/** Prefills `batch` equal sequences. */
async function start(runner: ModelRunner, prompt: Uint32Array, batch: number): Promise<Started> {
  const blocks = Math.ceil(CONTEXT / runner.limits.blockSize);
  const table = (slot: number) => Array.from({ length: blocks }, (_, i) => (slot * blocks + i) as BlockId);
  const slots = Array.from({ length: batch }, (_, i) => i as Slot);
  for (const slot of slots) {
    const init = { sampling: GREEDY, bannedUntilMinTokens: [], promptTokenIds: prompt, outputTokenIds: [] };
    runner.initSlot(slot, init);
  }
  const prompts = slots.map((slot) => ({
    slot,
    tokenIds: prompt,
    start: 0,
    replay: false,
    sample: true,
    blockTable: table(slot),
  }));
  const [samples] = await runner.prepare([{ prompts, decodes: [] }]).submit().collect();
  return {
    first: samples![0]!.id,
    step: (n) =>
      runner.prepare([{
        prompts: [],
        decodes: slots.map((slot): DecodeRow => ({
          slot,
          position: prompt.length + n,
          blockTable: table(slot),
        })),
      }]),
  };
}

async function decodeMs(
  runner: ModelRunner,
  prompt: Uint32Array,
  { batch, ahead }: { batch: number; ahead: 0 | 1 },
): Promise<number> {
  const { step } = await start(runner, prompt, batch);
  const begin = performance.now();
  let last: PendingStep | null = null;
  for (let n = 0; n < STEPS; n++) {
    const prepared = step(n); // While the device works on the step before, if we are ahead.
    await last?.collect();
    last = prepared.submit();
    if (ahead === 1) continue;
    await last.collect();
    last = null;
  }
  await last?.collect();
  return performance.now() - begin;
}

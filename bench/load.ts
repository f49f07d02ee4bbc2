/**
 * Loading a checkpoint of Mistral 7B's shape cut to two layers, from bfloat16 and from the FP8 that a first load leaves
 * behind, out of the page cache. The greedy tokens must be the same each way before anything is timed. The device's own
 * share is measured by writing as many bytes to it that lie in memory already.
 */
import { openCheckpoint } from "../src/formats/checkpoint.ts";
import { GpuDevice } from "../src/gpu/device.ts";
import { loadModel } from "../src/model/load.ts";
import { writeQuantizedCopy } from "../src/model/quantized_copy.ts";
import type { BlockId, ModelRunner, Slot } from "../src/model/runner.ts";
import { MISTRAL_7B_SHAPE, writeCheckpoint } from "../tests/support/checkpoint_generator.ts";
import type { Figure } from "./figure.ts";
import { GREEDY } from "./step.ts";

const ROUNDS = 3;
const LAYERS = 2;

export interface LoadBenchOptions {
  readonly dir?: string;
  readonly threads?: number;
}

export async function benchLoad({ dir, threads }: LoadBenchOptions): Promise<readonly Figure[]> {
  const root = await Deno.makeTempDir({ ...dir !== undefined && { dir }, prefix: "geodesic-load-" });
  try {
    const [trained, quantized] = [`${root}/bf16`, `${root}/fp8`];
    const config = { ...MISTRAL_7B_SHAPE, num_hidden_layers: LAYERS, head_dim: 128, rope_theta: 1e6 };
    await writeCheckpoint(trained, { config, gain: 1.5 });
    {
      using checkpoint = await openCheckpoint(trained);
      await writeQuantizedCopy(checkpoint, quantized);
    }
    using device = await GpuDevice.open();
    const inThreads = threads === undefined ? {} : { threads };
    const ways = {
      alone: await timeLoads(device, trained, { threads: 0 }),
      trained: await timeLoads(device, trained, inThreads),
      quantized: await timeLoads(device, quantized, inThreads),
    };
    const tokens = new Set(Object.values(ways).map((way) => way.tokens));
    if (tokens.size !== 1) throw new Error(`Tokens differ: ${[...tokens].join("; ")}`);
    const writing = writeSeconds(device, ways.trained.weightBytes);
    return [
      { name: "bfloat16 on disk", value: ways.trained.bytes / 1e9, unit: "GB", note: device.info.adapter },
      { name: "FP8 on the device, embedding in bfloat16", value: ways.trained.weightBytes / 1e9, unit: "GB" },
      figure("quantizing, in the thread that uploads", ways.alone),
      figure("quantizing, in threads", ways.trained),
      figure("from FP8, in threads", ways.quantized),
      { name: "writing as much that lies in memory", value: await writing, unit: "s" },
    ];
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

interface Timed {
  readonly seconds: number;
  /** Of the checkpoint's tensors. */
  readonly bytes: number;
  readonly weightBytes: number;
  readonly tokens: string;
}

function figure(name: string, { seconds, bytes }: Timed): Figure {
  return { name, value: seconds, unit: "s", note: `${(bytes / seconds / 1e9).toFixed(2)} GB/s read` };
}

/** Median of the time until everything is on the device; compiling kernels is not in it. */
async function timeLoads(
  device: GpuDevice,
  dir: string,
  options: { readonly threads?: number },
): Promise<Timed> {
  const times: number[] = [];
  let [bytes, weightBytes, tokens] = [0, 0, ""];
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    using runner = await loadModel(device, dir, {
      quantization: "fp8",
      precision: "f32",
      maxContext: 64,
      maxSequences: 1,
      ...options,
      onProgress({ stage, totalBytes }) {
        if (stage === "WARMING_UP") times.push(performance.now() - began);
        bytes = totalBytes;
      },
    });
    weightBytes = runner.memory.weightBytes;
    if (round === 0) tokens = (await greedy(runner)).join(" ");
  }
  const seconds = times.sort((a, b) => a - b)[ROUNDS >> 1]! / 1000;
  return { seconds, bytes, weightBytes, tokens };
}

async function greedy(runner: ModelRunner): Promise<number[]> {
  const slot = 0 as Slot;
  const blockTable = [0 as BlockId];
  const tokenIds = Uint32Array.of(1, 31_999, 16_384);
  runner.initSlot(slot, {
    sampling: GREEDY,
    bannedUntilMinTokens: [],
    promptTokenIds: tokenIds,
    outputTokenIds: [],
  });
  const prompt = { slot, tokenIds, start: 0, replay: false, sample: true, blockTable };
  const ids: number[] = [];
  for (let step = 0; step < 4; step++) {
    const decode = { slot, position: tokenIds.length + step - 1, blockTable };
    const plan = step === 0 ? { prompts: [prompt], decodes: [] } : { prompts: [], decodes: [decode] };
    const [samples] = await runner.prepare([plan]).submit().collect();
    ids.push(samples![0]!.id);
  }
  return ids;
}

async function writeSeconds(device: GpuDevice, bytes: number): Promise<number> {
  const chunk = new Uint8Array(4 * 2 ** 20).fill(1);
  const { queue } = device.handle;
  using buffer = device.createBuffer({ label: "written", bytes: 64 * 2 ** 20 });
  const began = performance.now();
  for (let at = 0; at < bytes; at += chunk.byteLength) {
    queue.writeBuffer(buffer.handle, at % buffer.bytes, chunk);
    queue.submit([]);
  }
  await queue.onSubmittedWorkDone();
  return (performance.now() - began) / 1000;
}

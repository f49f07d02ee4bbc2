/**
 * Loading a checkpoint of Mistral 7B's shape cut to two layers, from bfloat16, quantized by the host and by the device, and
 * from the FP8 that a first load leaves behind, out of the page cache. The greedy tokens must be the same each way before anything is timed. The device's own
 * share is measured by writing as many bytes to it that lie in memory already.
 */
import { openCheckpoint } from "../src/formats/checkpoint.ts";
import { GpuDevice } from "../src/gpu/device.ts";
import { loadModel } from "../src/model/load.ts";
import { writeQuantizedCopy } from "../src/model/quantized_copy.ts";
import type { BlockId, ModelRunner, Slot } from "../src/model/runner.ts";
import { MISTRAL_7B_SHAPE } from "../tests/support/checkpoint_generator.ts";
import type { Figure } from "./figure.ts";
import { writePooledCheckpoint } from "./parents.ts";
import { GREEDY } from "./step.ts";

const ROUNDS = 3;
const LAYERS = 2;

export interface LoadBenchOptions {
  readonly dir?: string;
  readonly threads?: number;
}

export async function benchLoad(options: LoadBenchOptions): Promise<readonly Figure[]> {
  using device = await GpuDevice.open();
  const { ways, writingSeconds } = await compareLoads(device, { ...options, layers: LAYERS });
  const { bytes, weightBytes } = ways.host;
  return [
    { name: "bfloat16 on disk", value: bytes / 1e9, unit: "GB", note: device.info.adapter },
    { name: "FP8 on the device, embedding in bfloat16", value: weightBytes / 1e9, unit: "GB" },
    figure("quantizing, in the thread that uploads", ways.alone),
    figure("quantizing, in threads", ways.host),
    figure("quantizing, on the device", ways.device),
    { name: "in threads / on the device", value: ways.host.seconds / ways.device.seconds, unit: "×" },
    figure("from FP8, in threads", ways.quantized),
    { name: "writing as much that lies in memory", value: writingSeconds, unit: "s" },
  ];
}

/** Every way to load one model; writes its checkpoints, and removes them. */
export async function compareLoads(
  device: GpuDevice,
  { dir, threads, layers }: LoadBenchOptions & { readonly layers: number },
): Promise<
  { readonly ways: Readonly<Record<keyof typeof WAYS | "quantized", Timed>>; readonly writingSeconds: number }
> {
  const root = await Deno.makeTempDir({ ...dir !== undefined && { dir }, prefix: "geodesic-load-" });
  try {
    const [trained, quantized] = [`${root}/bf16`, `${root}/fp8`];
    await writePooledCheckpoint(trained, {
      ...MISTRAL_7B_SHAPE,
      num_hidden_layers: layers,
      head_dim: 128,
      rope_theta: 1e6,
    });
    {
      using checkpoint = await openCheckpoint(trained);
      await writeQuantizedCopy(checkpoint, quantized);
    }
    const inThreads = threads === undefined ? {} : { threads };
    const ways = {
      alone: await timeLoads(device, trained, WAYS.alone),
      host: await timeLoads(device, trained, { ...inThreads, ...WAYS.host }),
      device: await timeLoads(device, trained, { ...inThreads, ...WAYS.device }),
      quantized: await timeLoads(device, quantized, inThreads),
    };
    const tokens = new Set(Object.values(ways).map((way) => way.tokens));
    if (tokens.size !== 1) throw new Error(`Tokens differ: ${[...tokens].join("; ")}`);
    return { ways, writingSeconds: await writeSeconds(device, ways.host.weightBytes) };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const WAYS = {
  alone: { quantizeOn: "host", threads: 0 },
  host: { quantizeOn: "host" },
  device: { quantizeOn: "device" },
} as const;

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
  options: { readonly threads?: number; readonly quantizeOn?: "device" | "host" },
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

/**
 * Loading a checkpoint of Mistral 7B's shape cut to two layers, from bfloat16, quantized by the host and by the device, and
 * from the FP8 that a first load leaves behind, out of the page cache. The greedy tokens must be the same each way before
 * anything is timed. The device's own share is measured by writing as many bytes to it that lie in memory already.
 */
import { openCheckpoint } from "../src/formats/checkpoint.ts";
import { GpuDevice } from "../src/gpu/device.ts";
import { loadModel, type LoadOptions } from "../src/model/load.ts";
import { writeQuantizedCopy } from "../src/model/quantized_copy.ts";
import type { BlockId, ModelRunner, Slot } from "../src/model/runner.ts";
import { GREEDY } from "../src/model/sampling.ts";
import { MISTRAL_7B_SHAPE } from "../tests/support/checkpoint_generator.ts";
import type { Figure } from "./figure.ts";
import { writePooledCheckpoint } from "./parents.ts";

const ROUNDS = 3;
const LAYERS = 2;

export interface LoadBenchOptions {
  readonly dir?: string;
  readonly threads?: number;
}

interface CompareOptions extends LoadBenchOptions {
  readonly layers: number;
  readonly rounds?: number;
  /** All unless given. */
  readonly ways?: readonly (keyof typeof WAYS)[];
}

export async function benchLoad(options: LoadBenchOptions): Promise<readonly Figure[]> {
  using device = await GpuDevice.open();
  const { ways, writingSeconds } = await compareLoads(device, { ...options, layers: LAYERS });
  const { alone, host, device: onDevice, quantized } = ways as Record<
    keyof typeof WAYS | "quantized",
    Timed
  >;
  const { bytes, weightBytes } = host;
  return [
    { name: "bfloat16 on disk", value: bytes / 1e9, unit: "GB", note: device.info.adapter },
    { name: "FP8 on the device, embedding in bfloat16", value: weightBytes / 1e9, unit: "GB" },
    figure("quantizing, in the thread that uploads", alone),
    figure("quantizing, in threads", host),
    figure("quantizing, on the device", onDevice),
    { name: "in threads / on the device", value: host.seconds / onDevice.seconds, unit: "×" },
    figure("from FP8, in threads", quantized),
    { name: "writing as much that lies in memory", value: writingSeconds, unit: "s" },
  ];
}

/** Every way to load one model; writes its checkpoints, and removes them. */
export async function compareLoads(
  device: GpuDevice,
  { dir, threads, layers, rounds = ROUNDS, ways: chosen }: CompareOptions,
): Promise<{ readonly ways: Readonly<Record<string, Timed>>; readonly writingSeconds: number }> {
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
    const ways: Record<string, Timed> = {};
    for (
      const [name, way] of Object.entries(WAYS) as [
        keyof typeof WAYS,
        Pick<LoadOptions, "threads" | "quantizeOn">,
      ][]
    ) {
      if (chosen !== undefined && !chosen.includes(name)) continue;
      ways[name] = await timeLoads(device, trained, rounds, { ...inThreads, ...way });
    }
    const { weightBytes } = ways["quantized"] = await timeLoads(device, quantized, rounds, inThreads);
    const tokens = new Set(Object.values(ways).map((way) => way.tokens));
    if (tokens.size !== 1) throw new Error(`Tokens differ: ${[...tokens].join("; ")}`);
    return { ways, writingSeconds: await writeSeconds(device, weightBytes) };
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
  rounds: number,
  options: Pick<LoadOptions, "threads" | "quantizeOn">,
): Promise<Timed> {
  const times: number[] = [];
  let [bytes, weightBytes, tokens] = [0, 0, ""];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    using runner = await loadModel(device, dir, {
      quantization: "fp8",
      precision: "f32",
      maxContext: 64,
      maxSequences: 1,
      checksBits: false,
      ...options,
      onProgress({ stage, totalBytes }) {
        if (stage === "WARMING_UP") times.push(performance.now() - began);
        bytes = totalBytes;
      },
    });
    weightBytes = runner.memory.weightBytes;
    if (round === 0) tokens = (await greedy(runner)).join(" ");
  }
  const seconds = times.sort((a, b) => a - b)[rounds >> 1]! / 1000;
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

/**
 * Every kernel of the registry as a decode step of Mistral 7B's shape dispatches it (of one layer on a software driver):
 * time, bytes a second, and what share that is of a bandwidth measured in the same run. Before anything is timed, small
 * models are run with the same tunings and held against the float64 oracle, sampled tokens included.
 */
import { GpuDevice } from "../src/gpu/device.ts";
import { ParamsArena } from "../src/gpu/params.ts";
import { ALL_KERNELS } from "../src/kernels/all.ts";
import { quantizeRows } from "../src/kernels/quantize_rows.ts";
import { groupBytes } from "../src/kernels/sample_groups.ts";
import { chooseTuning, type DeviceTuning, portableTuning, subgroupTuning } from "../src/kernels/tuning.ts";
import type { BlockId, KvCacheDtype, ModelRunner, Slot } from "../src/model/runner.ts";
import { GREEDY } from "../src/model/sampling.ts";
import { TestModel, worst } from "../tests/model/harness.ts";
import { forward, loadOracle } from "../tests/oracle/forward.ts";
import { draw, greedy, support, uniform } from "../tests/oracle/sample.ts";
import { writeCheckpoint } from "../tests/support/checkpoint_generator.ts";
import { divergence } from "../tests/support/divergence.ts";
import { normals, runSampler, SAMPLING } from "../tests/support/sampling.ts";
import { type Dispatch, recordDispatches } from "./dispatches.ts";
import type { Figure } from "./figure.ts";
import { Lab, randomBytes } from "./gpu/harness.ts";
import { bandwidth } from "./gpu/limits.ts";
import { randomModel, requireTokens } from "./gpu/step.ts";

/** Of a decode row; long enough for attention in parts. */
const CONTEXT = 1000;
/** Of two float32 implementations whose logits are of order 1. */
const TOLERANCE = 1e-3;
/**
 * With a cache in FP8, root-mean-square of log-probabilities: a key whose last bit differs may fall to another code.
 * tests/model/kv_cache_test.ts has more on it.
 */
const FP8_CACHE_TOLERANCE = 0.05;

/** How a model is run. */
interface Way {
  readonly tuning: DeviceTuning;
  readonly kvCacheDtype: KvCacheDtype;
}

export async function benchKernels(): Promise<readonly Figure[]> {
  using device = await GpuDevice.open();
  const ways = waysOf(device);
  const verified = new Set<string>();
  for (const way of ways) await verifyForward(device, way, verified);
  await verifySampler(device, verified);
  using lab = new Lab(device);
  const rates = await bandwidth(lab);
  const limit = Math.max(...Object.values(rates));
  const figures: Figure[] = [
    {
      name: "bandwidth, the best of reading and copying",
      value: limit,
      unit: "GB/s",
      note: device.info.adapter,
    },
  ];
  // What is left is to be timed.
  const left = new Set(verified);
  for (const way of ways) figures.push(...await timeModel(lab, way, { limit, left }));
  if (left.delete(quantizeRows.name)) figures.push(await timeQuantizer(lab, limit));
  for (const { name } of ALL_KERNELS) {
    if (verified.has(name) && !left.has(name)) continue;
    const note = verified.has(name) ? "no step of this device runs it" : "no model here was verified with it";
    figures.push({ name, value: null, unit: "GB/s", note });
  }
  return figures;
}

/** What the device runs, and what others would run that it can. */
function waysOf({ info }: GpuDevice): Way[] {
  const { software, subgroupSize } = info;
  const own = chooseTuning(info);
  const tunings = [
    own,
    portableTuning(software),
    ...subgroupSize === null ? [] : [subgroupTuning(subgroupSize)],
  ];
  return [
    ...tunings.map((tuning): Way => ({ tuning, kvCacheDtype: "auto" })),
    { tuning: own, kvCacheDtype: "fp8" },
  ];
}

async function verifyForward(device: GpuDevice, way: Way, verified: Set<string>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "geodesic-kernels-" });
  try {
    const config = { hidden_size: 64, head_dim: 32, max_position_embeddings: 512 };
    await writeCheckpoint(dir, { config, seed: 5 });
    const ids = Array.from({ length: 300 }, (_, i) => i * 7 % 32);
    const fp8Cache = way.kvCacheDtype === "fp8";
    const { data: expected } = forward(await loadOracle(dir, { fp8: true }), ids, { fp8Cache });
    for (const family of ["prompt", "decode"] as const) {
      const dispatches = await recordDispatches(async () => {
        using model = await TestModel.load(device, dir, {
          quantization: "fp8",
          quantizeOn: "device",
          ...way,
        });
        const found = await model.runPrompt(ids, 32, { family });
        const off = fp8Cache
          ? divergence(expected, found, model.vocabSize).rms / FP8_CACHE_TOLERANCE
          : worst(found, expected).error / TOLERANCE;
        if (!(off < 1)) throw new Error(`Logits of ${family} rows are off by ${off} times what may be`);
      });
      for (const { kernel } of dispatches) verified.add(kernel.name);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function verifySampler(device: GpuDevice, verified: Set<string>): Promise<void> {
  const ways = [{ temperature: 0 }, {}, { topK: 50, topP: 0.95 }, { minP: 0.05, temperature: 0.7 }];
  const inputs = ways.map((way, seed) => ({
    logits: normals(2049, 3, seed),
    sampling: { ...SAMPLING, ...way, seed: BigInt(seed) },
    ...{ prompt: [], output: [], banned: [] },
  }));
  const dispatches = await recordDispatches(async () => {
    for (const [row, { id }] of (await runSampler(device, inputs)).entries()) {
      const input = inputs[row]!;
      const { temperature, seed } = input.sampling;
      const wanted = temperature === 0 ? greedy(input) : draw(support(input), uniform(seed, 0));
      if (id !== wanted) throw new Error(`Row ${row} sampled ${id}, expected ${wanted}`);
    }
  });
  for (const { kernel } of dispatches) verified.add(kernel.name);
}

interface Timing {
  readonly limit: number;
  /** Names of kernels that have no figure yet. */
  readonly left: Set<string>;
}

/** A decode step's dispatches, each kind by itself; kernels that an earlier tuning had are left out. */
async function timeModel(lab: Lab, way: Way, { limit, left }: Timing): Promise<Figure[]> {
  const { software } = lab.gpu.info;
  // Layers whose matrices no cache holds together.
  const layers = software ? 1 : 8;
  const maxContext = CONTEXT + 24;
  using runner = await randomModel(lab, { layers, precision: "f32", maxSequences: 1, maxContext, ...way });
  const kinds = new Map<string, Dispatch[]>();
  for (const dispatch of await recordDispatches(() => step(runner))) {
    const { kernel: { name }, params } = dispatch;
    if (!left.has(name)) continue;
    const key = `${name} ${Object.values(params).join()}`;
    kinds.set(key, [...kinds.get(key) ?? [], dispatch]);
  }
  const figures: Figure[] = [];
  for (const dispatches of kinds.values()) {
    figures.push(figure(dispatches[0]!, await timeSeries(lab, dispatches), limit));
    left.delete(dispatches[0]!.kernel.name);
  }
  return figures;
}

/** One decode step behind a prompt of one token; what the cache holds is of no interest. */
async function step(runner: ModelRunner): Promise<void> {
  const slot = 0 as Slot;
  const blocks = Math.ceil((CONTEXT + 1) / runner.limits.blockSize);
  const blockTable = Array.from({ length: blocks }, (_, block) => block as BlockId);
  const init = { bannedUntilMinTokens: [], promptTokenIds: Uint32Array.of(1), outputTokenIds: [] };
  runner.initSlot(slot, { ...init, sampling: GREEDY });
  const plan = { prompts: [], decodes: [{ slot, position: CONTEXT, blockTable }] };
  // A sequence that stopped would be left out by kernels that are timed afterwards.
  requireTokens(await runner.prepare([plan]).submit().collect(), 1);
}

/** Microseconds of one of them. */
async function timeSeries(lab: Lab, dispatches: readonly Dispatch[]): Promise<number> {
  using arena = new ParamsArena(lab.gpu, dispatches.length);
  const encoded = dispatches.map(({ kernel, params }) => ({
    kernel,
    offset: Uint32Array.of(arena.push(kernel, params)),
    grid: kernel.grid(params),
  }));
  arena.flush();
  const us = await lab.time((pass) => {
    for (const { kernel, offset, grid: [x, y = 1, z = 1] } of encoded) {
      pass.setPipeline(kernel.pipeline);
      pass.setBindGroup(0, kernel.bindGroup(arena.window), offset, 0, 1);
      pass.dispatchWorkgroups(x, y, z);
    }
  });
  return us / dispatches.length;
}

async function timeQuantizer(lab: Lab, limit: number): Promise<Figure> {
  const [rows, inputs] = [1024, 4096];
  const source = lab.gpuBuffer("raw rows", rows * inputs * 2);
  lab.fill(source.handle, randomBytes(source.bytes));
  const places = lab.gpuBuffer("places", rows * 4);
  lab.device.queue.writeBuffer(
    places.handle,
    0,
    Uint32Array.from({ length: rows }, (_, row) => row * inputs),
  );
  const codes = lab.gpuBuffer("codes", rows * inputs);
  const channels = lab.gpuBuffer("channels", rows * 8);
  const compiled = await lab.gpu.compile(quantizeRows);
  const kernel = compiled.bind({ source, places, codes, channels });
  const dispatch = { kernel, params: { firstRow: 0, rows, inputs, groups: inputs / 16 } };
  return figure(dispatch, await timeSeries(lab, [dispatch]), limit);
}

function figure({ kernel: { name }, params }: Dispatch, us: number, limit: number): Figure {
  const bytes = BYTES[name]?.(params) ?? null;
  const pairs = params["pairs"];
  const shown = pairs === undefined ? name : `${name}, ${2 * pairs} × ${16 * params["groups"]!}`;
  const time = `${us.toPrecision(3)} µs`;
  if (bytes === null) {
    return { name: shown, value: null, unit: "GB/s", note: `${time}; bytes are not counted` };
  }
  const rate = bytes / us / 1000;
  return { name: shown, value: rate, unit: "GB/s", note: `${(100 * rate / limit).toFixed(0)} %, ${time}` };
}

type Params = Readonly<Record<string, number>>;
const matrix = ({ pairs, groups }: Params) => pairs! * (2 * groups! * 16 + 16);
const keysAndValues = ({ kvHeads, columns }: Params) => (CONTEXT + 1) * kvHeads! * columns! * 4 * 2 * 4;

/** What a dispatch for one row must at least read and write, in FP8 with float32 activations. */
const BYTES: Readonly<Record<string, (params: Params) => number>> = {
  embed: ({ rows, groups }) => rows! * groups! * 16 * (2 + 4),
  qkv_rope: matrix,
  linear_residual: matrix,
  gate_up: matrix,
  lm_head: matrix,
  attention: keysAndValues,
  attention_flash: keysAndValues,
  attention_combine: ({ rows, splits, queryHeads, columns }) => rows! * splits! * queryHeads! * columns! * 16,
  sample_groups: ({ rowCount, vocabSize }) => rowCount! * (vocabSize! * 4 + groupBytes(vocabSize!)),
  sample: ({ rowCount, vocabSize }) => rowCount! * groupBytes(vocabSize!) / 2,
  quantize_cache: ({ rows, kvHeads, columns }) => rows! * 2 * kvHeads! * columns! * 4 * (4 + 1),
  quantize_rows: ({ rows, inputs }) => rows! * inputs! * (2 + 1),
};

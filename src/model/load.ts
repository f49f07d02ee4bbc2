/**
 * A checkpoint folder → a model resident on the device. Bounded host memory, progress by bytes, abortable; when
 * it fails, for whatever reason, nothing of it is left on the device.
 */
import { CapacityError, GeodesicError } from "../errors.ts";
import { type Checkpoint, openCheckpoint } from "../formats/checkpoint.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { probeSubnormals, type Subnormals } from "../gpu/subnormals.ts";
import { addingIn, chooseTuning, type DeviceTuning } from "../kernels/tuning.ts";
import { whyAddedInF32 } from "./accumulation.ts";
import { LoadMeter, type LoadProgress, type LoadStage } from "./load_meter.ts";
import { fitModel, type MemoryPlan } from "./memory.ts";
import { MistralRunner } from "./mistral.ts";
import type { Accumulation, KvCacheDtype, ModelRunner, Precision, Quantization } from "./runner.ts";
import { isUnquantized } from "./quantized_copy.ts";
import { InlinePacker, PackThreads, type RowSource } from "./pack_threads.ts";
import { RowQuantizer } from "./row_quantizer.ts";
import { findFlaw, type Flaw } from "./self_check.ts";
import type { ModelFormats } from "./matrices.ts";
import { checkSupported, type ModelSizes } from "./sizes.ts";
import { withTunedForms } from "./tuned_forms.ts";
import {
  type CacheEntry,
  type CacheJob,
  type CacheKey,
  cacheNotice,
  isUnusable,
  openCacheEntry,
  stampOf,
} from "./weight_cache.ts";
import { checkTensors, formatsOf, loadWeights, type ModelWeights } from "./weights.ts";

export type { LoadProgress, LoadStage };

/** Where quantized weights are kept between loads. */
export interface LoadCache extends CacheKey {
  /** What all entries together may take. */
  readonly maxBytes: number;
  /** Called after a load that found none, with what should be written while nobody waits for it. */
  readonly write: (job: CacheJob) => void;
  /** One line, when an entry cannot be used. */
  readonly log: (line: string) => void;
}

export interface LoadOptions {
  readonly quantization: Quantization;
  readonly precision: Precision;
  /** `auto` unless given. */
  readonly kvCacheDtype?: KvCacheDtype | undefined;
  /** f32 unless given; of no effect beside `tuning`, which says so itself. */
  readonly accumulation?: Accumulation | undefined;
  /** Cut to the checkpoint's own context. */
  readonly maxContext: number;
  readonly maxSequences: number;
  /** Upper bound of the KV cache in bytes. */
  readonly cacheBytes?: number;
  /** What the model may take of the device in all; a smaller KV cache comes before a refusal. */
  readonly memoryBytes?: number | undefined;
  /** Treat the device as if no larger range could be bound; weights are sliced accordingly. */
  readonly maxBindableBytes?: number;
  /** In place of the one for the device. */
  readonly tuning?: DeviceTuning;
  /** Where forms lie that were found quickest on this device (tuned_forms.ts); none are looked for without. */
  readonly tunedDir?: string | undefined;
  /** That read, and quantize if the host does; 0: the calling one. By processors and the model's size unless given. */
  readonly threads?: number;
  /** Who quantizes; the bits are the same. The device, unless it is software or this says otherwise. */
  readonly quantizeOn?: "device" | "host";
  readonly cache?: LoadCache;
  /** What becomes of f16's subnormals, in place of what the device is found to do. */
  readonly subnormals?: Subnormals;
  /** Whether to try out that bits are kept, and finite (self_check.ts); on all but software devices unless given. */
  readonly checksBits?: boolean;
  /** A line for each flaw, and what follows from it. */
  readonly log?: (line: string) => void;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Throws NotFoundError and FormatError for what is wrong with the folder, CapacityError for what the device cannot
 * hold or do, DeviceLostError, or `signal.reason`.
 */
export async function loadModel(device: GpuDevice, dir: string, options: LoadOptions): Promise<ModelRunner> {
  const { signal } = options;
  signal?.throwIfAborted();
  requirePrecision(device, options.precision);
  using source = await openCheckpoint(dir, signal ? { signal } : {});
  checkSupported(source.config);
  checkTensors(source, options.quantization);
  const meter = new LoadMeter(options.onProgress);
  const checks = options.checksBits ?? !device.info.software;
  let tuning = await tuningFor(device, source, options);
  let { tunedDir } = options;
  signal?.throwIfAborted();
  for (;;) {
    const loaded = await loadTuned(device, source, { ...options, dir, tuning, tunedDir, meter });
    const { runner, halves, toCache } = loaded;
    const { isTuned } = runner;
    const flaw = checks ? await flawOf(runner, signal) : null;
    if (flaw === null || (!halves && !isTuned)) {
      if (flaw !== null) options.log?.(`${foundOf(device, dir, flaw)}: ${CONSEQUENCES[flaw]}`);
      if (toCache !== null) options.cache?.write(toCache);
      return runner;
    }
    // What is quickest may be what a driver gets wrong, and costs less to do without.
    const without = isTuned ? "the forms that were tuned" : "products in pairs of f16";
    options.log?.(`${foundOf(device, dir, flaw)}: loading again, without ${without}`);
    runner[Symbol.dispose]();
    if (isTuned) tunedDir = undefined;
    else tuning = addingIn("f32", tuning);
  }
}

/** Throws CapacityError for numbers that the device's shaders do not have. */
export function requirePrecision(device: GpuDevice, precision: Precision): void {
  if (precision !== "f16" || device.has("shader-f16")) return;
  throw new CapacityError(`Cannot run with precision f16: "${device.info.adapter}" has no f16 in shaders`, {
    found: device.info.features,
    expected: "shader-f16",
  });
}

/**
 * The tuning that is asked for, as far as the device keeps the smallest values of FP8. Throws CapacityError where it cannot
 * hold any.
 */
export async function tuningFor(
  device: GpuDevice,
  source: Checkpoint,
  options: LoadOptions,
): Promise<DeviceTuning> {
  const { quantization, kvCacheDtype, precision } = options;
  const tuning = options.tuning ?? addingIn(options.accumulation ?? "f32", chooseTuning(device.info));
  const { embedding, head, layers } = formatsOf(source, quantization);
  const notice = whyAddedInF32(source.folder.dir, device.info, { ...options, tuning, layers });
  if (notice !== null) options.log?.(notice);
  const formats = [embedding, head, ...layers.flatMap((matrices) => Object.values(matrices))];
  if (kvCacheDtype !== "fp8" && !formats.includes("fp8")) return tuning;
  const { decoded, multiplied } = options.subnormals ??
    await probeSubnormals(device.handle).catch((error) => {
      device.assertHealthy();
      throw error;
    });
  const { adapter } = device.info;
  if (!decoded) {
    throw new CapacityError(
      `Cannot hold weights or KV cache in FP8: "${adapter}" takes subnormal numbers of f16 for zero, and with them the ` +
        "smallest values",
      { found: "flushed", expected: "kept" },
    );
  }
  if (multiplied || precision !== "f16" || tuning.halves === undefined) return tuning;
  options.log?.(
    `"${adapter}" takes subnormal numbers of f16 for zero in products: loading without these in pairs of f16`,
  );
  return addingIn("f32", tuning);
}

const CONSEQUENCES: Readonly<Record<Flaw, string>> = {
  bits: "the same seed may bring other tokens there",
  overflow: "generations will end as soon as that happens to them",
};

function foundOf(device: GpuDevice, dir: string, flaw: Flaw): string {
  return flaw === "bits"
    ? `"${device.info.adapter}" gives rows other bits among others than alone`
    : `The model in "${dir}" has logits that are not finite on "${device.info.adapter}"`;
}

/** Disposes of the runner if it cannot tell. */
async function flawOf(runner: ModelRunner, signal: AbortSignal | undefined): Promise<Flaw | null> {
  using owned = new DisposableStack();
  owned.use(runner);
  const flaw = await findFlaw(runner, signal);
  signal?.throwIfAborted();
  owned.move();
  return flaw;
}

interface TunedLoad {
  readonly runner: ModelRunner;
  /** It computes in pairs of f16. */
  readonly halves: boolean;
  /** What should be written to the cache once the model is served. */
  readonly toCache: CacheJob | null;
}

async function loadTuned(
  device: GpuDevice,
  source: Checkpoint,
  options: LoadOptions & { readonly dir: string; readonly tuning: DeviceTuning; readonly meter: LoadMeter },
): Promise<TunedLoad> {
  const { dir, quantization, cache } = options;
  const maxBindableBytes = Math.min(device.maxBindableBytes, options.maxBindableBytes ?? Infinity);
  const formats = formatsOf(source, quantization);
  const { sizes, memory } = fitModel(source.config, { ...options, maxBindableBytes, formats });
  const { halves } = sizes;
  const tuned = await withFormsOf(device, source, { ...options, formats, halves });
  const fit = { maxBindableBytes, tuned, sizes, memory };

  const caching = cache !== undefined && quantization === "fp8" && isUnquantized(source);
  const stamp = caching ? await stampOf(source) : "";
  if (caching) {
    try {
      using entry = await openCacheEntry(cache, source);
      if (entry !== null) {
        const runner = await load(device, entry.checkpoint, { ...options, ...fit, entry });
        return { runner, halves, toCache: null };
      }
    } catch (error) {
      if (!isUnusable(error)) throw error;
      cache.log(cacheNotice(error));
    }
  }
  const runner = await load(device, source, { ...options, ...fit, entry: null });
  if (!caching) return { runner, halves, toCache: null };
  const { dir: cacheDir, manifestSha256, maxBytes } = cache;
  return { runner, halves, toCache: { dir: cacheDir, manifestSha256, maxBytes, source: dir, stamp } };
}

/** The tuning with what is known to be quickest; without, where that cannot be read, for it is a matter of speed only. */
async function withFormsOf(
  device: GpuDevice,
  { config }: Checkpoint,
  { tunedDir, tuning, formats, precision, halves, log }: LoadOptions & {
    readonly tuning: DeviceTuning;
    readonly formats: ModelFormats;
    readonly halves: boolean;
  },
): Promise<DeviceTuning> {
  if (tunedDir === undefined) return tuning;
  try {
    return await withTunedForms(
      tunedDir,
      { device: device.info, config, formats, precision, halves },
      tuning,
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log?.(
      `${reason}. The built-in ones are used; "geodesic tune" makes the file anew, and it may be removed`,
    );
    return tuning;
  }
}

interface LoadPlan extends LoadOptions {
  readonly maxBindableBytes: number;
  /** The device's. */
  readonly tuning: DeviceTuning;
  /** With the forms that were found quickest; the same where there are none. */
  readonly tuned: DeviceTuning;
  readonly sizes: ModelSizes;
  readonly memory: MemoryPlan;
  readonly meter: LoadMeter;
  /** That the checkpoint is, to be checked against what was read. */
  readonly entry: CacheEntry | null;
}

async function load(
  device: GpuDevice,
  checkpoint: Checkpoint,
  plan: LoadPlan,
): Promise<ModelRunner> {
  const { precision, sizes, memory, log, signal } = plan;
  using owned = new DisposableStack();
  const weights = await uploadWeights(device, checkpoint, { ...plan, owned });
  const { config } = checkpoint;
  const make = async (tuning: DeviceTuning): Promise<ModelRunner> => {
    using own = new DisposableStack();
    const held = own.use(new DisposableStack()); // the weights, once there is a runner: a try that fails leaves them
    const isTuned = tuning !== plan.tuning;
    const parts = { device, config, sizes, weights, precision, tuning, memory, isTuned, owned: own };
    const runner = await MistralRunner.create(parts);
    held.use(owned.move());
    return runner;
  };
  let { tuned } = plan;
  const runner = await make(tuned).catch((error) => {
    if (tuned === plan.tuning || !isOfKernels(error)) throw error;
    log?.(`Loading without the forms that were tuned: ${error.message}`);
    tuned = plan.tuning;
    return make(tuned);
  });
  if (signal?.aborted) runner[Symbol.dispose]();
  signal?.throwIfAborted();
  return runner;
}

/** It has to do with which kernels there are, not with how much room: a driver may give another form up than it did before. */
function isOfKernels(error: unknown): error is Error {
  if (error instanceof CapacityError) return "kernel" in error.details;
  return error instanceof Error && !(error instanceof GeodesicError);
}

/** The weights on the device, on `owned`. */
export async function uploadWeights(
  device: GpuDevice,
  checkpoint: Checkpoint,
  plan:
    & Pick<
      LoadPlan,
      "quantization" | "maxBindableBytes" | "meter" | "entry" | "quantizeOn" | "threads" | "signal"
    >
    & {
      readonly owned: DisposableStack;
    },
): Promise<ModelWeights> {
  const { quantization, maxBindableBytes, meter, entry, owned, signal } = plan;
  const totalBytes = checkTensors(checkpoint, quantization);
  const quantizing = quantization === "fp8" && isUnquantized(checkpoint);
  meter.begin(totalBytes, quantizing ? "QUANTIZING" : "UPLOADING");
  const onDevice = quantizing && (plan.quantizeOn ?? (device.info.software ? "host" : "device")) === "device";
  using rows = startPacking(checkpoint, plan.threads ?? threadsFor(totalBytes, onDevice), signal);
  using quantizer = onDevice ? await RowQuantizer.create(device, { maxBindableBytes }) : null;
  const checksums = entry === null ? undefined : new Map<string, number>();
  const onBytes = (bytes: number) => meter.add(bytes);
  const weights = await loadWeights(
    { device, checkpoint, rows, quantizer, owned, maxBindableBytes, onBytes, checksums, signal },
    quantization,
  );
  // Its memory is free before the rest of the model asks for some.
  quantizer?.[Symbol.dispose]();
  if (checksums !== undefined) entry?.check(checksums);
  meter.warmUp();
  return weights;
}

/** Below this, threads would have more to do with starting than with packing. */
const MIN_BYTES_FOR_THREADS = 64 * 2 ** 20;
/** More than the one thread that uploads can keep up with, where they quantize, and where they only read. */
const MAX_THREADS = { packing: 12, reading: 4 } as const;

function threadsFor(bytes: number, onDevice: boolean): number {
  const most = onDevice ? MAX_THREADS.reading : MAX_THREADS.packing;
  return bytes < MIN_BYTES_FOR_THREADS ? 0 : Math.min(navigator.hardwareConcurrency, most);
}

export function startPacking(
  checkpoint: Checkpoint,
  threads: number,
  signal: AbortSignal | undefined,
): RowSource {
  return threads === 0 ? new InlinePacker(checkpoint, signal) : new PackThreads(threads, signal);
}

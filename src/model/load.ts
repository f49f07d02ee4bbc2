/**
 * A checkpoint folder → a model resident on the device. Bounded host memory, progress by bytes, abortable; when
 * it fails, for whatever reason, nothing of it is left on the device.
 */
import { CapacityError } from "../errors.ts";
import { type Checkpoint, openCheckpoint } from "../formats/checkpoint.ts";
import type { GpuDevice } from "../gpu/device.ts";
import { chooseTuning, type DeviceTuning } from "../kernels/tuning.ts";
import { MistralRunner } from "./mistral.ts";
import type { PackedMatrix } from "./packed_matrix.ts";
import type { ModelRunner, Precision, Quantization } from "./runner.ts";
import { InlinePacker, PackThreads, type RowSource } from "./pack_threads.ts";
import { planSizes } from "./sizes.ts";
import { checkTensors, loadWeights, type ModelWeights } from "./weights.ts";

/** `QUANTIZING` and `UPLOADING` both read, convert and upload as they go; the name says what takes the time. */
export type LoadStage = "READING" | "QUANTIZING" | "UPLOADING" | "WARMING_UP";

export interface LoadProgress {
  readonly stage: LoadStage;
  /** Of the checkpoint's tensors; never decreases. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

export interface LoadOptions {
  readonly quantization: Quantization;
  readonly precision: Precision;
  /** Cut to the checkpoint's own context. */
  readonly maxContext: number;
  readonly maxSequences: number;
  /** Upper bound of the KV cache in bytes. */
  readonly cacheBytes?: number;
  /** Treat the device as if no larger range could be bound; weights are sliced accordingly. */
  readonly maxBindableBytes?: number;
  /** In place of the one for the device. */
  readonly tuning?: DeviceTuning;
  /** That read and quantize; 0: the calling one. By the machine's processors and the model's size unless given. */
  readonly threads?: number;
  readonly onProgress?: (progress: LoadProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Throws NotFoundError and FormatError for what is wrong with the folder, CapacityError for what the device cannot
 * hold or do, DeviceLostError, or `signal.reason`.
 */
export async function loadModel(device: GpuDevice, dir: string, options: LoadOptions): Promise<ModelRunner> {
  const { quantization, precision, signal, onProgress = () => {} } = options;
  signal?.throwIfAborted();
  if (precision === "f16" && !device.has("shader-f16")) {
    throw new CapacityError(`Cannot run with precision f16: "${device.info.adapter}" has no f16 in shaders`, {
      found: device.info.features,
      expected: "shader-f16",
    });
  }
  using checkpoint = await openCheckpoint(dir, signal ? { signal } : {});
  const totalBytes = checkTensors(checkpoint, quantization);
  const maxBindableBytes = Math.min(device.maxBindableBytes, options.maxBindableBytes ?? Infinity);
  const tuning = options.tuning ?? chooseTuning(device.info);
  const sizes = planSizes(checkpoint.config, { ...options, maxBindableBytes, tuning });

  using owned = new DisposableStack();
  using rows = startPacking(checkpoint, options.threads ?? threadsFor(totalBytes), signal);
  let loadedBytes = 0;
  const report = (stage: LoadStage) => onProgress({ stage, loadedBytes, totalBytes });
  report("READING");
  const onBytes = (bytes: number) => {
    loadedBytes += bytes;
    report(quantization === "none" ? "UPLOADING" : "QUANTIZING");
  };
  const weights = await loadWeights(
    { device, checkpoint, rows, owned, maxBindableBytes, onBytes, checksums: undefined, signal },
    quantization,
  );
  report("WARMING_UP");
  const runner = await MistralRunner.create({
    device,
    config: checkpoint.config,
    sizes,
    weights,
    precision,
    tuning,
    weightBytes: countBytes(weights),
    owned,
  });
  if (signal?.aborted) runner[Symbol.dispose]();
  signal?.throwIfAborted();
  return runner;
}

/** Below this, threads would have more to do with starting than with packing. */
const MIN_BYTES_FOR_THREADS = 64 * 2 ** 20;
/** More than the one thread that uploads can keep up with. */
const MAX_THREADS = 12;

function threadsFor(bytes: number): number {
  return bytes < MIN_BYTES_FOR_THREADS ? 0 : Math.min(navigator.hardwareConcurrency, MAX_THREADS);
}

export function startPacking(
  checkpoint: Checkpoint,
  threads: number,
  signal: AbortSignal | undefined,
): RowSource {
  return threads === 0 ? new InlinePacker(checkpoint, signal) : new PackThreads(threads, signal);
}

/** Bytes of all weights on the device; a matrix that serves twice counts once. */
function countBytes({ embedding, layers, finalGain, lmHead }: ModelWeights): number {
  const matrices = new Set([
    embedding,
    lmHead,
    ...layers.flatMap((l) => [l.qkv, l.output, l.gateUp, l.down]),
  ]);
  const gains = [finalGain, ...layers.flatMap((layer) => [layer.inputGain, layer.postAttentionGain])];
  const matrixBytes = ({ slices }: PackedMatrix) =>
    slices.reduce((sum, { weights, channels }) => sum + weights.bytes + channels.bytes, 0);
  return [...matrices].reduce((sum, matrix) => sum + matrixBytes(matrix), 0) +
    gains.reduce((sum, { bytes }) => sum + bytes, 0);
}

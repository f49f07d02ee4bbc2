/**
 * A checkpoint → the same checkpoint in FP8, as compressed-tensors lays it out and others read it: every linear layer's
 * `X.weight` as F8_E4M3 [out, in] with `X.weight_scale` float32 [out, 1], all else as it was, and `quantization_config` in
 * config.json. Row by row, in order, with the memory of a chunk. The folder appears when it is complete, or not at all.
 */
import { EMBEDDING_TENSOR } from "../formats/architecture.ts";
import type { FileHash } from "../formats/artifact.ts";
import type { Checkpoint, TensorInfo } from "../formats/checkpoint.ts";
import { CheckpointWriter } from "../formats/checkpoint_writer.ts";
import { parseKeepingNumbers } from "../formats/json.ts";
import type { TensorSpec } from "../formats/safetensors.ts";
import { bytesPerElement, type FloatDtype, type WeightDtype } from "../tensor/dtype.ts";
import { rowKernel } from "../tensor/row_kernel.ts";
import { rowChecksum } from "./pack.ts";
import { headTensor, scaleTensorName, tensorsToLoad } from "./weights.ts";

/** Bytes read at a time. */
const CHUNK_BYTES = 4 * 2 ** 20;

/** What a small file of the folder is made of once the tensors are written. */
export interface CopiedTensors {
  /** Of every tensor, as {@link rowChecksum} adds them up. */
  readonly checksums: ReadonlyMap<string, number>;
  readonly files: readonly FileHash[];
}

export interface CopyOptions {
  readonly signal?: AbortSignal | undefined;
  /** A file to add, by what is known at the end. */
  readonly extraFile?: {
    readonly name: string;
    readonly content: (copied: CopiedTensors) => string | Promise<string>;
  };
}

/** Whether something of it is still to be quantized. */
export function isUnquantized(checkpoint: Checkpoint): boolean {
  return [...tensorsToLoad(checkpoint).keys()].some((name) => isQuantized(checkpoint.tensor(name)));
}

/** The tensors that are quantized: matrices, but for the embedding, of which single rows are read. */
function isQuantized({ name, dtype, shape }: TensorInfo): boolean {
  return shape.length === 2 && name !== EMBEDDING_TENSOR && dtype !== "F8_E4M3";
}

/** What the copy is made of, in its order. */
export function quantizedTensors(checkpoint: Checkpoint): TensorSpec[] {
  return [...tensorsToLoad(checkpoint).keys()].flatMap((name): TensorSpec[] => {
    const { dtype, shape } = checkpoint.tensor(name);
    const scale = { name: scaleTensorName(name), shape: [shape[0]!, 1] };
    if (isQuantized(checkpoint.tensor(name))) {
      return [{ name, dtype: "F8_E4M3", shape }, { ...scale, dtype: "F32" }];
    }
    if (dtype !== "F8_E4M3") return [{ name, dtype, shape }];
    const stored = checkpoint.tensor(scale.name);
    return [{ name, dtype, shape }, { ...scale, dtype: stored.dtype, shape: stored.shape }];
  });
}

/** Writes to the folder `target`, which must not exist or be empty. The checkpoint must have passed checkTensors(). */
export async function writeQuantizedCopy(
  checkpoint: Checkpoint,
  target: string,
  { signal, extraFile }: CopyOptions = {},
): Promise<void> {
  const names = [...tensorsToLoad(checkpoint).keys()];
  const checksums = new Map<string, number>();
  await using writer = await CheckpointWriter.create(target, quantizedTensors(checkpoint));
  const options = signal === undefined ? {} : { signal };
  const copy = async (name: string, inOnePiece = false) => {
    const blocks = rowsOf(checkpoint, name, { signal, checksums, quantizeTo: null, inOnePiece });
    await writer.writeTensor(name, blocks, options);
  };
  for (const name of names) {
    const tensor = checkpoint.tensor(name);
    if (!isQuantized(tensor)) {
      await copy(name);
      if (tensor.dtype === "F8_E4M3") await copy(scaleTensorName(name), true);
      continue;
    }
    const scales = new Float32Array(tensor.shape[0]!);
    await writer.writeTensor(
      name,
      rowsOf(checkpoint, name, { signal, checksums, quantizeTo: scales, inOnePiece: false }),
      options,
    );
    const bytes = new Uint8Array(scales.buffer);
    checksums.set(scaleTensorName(name), rowChecksum(bytes, 0));
    await writer.writeTensor(scaleTensorName(name), [bytes], options);
  }
  await writer.finishTensors();
  const config = { ...parseKeepingNumbers(checkpoint.configText), ...quantizationConfig(checkpoint) };
  await writer.writeFile("config.json", JSON.stringify(config, null, 2));
  const { files } = writer;
  if (extraFile !== undefined) {
    await writer.writeFile(extraFile.name, await extraFile.content({ checksums, files }));
  }
  await writer.commit();
}

/** A tensor's bytes, chunk by chunk, with its checksum taken; quantized where there is room for the scales. */
async function* rowsOf(
  checkpoint: Checkpoint,
  name: string,
  { signal, checksums, quantizeTo: scales, inOnePiece }: {
    readonly signal: AbortSignal | undefined;
    readonly checksums: Map<string, number>;
    readonly quantizeTo: Float32Array | null;
    /** As a load reads scales, whose shape may be that of a matrix. */
    readonly inOnePiece: boolean;
  },
): AsyncGenerator<Uint8Array> {
  const { dtype, shape, byteLength } = checkpoint.tensor(name);
  const rows = shape.length === 2 && !inOnePiece ? shape[0]! : 1;
  const rowBytes = byteLength / rows;
  const columns = rowBytes / bytesPerElement(dtype as FloatDtype);
  const chunkRows = Math.min(rows, Math.max(1, Math.floor(CHUNK_BYTES / rowBytes)));
  const chunk = new Uint8Array(chunkRows * rowBytes);
  const codes = new Uint8Array(scales === null ? 0 : chunkRows * columns);
  let sum = 0;
  for (let first = 0; first < rows; first += chunkRows) {
    const count = Math.min(chunkRows, rows - first);
    const source = chunk.subarray(0, count * rowBytes);
    await checkpoint.readRange(name, first * rowBytes, source, signal ? { signal } : {});
    for (let row = 0; row < count; row++) {
      const bytes = source.subarray(row * rowBytes, (row + 1) * rowBytes);
      const packed = codes.subarray(row * columns, (row + 1) * columns);
      if (scales !== null) scales[first + row] = rowKernel().quantize(dtype as WeightDtype, bytes, packed);
      sum = sum + rowChecksum(scales === null ? bytes : packed, first + row) >>> 0;
    }
    yield scales === null ? source : codes.subarray(0, count * columns);
  }
  checksums.set(name, sum);
}

/** Weights alone are quantized: activations stay as they are. */
function quantizationConfig(checkpoint: Checkpoint) {
  return {
    quantization_config: {
      quant_method: "compressed-tensors",
      format: "float-quantized",
      quantization_status: "compressed",
      config_groups: {
        group_0: {
          targets: ["Linear"],
          weights: { num_bits: 8, type: "float", symmetric: true, strategy: "channel", dynamic: false },
          input_activations: null,
          output_activations: null,
        },
      },
      ignore: headTensor(checkpoint) === EMBEDDING_TENSOR ? ["lm_head"] : [],
      kv_cache_scheme: null,
    },
  };
}

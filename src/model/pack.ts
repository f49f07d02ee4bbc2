/**
 * Rows of a checkpoint's tensors → rows of a packed matrix: quantized, widened or as they are, reordered, padded to whole
 * groups. Pure work on bytes, for whichever thread has them; reading and uploading are others' business.
 */
import type { WeightFormat } from "../kernels/linear.ts";
import { toFloat32 } from "../tensor/convert.ts";
import { bytesPerElement, type FloatDtype, type WeightDtype } from "../tensor/dtype.ts";
import { rowKernel } from "../tensor/row_kernel.ts";
import { rowAt, type RowLayout, type RowRange, sourceRanges } from "./row_layout.ts";

/** A tensor and where its bytes lie. */
export interface PackTensor {
  readonly name: string;
  readonly dtype: FloatDtype;
  readonly path: string;
  /** Of its first byte in the file. */
  readonly offset: number;
}

/** Packed rows `from … to - 1` of a matrix. */
export interface PackTask {
  readonly tensors: readonly PackTensor[];
  readonly inputs: number;
  readonly layout: RowLayout;
  readonly format: WeightFormat;
  /** Of a packed row, padding included. */
  readonly rowBytes: number;
  readonly from: number;
  readonly to: number;
  /** Also sum up what was read, see {@link rowChecksum}. */
  readonly checksums: boolean;
}

export interface PackedRows {
  /** The rows lie at the front; the rest is whatever was there. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Per row: the scale it was quantized with, 1 where it was not, NaN where it holds FP8 codes of NaN. */
  readonly scales: Float32Array<ArrayBuffer>;
  readonly readBytes: number;
  /** Per tensor, modulo 2^32; of the rows read, so that the sum over all tasks of a tensor is that of the tensor. */
  readonly checksums: readonly number[];
}

export const DTYPE_FORMATS: Readonly<Record<FloatDtype, WeightFormat>> = {
  BF16: "bf16",
  F16: "f16",
  F32: "f32",
  F8_E4M3: "fp8",
};

/** What a task must read: of each tensor, so many bytes from that byte of its file on. */
export function readsOf(task: PackTask): (RowRange & { readonly offset: number; readonly bytes: number })[] {
  const ranges = sourceRanges(task.layout, { ...task, tensors: task.tensors.length });
  return ranges.map(({ first, rows }, index) => {
    const { offset, dtype } = task.tensors[index]!;
    const rowBytes = task.inputs * bytesPerElement(dtype);
    return { first, rows, offset: offset + first * rowBytes, bytes: rows * rowBytes };
  });
}

/** Packs what {@link readsOf} asked for, into `into` if that is large enough. */
export function packRows(
  task: PackTask,
  sources: readonly Uint8Array[],
  into: Uint8Array<ArrayBuffer> = new Uint8Array(0),
): PackedRows {
  const { tensors, layout, from, to, rowBytes } = task;
  const needed = (to - from) * rowBytes;
  const bytes = into.byteLength < needed ? new Uint8Array(needed) : into;
  const scales = new Float32Array(to - from).fill(1);
  const checksums = tensors.map(() => 0);
  const ranges = sourceRanges(layout, { from, to, tensors: tensors.length });
  const packer = new RowPacker(task);
  for (let row = from; row < to; row++) {
    const target = bytes.subarray((row - from) * rowBytes, (row - from + 1) * rowBytes);
    const place = rowAt(layout, row);
    if (place === null) {
      target.fill(0);
      continue;
    }
    const [tensor, sourceRow] = place;
    const { dtype } = tensors[tensor]!;
    const sourceBytes = task.inputs * bytesPerElement(dtype);
    const at = (sourceRow - ranges[tensor]!.first) * sourceBytes;
    const source = sources[tensor]!.subarray(at, at + sourceBytes);
    scales[row - from] = packer.pack(source, dtype, target);
    if (task.checksums) checksums[tensor] = checksums[tensor]! + rowChecksum(source, sourceRow) >>> 0;
  }
  return {
    bytes,
    scales,
    readBytes: sources.reduce((sum, { byteLength }) => sum + byteLength, 0),
    checksums,
  };
}

/** A row's share of its tensor's checksum, which is the sum of its rows' modulo 2^32, in whichever order. */
export function rowChecksum(row: Uint8Array, index: number): number {
  return Math.imul(rowKernel().checksum(row) ^ Math.imul(index, 0x9e3779b1), 0x85ebca6b) >>> 0;
}

class RowPacker {
  readonly #format: WeightFormat;
  readonly #values: Float32Array<ArrayBuffer>;
  readonly #valueBytes: Uint8Array;

  constructor({ format, inputs }: PackTask) {
    this.#format = format;
    this.#values = new Float32Array(format === "f32" ? inputs : 0);
    this.#valueBytes = new Uint8Array(this.#values.buffer);
  }

  /** Fills `target` and returns the row's scale. */
  pack(source: Uint8Array, dtype: FloatDtype, target: Uint8Array): number {
    const kernel = rowKernel();
    if (this.#format === DTYPE_FORMATS[dtype]) {
      target.set(source);
      target.fill(0, source.byteLength);
      return dtype === "F8_E4M3" && kernel.hasNaN(source) ? NaN : 1;
    }
    if (this.#format === "fp8") {
      target.fill(0, source.byteLength / bytesPerElement(dtype));
      const scale = kernel.quantize(dtype as WeightDtype, source, target);
      // The kernels cannot tell a code of NaN from a number; the scale makes the whole channel NaN.
      return kernel.sawNaN ? NaN : scale;
    }
    toFloat32(dtype, source, this.#values);
    target.set(this.#valueBytes);
    target.fill(0, this.#valueBytes.byteLength);
    return 1;
  }
}

/**
 * Rows of a checkpoint's tensors → rows of a packed matrix: quantized, widened or as they are, reordered, padded to whole
 * groups. Or, for a device that quantizes them itself, the rows as they lie and where each begins. Pure work on bytes, for
 * whichever thread has them; reading and uploading are others' business.
 */
import type { WeightFormat } from "../kernels/linear.ts";
import { NO_ROW } from "../kernels/quantize_rows.ts";
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
export interface RowTask {
  readonly tensors: readonly PackTensor[];
  readonly inputs: number;
  readonly layout: RowLayout;
  readonly from: number;
  readonly to: number;
}

/** Rows to be read and left as they are; their tensors are of one dtype. */
export interface RawTask extends RowTask {
  readonly format: "raw";
}

/** Rows to be packed. */
export interface PackTask extends RowTask {
  readonly format: WeightFormat;
  /** Of a packed row, padding included. */
  readonly rowBytes: number;
  /** Also sum up what was read, see {@link rowChecksum}. */
  readonly checksums: boolean;
}

export type LoadTask = PackTask | RawTask;

export interface RawRows {
  /** What was read of each tensor, at the front, each from a multiple of four bytes on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly usedBytes: number;
  /** Per row: the element of `bytes` it begins at, or NO_ROW. */
  readonly places: Uint32Array<ArrayBuffer>;
  readonly readBytes: number;
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

/** What comes of a task. */
export type RowsOf<Task extends LoadTask> = Task extends RawTask ? RawRows : PackedRows;

export const DTYPE_FORMATS: Readonly<Record<FloatDtype, WeightFormat>> = {
  BF16: "bf16",
  F16: "f16",
  F32: "f32",
  F8_E4M3: "fp8",
};

/** Of a tensor, so many bytes from that byte of its file on. */
export interface RowRead extends RowRange {
  readonly offset: number;
  readonly bytes: number;
}

/** What a task must read, tensor by tensor. */
export function readsOf(task: RowTask): RowRead[] {
  const ranges = sourceRanges(task.layout, { ...task, tensors: task.tensors.length });
  return ranges.map(({ first, rows }, index) => {
    const { offset, dtype } = task.tensors[index]!;
    const rowBytes = task.inputs * bytesPerElement(dtype);
    return { first, rows, offset: offset + first * rowBytes, bytes: rows * rowBytes };
  });
}

/** A task on its way: fill each target with what its read says, then finish. */
export interface StartedTask<Task extends LoadTask> {
  readonly reads: readonly RowRead[];
  readonly targets: readonly Uint8Array[];
  readonly finish: () => RowsOf<Task>;
}

/** The result lies in `buffer`, if that is large enough; `scratch` gives room for what is read on the way to it. */
export function startTask<Task extends LoadTask>(
  task: Task,
  buffer?: Uint8Array<ArrayBuffer>,
  scratch?: (tensor: number, bytes: number) => Uint8Array,
): StartedTask<Task>;
export function startTask(
  task: LoadTask,
  buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0),
  scratch: (tensor: number, bytes: number) => Uint8Array = (_, bytes) => new Uint8Array(bytes),
): StartedTask<LoadTask> {
  const reads = readsOf(task);
  if (task.format !== "raw") {
    const targets = reads.map(({ bytes }, tensor) => scratch(tensor, bytes));
    return { reads, targets, finish: () => packRows(task, targets, buffer) };
  }
  const { offsets, usedBytes } = rawOffsets(reads);
  const bytes = buffer.byteLength < usedBytes ? new Uint8Array(usedBytes) : buffer;
  const targets = reads.map((read, tensor) =>
    bytes.subarray(offsets[tensor]!, offsets[tensor]! + read.bytes)
  );
  const readBytes = reads.reduce((sum, read) => sum + read.bytes, 0);
  return { reads, targets, finish: () => ({ bytes, usedBytes, places: rawPlaces(task, reads), readBytes }) };
}

/** Where the bytes of each read begin when they lie one after the other, at whole words, and where the last ones end. */
function rawOffsets(reads: readonly RowRead[]): { readonly offsets: number[]; readonly usedBytes: number } {
  let usedBytes = 0;
  const offsets = reads.map(({ bytes }) => {
    const offset = usedBytes;
    usedBytes += Math.ceil(bytes / 4) * 4;
    return offset;
  });
  return { offsets, usedBytes };
}

function rawPlaces(task: RawTask, reads: readonly RowRead[]): Uint32Array<ArrayBuffer> {
  const { tensors: [{ dtype }], inputs, layout, from, to } = task as RawTask & { tensors: [PackTensor] };
  const begins = rawOffsets(reads).offsets.map((offset) => offset / bytesPerElement(dtype));
  return Uint32Array.from({ length: to - from }, (_, index) => {
    const place = rowAt(layout, from + index);
    if (place === null) return NO_ROW;
    const [tensor, row] = place;
    return begins[tensor]! + (row - reads[tensor]!.first) * inputs;
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

/**
 * One weight matrix on its way to the device: read in row ranges, converted or quantized, reordered, and uploaded as
 * pairs of rows padded to groups of sixteen, in slices that fit a binding. Host memory is bounded by one chunk, not
 * by the matrix. Owns no buffer: every one goes onto the caller's stack as soon as it exists.
 */
import { CapacityError } from "../errors.ts";
import type { Checkpoint } from "../formats/checkpoint.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { GpuDevice } from "../gpu/device.ts";
import {
  FP8_SCALE_FACTOR,
  GROUP_SIZE,
  HIDDEN_BLOCK,
  hiddenPlace,
  WEIGHT_BYTES,
  type WeightFormat,
} from "../kernels/linear.ts";
import { toFloat32 } from "../tensor/convert.ts";
import { bytesPerElement, type WeightDtype } from "../tensor/dtype.ts";
import { quantizeRow } from "../tensor/row_quantize.ts";
import { roundUp } from "./plan.ts";
import type { Quantization } from "./runner.ts";

/** Packed bytes that are assembled on the host at a time. */
const CHUNK_BYTES = 8 * 2 ** 20;

/**
 * No kernel spends more than a quarter of a workgroup on a pair (linearGrid), so that this many stay within the
 * 65,535 workgroups a side that WebGPU guarantees.
 */
const MAX_SLICE_PAIRS = 4 * 65_535;

/** E4M3 codes of NaN. */
const NAN_CODES = [0x7f, 0xff];

export interface PairRange {
  readonly firstPair: number;
  readonly pairs: number;
}

/** Pairs of rows in one buffer. */
export interface MatrixSlice extends PairRange {
  readonly weights: GpuBuffer; // [pairs · 2, groups · 16]
  readonly channels: GpuBuffer; // [pairs · 2] (scale, bias) f32
}

export interface PackedMatrix {
  readonly format: WeightFormat;
  /** Groups of sixteen inputs in a row, the last one padded with zeros. */
  readonly groups: number;
  readonly slices: readonly MatrixSlice[];
}

/** Where the rows of a packed matrix come from. */
export interface MatrixSource {
  /** For messages and labels. */
  readonly label: string;
  readonly tensors: readonly { readonly name: string; readonly bias?: string | undefined }[];
  readonly inputs: number;
  readonly pairs: number;
  /** The tensor and its row that become packed row `row` (0 … 2·pairs − 1); null: a row of zeros. */
  readonly rowAt: (row: number) => readonly [tensor: number, row: number] | null;
  /** Chunks begin at multiples of so many pairs, so that reading ranges stay dense; 1 unless rows are reordered. */
  readonly alignPairs: number;
}

export interface PackContext {
  readonly device: GpuDevice;
  readonly checkpoint: Checkpoint;
  /** Receives every buffer. */
  readonly owned: DisposableStack;
  readonly maxBindableBytes: number;
  /** Told after each chunk how many bytes of the checkpoint it consumed. */
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal | undefined;
}

/** Uploads a matrix. Mixed dtypes are widened to f32. Throws CapacityError when not even one pair fits a binding. */
export async function packMatrix(
  context: PackContext,
  source: MatrixSource,
  quantization: Quantization,
): Promise<PackedMatrix> {
  const format = quantization === "fp8" ? "fp8" : storedFormat(context.checkpoint, source);
  const { groups, pairBytes, slices: ranges } = layOut({ ...source, format, ...context });
  if (ranges.length === 0) {
    throw new CapacityError(
      `Cannot load "${source.label}": two rows are ${pairBytes} bytes, the device binds ${context.maxBindableBytes}`,
      { tensor: source.label, found: pairBytes, expected: context.maxBindableBytes },
    );
  }
  const slices: MatrixSlice[] = [];
  const reader = new RowReader(context, source, format, groups * GROUP_SIZE);
  for (const range of ranges) {
    slices.push(await uploadSlice(context, source.label, reader, { ...range, pairBytes }));
  }
  return { format, groups, slices };
}

/** How a matrix is cut into buffers; no slices where not even one pair fits a binding. */
export function layOut(
  { inputs, pairs, format, maxBindableBytes }: {
    readonly inputs: number;
    readonly pairs: number;
    readonly format: WeightFormat;
    readonly maxBindableBytes: number;
  },
): { readonly groups: number; readonly pairBytes: number; readonly slices: readonly PairRange[] } {
  const groups = Math.ceil(inputs / GROUP_SIZE);
  const pairBytes = 2 * groups * GROUP_SIZE * WEIGHT_BYTES[format];
  const most = Math.min(Math.floor(maxBindableBytes / pairBytes), MAX_SLICE_PAIRS);
  const slices: PairRange[] = [];
  for (let firstPair = 0; most > 0 && firstPair < pairs; firstPair += most) {
    slices.push({ firstPair, pairs: Math.min(most, pairs - firstPair) });
  }
  return { groups, pairBytes, slices };
}

async function uploadSlice(
  { device, owned, signal }: PackContext,
  label: string,
  reader: RowReader,
  { firstPair, pairs, pairBytes }: { firstPair: number; pairs: number; pairBytes: number },
): Promise<MatrixSlice> {
  const create = () => ({
    weights: owned.use(device.createBuffer({ label, bytes: pairs * pairBytes })),
    channels: owned.use(device.createBuffer({ label: `${label} channels`, bytes: pairs * 16 })),
  });
  const { weights, channels } = await device.guard(`load ${pairs * pairBytes} bytes of "${label}"`, create);
  const terms = new Float32Array(pairs * 4);
  const { alignPairs } = reader;
  const chunkPairs = Math.max(alignPairs, Math.floor(CHUNK_BYTES / pairBytes / alignPairs) * alignPairs);
  const chunk = new Uint8Array(Math.min(chunkPairs, pairs) * pairBytes);
  for (let pair = firstPair; pair < firstPair + pairs;) {
    // A slice may begin inside a run of alignPairs; the first chunk ends with that run.
    const end = Math.min(firstPair + pairs, pair + chunkPairs - (pair % alignPairs));
    const rowTerms = terms.subarray((pair - firstPair) * 4, (end - firstPair) * 4);
    await reader.fill(pair * 2, end * 2, chunk, rowTerms);
    signal?.throwIfAborted();
    const offset = (pair - firstPair) * pairBytes;
    device.handle.queue.writeBuffer(weights.handle, offset, chunk, 0, (end - pair) * pairBytes);
    // Without a submit now and then, wgpu keeps the staged copy of every write.
    device.handle.queue.submit([]);
    pair = end;
  }
  device.handle.queue.writeBuffer(channels.handle, 0, terms);
  return { weights, channels, firstPair, pairs };
}

const FORMATS: Readonly<Record<WeightDtype, WeightFormat>> = { BF16: "bf16", F16: "f16", F32: "f32" };

function storedFormat(checkpoint: Checkpoint, { tensors }: MatrixSource): WeightFormat {
  const formats = new Set(tensors.map(({ name }) => FORMATS[checkpoint.tensor(name).dtype as WeightDtype]));
  return formats.size === 1 ? [...formats][0]! : "f32";
}

/** Reads the source rows of a range of packed rows and lays them out in the packed format. */
class RowReader {
  readonly #context: PackContext;
  readonly #source: MatrixSource;
  readonly #format: WeightFormat;
  readonly #rowBytes: number;
  readonly #values: Float32Array<ArrayBuffer>;
  #biases: (Float32Array | null)[] | null = null;

  constructor(context: PackContext, source: MatrixSource, format: WeightFormat, paddedInputs: number) {
    this.#context = context;
    this.#source = source;
    this.#format = format;
    this.#rowBytes = paddedInputs * WEIGHT_BYTES[format];
    this.#values = new Float32Array(source.inputs);
  }

  get alignPairs(): number {
    return this.#source.alignPairs;
  }

  /** Packs rows `from … to − 1` to the front of `target`; `terms` receives (scale, bias) of each. */
  async fill(from: number, to: number, target: Uint8Array, terms: Float32Array): Promise<void> {
    const { tensors, rowAt } = this.#source;
    const biases = this.#biases ??= await this.#readBiases();
    const ranges = await Promise.all(tensors.map((_, tensor) => this.#readRange(tensor, from, to)));
    target.fill(0, 0, (to - from) * this.#rowBytes);
    for (let row = from; row < to; row++) {
      const place = rowAt(row);
      const into = (row - from) * this.#rowBytes;
      const term = (row - from) * 2;
      if (place === null) {
        terms[term] = 1;
        continue;
      }
      const [tensor, sourceRow] = place;
      const range = ranges[tensor]!;
      const bytes = range.bytes.subarray(
        (sourceRow - range.first) * range.rowBytes,
        (sourceRow - range.first + 1) * range.rowBytes,
      );
      terms[term] = this.#packRow(bytes, range.dtype, target.subarray(into, into + this.#rowBytes));
      terms[term + 1] = biases[tensor]?.[sourceRow] ?? 0;
    }
    this.#context.onBytes(ranges.reduce((sum, { bytes }) => sum + bytes.byteLength, 0));
  }

  /** Returns the factor that the kernel multiplies the row's sum by. */
  #packRow(bytes: Uint8Array, dtype: WeightDtype, target: Uint8Array): number {
    if (this.#format === FORMATS[dtype]) {
      target.set(bytes);
      return 1;
    }
    toFloat32(dtype, bytes, this.#values);
    if (this.#format !== "fp8") {
      target.set(new Uint8Array(this.#values.buffer));
      return 1;
    }
    const codes = target.subarray(0, this.#values.length);
    const scale = quantizeRow(this.#values, codes) * FP8_SCALE_FACTOR;
    return NAN_CODES.some((code) => codes.includes(code)) ? NaN : scale;
  }

  /** The dense range of a tensor's rows that packed rows `from … to − 1` are taken from. */
  async #readRange(tensor: number, from: number, to: number) {
    const { checkpoint, signal } = this.#context;
    let first = Infinity;
    let last = -1;
    for (let row = from; row < to; row++) {
      const place = this.#source.rowAt(row);
      if (place === null || place[0] !== tensor) continue;
      first = Math.min(first, place[1]);
      last = Math.max(last, place[1]);
    }
    const { name } = this.#source.tensors[tensor]!;
    const dtype = checkpoint.tensor(name).dtype as WeightDtype;
    const rowBytes = this.#source.inputs * bytesPerElement(dtype);
    const bytes = new Uint8Array(last < 0 ? 0 : (last - first + 1) * rowBytes);
    if (last >= 0) await checkpoint.readRange(name, first * rowBytes, bytes, signal ? { signal } : {});
    return { first, rowBytes, dtype, bytes };
  }

  #readBiases(): Promise<(Float32Array | null)[]> {
    const { checkpoint, signal } = this.#context;
    return Promise.all(
      this.#source.tensors.map(({ bias }) =>
        bias === undefined ? null : readVector(checkpoint, bias, signal)
      ),
    );
  }
}

/** A vector of any weight dtype as f32. */
export async function readVector(
  checkpoint: Checkpoint,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Float32Array<ArrayBuffer>> {
  const { shape, dtype } = checkpoint.tensor(name);
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  toFloat32(dtype as WeightDtype, await checkpoint.readTensor(name, signal ? { signal } : {}), values);
  return values;
}

/** A vector as the kernels read it: f32, padded with zeros to whole groups. */
export async function packGain(context: PackContext, name: string): Promise<GpuBuffer> {
  const { device, checkpoint, owned, signal } = context;
  const values = await readVector(checkpoint, name, signal);
  const placed = new Float32Array(roundUp(values.length, HIDDEN_BLOCK));
  for (const [index, value] of values.entries()) placed[hiddenPlace(index)] = value;
  const bytes = placed.byteLength;
  const create = () => owned.use(device.createBuffer({ label: name, bytes }));
  const buffer = await device.guard(`load ${bytes} bytes of "${name}"`, create);
  device.handle.queue.writeBuffer(buffer.handle, 0, placed);
  context.onBytes(checkpoint.tensor(name).byteLength);
  return buffer;
}

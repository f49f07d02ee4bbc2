/**
 * One weight matrix on its way to the device: cut into slices that fit a binding and chunks that are read, packed (see
 * pack.ts) and uploaded one after the other, whoever packs them: threads, or the device (row_quantizer.ts). Host memory is
 * bounded by a few chunks, not by the matrix. Owns no buffer: every one goes onto the caller's stack as soon as it exists.
 */
import { formatBytes, formatBytesApart } from "../byte_size.ts";
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
import type { FloatDtype, WeightDtype } from "../tensor/dtype.ts";
import type { MatrixShape } from "./matrices.ts";
import { DTYPE_FORMATS, type PackedRows, type PackTask, type PackTensor, rowChecksum } from "./pack.ts";
import type { RowSource } from "./pack_threads.ts";
import type { RowQuantizer } from "./row_quantizer.ts";
import { roundUp } from "./plan.ts";
import { alignmentOf, pairsOf, rowAt } from "./row_layout.ts";
import type { Quantization } from "./runner.ts";

/** Packed bytes that are assembled at a time; an upload gets no faster with more. */
const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * No kernel spends more than half a workgroup on a pair (linearGrid), so that this many stay within the 65,535
 * workgroups a side that WebGPU guarantees.
 */
const MAX_SLICE_PAIRS = 2 * 65_535;

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

/** A tensor of a matrix by name, with what belongs to its rows. */
export interface SourceTensor {
  readonly name: string;
  readonly bias: string | undefined;
  /** The scales of a tensor that is stored as FP8: one a row, or one for all. */
  readonly scale: string | undefined;
}

export interface MatrixSource extends Omit<MatrixShape, "tensors"> {
  readonly tensors: readonly SourceTensor[];
}

export interface PackContext {
  readonly device: GpuDevice;
  readonly checkpoint: Checkpoint;
  readonly rows: RowSource;
  /** Quantizes what it can take; the rest, and everything where there is none, is packed by `rows`. */
  readonly quantizer: RowQuantizer | null;
  /** Receives every buffer. */
  readonly owned: DisposableStack;
  readonly maxBindableBytes: number;
  /** Told after each chunk how many bytes of the checkpoint it consumed. */
  readonly onBytes: (bytes: number) => void;
  /** Receives the sum of each tensor that was read, see rowChecksum(); none is taken without it. */
  readonly checksums: Map<string, number> | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Allocates a matrix and submits its rows; they are on the device once `context.rows` is drained. Mixed dtypes are
 * widened to f32. Throws CapacityError when not even one pair fits a binding.
 */
export async function packMatrix(
  context: PackContext,
  source: MatrixSource,
  quantization: Quantization,
): Promise<PackedMatrix> {
  const label = source.tensors[0]!.name;
  const tensors = locate(context.checkpoint, source);
  const format = formatOf(tensors.map(({ dtype }) => dtype), quantization);
  const { inputs, layout } = source;
  const { maxBindableBytes } = context;
  const { groups, pairBytes, slices: ranges } = layOut({
    inputs,
    pairs: pairsOf(layout),
    format,
    maxBindableBytes,
  });
  if (ranges.length === 0) {
    const [rows, most] = formatBytesApart(pairBytes, maxBindableBytes);
    throw new CapacityError(
      `Cannot load "${label}": two rows are ${rows}, the device binds ${most}`,
      { tensor: label, found: pairBytes, expected: maxBindableBytes },
    );
  }
  const terms = await readTerms(context, source, format);
  const { checksums: sums } = context;
  // Tied embeddings are read twice, but counted once.
  const checksums = sums !== undefined && !sums.has(label);
  if (checksums) { for (const { name } of tensors) sums.set(name, 0); }
  const task = { tensors, inputs, layout, format, rowBytes: pairBytes / 2, checksums };
  const pairsAtATime = format === "fp8" ? context.quantizer?.pairsAtATime(task) ?? null : null;
  const slices: MatrixSlice[] = [];
  for (const range of ranges) {
    const plan = { label, task, terms, ...range };
    const slice = await createSlice(context, plan);
    if (pairsAtATime === null) await packSlice(context, plan, slice);
    else await quantizeSlice(context, plan, slice, pairsAtATime);
    slices.push(slice);
  }
  return { format, groups, slices };
}

/** How a matrix of tensors of these dtypes is held. */
export function formatOf(dtypes: readonly FloatDtype[], quantization: Quantization): WeightFormat {
  if (quantization === "fp8") return "fp8";
  const formats = new Set(dtypes.map((dtype) => DTYPE_FORMATS[dtype]));
  return formats.size === 1 ? [...formats][0]! : "f32";
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

/** Bytes of the buffers of `pairs` pairs. */
export function sliceBytes(pairs: number, pairBytes: number): { weights: number; channels: number } {
  return { weights: pairs * pairBytes, channels: pairs * 16 };
}

function locate(checkpoint: Checkpoint, { tensors }: MatrixSource): PackTensor[] {
  const paths = checkpoint.weightPaths;
  return tensors.map(({ name }) => {
    const { dtype, file, offset } = checkpoint.tensor(name);
    return { name, dtype: dtype as FloatDtype, path: paths.get(file)!, offset };
  });
}

/** What (scale, bias) of a packed row are made of, tensor by tensor. */
interface Terms {
  /** Of FP8 rows: one a row, or one for all. */
  readonly scales: readonly (Float32Array | null)[];
  readonly biases: readonly (Float32Array | null)[];
  readonly factor: number;
}

async function readTerms(
  { checkpoint, checksums, signal }: PackContext,
  { tensors }: MatrixSource,
  format: WeightFormat,
): Promise<Terms> {
  const read = (name: string | undefined) =>
    name === undefined ? null : readVector(checkpoint, name, { signal, checksums });
  return {
    scales: await Promise.all(tensors.map(({ scale }) => read(scale))),
    biases: await Promise.all(tensors.map(({ bias }) => read(bias))),
    factor: format === "fp8" ? FP8_SCALE_FACTOR : 1,
  };
}

interface SlicePlan extends PairRange {
  readonly label: string;
  readonly task: Omit<PackTask, "from" | "to">;
  readonly terms: Terms;
}

async function createSlice({ device, owned }: PackContext, plan: SlicePlan): Promise<MatrixSlice> {
  const { label, task, firstPair, pairs } = plan;
  const bytes = sliceBytes(pairs, task.rowBytes * 2);
  const buffers = await device.guard(`load ${formatBytes(bytes.weights)} of "${label}"`, () => ({
    weights: owned.use(device.createBuffer({ label, bytes: bytes.weights })),
    channels: owned.use(device.createBuffer({ label: `${label} channels`, bytes: bytes.channels })),
  }), { bytes: bytes.weights });
  return { ...buffers, firstPair, pairs };
}

/** Packs on the host. */
async function packSlice(context: PackContext, plan: SlicePlan, slice: MatrixSlice): Promise<void> {
  const { device, rows, onBytes } = context;
  const { task, pairs } = plan;
  const { weights, channels } = slice;
  const pairBytes = task.rowBytes * 2;
  const { queue } = device.handle;
  const terms = new Float32Array(pairs * 4);
  let missing = pairs;
  const align = alignmentOf(task.layout);
  const most = Math.max(align, Math.floor(CHUNK_BYTES / pairBytes / align) * align);
  for (const { at, count, from, to } of chunks(plan, most)) {
    await rows.submit({ ...task, from, to }, (packed) => {
      queue.writeBuffer(weights.handle, at * pairBytes, packed.bytes, 0, count * pairBytes);
      fillTerms(plan, packed, from, terms.subarray(at * 4, (at + count) * 4));
      missing -= count;
      if (missing === 0) queue.writeBuffer(channels.handle, 0, terms);
      // Without a submit now and then, wgpu keeps the staged copy of every write.
      queue.submit([]);
      if (task.checksums) addChecksums(context.checksums!, task.tensors, packed.checksums);
      onBytes(packed.readBytes);
    });
  }
}

/** Uploads rows as they lie, for the device to quantize. */
async function quantizeSlice(
  { device, rows, quantizer, onBytes }: PackContext,
  plan: SlicePlan,
  slice: MatrixSlice,
  most: number,
): Promise<void> {
  const { task, terms, pairs } = plan;
  const { tensors, inputs, layout, rowBytes } = task;
  const { weights, channels } = slice;
  if (terms.biases.some((bias) => bias !== null)) {
    const values = new Float32Array(pairs * 4);
    fillBiases(plan, values);
    device.handle.queue.writeBuffer(channels.handle, 0, values);
  }
  const target = { weights, channels, inputs, groups: rowBytes / GROUP_SIZE };
  const upload = quantizer!.into(target, tensors[0]!.dtype as WeightDtype);
  for (const { at, from, to } of chunks(plan, most)) {
    await quantizer!.room();
    await rows.submit({ tensors, inputs, layout, from, to, format: "raw" as const }, (raw) => {
      upload(raw, at * 2);
      onBytes(raw.readBytes);
    });
  }
}

/** A slice's rows in order, at most so many pairs at a time. */
function* chunks({ task, firstPair, pairs }: SlicePlan, most: number) {
  const align = alignmentOf(task.layout);
  for (let pair = firstPair, end; pair < firstPair + pairs; pair = end) {
    // A slice may begin inside an aligned run; the first chunk ends with that run.
    end = Math.min(firstPair + pairs, pair + most - pair % align);
    yield { at: pair - firstPair, count: end - pair, from: pair * 2, to: end * 2 };
  }
}

function fillBiases({ task, terms, firstPair }: SlicePlan, into: Float32Array): void {
  for (let index = 0; index < into.length / 2; index++) {
    const place = rowAt(task.layout, firstPair * 2 + index);
    if (place !== null) into[index * 2 + 1] = terms.biases[place[0]]?.[place[1]] ?? 0;
  }
}

function fillTerms({ task, terms }: SlicePlan, packed: PackedRows, from: number, into: Float32Array): void {
  for (const [index, scale] of packed.scales.entries()) {
    const place = rowAt(task.layout, from + index);
    if (place === null) {
      into[index * 2] = 1;
      continue;
    }
    const [tensor, row] = place;
    const stored = terms.scales[tensor];
    // The products are exact but for scales that no row of weights has.
    into[index * 2] = scale * terms.factor * (stored ? stored[stored.length === 1 ? 0 : row]! : 1);
    into[index * 2 + 1] = terms.biases[tensor]?.[row] ?? 0;
  }
}

function addChecksums(
  into: Map<string, number>,
  tensors: readonly PackTensor[],
  sums: readonly number[],
): void {
  for (const [index, { name }] of tensors.entries()) into.set(name, into.get(name)! + sums[index]! >>> 0);
}

/** A vector of any float dtype as f32. */
export async function readVector(
  checkpoint: Checkpoint,
  name: string,
  { signal, checksums }: Pick<PackContext, "signal" | "checksums">,
): Promise<Float32Array<ArrayBuffer>> {
  const { shape, dtype } = checkpoint.tensor(name);
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  const bytes = await checkpoint.readTensor(name, signal ? { signal } : {});
  checksums?.set(name, rowChecksum(bytes, 0));
  toFloat32(dtype as FloatDtype, bytes, values);
  return values;
}

/** A gain of the residual stream as the kernels read it: f32, in hidden order, padded with zeros to whole blocks. */
export async function packGain(context: PackContext, name: string): Promise<GpuBuffer> {
  const values = await readVector(context.checkpoint, name, context);
  const placed = new Float32Array(roundUp(values.length, HIDDEN_BLOCK));
  for (const [index, value] of values.entries()) placed[hiddenPlace(index)] = value;
  return await uploadVectors(context, [name], placed);
}

/** The gains of heads, one behind the other. // [names, headDim] f32 */
export async function packHeadGains(context: PackContext, names: readonly string[]): Promise<GpuBuffer> {
  const values: number[] = [];
  for (const name of names) values.push(...await readVector(context.checkpoint, name, context));
  return await uploadVectors(context, names, Float32Array.from(values));
}

async function uploadVectors(
  { device, checkpoint, owned, onBytes }: PackContext,
  names: readonly string[],
  values: Float32Array<ArrayBuffer>,
): Promise<GpuBuffer> {
  const bytes = values.byteLength;
  const label = names.join(", ");
  const create = () => owned.use(device.createBuffer({ label, bytes }));
  const buffer = await device.guard(`load ${formatBytes(bytes)} of "${label}"`, create, { bytes });
  device.handle.queue.writeBuffer(buffer.handle, 0, values);
  for (const name of names) onBytes(checkpoint.tensor(name).byteLength);
  return buffer;
}

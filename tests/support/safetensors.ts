/**
 * Small helpers around safetensors files for tests: read a golden file whole, and build files (also broken ones) from
 * literal headers.
 */
import { readHeader } from "../../src/formats/checkpoint.ts";
import { RangedFile } from "../../src/formats/ranged_file.ts";
import { toFloat32 } from "../../src/tensor/convert.ts";
import type { Dtype, FloatDtype } from "../../src/tensor/dtype.ts";

export interface LoadedTensor {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Every tensor of one file, by name. For goldens only: it holds the whole file. */
export async function loadTensors(path: string): Promise<Map<string, LoadedTensor>> {
  using file = await RangedFile.open(path);
  const { tensors } = await readHeader(file, path);
  const loaded = new Map<string, LoadedTensor>();
  for (const { name, dtype, shape, offset, byteLength } of tensors) {
    const bytes = new Uint8Array(byteLength);
    await file.read(offset, bytes);
    loaded.set(name, { dtype, shape, bytes });
  }
  return loaded;
}

/** The values of a float tensor. */
export function floats(tensor: LoadedTensor): Float32Array<ArrayBuffer> {
  const values = new Float32Array(tensor.shape.reduce((a, b) => a * b, 1));
  toFloat32(tensor.dtype as FloatDtype, tensor.bytes, values);
  return values;
}

/** A file of this header text and so many zero bytes of data, however wrong. `length` overrides the prefix. */
export function rawSafetensors(header: string, dataBytes: number, length?: bigint): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.byteLength + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.byteLength), true);
  bytes.set(json, 8);
  return bytes;
}

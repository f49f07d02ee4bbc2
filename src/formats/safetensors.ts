/**
 * The safetensors header: 8 bytes little-endian length, that many bytes of JSON, then the data. Parsing trusts nothing:
 * every span must match its shape and dtype, and the spans must fill the data exactly, in order, without gap or
 * overlap, as the format demands. Encoding writes the canonical form. Knows bytes, not files.
 */
import { FormatError } from "../errors.ts";
import { type Dtype, isDtype, tensorByteLength } from "../tensor/dtype.ts";
import { isJsonObject, jsonType, parseJsonObject, quote } from "./json.ts";

/** The cap of the reference implementation: a longer header is an attack or an accident. */
export const MAX_HEADER_BYTES = 100_000_000;
export const MAX_RANK = 32; // torch stops at 64; no model comes near, and messages stay short

/** What a tensor is, apart from where it lies. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

export interface HeaderTensor extends TensorSpec {
  /** From the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their data. */
  readonly tensors: readonly HeaderTensor[];
}

/** The length of the JSON part, from the first 8 bytes of a file of `fileBytes` bytes. */
export function parseHeaderLength(prefix: Uint8Array, fileBytes: number, file: string): number {
  if (fileBytes < 8) {
    throw new FormatError(`Cannot read "${file}": it has ${fileBytes} bytes, expected a safetensors file`, {
      file,
      found: fileBytes,
    });
  }
  const length = new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES) || length < 2n) {
    throw new FormatError(
      `Cannot read "${file}": header length is ${length}, expected 2 to ${MAX_HEADER_BYTES} bytes`,
      { file, found: String(length), expected: MAX_HEADER_BYTES },
    );
  }
  if (8 + Number(length) > fileBytes) {
    throw new FormatError(
      `Cannot read "${file}": header length is ${length}, but the file has only ${fileBytes} bytes`,
      { file, found: fileBytes, expected: 8 + Number(length) },
    );
  }
  return Number(length);
}

/** Parses the JSON part `header` of a file of `fileBytes` bytes. */
export function parseHeader(header: Uint8Array, fileBytes: number, file: string): SafetensorsHeader {
  if (header[0] !== 0x7b) {
    throw new FormatError(`Cannot read "${file}": header does not begin with "{"`, {
      file,
      found: header[0],
    });
  }
  const metadata = new Map<string, string>();
  const tensors: HeaderTensor[] = [];
  for (const [name, value] of Object.entries(parseJsonObject(header, file))) {
    if (name === "__metadata__") parseMetadata(value, metadata, file);
    else tensors.push(parseTensor(name, value, 8 + header.byteLength, file));
  }
  tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  checkSpans(tensors, 8 + header.byteLength, fileBytes, file);
  return { metadata, tensors };
}

function parseMetadata(value: unknown, into: Map<string, string>, file: string): void {
  if (!isJsonObject(value)) {
    throw new FormatError(`Cannot read "${file}": "__metadata__" is ${jsonType(value)}, expected an object`, {
      file,
    });
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new FormatError(
        `Cannot read "${file}": metadata ${quote(key)} is ${jsonType(text)}, expected a string`,
        { file, key },
      );
    }
    into.set(key, text);
  }
}

function parseTensor(name: string, value: unknown, dataStart: number, file: string): HeaderTensor {
  const fail = (found: string, expected: string) =>
    new FormatError(`Cannot read tensor ${quote(name)} in "${file}": ${found}, expected ${expected}`, {
      file,
      tensor: name,
      found,
      expected,
    });
  if (!isJsonObject(value)) throw fail(`entry is ${jsonType(value)}`, "an object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !isDtype(dtype)) throw fail(`dtype is ${quote(dtype)}`, "a known dtype");
  if (!isSizeList(shape) || shape.length > MAX_RANK) {
    throw fail(`shape is ${quote(shape)}`, `at most ${MAX_RANK} non-negative integers`);
  }
  if (!isSizeList(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw fail(`data_offsets are ${quote(offsets)}`, "two ascending non-negative integers");
  }
  const byteLength = offsets[1]! - offsets[0]!;
  const expected = tensorByteLength(dtype, shape);
  if (expected === undefined) {
    throw fail(`shape is ${quote(shape)}`, `a size that ${dtype} can fill and a file can hold`);
  }
  if (byteLength !== expected) {
    throw fail(`span is ${byteLength} bytes`, `${expected} for ${dtype} ${quote(shape)}`);
  }
  return { name, dtype, shape, offset: dataStart + offsets[0]!, byteLength };
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** Spans in order must begin where the one before ended; the last must end with the file. */
function checkSpans(
  tensors: readonly HeaderTensor[],
  dataStart: number,
  fileBytes: number,
  file: string,
): void {
  let end = dataStart;
  for (const { name, offset, byteLength } of tensors) {
    if (offset !== end) {
      const what = offset < end ? "overlaps the tensor before it" : "leaves a gap before it";
      throw new FormatError(
        `Cannot read tensor ${
          quote(name)
        } in "${file}": it begins at byte ${offset} and ${what}, expected ${end}`,
        { file, tensor: name, found: offset, expected: end },
      );
    }
    end = offset + byteLength;
    if (end > fileBytes) {
      throw new FormatError(
        `Cannot read tensor ${quote(name)} in "${file}": it ends at byte ${end}, the file has ${fileBytes}`,
        { file, tensor: name, found: fileBytes, expected: end },
      );
    }
  }
  if (end !== fileBytes) {
    throw new FormatError(`Cannot read "${file}": it has ${fileBytes} bytes, but its tensors end at ${end}`, {
      file,
      found: fileBytes,
      expected: end,
    });
  }
}

/**
 * The length prefix and JSON of a file that holds `tensors` in this order, padded with spaces to a multiple of 8 so
 * that the data is aligned. Throws a plain Error for a spec that has no size.
 */
export function encodeHeader(
  tensors: readonly TensorSpec[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const entries: [string, unknown][] = [["__metadata__", metadata]];
  let offset = 0;
  for (const { name, dtype, shape } of tensors) {
    const byteLength = tensorByteLength(dtype, shape);
    if (byteLength === undefined) throw new Error(`Tensor "${name}" of shape [${shape}] has no size`);
    entries.push([name, { dtype, shape, data_offsets: [offset, offset + byteLength] }]);
    offset += byteLength;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, 8);
  return bytes;
}

/**
 * A reader of safetensors of its own, so that the oracle shares no code with what it checks: whole files, no limits,
 * trusted input only.
 */

export interface PlainTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export async function readSafetensors(path: string | URL): Promise<Map<string, PlainTensor>> {
  const bytes = await Deno.readFile(path);
  const headerLength = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength)));
  const tensors = new Map<string, PlainTensor>();
  for (
    const [name, entry] of Object.entries<{ dtype: string; shape: number[]; data_offsets: [number, number] }>(
      header,
    )
  ) {
    if (name === "__metadata__") continue;
    const [start, end] = entry.data_offsets;
    tensors.set(name, { ...entry, bytes: bytes.slice(8 + headerLength + start, 8 + headerLength + end) });
  }
  return tensors;
}

/** All tensors of a checkpoint folder, whatever the number of shards. */
export async function readCheckpoint(folder: string): Promise<Map<string, PlainTensor>> {
  const tensors = new Map<string, PlainTensor>();
  const files: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    if (/^model.*\.safetensors$/.test(entry.name)) files.push(entry.name);
  }
  for (const file of files.sort()) {
    for (const [name, tensor] of await readSafetensors(`${folder}/${file}`)) tensors.set(name, tensor);
  }
  return tensors;
}

/** Every element as a number. */
export function toNumbers(tensor: PlainTensor): Float64Array {
  const { buffer } = tensor.bytes;
  switch (tensor.dtype) {
    case "F32":
      return new Float64Array(new Float32Array(buffer));
    case "F16":
      return new Float64Array(new Float16Array(buffer));
    case "BF16":
      return Float64Array.from(new Uint16Array(buffer), (bits) => {
        const wide = new Uint32Array([bits << 16]);
        return new Float32Array(wide.buffer)[0]!;
      });
    case "I64":
      return Float64Array.from(new BigInt64Array(buffer), Number);
    case "U8":
      return new Float64Array(tensor.bytes);
    default:
      throw new Error(`The oracle does not read ${tensor.dtype}`);
  }
}

/**
 * Two related checkpoints of any size, written about as fast as the disk takes them: tensors are cut from one pool of
 * seeded values, at a place that depends on the tensor, the same in both parents, so that they point in similar directions.
 */
import { join } from "node:path";
import { expectedTensors } from "../src/formats/architecture.ts";
import { CheckpointWriter } from "../src/formats/checkpoint_writer.ts";
import { parseModelConfig } from "../src/formats/config.ts";
import { encodeBfloat16 } from "../src/tensor/bfloat16.ts";
import { TINY_CONFIG } from "../tests/support/checkpoint_generator.ts";

const POOL_ELEMENTS = 2 ** 23;
const PIECE_BYTES = 2 ** 22;

/** Writes "base" and "other" into the folder. */
export async function writeParents(folder: string, shape: Readonly<Record<string, number>>): Promise<void> {
  await writePooledCheckpoint(join(folder, "base"), shape);
  await writePooledCheckpoint(join(folder, "other"), shape, 0.4);
}

/** One of them; `distance` from the others. */
export async function writePooledCheckpoint(
  folder: string,
  shape: Readonly<Record<string, number>>,
  distance = 0,
): Promise<void> {
  const json = { ...TINY_CONFIG, torch_dtype: "bfloat16", ...shape };
  const tensors = [...expectedTensors(parseModelConfig(json, "config.json"))]
    .map(([name, shape]) => ({ name, dtype: "BF16" as const, shape }))
    .sort((a, b) => a.name < b.name ? -1 : 1);
  const pool = poolOf(distance);
  await using writer = await CheckpointWriter.create(folder, tensors);
  for (const [i, { name, shape }] of tensors.entries()) {
    const bytes = 2 * shape.reduce((a, b) => a * b, 1);
    await writer.writeTensor(name, cut(pool, bytes, i * 8191 * 128 % pool.byteLength));
  }
  await writer.finishTensors();
  await writer.writeFile("config.json", JSON.stringify(json));
  await writer.commit();
}

/** bfloat16 values of standard deviation near 1/30; `distance` mixes in values of another seed. */
function poolOf(distance: number): Uint8Array {
  const values = new Float32Array(POOL_ELEMENTS);
  let [state, own] = [1, 2];
  for (let i = 0; i < POOL_ELEMENTS; i++) {
    state = Math.imul(state, 1664525) + 1013904223 | 0;
    own = Math.imul(own, 22695477) + 1 | 0;
    values[i] = (state + distance * own) * 2 ** -36;
  }
  const codes = new Uint16Array(POOL_ELEMENTS);
  encodeBfloat16(values, codes);
  return new Uint8Array(codes.buffer);
}

function* cut(pool: Uint8Array, bytes: number, start: number): Generator<Uint8Array> {
  for (let left = bytes, at = start; left > 0;) {
    const piece = pool.subarray(at, at + Math.min(left, PIECE_BYTES, pool.byteLength - at));
    yield piece;
    left -= piece.byteLength;
    at = (at + piece.byteLength) % pool.byteLength;
  }
}

/**
 * Writes an FP8 checkpoint of any shape as compressed-tensors lays it out, with random weights, without a larger one to
 * quantize: a 7B model in 7.5 GB. One block of codes, read from a different place for every tensor, is random enough to
 * run; products with a normed input have about unit variance.
 */
import { EMBEDDING_TENSOR, expectedTensors } from "../../src/formats/architecture.ts";
import { CheckpointWriter } from "../../src/formats/checkpoint_writer.ts";
import { parseModelConfig } from "../../src/formats/config.ts";
import type { TensorSpec } from "../../src/formats/safetensors.ts";
import { scaleTensorName } from "../../src/model/weights.ts";
import { fromFloat32 } from "../../src/tensor/convert.ts";
import { tensorByteLength } from "../../src/tensor/dtype.ts";
import { FLOAT8_VALUES } from "../../src/tensor/float8.ts";
import { TINY_CONFIG } from "./checkpoint_generator.ts";

const BLOCK_BYTES = 16 * 2 ** 20;

export async function writeFloat8Checkpoint(
  dir: string,
  config: Readonly<Record<string, unknown>>,
): Promise<void> {
  const json = { ...TINY_CONFIG, torch_dtype: "bfloat16", ...config };
  const specs = [...expectedTensors(parseModelConfig(json, "config.json"))]
    .flatMap(([name, shape]): TensorSpec[] =>
      shape.length === 1 || name === EMBEDDING_TENSOR ? [{ name, shape, dtype: "BF16" }] : [
        { name, shape, dtype: "F8_E4M3" },
        { name: scaleTensorName(name), shape: [shape[0]!, 1], dtype: "F32" },
      ]
    );
  const { codes, deviation } = randomCodes();
  const plain = new Uint8Array(BLOCK_BYTES);
  fromFloat32("BF16", Float32Array.from({ length: BLOCK_BYTES / 2 }, (_, i) => Math.sin(i * i)), plain);
  await using writer = await CheckpointWriter.create(dir, specs);
  let place = 0;
  for (const spec of specs) {
    const inputs = specs.find(({ name }) => scaleTensorName(name) === spec.name)?.shape[1] ?? 1;
    if (spec.dtype === "F32") {
      const scales = new Float32Array(spec.shape[0]!).fill(inputs ** -0.5 / deviation);
      await writer.writeTensor(spec.name, [new Uint8Array(scales.buffer)]);
    } else if (spec.shape.length === 1) {
      const ones = new Uint16Array(spec.shape[0]!).fill(0x3f80);
      await writer.writeTensor(spec.name, [new Uint8Array(ones.buffer)]);
    } else {
      place = (place + 4_000_003 * 2) % (BLOCK_BYTES / 2);
      const source = (spec.dtype === "BF16" ? plain : codes).subarray(place);
      await writer.writeTensor(spec.name, repeated(source, tensorByteLength(spec.dtype, spec.shape)!));
    }
  }
  await writer.finishTensors();
  await writer.writeFile("config.json", JSON.stringify(json, null, 2));
  await writer.commit();
}

function* repeated(source: Uint8Array, bytes: number): Generator<Uint8Array> {
  for (let left = bytes; left > 0; left -= source.byteLength) yield source.subarray(0, left);
}

/** No NaN, and the standard deviation of their values. */
function randomCodes(): { codes: Uint8Array; deviation: number } {
  const codes = new Uint8Array(BLOCK_BYTES);
  for (let at = 0; at < BLOCK_BYTES; at += 65536) crypto.getRandomValues(codes.subarray(at, at + 65536));
  let squares = 0;
  for (let i = 0; i < BLOCK_BYTES; i++) {
    if ((codes[i]! & 0x7f) === 0x7f) codes[i] = 0;
    squares += FLOAT8_VALUES[codes[i]!]! ** 2;
  }
  return { codes, deviation: Math.sqrt(squares / BLOCK_BYTES) };
}

/**
 * Writes checkpoints of any shape for tests and benchmarks: seeded weights, so that the same arguments give the same
 * bytes; optionally the relative of another seed, so that two of them point in similar directions, as fine-tunes of
 * one ancestor do. Memory is bounded by a block, whatever the shape.
 */
import { expectedTensors } from "../../src/formats/architecture.ts";
import { CheckpointWriter } from "../../src/formats/checkpoint_writer.ts";
import { parseModelConfig } from "../../src/formats/config.ts";
import type { TensorSpec } from "../../src/formats/safetensors.ts";
import { BLOCK_ELEMENTS, fromFloat32 } from "../../src/tensor/convert.ts";
import { bytesPerElement, configDtypeName, type WeightDtype } from "../../src/tensor/dtype.ts";

export interface GeneratedCheckpoint {
  /** Any fields of config.json over those of {@link TINY_CONFIG}. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dtype?: WeightDtype;
  /** A dtype per tensor name, in place of `dtype`. */
  readonly dtypeOf?: (tensor: string) => WeightDtype;
  readonly seed?: number;
  /** Factor on all matrices; their products with a normed input have this standard deviation. 1 unless given. */
  readonly gain?: number;
  /** The weights are those of this seed plus `distance` times those of `seed`. */
  readonly ancestorSeed?: number;
  readonly distance?: number;
  readonly shardBytes?: number;
  /** Small files to add, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

export const TINY_CONFIG = {
  architectures: ["MistralForCausalLM"],
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_act: "silu",
  hidden_size: 16,
  intermediate_size: 24,
  max_position_embeddings: 256,
  model_type: "mistral",
  num_attention_heads: 4,
  num_hidden_layers: 2,
  num_key_value_heads: 2,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  sliding_window: null,
  tie_word_embeddings: false,
  vocab_size: 32,
};

/** The shape of Mistral 7B, to be spread over `config` by whoever has 15 GB to spare. */
export const MISTRAL_7B_SHAPE = {
  hidden_size: 4096,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  vocab_size: 32000,
};

export async function writeCheckpoint(dir: string, options: GeneratedCheckpoint = {}): Promise<void> {
  const dtype = options.dtype ?? "BF16";
  const json = { ...TINY_CONFIG, torch_dtype: configDtypeName(dtype), ...options.config };
  const config = parseModelConfig(json, "config.json");
  const dtypeOf = options.dtypeOf ?? (() => dtype);
  const tensors: TensorSpec[] = [...expectedTensors(config)].map(([name, shape]) => ({
    name,
    dtype: dtypeOf(name),
    shape,
  }));
  const shardBytes = options.shardBytes === undefined ? {} : { shardBytes: options.shardBytes };
  await using writer = await CheckpointWriter.create(dir, tensors, shardBytes);
  for (const tensor of tensors) await writer.writeTensor(tensor.name, blocks(tensor, options));
  await writer.finishTensors();
  await writer.writeFile("config.json", JSON.stringify(json, null, 2));
  for (const [name, text] of Object.entries(options.files ?? {})) await writer.writeFile(name, text);
  await writer.commit();
}

function* blocks(spec: TensorSpec, options: GeneratedCheckpoint): Generator<Uint8Array> {
  const dtype = spec.dtype as WeightDtype;
  const elements = spec.shape.reduce((a, b) => a * b, 1);
  const isVector = spec.shape.length === 1;
  const scale = isVector ? 0.1 : (options.gain ?? 1) * spec.shape.at(-1)! ** -0.5;
  const center = spec.name.includes("norm") ? 1 : 0;
  const own = uniform(hash(spec.name, options.seed ?? 1));
  const ancestor = options.ancestorSeed === undefined
    ? undefined
    : uniform(hash(spec.name, options.ancestorSeed));
  const distance = options.distance ?? 0.05;
  const values = new Float32Array(Math.min(elements, BLOCK_ELEMENTS));
  const bytes = new Uint8Array(values.length * bytesPerElement(dtype));
  for (let start = 0; start < elements; start += values.length) {
    const count = Math.min(values.length, elements - start);
    for (let i = 0; i < count; i++) {
      const value = ancestor === undefined ? own() : ancestor() + distance * own();
      values[i] = center + scale * value;
    }
    yield bytes.subarray(0, fromFloat32(dtype, values.subarray(0, count), bytes));
  }
}

function hash(text: string, seed: number): number {
  let state = seed >>> 0;
  for (const character of text) state = Math.imul(state ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return state;
}

/** Uniform in ±√3 (variance 1), from a 32-bit counter mixed as in splitmix. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (((z ^ (z >>> 15)) >>> 0) / 2 ** 31 - 1) * Math.sqrt(3);
  };
}

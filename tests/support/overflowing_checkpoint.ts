/**
 * A model that counts, 0, 1, 2 … 15, 0, 1 …, until {@link OVERFLOWING}: what comes in at its first MLP after that token is
 * beyond f16 and within f32. Nothing is unusual about any other token, nor about the prompt up to it.
 */
import { writeCheckpoint } from "./checkpoint_generator.ts";

/** The token after which there are no finite logits in f16. */
export const OVERFLOWING = 9;
/** Tokens that it counts to, each with a direction of its own in the residual stream. */
export const COUNTED = 16;
/** Of head size 32, so that GPUs with subgroups run all their kernels. */
const CONFIG = {
  hidden_size: 64,
  head_dim: 32,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 32,
};

/** Written as `dtype` F32, since the values are chosen one by one. */
export async function writeOverflowingCheckpoint(dir: string): Promise<void> {
  await writeCheckpoint(dir, { config: CONFIG, dtype: "F32", seed: 7, gain: 0.3 });
  const path = `${dir}/model.safetensors`;
  const bytes = await Deno.readFile(path);
  const begin = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, begin)));
  const patch = (name: string, valueAt: (row: number, column: number, value: number) => number) => {
    const { shape, data_offsets: [from, to] } = header[name];
    const values = new Float32Array(bytes.slice(begin + from, begin + to).buffer);
    const columns: number = shape.at(-1);
    for (let i = 0; i < values.length; i++) {
      values[i] = valueAt(Math.floor(i / columns), i % columns, values[i]!);
    }
    bytes.set(new Uint8Array(values.buffer), begin + from);
  };
  // Each token has one large element, and nobody but the chosen token has anything in that one's.
  patch("model.embed_tokens.weight", (token, column, value) => {
    if (column === token % COUNTED) return 4;
    return column < COUNTED ? 0 : value;
  });
  patch("lm_head.weight", (token, column, value) => {
    if (token < COUNTED && column === (token + COUNTED - 1) % COUNTED) return 4;
    return column < COUNTED ? 0 : value * 0.1;
  });
  for (const layer of [0, 1]) {
    for (const matrix of ["self_attn.o_proj", "mlp.down_proj"]) {
      patch(`model.layers.${layer}.${matrix}.weight`, (row, _, value) => row === OVERFLOWING ? 0 : value);
    }
  }
  patch("model.layers.0.post_attention_layernorm.weight", (_, column, value) => {
    return column === OVERFLOWING ? 20_000 : value;
  });
  await Deno.writeFile(path, bytes);
}

/**
 * The whole Mistral forward pass as one readable float64 function: ids in, logits of every position out. With
 * `fp8`, every linear layer (and lm_head) is first quantized row by row, as the runtime does on load.
 */
import { quantizeHead, quantizeRows } from "./fp8.ts";
import {
  add,
  attention,
  embed,
  linear,
  type Matrix,
  matrix,
  rmsNorm,
  rope,
  siluMul,
  type Stretch,
} from "./ops.ts";
import { type PlainTensor, readCheckpoint, toNumbers } from "./checkpoint.ts";

interface OracleLayer {
  readonly inputNorm: Float64Array;
  readonly q: Matrix;
  readonly k: Matrix;
  readonly v: Matrix;
  readonly o: Matrix;
  readonly postAttentionNorm: Float64Array;
  readonly gate: Matrix;
  readonly up: Matrix;
  readonly down: Matrix;
  /** Of each head, where there are such. */
  readonly qNorm: Float64Array | undefined;
  readonly kNorm: Float64Array | undefined;
  readonly biases: Readonly<Record<string, Float64Array | undefined>>;
}

/** Weights as float64 and the few numbers of config.json that the arithmetic needs. */
export interface OracleModel {
  readonly embedding: Matrix; // [vocabSize, hiddenSize]
  readonly layers: readonly OracleLayer[];
  readonly norm: Float64Array;
  readonly lmHead: Matrix; // [vocabSize, hiddenSize]
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly theta: number;
  readonly stretch: Stretch | undefined;
  readonly eps: number;
  readonly window: number | null;
}

/** Reads a checkpoint folder of any size that fits in memory as float64. */
export async function loadOracle(folder: string, options: { fp8?: boolean } = {}): Promise<OracleModel> {
  const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
  const tensors = await readCheckpoint(folder);
  const get = (name: string): PlainTensor => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`No tensor ${name} in ${folder}`);
    return tensor;
  };
  const plain = (name: string): Matrix => {
    const tensor = get(name);
    return matrix(tensor.shape[0]!, tensor.shape[1]!, toNumbers(tensor));
  };
  const weight = (name: string): Matrix => {
    const full = plain(name);
    return options.fp8 ? { ...full, data: quantizeRows(full.data, full.rows).dequantized } : full;
  };
  const layers = Array.from({ length: config.num_hidden_layers }, (_, layer): OracleLayer => {
    const at = (name: string) => `model.layers.${layer}.${name}`;
    const projections = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"];
    const vector = (name: string) => {
      const tensor = tensors.get(at(name));
      return tensor === undefined ? undefined : toNumbers(tensor);
    };
    const bias = (name: string) => vector(`${name}.bias`);
    return {
      inputNorm: toNumbers(get(at("input_layernorm.weight"))),
      q: weight(at("self_attn.q_proj.weight")),
      k: weight(at("self_attn.k_proj.weight")),
      v: weight(at("self_attn.v_proj.weight")),
      o: weight(at("self_attn.o_proj.weight")),
      qNorm: vector("self_attn.q_norm.weight"),
      kNorm: vector("self_attn.k_norm.weight"),
      postAttentionNorm: toNumbers(get(at("post_attention_layernorm.weight"))),
      gate: weight(at("mlp.gate_proj.weight")),
      up: weight(at("mlp.up_proj.weight")),
      down: weight(at("mlp.down_proj.weight")),
      biases: Object.fromEntries(
        [...projections, "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"].map((
          name,
        ) => [name.split(".")[1]!, bias(name)]),
      ),
    };
  });
  return {
    embedding: plain("model.embed_tokens.weight"),
    layers,
    norm: toNumbers(get("model.norm.weight")),
    lmHead: weight(tensors.has("lm_head.weight") ? "lm_head.weight" : "model.embed_tokens.weight"),
    queryHeads: config.num_attention_heads,
    kvHeads: config.num_key_value_heads,
    headDim: config.head_dim ?? config.hidden_size / config.num_attention_heads,
    theta: config.rope_theta ?? 10_000,
    stretch: config.rope_scaling?.rope_type === "llama3" ? config.rope_scaling : undefined,
    eps: config.rms_norm_eps,
    window: config.sliding_window ?? null,
  };
}

/** Each head of each row by itself. */
function normHeads({ rows, columns, data }: Matrix, gain: Float64Array, eps: number): Matrix {
  const heads = rmsNorm(matrix(rows * columns / gain.length, gain.length, data), gain, eps);
  return matrix(rows, columns, heads.data);
}

/** As a KV cache in FP8 gives them back. */
function throughFp8(x: Matrix, headDim: number): Matrix {
  const heads = Array.from(
    { length: x.data.length / headDim },
    (_, head) => quantizeHead(x.data.subarray(head * headDim, (head + 1) * headDim)).dequantized,
  );
  return matrix(x.rows, x.columns, heads.flat());
}

/** Logits of every position, [ids.length, vocabSize]; keys and values go through FP8 with `fp8Cache`. */
export function forward(model: OracleModel, ids: ArrayLike<number>, { fp8Cache = false } = {}): Matrix {
  const cached = (x: Matrix) => fp8Cache ? throughFp8(x, model.headDim) : x;
  const positions = Array.from({ length: ids.length }, (_, i) => i);
  const { queryHeads, kvHeads, headDim, window, theta, stretch, eps } = model;
  let x = embed(model.embedding, ids); // [tokens, hiddenSize]
  for (const layer of model.layers) {
    const { biases } = layer;
    const normed = rmsNorm(x, layer.inputNorm, eps);
    const rotated = (x: Matrix, gain: Float64Array | undefined) =>
      rope(gain === undefined ? x : normHeads(x, gain, eps), positions, headDim, theta, stretch);
    const q = rotated(linear(normed, layer.q, biases.q_proj), layer.qNorm);
    const k = cached(rotated(linear(normed, layer.k, biases.k_proj), layer.kNorm));
    const v = cached(linear(normed, layer.v, biases.v_proj));
    const attended = attention(q, k, v, { positions, queryHeads, kvHeads, headDim, window });
    x = add(x, linear(attended, layer.o, biases.o_proj));
    const inner = rmsNorm(x, layer.postAttentionNorm, eps);
    const activated = siluMul(
      linear(inner, layer.gate, biases.gate_proj),
      linear(inner, layer.up, biases.up_proj),
    );
    x = add(x, linear(activated, layer.down, biases.down_proj));
  }
  return linear(rmsNorm(x, model.norm, eps), model.lmHead);
}

/**
 * The tensors that a Mistral-class decoder consists of, in Hugging Face naming, with the shapes its configuration
 * implies. Whatever else a checkpoint stores (rotary tables, say) is not part of the architecture.
 */
import type { ModelConfig } from "./config.ts";

export const EMBEDDING_TENSOR = "model.embed_tokens.weight";
export const FINAL_NORM_TENSOR = "model.norm.weight";
/** May be absent: then the embedding serves in its place. */
export const LM_HEAD_TENSOR = "lm_head.weight";

/** Tensor names within a layer, without `model.layers.<i>.`, in the order of computation. */
export const LAYER_TENSORS = [
  "input_layernorm.weight",
  "self_attn.q_proj.weight",
  "self_attn.k_proj.weight",
  "self_attn.v_proj.weight",
  "self_attn.o_proj.weight",
  "post_attention_layernorm.weight",
  "mlp.gate_proj.weight",
  "mlp.up_proj.weight",
  "mlp.down_proj.weight",
] as const;

/** Gains of the norms of each head, where the configuration has them. */
export const HEAD_NORM_TENSORS = ["self_attn.q_norm.weight", "self_attn.k_norm.weight"] as const;

export type LayerTensor = typeof LAYER_TENSORS[number] | typeof HEAD_NORM_TENSORS[number];

/** `model.layers.3.mlp.up_proj.weight` */
export function layerTensorName(layer: number, tensor: LayerTensor): string {
  return `model.layers.${layer}.${tensor}`;
}

/** The bias of a projection; undefined where the configuration gives it none. */
export function biasName(
  { attentionBias, mlpBias }: Pick<ModelConfig, "attentionBias" | "mlpBias">,
  weight: string,
): string | undefined {
  if (!weight.endsWith("_proj.weight")) return undefined;
  const isInput = !weight.endsWith(".o_proj.weight");
  const has = weight.includes(".mlp.")
    ? mlpBias
    : attentionBias === "all" || attentionBias === "inputs" && isInput;
  return has ? weight.replace(/weight$/, "bias") : undefined;
}

/** Every tensor by name with its shape; `lm_head.weight` is included unless the embeddings are tied. */
export function expectedTensors(config: ModelConfig): ReadonlyMap<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  shapes.set(EMBEDDING_TENSOR, [config.vocabSize, config.hiddenSize]);
  const layer = layerShapes(config);
  for (let i = 0; i < config.layers; i++) {
    for (const tensor of config.headNorms ? [...LAYER_TENSORS, ...HEAD_NORM_TENSORS] : LAYER_TENSORS) {
      const name = layerTensorName(i, tensor);
      shapes.set(name, layer[tensor]);
      const bias = biasName(config, name);
      if (bias !== undefined) shapes.set(bias, layer[tensor].slice(0, 1));
    }
  }
  shapes.set(FINAL_NORM_TENSOR, [config.hiddenSize]);
  if (!config.tieWordEmbeddings) shapes.set(LM_HEAD_TENSOR, [config.vocabSize, config.hiddenSize]);
  return shapes;
}

function layerShapes(config: ModelConfig): Readonly<Record<LayerTensor, readonly number[]>> {
  const { hiddenSize: hidden, intermediateSize: inner } = config;
  const queries = config.queryHeads * config.headDim;
  const keys = config.kvHeads * config.headDim;
  return {
    "input_layernorm.weight": [hidden],
    "self_attn.q_proj.weight": [queries, hidden],
    "self_attn.k_proj.weight": [keys, hidden],
    "self_attn.v_proj.weight": [keys, hidden],
    "self_attn.o_proj.weight": [hidden, queries],
    "post_attention_layernorm.weight": [hidden],
    "mlp.gate_proj.weight": [inner, hidden],
    "mlp.up_proj.weight": [inner, hidden],
    "mlp.down_proj.weight": [hidden, inner],
    "self_attn.q_norm.weight": [config.headDim],
    "self_attn.k_norm.weight": [config.headDim],
  };
}

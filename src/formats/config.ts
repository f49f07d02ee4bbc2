/**
 * config.json of a Mistral-class checkpoint → {@link ModelConfig}. Every number is checked for type and range, so that
 * nobody behind this parser sizes a buffer by an unchecked field. Absent fields take the defaults of the Hugging Face
 * configuration classes. Foreign snake_case names stop here.
 */
import { FormatError } from "../errors.ts";
import { Fields } from "./fields.ts";
import { isJsonObject, type JsonObject, quote } from "./json.ts";

/** Decoder layouts that share Mistral's tensors and arithmetic. */
export type Architecture = "MistralForCausalLM" | "LlamaForCausalLM";
const ARCHITECTURES: readonly string[] = ["MistralForCausalLM", "LlamaForCausalLM"] satisfies Architecture[];

export interface ModelConfig {
  readonly architecture: Architecture;
  readonly modelType: string;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  /** May differ from hiddenSize / queryHeads. */
  readonly headDim: number;
  readonly vocabSize: number;
  readonly maxPositionEmbeddings: number;
  readonly ropeTheta: number;
  /** As written, where it asks for something other than plain rotary embedding; null otherwise. */
  readonly ropeScaling: JsonObject | null;
  readonly rmsNormEps: number;
  /** Keys that a position sees, itself included; null: all before it. */
  readonly slidingWindow: number | null;
  readonly hiddenAct: string;
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** `torch_dtype` (or `dtype`) as written, such as "bfloat16". The tensors themselves decide. */
  readonly dtype: string | null;
}

/** No model has more layers, and none is merged that has. */
export const MAX_LAYERS = 4096;

/** Generous for any model, small enough that no product of two passes 2^53. */
const LIMITS = {
  hiddenSize: { min: 1, max: 1 << 17 },
  intermediateSize: { min: 1, max: 1 << 20 },
  layers: { min: 1, max: MAX_LAYERS },
  heads: { min: 1, max: 4096 },
  headDim: { min: 1, max: 8192 },
  vocabSize: { min: 1, max: 1 << 24 },
  positions: { min: 1, max: 2 ** 31 - 1 },
  ropeTheta: { min: 1e-3, max: 1e15 },
  rmsNormEps: { min: 0, max: 1 },
} as const;

/** Whether a config.json is of an architecture that {@link parseModelConfig} reads. */
export function isRunnable(json: JsonObject): boolean {
  const { architectures: names } = json;
  return Array.isArray(names) && names.length === 1 && ARCHITECTURES.includes(names[0]);
}

/** Validates a parsed config.json; `file` is how messages call it. */
export function parseModelConfig(json: JsonObject, file: string): ModelConfig {
  const fields = new Fields(json, file);
  const architecture = parseArchitecture(fields, file);
  const hiddenSize = fields.integer("hidden_size", LIMITS.hiddenSize);
  const queryHeads = fields.integer("num_attention_heads", LIMITS.heads);
  const kvHeads = fields.integer("num_key_value_heads", LIMITS.heads, queryHeads);
  if (queryHeads % kvHeads !== 0) {
    throw fields.error("num_key_value_heads", kvHeads, `a divisor of num_attention_heads (${queryHeads})`);
  }
  if (!fields.has("head_dim") && hiddenSize % queryHeads !== 0) {
    throw fields.error("num_attention_heads", queryHeads, `a divisor of hidden_size (${hiddenSize})`);
  }
  const rope = parseRope(fields, file);
  const maxPositionEmbeddings = fields.integer(
    "max_position_embeddings",
    LIMITS.positions,
    architecture === "MistralForCausalLM" ? 131072 : 2048,
  );
  return {
    architecture,
    modelType: fields.string("model_type", architecture === "MistralForCausalLM" ? "mistral" : "llama"),
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", LIMITS.intermediateSize),
    layers: fields.integer("num_hidden_layers", LIMITS.layers),
    queryHeads,
    kvHeads,
    headDim: fields.integer("head_dim", LIMITS.headDim, hiddenSize / queryHeads),
    vocabSize: fields.integer("vocab_size", LIMITS.vocabSize),
    maxPositionEmbeddings,
    ...rope,
    rmsNormEps: fields.number("rms_norm_eps", LIMITS.rmsNormEps, 1e-6),
    slidingWindow: parseSlidingWindow(json, fields, architecture),
    hiddenAct: fields.string("hidden_act", "silu"),
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", false),
    bosTokenId: fields.optionalTokenId("bos_token_id"),
    eosTokenIds: fields.tokenIds("eos_token_id"),
    padTokenId: fields.optionalTokenId("pad_token_id"),
    dtype: fields.optionalString("torch_dtype") ?? fields.optionalString("dtype"),
  };
}

function parseArchitecture(fields: Fields, file: string): Architecture {
  const names = fields.raw("architectures");
  const name: unknown = Array.isArray(names) && names.length === 1 ? names[0] : undefined;
  if (typeof name === "string" && ARCHITECTURES.includes(name)) return name as Architecture;
  throw new FormatError(
    `Cannot read "${file}": architectures is ${quote(names)}, expected one of ${ARCHITECTURES.join(", ")}`,
    { file, field: "architectures", found: quote(names), expected: ARCHITECTURES },
  );
}

/** `rope_theta` beside `rope_scaling`, or (transformers 5) both inside `rope_parameters`. */
function parseRope(fields: Fields, file: string): Pick<ModelConfig, "ropeTheta" | "ropeScaling"> {
  const nested = fields.raw("rope_parameters");
  const scaling = nested ?? fields.raw("rope_scaling");
  if (scaling !== undefined && !isJsonObject(scaling)) {
    throw fields.error(nested === undefined ? "rope_scaling" : "rope_parameters", scaling, "an object");
  }
  const inner = new Fields(scaling ?? {}, file);
  const type = inner.optionalString("rope_type") ?? inner.optionalString("type");
  const theta = inner.optionalNumber("rope_theta", LIMITS.ropeTheta);
  return {
    ropeTheta: theta ?? fields.number("rope_theta", LIMITS.ropeTheta, 10000),
    ropeScaling: scaling === undefined || (type ?? "default") === "default" ? null : scaling,
  };
}

function parseSlidingWindow(json: JsonObject, fields: Fields, architecture: Architecture): number | null {
  // Llama has no window, whatever a configuration converted from Mistral's has kept.
  if (architecture === "LlamaForCausalLM") return null;
  return Object.hasOwn(json, "sliding_window")
    ? fields.optionalInteger("sliding_window", LIMITS.positions)
    : 4096;
}

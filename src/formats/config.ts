/**
 * config.json of a Mistral-class checkpoint → {@link ModelConfig}. Every number is checked for type and range, so that
 * nobody behind this parser sizes a buffer by an unchecked field. Absent fields take the defaults of the Hugging Face
 * configuration classes. Foreign snake_case names stop here.
 */
import { FormatError } from "../errors.ts";
import { type Deviation, deviationOf, MODEL_TYPES, type RopeFields, ropeFields } from "./deviation.ts";
import { Fields } from "./fields.ts";
import { type JsonObject, quote } from "./json.ts";

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
  readonly rmsNormEps: number;
  /** Keys that a position sees, itself included; null: all before it. */
  readonly slidingWindow: number | null;
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | null;
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number | null;
  /** `torch_dtype` (or `dtype`) as written, such as "bfloat16". The tensors themselves decide. */
  readonly dtype: string | null;
  /** What stands against running the model; null: nothing does. */
  readonly deviation: Deviation | null;
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
  const kvHeads = fields.integer(
    "num_key_value_heads",
    LIMITS.heads,
    kvHeadsBesides(json, architecture, queryHeads),
  );
  if (queryHeads % kvHeads !== 0) {
    throw fields.error("num_key_value_heads", kvHeads, `a divisor of num_attention_heads (${queryHeads})`);
  }
  if (!fields.has("head_dim") && hiddenSize % queryHeads !== 0) {
    throw fields.error("num_attention_heads", queryHeads, `a divisor of hidden_size (${hiddenSize})`);
  }
  const rope = ropeFields(fields);
  const slidingWindow = parseSlidingWindow(json, fields, architecture);
  const maxPositionEmbeddings = fields.integer(
    "max_position_embeddings",
    LIMITS.positions,
    architecture === "MistralForCausalLM" ? 131072 : 2048,
  );
  return {
    architecture,
    modelType: fields.string("model_type", MODEL_TYPES[architecture]),
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", LIMITS.intermediateSize),
    layers: fields.integer("num_hidden_layers", LIMITS.layers),
    queryHeads,
    kvHeads,
    headDim: fields.integer("head_dim", LIMITS.headDim, hiddenSize / queryHeads),
    vocabSize: fields.integer("vocab_size", LIMITS.vocabSize),
    maxPositionEmbeddings,
    ropeTheta: ropeTheta(rope, fields, file),
    rmsNormEps: fields.number("rms_norm_eps", LIMITS.rmsNormEps, 1e-6),
    slidingWindow,
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", false),
    bosTokenId: fields.optionalTokenId("bos_token_id"),
    eosTokenIds: fields.tokenIds("eos_token_id"),
    padTokenId: fields.optionalTokenId("pad_token_id"),
    dtype: fields.optionalString("torch_dtype") ?? fields.optionalString("dtype"),
    deviation: deviationOf({ json, architecture, slidingWindow, rope }),
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

/** `rope_theta` in the object that rules the rotary embedding, or else beside it. */
function ropeTheta({ values }: RopeFields, fields: Fields, file: string): number {
  return new Fields(values, file).optionalNumber("rope_theta", LIMITS.ropeTheta) ??
    fields.number("rope_theta", LIMITS.ropeTheta, 10000);
}

/** Where there is no number: null says one for each query head, and so does a Llama's silence; a Mistral's says 8. */
function kvHeadsBesides(json: JsonObject, architecture: Architecture, queryHeads: number): number {
  return architecture === "LlamaForCausalLM" || Object.hasOwn(json, "num_key_value_heads") ? queryHeads : 8;
}

function parseSlidingWindow(json: JsonObject, fields: Fields, architecture: Architecture): number | null {
  // Llama has no window, whatever a configuration converted from Mistral's has kept.
  if (architecture === "LlamaForCausalLM") return null;
  return Object.hasOwn(json, "sliding_window")
    ? fields.optionalInteger("sliding_window", LIMITS.positions)
    : 4096;
}

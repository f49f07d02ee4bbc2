/**
 * config.json of a Mistral-class checkpoint → {@link ModelConfig}. Every number is checked for type and range, so that
 * nobody behind this parser sizes a buffer by an unchecked field. Absent fields take the defaults of the Hugging Face
 * configuration classes. Foreign snake_case names stop here.
 */
import { FormatError } from "../errors.ts";
import { type Architecture, ARCHITECTURES, CLASS_DEFAULTS, isQwen } from "./decoder_classes.ts";
import { type Deviation, deviationOf, FULL_QWEN_LAYERS } from "./deviation.ts";
import { Fields } from "./fields.ts";
import { type JsonObject, quote } from "./json.ts";
import { parseRope, type Rope, ropeFields } from "./rope.ts";

export interface ModelConfig extends Rope {
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
  readonly rmsNormEps: number;
  /** Keys that a position sees, itself included; null: all before it. */
  readonly slidingWindow: number | null;
  readonly tieWordEmbeddings: boolean;
  /** Which projections of the attention have biases. */
  readonly attentionBias: "none" | "inputs" | "all";
  readonly mlpBias: boolean;
  /** Whether each head of queries and keys is normed by itself. */
  readonly headNorms: boolean;
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
  const defaults = CLASS_DEFAULTS[architecture];
  // What is written as null is as many as there are queries; what is not written, the class's own.
  const writtenKvHeads = Object.hasOwn(json, "num_key_value_heads") ? null : defaults.kvHeads;
  const kvHeads = fields.integer("num_key_value_heads", LIMITS.heads, writtenKvHeads ?? queryHeads);
  if (queryHeads % kvHeads !== 0) {
    throw fields.error("num_key_value_heads", kvHeads, `a divisor of num_attention_heads (${queryHeads})`);
  }
  const headDim = defaults.headDim ?? hiddenSize / queryHeads;
  if (!fields.has("head_dim") && !Number.isInteger(headDim)) {
    throw fields.error("num_attention_heads", queryHeads, `a divisor of hidden_size (${hiddenSize})`);
  }
  const maxPositionEmbeddings = fields.integer(
    "max_position_embeddings",
    LIMITS.positions,
    defaults.positions,
  );
  const layers = fields.integer("num_hidden_layers", LIMITS.layers);
  const rope = ropeFields(fields);
  const slidingWindow = parseSlidingWindow(json, fields, architecture, layers);
  return {
    architecture,
    modelType: fields.string("model_type", defaults.modelType),
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size", LIMITS.intermediateSize),
    layers,
    queryHeads,
    kvHeads,
    headDim: fields.integer("head_dim", LIMITS.headDim, headDim),
    vocabSize: fields.integer("vocab_size", LIMITS.vocabSize),
    maxPositionEmbeddings,
    ...parseRope(rope, { fields, file, maxPositions: maxPositionEmbeddings }),
    rmsNormEps: fields.number("rms_norm_eps", LIMITS.rmsNormEps, 1e-6),
    slidingWindow,
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", false),
    attentionBias: architecture === "Qwen2ForCausalLM"
      ? "inputs"
      : fields.boolean("attention_bias", false)
      ? "all"
      : "none",
    mlpBias: !isQwen(architecture) && fields.boolean("mlp_bias", false),
    headNorms: architecture === "Qwen3ForCausalLM",
    bosTokenId: fields.optionalTokenId("bos_token_id"),
    eosTokenIds: fields.tokenIds("eos_token_id"),
    padTokenId: fields.optionalTokenId("pad_token_id"),
    dtype: fields.optionalString("torch_dtype") ?? fields.optionalString("dtype"),
    deviation: deviationOf({
      json,
      architecture,
      modelType: defaults.modelType,
      layers,
      slidingWindow,
      rope,
    }),
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

/** Keys that a layer sees; where layers differ, of those that do not see everything. */
function parseSlidingWindow(
  json: JsonObject,
  fields: Fields,
  architecture: Architecture,
  layers: number,
): number | null {
  // Llama has no window, whatever a configuration converted from Mistral's has kept.
  if (architecture === "LlamaForCausalLM") return null;
  const window = Object.hasOwn(json, "sliding_window")
    ? fields.optionalInteger("sliding_window", LIMITS.positions)
    : 4096;
  if (!isQwen(architecture)) return window;
  const types = fields.raw("layer_types");
  const slides = Array.isArray(types)
    ? types.includes("sliding_attention")
    : fields.integer("max_window_layers", { min: 0, max: 2 ** 31 - 1 }, FULL_QWEN_LAYERS) < layers;
  return fields.boolean("use_sliding_window", false) && slides ? window : null;
}

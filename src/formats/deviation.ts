/**
 * What in a config.json asks for other arithmetic than that of a plain decoder of its architecture: rotary
 * embedding of an unknown kind, another activation, biases where the reference has none, layers of several kinds. A model
 * that deviates may be merged and inspected, but not run. Fields that the reference implementation does not read are not
 * looked at.
 */
import { type Architecture, isQwen } from "./decoder_classes.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import { ROPE_TYPES, type RopeFields } from "./rope.ts";

/** The first field that cannot be honoured. */
export interface Deviation {
  /** As config.json has it, with dots inside of objects. */
  readonly field: string;
  readonly found: unknown;
  readonly expected: string;
}

/** Qwen's first layers see everything, where windows are used: so many unless the configuration says how many. */
export const FULL_QWEN_LAYERS = 28;

/** Whose FP8 weights come with a `weight_scale` that multiplies them. */
const QUANT_METHODS: readonly unknown[] = ["compressed-tensors", "fp8", "fbgemm_fp8", "modelopt"];

/** Where {@link Deviation}s come from. */
export interface DeviationInput {
  readonly json: JsonObject;
  readonly architecture: Architecture;
  /** By which the reference chooses a class; `architectures` says the same in every checkpoint that is in order. */
  readonly modelType: string;
  readonly layers: number;
  readonly slidingWindow: number | null;
  readonly rope: RopeFields;
}

/** Null where the model can be run as far as its configuration goes. */
export function deviationOf(input: DeviationInput): Deviation | null {
  const { json, architecture } = input;
  const wanted = (field: string, expected: string | boolean | number): Deviation | null => {
    const found = json[field] ?? expected;
    return found === expected ? null : { field, found, expected: JSON.stringify(expected) };
  };
  return wanted("model_type", input.modelType) ?? wanted("hidden_act", "silu") ??
    wanted("is_causal", true) ?? ropeDeviation(input.rope) ?? wanted("partial_rotary_factor", 1) ??
    (architecture === "MistralForCausalLM"
      ? wanted("attention_bias", false) ?? wanted("mlp_bias", false)
      : null) ??
    layerTypes(input) ?? quantization(json);
}

function ropeDeviation({ field, values }: RopeFields): Deviation | null {
  const type = values["rope_type"] ?? values["type"] ?? "default";
  if (!ROPE_TYPES.includes(type)) {
    return { field, found: values, expected: `one of type ${ROPE_TYPES.join(", ")}` };
  }
  // By kind of layer, in models that have several.
  const nested = Object.keys(values).find((key) => isJsonObject(values[key]));
  if (nested !== undefined) {
    return { field: `${field}.${nested}`, found: values[nested], expected: "the same for all layers" };
  }
  const share = values["partial_rotary_factor"] ?? 1;
  return share === 1 ? null : { field: `${field}.partial_rotary_factor`, found: share, expected: "1" };
}

/** All layers must be of one kind. */
function layerTypes({ json, architecture, layers, slidingWindow }: DeviationInput): Deviation | null {
  const { layer_types: found, max_window_layers: full } = json;
  if (found === undefined || found === null) {
    const first = isQwen(architecture) && slidingWindow !== null ? full ?? FULL_QWEN_LAYERS : 0;
    return first === 0
      ? null
      : { field: "max_window_layers", found: first, expected: `0, or ${layers} or more` };
  }
  const kind = slidingWindow === null ? "full_attention" : "sliding_attention";
  const agree = Array.isArray(found) && found.length === layers && found.every((type) => type === kind);
  return agree ? null : { field: "layer_types", found, expected: `${layers} times ${JSON.stringify(kind)}` };
}

function quantization({ quantization_config: config }: JsonObject): Deviation | null {
  if (config === undefined || config === null) return null;
  if (!isJsonObject(config)) return { field: "quantization_config", found: config, expected: "an object" };
  const { quant_method: method, transform_config: transforms } = config;
  if (!QUANT_METHODS.includes(method)) {
    const expected = `one of ${QUANT_METHODS.join(", ")}`;
    return { field: "quantization_config.quant_method", found: method ?? null, expected };
  }
  // Rotations between the weights, without which these mean nothing.
  const { config_groups: groups = transforms } = isJsonObject(transforms) ? transforms : {};
  const transformed = isJsonObject(groups) ? Object.keys(groups).length > 0 : (groups ?? null) !== null;
  return transformed
    ? { field: "quantization_config.transform_config", found: transforms, expected: "none" }
    : null;
}

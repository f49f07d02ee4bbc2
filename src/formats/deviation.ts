/**
 * What in a config.json asks for other arithmetic than that of a plain decoder of its architecture: scaled rotary
 * embedding, another activation, biases where the reference has none, layers of several kinds. A model that deviates may be
 * merged and inspected, but not run. Fields that the reference implementation does not read are not looked at.
 */
import type { Architecture } from "./config.ts";
import type { Fields } from "./fields.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

/** The first field that cannot be honoured. */
export interface Deviation {
  /** As config.json has it, with dots inside of objects. */
  readonly field: string;
  readonly found: unknown;
  readonly expected: string;
}

/** By which the reference chooses a class; `architectures` says the same in every checkpoint that is in order. */
export const MODEL_TYPES: Readonly<Record<Architecture, string>> = {
  MistralForCausalLM: "mistral",
  LlamaForCausalLM: "llama",
};

/** Whose FP8 weights come with a `weight_scale` that multiplies them. */
const QUANT_METHODS: readonly unknown[] = ["compressed-tensors", "fp8", "fbgemm_fp8", "modelopt"];

/** Where {@link Deviation}s come from. */
export interface DeviationInput {
  readonly json: JsonObject;
  readonly architecture: Architecture;
  readonly slidingWindow: number | null;
  readonly rope: RopeFields;
}

/** The object that rules the rotary embedding, and how it is called. */
export interface RopeFields {
  readonly field: "rope_parameters" | "rope_scaling";
  readonly values: JsonObject;
}

/**
 * As in transformers 5: `rope_scaling` of older versions, unless it is empty, in place of `rope_parameters`. Throws
 * FormatError for one that is no object.
 */
export function ropeFields(fields: Fields): RopeFields {
  const read = (field: RopeFields["field"]): RopeFields => {
    const values = fields.raw(field) ?? {};
    if (!isJsonObject(values)) throw fields.error(field, values, "an object");
    return { field, values };
  };
  const scaling = read("rope_scaling");
  const parameters = read("rope_parameters");
  return Object.keys(scaling.values).length > 0 ? scaling : parameters;
}

/** Null where the model can be run as far as its configuration goes. */
export function deviationOf(input: DeviationInput): Deviation | null {
  const { json, architecture } = input;
  const wanted = (field: string, expected: string | boolean | number): Deviation | null => {
    const found = json[field] ?? expected;
    return found === expected ? null : { field, found, expected: JSON.stringify(expected) };
  };
  return wanted("model_type", MODEL_TYPES[architecture]) ?? wanted("hidden_act", "silu") ??
    wanted("is_causal", true) ?? ropeDeviation(input.rope) ?? wanted("partial_rotary_factor", 1) ??
    (architecture === "MistralForCausalLM"
      ? wanted("attention_bias", false) ?? wanted("mlp_bias", false)
      : null) ??
    layerTypes(input) ?? quantization(json);
}

function ropeDeviation({ field, values }: RopeFields): Deviation | null {
  const type = values["rope_type"] ?? values["type"] ?? "default";
  if (type !== "default") return { field, found: values, expected: "none but the default type" };
  // By kind of layer, in models that have several.
  const nested = Object.keys(values).find((key) => isJsonObject(values[key]));
  if (nested !== undefined) {
    return { field: `${field}.${nested}`, found: values[nested], expected: "the same for all layers" };
  }
  const share = values["partial_rotary_factor"] ?? 1;
  return share === 1 ? null : { field: `${field}.partial_rotary_factor`, found: share, expected: "1" };
}

/** Layers must be of the kind that all of the architecture's are. */
function layerTypes({ json: { layer_types: found }, slidingWindow }: DeviationInput): Deviation | null {
  if (found === undefined || found === null) return null;
  const kind = slidingWindow === null ? "full_attention" : "sliding_attention";
  const agree = Array.isArray(found) && found.every((type) => type === kind);
  return agree ? null : { field: "layer_types", found, expected: `only ${JSON.stringify(kind)}` };
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

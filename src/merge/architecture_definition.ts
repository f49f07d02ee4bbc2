/**
 * The tensors of an architecture by name, in the JSON form that mergekit describes them in: weights before the layers,
 * a template for each layer with `${layer_index}`, weights after them. What is not named there is not merged. Names
 * only: shapes are held against each other, not against a definition. Descriptions of several modules are refused.
 */
import { FormatError } from "../errors.ts";
import { Fields } from "../formats/fields.ts";
import { isJsonObject, type JsonObject, quote } from "../formats/json.ts";
import { CONFIG_DTYPE_NAMES, parseConfigDtype, type WeightDtype } from "../tensor/dtype.ts";

/** One tensor; the names of a template still hold their placeholders. */
export interface WeightDefinition {
  /** In the output. */
  readonly name: string;
  /** Whether its rows are tokens: an embedding or an lm_head. */
  readonly isEmbedding: boolean;
  /** May be missing: in all models, or in some. */
  readonly optional: boolean;
  /** Other names that an input may give it. */
  readonly aliases: readonly string[];
  /** Tensors that serve in its place in a model that lacks it, where another model has it. */
  readonly tiedNames: readonly string[];
  /** Whatever the configuration's dtypes say. */
  readonly forceDtype: WeightDtype | null;
}

export interface ArchitectureDefinition {
  readonly modelType: string;
  /** Values of `architectures` in config.json that it stands for. */
  readonly architectures: readonly string[];
  readonly preWeights: readonly WeightDefinition[];
  readonly layerWeights: readonly WeightDefinition[];
  readonly postWeights: readonly WeightDefinition[];
  /** Where config.json tells the number of layers; dots lead into nested objects. */
  readonly layersKey: string;
}

const MAX_WEIGHTS = 10_000;
const PLACEHOLDER = /\$\{([^}]*)\}/g;

/** Checks a parsed description; `file` is how messages call it. */
export function parseArchitecture(json: JsonObject, file: string): ArchitectureDefinition {
  const fields = new Fields(json, file);
  const kind = fields.string("kind", "module");
  if (kind !== "module") throw fields.error("kind", kind, `"module": several modules are not supported`);
  if (fields.has("override_num_layers")) {
    throw fields.error("override_num_layers", json.override_num_layers, "none: it is not supported");
  }
  const templates = fields.raw("layer_templates");
  if (!isJsonObject(templates)) throw fields.error("layer_templates", templates, "an object with weights");
  const layer = new Fields(templates, file);
  return {
    modelType: fields.string("model_type"),
    architectures: nameList(fields, "architectures"),
    preWeights: parseWeights(fields, "pre_weights", file, false),
    layerWeights: parseWeights(layer, "weights", file, true),
    postWeights: parseWeights(fields, "post_weights", file, false),
    layersKey: fields.string("num_layers_config_key", "num_hidden_layers"),
  };
}

function parseWeights(
  fields: Fields,
  field: string,
  file: string,
  inLayer: boolean,
): readonly WeightDefinition[] {
  const list = fields.raw(field);
  if (!Array.isArray(list) || list.length > MAX_WEIGHTS) {
    throw fields.error(field, list, `a list of at most ${MAX_WEIGHTS} weights`);
  }
  return list.map((entry: unknown) => {
    if (!isJsonObject(entry)) throw fields.error(field, entry, "weights with a name each");
    const weight = new Fields(entry, file);
    const definition: WeightDefinition = {
      name: weight.string("name"),
      isEmbedding: weight.boolean("is_embed", false),
      optional: weight.boolean("optional", false),
      aliases: weight.has("aliases") ? nameList(weight, "aliases") : [],
      tiedNames: weight.has("tied_names") ? nameList(weight, "tied_names") : [],
      forceDtype: forcedDtype(weight),
    };
    for (const name of [definition.name, ...definition.aliases, ...definition.tiedNames]) {
      checkPlaceholders(name, inLayer, file);
    }
    return definition;
  });
}

function nameList(fields: Fields, field: string): readonly string[] {
  const list = fields.raw(field);
  const sound = Array.isArray(list) && list.length > 0 && list.length <= MAX_WEIGHTS &&
    list.every((name) => typeof name === "string");
  if (!sound) throw fields.error(field, list, "a list of names that is not empty");
  return list as string[];
}

function forcedDtype(weight: Fields): WeightDtype | null {
  const name = weight.optionalString("force_dtype");
  const dtype = name === null ? null : parseConfigDtype(name);
  if (dtype === undefined) throw weight.error("force_dtype", name, CONFIG_DTYPE_NAMES.join(" or "));
  return dtype;
}

function checkPlaceholders(name: string, inLayer: boolean, file: string): void {
  const known = Object.keys(substitutions(0, inLayer ? 0 : null));
  for (const [, placeholder] of name.matchAll(PLACEHOLDER)) {
    if (known.includes(placeholder!)) continue;
    throw new FormatError(
      `Cannot read "${file}": weight ${quote(name)} holds \${${placeholder}}, expected one of ${
        known.map((each) => `\${${each}}`).join(", ")
      }`,
      { file, weight: name },
    );
  }
}

function substitutions(layers: number, layer: number | null): Readonly<Record<string, number>> {
  return {
    "num_layers": layers,
    "num_layers+1": layers + 1,
    "num_layers-1": layers - 1,
    ...(layer === null
      ? {}
      : { "layer_index": layer, "layer_index+1": layer + 1, "layer_index-1": layer - 1 }),
  };
}

/** A weight with its placeholders filled in, for a model of so many layers; `layer` is null outside of them. */
export function fillIn(
  weight: WeightDefinition,
  layers: number,
  layer: number | null,
): WeightDefinition {
  const values = substitutions(layers, layer);
  const fill = (name: string) => name.replaceAll(PLACEHOLDER, (_, key: string) => String(values[key]));
  return {
    ...weight,
    name: fill(weight.name),
    aliases: weight.aliases.map(fill),
    tiedNames: weight.tiedNames.map(fill),
  };
}

/**
 * The architectures whose tensors Geodesic knows by name, as data files beside this module, and which of them a
 * config.json means. Descriptions that the user brings come first, so that one may also replace a shipped one.
 */
import { MergeError } from "../errors.ts";
import { MAX_LAYERS } from "../formats/config.ts";
import { isJsonObject, type JsonObject, quote } from "../formats/json.ts";
import { type ArchitectureDefinition, parseArchitecture } from "./architecture_definition.ts";
import gemma from "./architectures/gemma.json" with { type: "json" };
import llama from "./architectures/llama.json" with { type: "json" };
import mistral from "./architectures/mistral.json" with { type: "json" };
import phi3 from "./architectures/phi3.json" with { type: "json" };
import qwen2 from "./architectures/qwen2.json" with { type: "json" };
import qwen3 from "./architectures/qwen3.json" with { type: "json" };

/** In the order in which they are asked. */
export const SHIPPED_ARCHITECTURES: readonly ArchitectureDefinition[] = [
  ...[mistral, llama, qwen2, qwen3, phi3, gemma],
].map((json) => parseArchitecture(json, `${json.model_type}.json`));

/**
 * What a model's config.json says it is. Of several definitions of one architecture, that of its model_type, or else
 * the first. Throws MergeError for an architecture nobody has described.
 */
export function architectureOf(
  configJson: JsonObject,
  model: string,
  brought: readonly ArchitectureDefinition[],
): ArchitectureDefinition {
  const { architectures, model_type: modelType } = configJson;
  const name: unknown = Array.isArray(architectures) && architectures.length === 1
    ? architectures[0]
    : undefined;
  const known = [...brought, ...SHIPPED_ARCHITECTURES];
  const candidates = known.filter((one) => typeof name === "string" && one.architectures.includes(name));
  const found = candidates.find((one) => one.modelType === modelType) ?? candidates[0];
  if (found !== undefined) return found;
  const names = known.flatMap((one) => one.architectures);
  throw new MergeError(
    `Cannot merge model "${model}": its architectures are ${quote(architectures)}, expected one of ${
      names.join(", ")
    }, or one that --arch-info describes`,
    { model, found: quote(architectures), expected: names },
  );
}

/** Lists in config.json with an entry for each layer, beside the number of layers. */
const PER_LAYER = ["layer_types", "mlp_layer_types", "no_rope_layers"];

/** The number of layers that a config.json tells. Throws MergeError where it tells none. */
export function layerCount(
  configJson: JsonObject,
  { layersKey }: ArchitectureDefinition,
  model: string,
): number {
  const value = besideLayers(configJson, layersKey)?.[lastKey(layersKey)];
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= MAX_LAYERS) {
    return value;
  }
  throw new MergeError(
    `Cannot merge model "${model}": ${layersKey} in its config.json is ${
      quote(value)
    }, expected an integer ` +
      `from 1 to ${MAX_LAYERS}`,
    { model, field: layersKey, found: quote(value) },
  );
}

/** What a config.json says of each of its layers, by field; lists of another length say nothing. */
export function layerLists(
  configJson: JsonObject,
  { layersKey }: ArchitectureDefinition,
): ReadonlyMap<string, readonly unknown[]> {
  const fields = besideLayers(configJson, layersKey) ?? {};
  const layers = fields[lastKey(layersKey)];
  return new Map(PER_LAYER.flatMap((name) => {
    const list: unknown = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return Array.isArray(list) && list.length === layers ? [[name, list as readonly unknown[]]] : [];
  }));
}

/** A copy of `configJson` with so many layers, and `lists` of what each of them is; other such lists are left out. */
export function withLayers(
  configJson: JsonObject,
  { layersKey }: ArchitectureDefinition,
  layers: number,
  lists: ReadonlyMap<string, readonly unknown[]>,
): JsonObject {
  const set = (object: JsonObject, [key, ...rest]: readonly string[]): JsonObject => {
    if (rest.length > 0) {
      const inner = object[key!];
      return { ...object, [key!]: set(isJsonObject(inner) ? inner : {}, rest) };
    }
    const kept = Object.entries(object).flatMap(([name, value]): [string, unknown][] =>
      PER_LAYER.includes(name) && Array.isArray(value)
        ? (lists.has(name) ? [[name, lists.get(name)]] : [])
        : [[name, value]]
    );
    return { ...Object.fromEntries(kept), [key!]: layers };
  };
  return set(configJson, layersKey.split("."));
}

/** The object that holds the number of layers. */
function besideLayers(configJson: JsonObject, layersKey: string): JsonObject | undefined {
  let value: unknown = configJson;
  for (const key of layersKey.split(".").slice(0, -1)) {
    value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
  return isJsonObject(value) ? value : undefined;
}

function lastKey(path: string): string {
  return path.slice(path.lastIndexOf(".") + 1);
}

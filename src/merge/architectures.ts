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

/** The number of layers that a config.json tells. Throws MergeError where it tells none. */
export function layerCount(
  configJson: JsonObject,
  { layersKey }: ArchitectureDefinition,
  model: string,
): number {
  let value: unknown = configJson;
  for (const key of layersKey.split(".")) {
    value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  }
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

/** A copy of `configJson` with another number of layers. */
export function withLayerCount(
  configJson: JsonObject,
  { layersKey }: ArchitectureDefinition,
  layers: number,
): JsonObject {
  const set = (object: JsonObject, [key, ...rest]: readonly string[]): JsonObject => {
    const inner = object[key!];
    return { ...object, [key!]: rest.length === 0 ? layers : set(isJsonObject(inner) ? inner : {}, rest) };
  };
  return set(configJson, layersKey.split("."));
}

/**
 * Which output tensor is made from which input tensors: slices laid end to end, with the embedding before the first and
 * norm and lm_head after the last. Pure: needs only the layer counts of the models, not their files.
 */
import { ConfigError } from "../errors.ts";
import { MAX_LAYERS } from "../formats/config.ts";
import { type ArchitectureDefinition, fillIn, type WeightDefinition } from "./architecture_definition.ts";
import type { InputSource, MergeConfig, OutputSlice } from "./merge_config.ts";
import { layerPosition } from "./parameters.ts";

export interface ResolvedSource extends InputSource {
  readonly layerRange: readonly [number, number];
  /** Of the whole model. */
  readonly layers: number;
}
/** A slice with every default filled in. */
export interface ResolvedSlice {
  readonly slice: OutputSlice;
  readonly baseModel: string | null;
  readonly sources: readonly ResolvedSource[];
}

export interface LayoutInput {
  readonly source: InputSource;
  /** Its own name for the tensor. */
  readonly tensor: string;
  /** Other names, and stand-ins, in the numbering of this input. */
  readonly weight: WeightDefinition;
}
export interface LayoutTensor {
  /** Name in the output. */
  readonly name: string;
  readonly weight: WeightDefinition;
  /** Output layer; null for embedding, norm and lm_head. */
  readonly layer: number | null;
  /** Where gradients are evaluated. */
  readonly position: number;
  readonly slice: ResolvedSlice;
  readonly inputs: readonly LayoutInput[];
}

/** The slices of a configuration; for `models:` one slice, to which an unlisted base model is added as a source. */
export function sourcesOf(config: MergeConfig): readonly OutputSlice[] {
  return config.slices.map((slice) => {
    const listed = slice.sources.some((source) => source.model === config.baseModel);
    if (slice.sources.some((source) => source.layerRange !== null) || config.baseModel === null || listed) {
      return slice;
    }
    const base: InputSource = {
      model: config.baseModel,
      layerRange: null,
      parameters: { path: ["base_model"], settings: new Map() },
      path: ["base_model"],
    };
    return { ...slice, sources: [...slice.sources, base] };
  });
}

/** Checks layer ranges against the models and each other; throws ConfigError with line and column. */
export function resolveSlices(
  config: MergeConfig,
  layersOf: (model: string) => number,
): readonly ResolvedSlice[] {
  let outputLayers = 0;
  const errors: ConfigError[] = [];
  const resolved = sourcesOf(config).map((slice) => {
    const sources = slice.sources.map((source) => {
      const layers = layersOf(source.model);
      const layerRange = source.layerRange ?? [0, layers] as const;
      if (layerRange[1] > layers) {
        errors.push(config.error(
          [...source.path, "layer_range"],
          `layer_range [${layerRange.join(", ")}] passes the ${layers} layers of model "${source.model}"`,
        ));
      }
      return { ...source, layerRange, layers };
    });
    const counts = sources.map(({ layerRange: [from, to] }) => to - from);
    if (new Set(counts).size > 1) {
      const found = sources.map((source, i) => `${counts[i]} of "${source.model}"`).join(", ");
      errors.push(
        config.error(slice.path, `all sources of a slice need equally many layers, found ${found}`),
      );
    }
    outputLayers += counts[0]!;
    if (outputLayers > MAX_LAYERS) {
      throw config.error(slice.path, `the slices have more than ${MAX_LAYERS} layers in all by here`);
    }
    return { slice, baseModel: slice.baseModel ?? config.baseModel, sources };
  });
  throwTogether(errors);
  return resolved;
}

/** The first one, whose details name all of them. */
function throwTogether([first, ...others]: readonly ConfigError[]): void {
  if (first === undefined) return;
  const problems = [first, ...others].map(({ message }) => message);
  throw new ConfigError(first.message, { ...first.details, problems }, { cause: first });
}

/** All output tensors in the order in which the architecture names them. */
export function layoutTensors(
  slices: readonly ResolvedSlice[],
  architecture: ArchitectureDefinition,
): readonly LayoutTensor[] {
  const first = slices[0]!;
  const last = slices.at(-1)!;
  const layers = slices.reduce((sum, slice) => sum + lengthOf(slice), 0);
  const loose = (
    definition: WeightDefinition,
    slice: ResolvedSlice,
    sources: readonly InputSource[],
  ): LayoutTensor => {
    const weight = fillIn(definition, layers, null);
    return {
      name: weight.name,
      weight,
      layer: null,
      position: 0, // mergekit evaluates gradients of all of these at their beginning
      slice,
      inputs: sources.map((source) => ({ source, tensor: weight.name, weight })),
    };
  };
  const tensors = architecture.preWeights.map((weight) => loose(weight, first, first.sources));
  let layer = 0;
  for (const slice of slices) {
    for (let i = 0; i < lengthOf(slice); i++, layer++) {
      tensors.push(...layerTensors(slice, architecture, { index: i, layer, layers }));
    }
  }
  // mergekit takes as many sources for these as the first slice has.
  const ending = last.sources.slice(0, first.sources.length);
  tensors.push(...architecture.postWeights.map((weight) => loose(weight, last, ending)));
  return tensors;
}

function layerTensors(
  slice: ResolvedSlice,
  { layerWeights }: ArchitectureDefinition,
  at: { readonly index: number; readonly layer: number; readonly layers: number },
): LayoutTensor[] {
  return layerWeights.map((definition) => {
    const weight = fillIn(definition, at.layers, at.layer);
    return {
      name: weight.name,
      weight,
      layer: at.layer,
      position: layerPosition(at.index, lengthOf(slice)),
      slice,
      inputs: slice.sources.map((source) => {
        const own = fillIn(definition, source.layers, source.layerRange[0] + at.index);
        return { source, tensor: own.name, weight: own };
      }),
    };
  });
}

/** Layers that a slice adds to the output. */
export function lengthOf({ sources: [source] }: ResolvedSlice): number {
  return source!.layerRange[1] - source!.layerRange[0];
}

/**
 * Which output tensor is made from which input tensors: slices laid end to end, with the embedding before the first and
 * norm and lm_head after the last. Pure: needs only the layer counts of the models, not their files.
 */
import {
  EMBEDDING_TENSOR,
  FINAL_NORM_TENSOR,
  LAYER_TENSORS,
  layerTensorName,
  LM_HEAD_TENSOR,
} from "../formats/architecture.ts";
import { MAX_LAYERS } from "../formats/config.ts";
import type { InputSource, MergeConfig, OutputSlice } from "./config.ts";
import { layerPosition } from "./parameters.ts";

/** A slice with every default filled in. */
export interface ResolvedSlice {
  readonly slice: OutputSlice;
  readonly baseModel: string | null;
  readonly sources: readonly (InputSource & { readonly layerRange: readonly [number, number] })[];
}

export interface LayoutInput {
  readonly source: InputSource;
  readonly tensor: string;
}
export interface LayoutTensor {
  /** Name in the output. */
  readonly name: string;
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
  return sourcesOf(config).map((slice) => {
    const sources = slice.sources.map((source) => {
      const layers = layersOf(source.model);
      const layerRange = source.layerRange ?? [0, layers] as const;
      if (layerRange[1] > layers) {
        throw config.error(
          [...source.path, "layer_range"],
          `layer_range [${layerRange.join(", ")}] passes the ${layers} layers of model "${source.model}"`,
        );
      }
      return { ...source, layerRange };
    });
    const counts = sources.map(({ layerRange: [from, to] }) => to - from);
    if (new Set(counts).size > 1) {
      const found = sources.map((source, i) => `${counts[i]} of "${source.model}"`).join(", ");
      throw config.error(slice.path, `all sources of a slice need equally many layers, found ${found}`);
    }
    outputLayers += counts[0]!;
    if (outputLayers > MAX_LAYERS) {
      throw config.error(slice.path, `the slices have more than ${MAX_LAYERS} layers in all by here`);
    }
    return { slice, baseModel: slice.baseModel ?? config.baseModel, sources };
  });
}

/** All output tensors in the order of computation. */
export function layoutTensors(slices: readonly ResolvedSlice[]): readonly LayoutTensor[] {
  const first = slices[0]!;
  const last = slices.at(-1)!;
  const loose = (name: string, slice: ResolvedSlice, sources: readonly InputSource[]): LayoutTensor => ({
    name,
    layer: null,
    position: 0, // mergekit evaluates gradients of all three at their beginning
    slice,
    inputs: sources.map((source) => ({ source, tensor: name })),
  });
  const tensors = [loose(EMBEDDING_TENSOR, first, first.sources)];
  let layer = 0;
  for (const slice of slices) {
    const [from, to] = slice.sources[0]!.layerRange;
    for (let i = 0; i < to - from; i++, layer++) {
      for (const tensor of LAYER_TENSORS) {
        tensors.push({
          name: layerTensorName(layer, tensor),
          layer,
          position: layerPosition(i, to - from),
          slice,
          inputs: slice.sources.map((source) => ({
            source,
            tensor: layerTensorName(source.layerRange[0] + i, tensor),
          })),
        });
      }
    }
  }
  // mergekit takes as many sources for these two as the first slice has.
  const ending = last.sources.slice(0, first.sources.length);
  tensors.push(loose(FINAL_NORM_TENSOR, last, ending), loose(LM_HEAD_TENSOR, last, ending));
  return tensors;
}

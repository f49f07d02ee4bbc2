/**
 * The matrices of a Mistral-class decoder as they lie on the device: which tensors each is made of, its shape and the
 * order of its rows. Pure; what loads them, counts their bytes or counts dispatches reads the same list.
 */
import { type LayerTensor, layerTensorName } from "../formats/architecture.ts";
import type { ModelConfig } from "../formats/config.ts";
import type { WeightFormat } from "../kernels/linear.ts";
import type { RowLayout } from "./row_layout.ts";

export type LayerMatrix = "qkv" | "output" | "gateUp" | "down";
export const LAYER_MATRICES = ["qkv", "output", "gateUp", "down"] as const satisfies readonly LayerMatrix[];

/** How each matrix is held on the device. */
export interface ModelFormats {
  readonly embedding: WeightFormat;
  /** Null: the embedding itself serves. */
  readonly head: WeightFormat | null;
  readonly layers: readonly Readonly<Record<LayerMatrix, WeightFormat>>[];
}

export interface MatrixShape {
  /** By the indices that the layout uses. */
  readonly tensors: readonly string[];
  readonly inputs: number;
  readonly layout: RowLayout;
}

/** The embedding or the head, whose tensor is named. */
export function vocabularyMatrix({ vocabSize, hiddenSize }: ModelConfig, tensor: string): MatrixShape {
  return { tensors: [tensor], inputs: hiddenSize, layout: { kind: "plain", rows: vocabSize } };
}

export function layerMatrix(config: ModelConfig, layer: number, matrix: LayerMatrix): MatrixShape {
  const { hiddenSize, intermediateSize, queryHeads, kvHeads, headDim } = config;
  const tensors = (...names: LayerTensor[]) => names.map((name) => layerTensorName(layer, name));
  switch (matrix) {
    case "qkv":
      return {
        tensors: tensors("self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"),
        inputs: hiddenSize,
        layout: { kind: "heads", queryHeads, kvHeads, headDim },
      };
    case "output":
      return {
        tensors: tensors("self_attn.o_proj.weight"),
        inputs: queryHeads * headDim,
        layout: { kind: "plain", rows: hiddenSize },
      };
    case "gateUp":
      return {
        tensors: tensors("mlp.gate_proj.weight", "mlp.up_proj.weight"),
        inputs: hiddenSize,
        layout: { kind: "interleaved", rows: intermediateSize },
      };
    case "down":
      return {
        tensors: tensors("mlp.down_proj.weight"),
        inputs: intermediateSize,
        layout: { kind: "plain", rows: hiddenSize },
      };
  }
}

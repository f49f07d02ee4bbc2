/**
 * What a step has to read from memory, by its plan: every matrix once, and the keys and values that its rows attend to.
 * Counted of what lies on the device; src/model/cost.ts comes to the same from shapes alone.
 */
import type { ModelConfig } from "../formats/config.ts";
import { WEIGHT_BYTES } from "../kernels/linear.ts";
import { LAYER_MATRICES } from "./matrices.ts";
import type { PackedMatrix } from "./packed_matrix.ts";
import type { StepPlan } from "./runner.ts";
import type { ModelSizes } from "./sizes.ts";
import type { ModelWeights } from "./weights.ts";

/** Bytes of a step. Prompt rows share what they attend to, so a prompt's are counted once a step. */
export function stepReads(
  { config, sizes, weights }: {
    readonly config: ModelConfig;
    readonly sizes: Pick<ModelSizes, "cacheTokenBytes">;
    readonly weights: ModelWeights;
  },
): (plan: StepPlan) => number {
  const { layers, embedding, lmHead, finalGain } = weights;
  const layerBytes = sum(
    layers.map((layer) =>
      sum(LAYER_MATRICES.map((name) => matrixBytes(layer[name]))) + layer.inputGain.bytes +
      layer.postAttentionGain.bytes + (layer.headGains?.bytes ?? 0)
    ),
  );
  const headBytes = matrixBytes(lmHead) + finalGain.bytes;
  const rowBytes = config.hiddenSize * WEIGHT_BYTES[embedding.format];
  const tokenBytes = layers.length * sizes.cacheTokenBytes;
  const { slidingWindow } = config;
  const seen = (from: number, end: number) => Math.min(end, (slidingWindow ?? Infinity) + end - from - 1);
  return ({ prompts, decodes }) => {
    let [rows, tokens] = [0, 0];
    for (const { tokenIds, start } of prompts) {
      rows += tokenIds.length;
      tokens += seen(start, start + tokenIds.length);
    }
    for (const { position, drafts } of decodes) {
      const last = position + (drafts?.length ?? 0);
      rows += last - position + 1;
      for (let at = position; at <= last; at++) tokens += seen(at, at + 1);
    }
    const samples = decodes.length > 0 || prompts.some(({ sample }) => sample);
    return layerBytes + (samples ? headBytes : 0) + rows * rowBytes + tokens * tokenBytes;
  };
}

function matrixBytes({ slices }: PackedMatrix): number {
  return sum(slices.map(({ weights, channels }) => weights.bytes + channels.bytes));
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

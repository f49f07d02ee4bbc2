/**
 * The end of a generation whose logits are no finite numbers: what is said of it, and what would help. Activations are
 * stored, and products may be added, in f16, which ends at 65,504; a checkpoint trained in bf16 knows no such bound.
 */
import { NotFiniteError } from "../errors.ts";
import type { Accumulation, Precision } from "../model/runner.ts";
import type { ResidentModel } from "./residency.ts";

/** @param outputToken the place in the output, from 1, for which no token could be sampled */
export function notFinite(
  { name, precision, runner: { accumulation, kvCacheFormat } }: Pick<
    ResidentModel,
    "name" | "precision" | "runner"
  >,
  outputToken: number,
): NotFiniteError {
  return new NotFiniteError(
    `Model "${name}" has logits that are not finite at output token ${outputToken}: ` +
      explain(precision, accumulation),
    { model: name, outputToken, precision, accumulation, kvCacheFormat },
  );
}

function explain(precision: Precision, accumulation: Accumulation): string {
  if (precision === "f32" && accumulation === "f32") {
    return "not even f32 holds its activations, so its weights may be damaged; fetch or merge it anew (of a merge, " +
      "geodesic verify finds what is damaged)";
  }
  const left = "its activations left the range of f16, which ends at 65,504";
  if (accumulation === "f32") return `${left}; serve or run it with --precision f32`;
  return `${left}; serve or run it with --accumulation f32, and if that is not enough with --precision f32`;
}

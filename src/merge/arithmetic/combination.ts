/**
 * Σ cᵢ xᵢ of a few tensors: what every method without selection comes down to. Summed in float64 and rounded once, so
 * neither the number of tensors nor their order costs accuracy.
 */
import type { Mix } from "../methods/method.ts";
import type { Lines } from "./lines.ts";
import { blockOf, type Vector } from "./vector.ts";

/** `coefficients[line][i]` is the factor of vector i in that line. */
export function combination(
  vectors: readonly Vector[],
  coefficients: readonly (readonly number[])[],
  lines: Lines,
): Mix["apply"] {
  const block = blockOf(vectors[0]!);
  const sum = new Float64Array(block.length);
  return (start, out) => {
    sum.fill(0);
    vectors.forEach((vector, i) => {
      vector.read(start, block.subarray(0, out.length));
      lines.forEachRun(start, out.length, (line, from, to) => {
        addScaled(sum, block, coefficients[line]![i]!, from, to);
      });
    });
    for (let i = 0; i < out.length; i++) out[i] = sum[i]!;
  };
}

function addScaled(sum: Float64Array, block: Float32Array, factor: number, from: number, to: number): void {
  for (let i = from; i < to; i++) sum[i] = sum[i]! + factor * block[i]!;
}

/** Factors of [origin, x₁, x₂, …] that give origin + Σ cᵢ (xᵢ − origin). */
export function aroundOrigin(factors: readonly number[]): readonly number[] {
  return [1 - total(factors), ...factors];
}

export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

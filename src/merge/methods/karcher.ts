/**
 * `karcher` (mergekit's name; Karcher, "Riemannian center of mass", 1977): the mean direction of the models on the
 * sphere, each weighing the same, times their mean norm. Starts at the normalised sum of the unit vectors uᵢ and
 * follows the mean tangent T until it is shorter than `tol`, at most `max_iter` times.
 *   θᵢ = ∠(u, uᵢ);  T = Σ aᵢ θᵢ / sin θᵢ (uᵢ − cos θᵢ u);  u ← cos|T| u + sin|T| T/|T|
 * Every u on the way is a combination Σ cᵢ uᵢ, so the iteration runs on N numbers and the inner products.
 */
import { combination, total } from "../arithmetic/combination.ts";
import { gramMatrices } from "../arithmetic/gram.ts";
import { wholeTensor } from "../arithmetic/lines.ts";
import { copied, mixed } from "./inputs.ts";
import type { MergeMethod } from "./method.ts";

export const karcher: MergeMethod = {
  name: "karcher",
  arithmetic: 2,
  parameters: [
    { name: "max_iter", scope: "tensor", type: "integer", fallback: 10, range: [0, 10_000] },
    { name: "tol", scope: "tensor", type: "number", fallback: 1e-5, range: [0, 1] },
  ],
  refuseSlice: () => null,

  mix({ operands, parameters, shape }) {
    if (operands.length === 1) return copied(operands[0]!);
    const lines = wholeTensor(shape);
    const [gram] = gramMatrices(operands, lines);
    const norms = operands.map((_, i) => gram!.norm(i));
    const tolerance = Number(parameters.tol);
    const units = norms.flatMap((norm, i) => norm > tolerance ? [i] : []); // too short to have a direction
    const direction = karcherMean(
      units.map((i) => units.map((j) => gram!.dot(i, j) / (norms[i]! * norms[j]!))),
      { tolerance, iterations: Number(parameters.max_iter) },
    );
    const meanNorm = total(norms) / norms.length;
    const factors = norms.map((norm, i) =>
      units.includes(i) ? direction[units.indexOf(i)]! * meanNorm / norm : 0
    );
    return mixed(combination(operands, [factors], lines));
  },
};

/** Factors of the unit vectors, from their cosines. */
function karcherMean(
  cosines: readonly (readonly number[])[],
  { tolerance, iterations }: { readonly tolerance: number; readonly iterations: number },
): readonly number[] {
  const share = 1 / cosines.length;
  let u: readonly number[] = cosines.map(() => share);
  const start = length(u, cosines);
  u = start < tolerance ? cosines.map((_, i) => i === 0 ? 1 : 0) : u.map((c) => c / start);
  for (let i = 0; i < iterations; i++) {
    const tangent = meanTangent(u, cosines, { share, tolerance });
    const step = length(tangent, cosines);
    if (step < tolerance) break;
    const moved = u.map((c, j) => Math.cos(step) * c + Math.sin(step) * tangent[j]! / step);
    const norm = length(moved, cosines);
    u = norm > tolerance ? moved.map((c) => c / norm) : moved;
  }
  return u;
}

/** T above, as factors of the unit vectors. */
function meanTangent(
  u: readonly number[],
  cosines: readonly (readonly number[])[],
  { share, tolerance }: { readonly share: number; readonly tolerance: number },
): readonly number[] {
  const tangent = u.map(() => 0);
  for (const [i, row] of cosines.entries()) {
    const cosine = Math.min(1, Math.max(-1, total(row.map((product, j) => product * u[j]!))));
    const angle = Math.acos(cosine);
    if (angle < tolerance) continue;
    const factor = share * angle / Math.sin(angle);
    u.forEach((c, j) => tangent[j] = tangent[j]! - factor * cosine * c);
    tangent[i] = tangent[i]! + factor;
  }
  return tangent;
}

/** |Σ cᵢ uᵢ| */
function length(factors: readonly number[], cosines: readonly (readonly number[])[]): number {
  const square = total(factors.map((a, i) => a * total(factors.map((b, j) => b * cosines[i]![j]!))));
  return Math.sqrt(Math.max(0, square));
}

/**
 * All inner products of a few tensors, in one pass. Angles, norms and means on the sphere depend on tensors only
 * through these, so the methods built on them need no further pass and no tensor-sized scratch. Sums are float64.
 */
import { forEachBlock } from "../operand.ts";
import type { Lines } from "./lines.ts";
import { blockOf, type Vector } from "./vector.ts";

/** The products of one line, symmetric. */
export interface Gram {
  dot(i: number, j: number): number;
  norm(i: number): number;
}

/** One Gram matrix a line. */
export function gramMatrices(vectors: readonly Vector[], lines: Lines): readonly Gram[] {
  const size = vectors.length;
  const products = new Float64Array(lines.count * size * size); // [line, i, j >= i]
  const blocks = vectors.map(blockOf);
  forEachBlock(vectors[0]!.elements, (start, count) => {
    vectors.forEach((vector, i) => vector.read(start, blocks[i]!.subarray(0, count)));
    lines.forEachRun(start, count, (line, from, to) => {
      for (let i = 0; i < size; i++) {
        for (let j = i; j < size; j++) {
          const at = (line * size + i) * size + j;
          products[at] = products[at]! + dotRun(blocks[i]!, blocks[j]!, from, to);
        }
      }
    });
  });
  return Array.from({ length: lines.count }, (_, line) => {
    const dot = (i: number, j: number) => products[(line * size + Math.min(i, j)) * size + Math.max(i, j)]!;
    return { dot, norm: (i) => Math.sqrt(dot(i, i)) };
  });
}

function dotRun(a: Float32Array, b: Float32Array, from: number, to: number): number {
  let sum = 0;
  for (let i = from; i < to; i++) sum += a[i]! * b[i]!;
  return sum;
}

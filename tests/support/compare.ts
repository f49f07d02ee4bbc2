/**
 * Numeric comparison of tensors that says, when it fails, where and by how much. Units in the last place count the
 * steps between two values of a 16-bit type; NaN equals NaN.
 */
import type { LoadedTensor } from "./safetensors.ts";
import { floats } from "./safetensors.ts";

export interface Difference {
  readonly elements: number;
  readonly differing: number;
  readonly maxUlp: number;
  readonly maxAbs: number;
  readonly maxMagnitude: number;
  /** Index, found and expected of the largest absolute difference. */
  readonly worst: readonly [number, number, number];
}

/** Position of a 16-bit float code on the number line, so that neighbours differ by one; both zeros are 0. */
function ordinal(code: number): number {
  return code & 0x8000 ? -(code & 0x7fff) : code;
}

export function compareTensors(found: LoadedTensor, expected: LoadedTensor): Difference {
  const [a, b] = [floats(found), floats(expected)];
  if (found.dtype !== expected.dtype || String(found.shape) !== String(expected.shape)) {
    throw new Error(
      `Found ${found.dtype} [${found.shape}], expected ${expected.dtype} [${expected.shape}]`,
    );
  }
  const codes = found.dtype === "F32"
    ? undefined
    : [new Uint16Array(found.bytes.buffer), new Uint16Array(expected.bytes.buffer)] as const;
  let [differing, maxUlp, maxAbs, maxMagnitude] = [0, 0, 0, 0];
  let worst: [number, number, number] = [-1, 0, 0];
  for (let i = 0; i < a.length; i++) {
    if (!Number.isNaN(b[i]!)) maxMagnitude = Math.max(maxMagnitude, Math.abs(b[i]!));
    if (a[i] === b[i] || (Number.isNaN(a[i]!) && Number.isNaN(b[i]!))) continue;
    differing++;
    if (codes) maxUlp = Math.max(maxUlp, Math.abs(ordinal(codes[0][i]!) - ordinal(codes[1][i]!)));
    const distance = Math.abs(a[i]! - b[i]!);
    if (!(distance <= maxAbs)) {
      [maxAbs, worst] = [Number.isNaN(distance) ? Infinity : distance, [i, a[i]!, b[i]!]];
    }
  }
  return { elements: a.length, differing, maxUlp, maxAbs, maxMagnitude, worst };
}

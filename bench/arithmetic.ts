/**
 * The two inner loops of SLERP on one core, in WebAssembly SIMD as the merge uses them and in plain TypeScript, and
 * mergekit's in numpy where that is installed; all in processor time, so that a busy machine does not matter much.
 */
import process from "node:process";
import { fileURLToPath } from "node:url";
import { SlerpKernel } from "../src/merge/slerp_kernel.ts";
import { decodeBfloat16, encodeBfloat16 } from "../src/tensor/bfloat16.ts";
import { BLOCK_ELEMENTS } from "../src/tensor/convert.ts";
import type { Figure } from "./figure.ts";

const BLOCKS = 400;
const ROUNDS = 5;
const NUMPY_ELEMENTS = 2 ** 25;
const [S0, S1] = [Math.fround(0.71), Math.fround(0.31)];

export async function arithmeticFigures(numpyPath: string | null): Promise<readonly Figure[]> {
  const kernel = new SlerpKernel();
  const codes = Uint16Array.from({ length: BLOCK_ELEMENTS }, (_, i) => 0x3c00 + (i * 2654435761 >>> 20));
  const other = codes.toReversed();
  kernel.a.set(new Uint8Array(codes.buffer));
  kernel.b.set(new Uint8Array(other.buffer));
  const plain = plainLoops(codes, other);
  const combined = new Uint16Array(kernel.combine(BLOCK_ELEMENTS, S0, S1).slice().buffer);
  if (combined.some((code, i) => code !== plain.combine()[i])) throw new Error("The loops differ");
  if (Math.abs(kernel.sums(BLOCK_ELEMENTS).ab / plain.sums() - 1) > 2 ** -20) {
    throw new Error("The sums differ");
  }

  const rates = {
    sums: rate(() => kernel.sums(BLOCK_ELEMENTS)),
    combine: rate(() => kernel.combine(BLOCK_ELEMENTS, S0, S1)),
    plainSums: rate(() => plain.sums()),
    plainCombine: rate(() => plain.combine()),
  };
  const whole = 1 / (1 / rates.sums + 1 / rates.combine);
  const plainWhole = 1 / (1 / rates.plainSums + 1 / rates.plainCombine);
  const numpy = numpyPath === null ? undefined : await numpyRates(numpyPath);
  return [
    { name: "SLERP of bfloat16, one core", value: whole / 1e6, unit: "M elements/s" },
    { name: "  sums of products alone", value: rates.sums / 1e6, unit: "M elements/s" },
    { name: "  weighted sum and rounding alone", value: rates.combine / 1e6, unit: "M elements/s" },
    { name: "WebAssembly SIMD / plain TypeScript", value: whole / plainWhole, unit: "×" },
    againstNumpy("one core / numpy with casts from and to bfloat16", whole, numpy?.withCasts),
    againstNumpy("one core / numpy's float32 arithmetic alone", whole, numpy?.arithmetic),
  ];
}

function againstNumpy(name: string, own: number, numpy: number | undefined): Figure {
  if (numpy === undefined) {
    return { name, value: null, unit: "×", note: "no python3 with numpy here, see --python" };
  }
  const note = `mergekit's formula, ${(numpy / 1e6).toFixed(0)} M elements/s`;
  return { name, value: own / numpy, unit: "×", note };
}

/** Elements a second of processor time, best of some rounds. */
function rate(block: () => unknown): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < BLOCKS; i++) block();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return BLOCKS * BLOCK_ELEMENTS / best;
}

/** The same as a loop per stage over float32 blocks, which the compiler turns into scalar code. */
function plainLoops(a: Uint16Array, b: Uint16Array) {
  const [x, y] = [new Float32Array(BLOCK_ELEMENTS), new Float32Array(BLOCK_ELEMENTS)];
  const out = new Uint16Array(BLOCK_ELEMENTS);
  return {
    sums(): number {
      decodeBfloat16(a, x);
      decodeBfloat16(b, y);
      let aa = 0, bb = 0, ab = 0;
      for (let i = 0; i < BLOCK_ELEMENTS; i++) {
        const p = x[i]!, q = y[i]!;
        aa += p * p;
        bb += q * q;
        ab += p * q;
      }
      return aa > 0 && bb > 0 ? ab : NaN;
    },
    combine(): Uint16Array {
      decodeBfloat16(a, x);
      decodeBfloat16(b, y);
      for (let i = 0; i < BLOCK_ELEMENTS; i++) x[i] = Math.fround(S0 * x[i]!) + Math.fround(S1 * y[i]!);
      encodeBfloat16(x, out);
      return out;
    },
  };
}

/**
 * The first interpreter that has numpy; null where none has. One that was asked for by name must have it. Which python3
 * comes first on the PATH is the shell's affair: that is how a virtual environment is chosen.
 */
export async function findNumpy(asked = environment("GEODESIC_PYTHON")): Promise<string | null> {
  const candidates = asked === undefined ? ["python3", "/usr/bin/python3"] : [asked];
  let reason = "";
  for (const python of candidates) {
    try {
      const { success, stderr } = await new Deno.Command(python, { args: ["-c", "import numpy"] }).output();
      if (success) return python;
      reason = new TextDecoder().decode(stderr).trim().split("\n").at(-1)!;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
  }
  if (asked !== undefined) throw new Error(`Cannot use "${asked}" as python3 with numpy: ${reason}`);
  return null;
}

/** undefined, too, where the program may not look. */
function environment(name: string): string | undefined {
  return Deno.env.get(name) || undefined;
}

async function numpyRates(python: string): Promise<{ arithmetic: number; withCasts: number }> {
  const script = fileURLToPath(new URL("./numpy_slerp.py", import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command(python, {
    args: [script, String(NUMPY_ELEMENTS), String(ROUNDS)],
    // "One core": a linear algebra library with threads that spin would count against numpy.
    env: { OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1", MKL_NUM_THREADS: "1" },
  }).output();
  const [arithmetic, withCasts] = new TextDecoder().decode(stdout).trim().split("\n").map(Number);
  if (success && arithmetic && withCasts) return { arithmetic, withCasts };
  throw new Error(`numpy_slerp.py failed: ${new TextDecoder().decode(stderr)}`);
}

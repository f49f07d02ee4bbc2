// One step of a merge by SLERP against its definition, element by element: what is rounded when, in every combination of
// the types that tensors are stored in, cast to, and written as.
import { expect } from "@std/expect";
import { slerp } from "../../src/merge/methods/slerp.ts";
import type { PlannedInput, PlannedStep } from "../../src/merge/plan.ts";
import { weightsAt } from "../../src/merge/slerp.ts";
import { mixedBlocks, mixInputs, tensorRecord } from "../../src/merge/step.ts";
import { BLOCK_ELEMENTS, fromFloat32, toFloat32 } from "../../src/tensor/convert.ts";
import { bytesPerElement, type FloatDtype, type WeightDtype } from "../../src/tensor/dtype.ts";

const WRITTEN: readonly WeightDtype[] = ["BF16", "F16", "F32"];
const STORED: readonly FloatDtype[] = [...WRITTEN, "F8_E4M3"];
const T = 0.3;

interface Types {
  readonly stored: readonly [FloatDtype, FloatDtype];
  readonly cast: WeightDtype | null;
  readonly out: WeightDtype | null;
}

function encoded(dtype: FloatDtype, values: Float32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(values.length * bytesPerElement(dtype));
  fromFloat32(dtype, values, bytes);
  return bytes;
}
function rounded(dtype: FloatDtype | null, values: Float32Array): Float32Array<ArrayBuffer> {
  const result = Float32Array.from(values);
  if (dtype !== null) toFloat32(dtype, encoded(dtype, values), result);
  return result;
}

/** The step, computed as merges do: inputs read by range, the result in blocks. */
function step(values: readonly Float32Array[], { stored, cast, out }: Types) {
  const shape = [values[0]!.length];
  const inputs = stored.map((dtype, i): PlannedInput => ({
    model: `model${i}`,
    rows: shape[0]!,
    tensor: { name: "x", dtype, shape, byteLength: 0, file: "", offset: 0 },
  }));
  const base = stored[1] === "F8_E4M3" ? "BF16" : stored[1]; // 8 bits are never written
  const mixDtype = cast ?? base;
  const planned: PlannedStep = {
    ...{ name: "x", shape, layer: null, inputs, embedding: null, base: 1, cast, mixDtype, filter: "mlp" },
    ...{ dtype: out ?? mixDtype, parameters: { t: T }, modelParameters: [{}, {}] },
  };
  const sources = values.map((each, i) => {
    const bytes = encoded(stored[i]!, each);
    return {
      byteLength: bytes.byteLength,
      read: (at: number, into: Uint8Array) => into.set(bytes.subarray(at, at + into.byteLength)),
    };
  });
  const mix = mixInputs(slerp, planned, sources);
  const blocks = Array.from(mixedBlocks(planned, mix), (block) => block.slice()); // one buffer serves them all
  expect(blocks.length).toBe(Math.ceil(shape[0]! / BLOCK_ELEMENTS));
  const bytes = Uint8Array.from(blocks.flatMap((block) => [...block]));
  return { planned, mix, bytes };
}

/** The same, from the factors on, an element at a time. `values` of the base are the second. */
function expected(values: readonly Float32Array[], { stored, cast }: Types, planned: PlannedStep) {
  const [v1, v0] = values.map((each, i) => rounded(cast, rounded(stored[i]!, each))) as [
    Float32Array,
    Float32Array,
  ];
  let [square0, square1, product] = [0, 0, 0];
  v0.forEach((x, i) => {
    square0 += x * x;
    square1 += v1[i]! * v1[i]!;
    product += x * v1[i]!;
  });
  const cosine = product / Math.sqrt(square0) / Math.sqrt(square1);
  return {
    cosine,
    bytesAt: (found: number) => {
      const { s0, s1 } = weightsAt(found, T);
      const mixed = v0.map((x, i) => Math.fround(Math.fround(s0 * x) + Math.fround(s1 * v1[i]!)));
      return encoded(planned.dtype, rounded(planned.mixDtype, mixed));
    },
  };
}

/** Values of all sizes between 2^-20 and 8, in an order of their own for every seed. */
function values(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 31 - 1) * 2 ** (3 - (state & 15) * 23 / 15);
  });
}

const COMBINATIONS = STORED.flatMap((other) =>
  STORED.flatMap((base) =>
    [null, ...WRITTEN].flatMap((cast) =>
      [null, ...WRITTEN].map((out): Types => ({ stored: [other, base], cast, out }))
    )
  )
);

Deno.test("mixedBlocks() rounds inputs to the cast, results to the base's type and then to the one written", () => {
  const inputs = [values(131, 1), values(131, 2)];
  for (const types of COMBINATIONS) {
    const { planned, mix, bytes } = step(inputs, types);
    const { cosine, bytesAt } = expected(inputs, types, planned);
    expect({ types, cosine: mix.cosine }).toEqual({ types, cosine: expect.closeTo(cosine, 6) });
    expect({ types, bytes }).toEqual({ types, bytes: bytesAt(mix.cosine!) });
  }
});

Deno.test("mixedBlocks() ends in a block of any length, whatever the types", () => {
  const length = BLOCK_ELEMENTS + 3;
  const inputs = [values(length, 3), values(length, 4)];
  for (const stored of [["BF16", "BF16"], ["F32", "F16"], ["BF16", "F32"]] as const) {
    const types = { stored, cast: null, out: null };
    const { planned, mix, bytes } = step(inputs, types);
    expect(bytes).toEqual(expected(inputs, types, planned).bytesAt(mix.cosine!));
  }
});

Deno.test("mixedBlocks() gives NaN throughout where the cast makes an input infinite, and only there", () => {
  const inputs = [values(20, 5), values(20, 6)];
  inputs[0]![7] = 1e5; // beyond binary16
  const finite = (cast: WeightDtype | null) => {
    const { mix, bytes, planned } = step(inputs, { stored: ["BF16", "BF16"], cast, out: "F32" });
    const result = new Float32Array(20);
    toFloat32(planned.dtype, bytes, result);
    return [mix.cosine !== null, ...new Set(Array.from(result, (x) => Number.isFinite(x)))];
  };
  expect([finite(null), finite("F32"), finite("F16")]).toEqual([[true, true], [true, true], [false, false]]);
});

Deno.test("tensorRecord() names the filter only where t was used", () => {
  const { planned, mix } = step([values(4, 7), values(4, 8)], {
    ...{ stored: ["F32", "F32"], cast: null, out: null },
  });
  expect(tensorRecord(planned, mix, "")).toMatchObject({ filter: "mlp", t: T });
  expect(tensorRecord(planned, { ...mix, t: null }, "")).toMatchObject({ filter: null, t: null });
});

/** The oracle itself, held against the golden files. */
import { expect } from "@std/expect";
import { readSafetensors, toNumbers } from "./checkpoint.ts";
import { encodeE4m3, quantizeRows } from "./fp8.ts";
import { forward, loadOracle } from "./forward.ts";
import type { Matrix } from "./ops.ts";

const FIXTURES = new URL("../fixtures/", import.meta.url).pathname;

/** Two float32 implementations differ by about 2e-5 on these models, so float64 against float32 stays below 1e-4. */
const TOLERANCE = 1e-4;

function worstDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!));
  return worst;
}

const row = ({ data, columns }: Matrix, index: number) =>
  data.subarray(index * columns, (index + 1) * columns);

for (const name of ["gqa", "head-dim", "sliding-window", "long"]) {
  Deno.test(`forward() equals the golden logits of ${name}`, async () => {
    const folder = `${FIXTURES}forward/${name}`;
    const { input_ids: ids, facts } = JSON.parse(await Deno.readTextFile(`${folder}/case.json`));
    const expected = await readSafetensors(`${folder}/expected.safetensors`);
    const logits = forward(await loadOracle(folder), ids);
    if (expected.has("logits")) {
      expect(worstDifference(logits.data, toNumbers(expected.get("logits")!))).toBeLessThan(TOLERANCE);
    } else {
      const golden = toNumbers(expected.get("logits_at_positions")!);
      facts.positions.forEach((position: number, i: number) => {
        const slice = golden.subarray(i * logits.columns, (i + 1) * logits.columns);
        expect(worstDifference(row(logits, position), slice)).toBeLessThan(TOLERANCE);
      });
    }
  });
}

Deno.test("forward() equals the golden logits with every linear layer in FP8", async () => {
  const folder = `${FIXTURES}forward/gqa`;
  const { input_ids: ids } = JSON.parse(await Deno.readTextFile(`${folder}/case.json`));
  const expected = await readSafetensors(`${folder}/expected-fp8.safetensors`);
  const logits = forward(await loadOracle(folder, { fp8: true }), ids);
  expect(worstDifference(logits.data, toNumbers(expected.get("logits_all_linear")!))).toBeLessThan(TOLERANCE);
});

Deno.test("quantizeRows() equals the golden bytes and scales", async () => {
  const golden = await readSafetensors(`${FIXTURES}forward/gqa/fp8-weights-layer0.safetensors`);
  const weights = await readSafetensors(`${FIXTURES}forward/gqa/model.safetensors`);
  for (const [name, tensor] of golden) {
    if (name.endsWith("_scale")) continue;
    const weight = weights.get(name)!;
    const { bytes, scales } = quantizeRows(toNumbers(weight), weight.shape[0]!);
    expect(worstDifference(bytes, tensor.bytes)).toBe(0);
    expect(worstDifference(scales, toNumbers(golden.get(`${name}_scale`)!))).toBe(0);
  }
});

Deno.test("encodeE4m3() saturates, keeps the sign of zero and turns NaN into 0x7F", () => {
  expect([0, -0, 448, 1e9, -Infinity, NaN, 2 ** -10, 3 * 2 ** -10].map(encodeE4m3))
    .toEqual([0x00, 0x80, 0x7e, 0x7e, 0xfe, 0x7f, 0x00, 0x02]);
});

import { expect } from "@std/expect";
import { embed } from "../../src/kernels/embed.ts";
import { FROM_SLOT, STOPPED } from "../../src/model/plan.ts";
import { gpuTest } from "../gpu/device.ts";
import { embed as embedOracle } from "../oracle/ops.ts";
import {
  expectClose,
  hiddenPadded,
  hiddenRows,
  noiseMatrix,
  packWeights,
  padded,
  runKernel,
} from "./harness.ts";

for (const format of ["f32", "bf16", "f16"] as const) {
  gpuTest(`embed copies ${format} rows of given tokens and of the slots' last ones`, async (device) => {
    for (const hidden of [1, 13, 64, 523]) {
      const table = noiseMatrix(11, hidden, 1);
      const lastTokens = Uint32Array.of(9, 0, 10);
      const rows = [[4, 7], [FROM_SLOT, 2], [0, 7], [FROM_SLOT, 0]].flatMap((row) => [...row, 0, 0]);
      const plan = Uint32Array.from([...rows, 0]);
      const result = await runKernel(device, embed, { libs: { weight: `weight_${format}` } }, {
        weights: packWeights(format, table).weights,
        plan,
        last_tokens: lastTokens,
        hidden: { elements: 4 * hiddenPadded(hidden), initial: new Float32Array(4 * hiddenPadded(hidden)) },
      }, { rows: 4, groups: padded(hidden) / 16, firstToken: 0, tokens: 11, live: 16 });
      expectClose(result.hidden!, hiddenRows(embedOracle(table, [4, 10, 0, 9])), 0);
    }
  });
}

gpuTest("embed leaves rows alone whose token lies outside the slice", async (device) => {
  const slice = noiseMatrix(4, 16, 1); // tokens 6 … 9
  const plan = Uint32Array.from([5, 6, 9, 10].flatMap((token) => [token, 0, 0, 0]));
  const result = await runKernel(device, embed, { libs: { weight: "weight_f32" } }, {
    weights: packWeights("f32", slice).weights,
    plan: Uint32Array.from([...plan, 0]),
    last_tokens: new Uint32Array(1),
    hidden: { elements: 2048, initial: new Float32Array(2048).fill(7) },
  }, { rows: 4, groups: 1, firstToken: 6, tokens: 4, live: 16 });
  const expected = new Float32Array(2048).fill(7);
  const rows = hiddenRows(slice);
  for (const [row, token] of [[1, 0], [2, 3]] as const) {
    // One group: four vectors, 32 vectors apart.
    for (const at of [0, 128, 256, 384]) {
      expected.set(rows.subarray(token * 512 + at, token * 512 + at + 4), row * 512 + at);
    }
  }
  expectClose(result.hidden!, expected, 0);
});

gpuTest(
  "embed marks the rows of slots that have stopped, and says whether any other goes on",
  async (device) => {
    const table = noiseMatrix(11, 13, 1);
    const last_tokens = Uint32Array.of(9, STOPPED, 10);
    const run = async (tokens: readonly (readonly [number, number])[]) => {
      const rows = tokens.flatMap(([token, slot], row) => [token, slot, 20 + row, 30]);
      const plan = [...rows, 0];
      const initial = new Float32Array(Uint32Array.from(plan).buffer);
      const hidden = new Float32Array(tokens.length * 512).fill(7);
      const result = await runKernel(device, embed, { libs: { weight: "weight_f32" } }, {
        weights: packWeights("f32", table).weights,
        plan: { elements: plan.length, initial },
        last_tokens,
        hidden: { elements: hidden.length, initial: hidden },
      }, { rows: tokens.length, groups: 1, firstToken: 0, tokens: 11, live: rows.length });
      const words = new Uint32Array(result.plan!.slice().buffer);
      return {
        positions: tokens.map((_, row) => words[row * 4 + 2]),
        live: words[rows.length],
        untouched: tokens.map((_, row) =>
          result.hidden!.slice(row * 512, (row + 1) * 512).every((x) => x === 7)
        ),
      };
    };
    expect(await run([[FROM_SLOT, 1], [FROM_SLOT, 1]])).toEqual({
      positions: [STOPPED, STOPPED],
      live: 0,
      untouched: [true, true],
    });
    expect(await run([[FROM_SLOT, 1], [FROM_SLOT, 2], [4, 1]])).toEqual({
      positions: [STOPPED, 21, 22],
      live: 1,
      untouched: [true, false, false],
    });
  },
);

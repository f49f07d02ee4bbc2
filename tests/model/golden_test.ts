/** The forward pass against the golden files, and greedy tokens through the runner. */
import { expect } from "@std/expect";
import { type DeviceTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { loadModel } from "../../src/model/load.ts";
import { gpuTest } from "../gpu/device.ts";
import { writeFloat8Checkpoint } from "../support/float8_checkpoint.ts";
import { tempDir } from "../support/temp.ts";
import { expectedValues, fixture, generate, golden, LOAD, TestModel, worst } from "./harness.ts";

/** Two float32 implementations differ by about 2e-5 on these models; the goldens allow 1e-3. */
const TOLERANCE = 1e-3;

for (const name of ["gqa", "head-dim", "sliding-window"]) {
  gpuTest(`Forward equals the golden logits of ${name}`, async (device) => {
    using model = await TestModel.load(device, fixture(name));
    const { input_ids } = await golden(name);
    const { error } = worst(await model.runPrompt(input_ids), await expectedValues(name, "logits"));
    expect(error).toBeLessThan(TOLERANCE);
  });
}

gpuTest("Forward equals the golden logits of a long prompt", async (device) => {
  using model = await TestModel.load(device, fixture("long"));
  const { input_ids, facts } = await golden("long");
  const logits = await model.runPrompt(input_ids);
  const expected = await expectedValues("long", "logits_at_positions");
  for (const [i, position] of (facts["positions"] as number[]).entries()) {
    const { error } = worst(
      logits.subarray(position * model.vocabSize, (position + 1) * model.vocabSize),
      expected.subarray(i * model.vocabSize, (i + 1) * model.vocabSize),
    );
    expect(error).toBeLessThan(TOLERANCE);
  }
});

gpuTest("Forward equals the golden logits with FP8 weights", async (device) => {
  using model = await TestModel.load(device, fixture("gqa"), { quantization: "fp8" });
  const { input_ids } = await golden("gqa");
  const expected = await expectedValues("gqa", "logits_all_linear", "expected-fp8");
  expect(worst(await model.runPrompt(input_ids), expected).error).toBeLessThan(TOLERANCE);
});

for (const name of ["gqa", "head-dim", "sliding-window"]) {
  gpuTest(
    `Forward tuned for subgroups equals the golden logits of ${name}, by either family`,
    async (device) => {
      const tuning = subgroupTuning(device.info.subgroupSize!);
      using model = await TestModel.load(device, fixture(name), { tuning });
      const { input_ids } = await golden(name);
      const expected = await expectedValues(name, "logits");
      for (const family of ["prompt", "decode"] as const) {
        const { error } = worst(await model.runPrompt(input_ids, 32, { family }), expected);
        expect(error).toBeLessThan(TOLERANCE);
      }
    },
    { subgroups: true },
  );
}

gpuTest(
  "Forward tuned for subgroups equals the golden logits with FP8 weights and f16 activations",
  async (device) => {
    const pairs = subgroupTuning(device.info.subgroupSize!);
    const { halves: _, ...tuning } = pairs;
    const { input_ids, facts } = await golden("gqa");
    const expected = await expectedValues("gqa", "logits_all_linear", "expected-fp8");
    const f16 = facts["f16_compute_vs_fp32_max_abs"] as number;
    // A chain of sixteen products in f16 rounds √8.5 times as much as an input that is rounded: what it has come to, each
    // time; one of 32, as tiles have it, twice as often. Row by row, or all at once.
    for (
      const [precision, tuned, tolerance, decodeTolerance, chunk] of [
        ["f32", pairs, TOLERANCE, TOLERANCE, 1],
        ["f16", tuning, f16, f16, 32],
        ["f16", pairs, 3 * f16, 2 * f16, 1],
      ] as const
    ) {
      using model = await TestModel.load(device, fixture("gqa"), {
        quantization: "fp8",
        precision,
        tuning: tuned,
      });
      const error = async (family: "prompt" | "decode", chunk: number) =>
        worst(await model.runPrompt(input_ids, chunk, { family }), expected).error;
      expect(await error("prompt", 32)).toBeLessThan(tolerance);
      expect(await error("decode", chunk)).toBeLessThan(decodeTolerance);
    }
  },
  { feature: "shader-f16", subgroups: true },
);

// Heads of 32 elements go through attention_prompt, attention_flash and attention_combine; the other goldens' through
// attention.
gpuTest(
  "Forward by products in pairs of f16 stays near the one without, in all kinds of attention",
  async (device) => {
    const { attention, ...tuned } = subgroupTuning(device.info.subgroupSize!);
    const tuning = { ...tuned, attention: { ...attention!, splitKeys: 16, promptKeys: 16 } };
    const tokens = Array.from({ length: 40 }, (_, i) => 3 + i * 37 % 200);
    const run = async (tuning: DeviceTuning, family: "prompt" | "decode") => {
      const options = { quantization: "fp8", precision: "f16", tuning, maxRows: 40 } as const;
      using model = await TestModel.load(device, fixture("head-dim"), options);
      return await model.runPrompt(tokens, 40, { family });
    };
    const { facts } = await golden("head-dim");
    for (const family of ["prompt", "decode"] as const) {
      const { halves: _, ...natural } = tuning;
      const { error } = worst(await run(tuning, family), await run(natural, family));
      expect(error).toBeLessThan(3 * (facts["f16_compute_vs_fp32_max_abs"] as number));
      expect(error).toBeGreaterThan(0);
    }
  },
  { feature: "shader-f16", subgroups: true },
);

gpuTest(
  "Forward by products in pairs of f16 leaves a head that is not in FP8 to norm its input",
  async (device) => {
    await using dir = await tempDir();
    await writeFloat8Checkpoint(dir.path, { tie_word_embeddings: true });
    const tuning = subgroupTuning(device.info.subgroupSize!);
    const tokens = Array.from({ length: 9 }, (_, i) => 3 + i * 7 % 29);
    const run = async (tuning: DeviceTuning) => {
      using model = await TestModel.load(device, dir.path, { precision: "f16", tuning, maxContext: 64 });
      return await model.runPrompt(tokens, 9, { family: "decode" });
    };
    const { halves: _, ...natural } = tuning;
    const expected = await run(natural);
    const { error } = worst(await run(tuning), expected);
    expect(error).toBeLessThan(0.01 * expected.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0));
    expect(error).toBeGreaterThan(0);
  },
  { feature: "shader-f16", subgroups: true },
);

for (const name of ["gqa", "head-dim", "sliding-window"]) {
  gpuTest(
    `Forward in f16 stays as close to the golden logits of ${name} as f16 compute does`,
    async (device) => {
      using model = await TestModel.load(device, fixture(name), { precision: "f16" });
      const { input_ids, facts } = await golden(name);
      const { error } = worst(await model.runPrompt(input_ids), await expectedValues(name, "logits"));
      // Only stored activations are rounded here, sums are f32: below what an all-f16 computation reaches.
      expect(error).toBeLessThan(facts["f16_compute_vs_fp32_max_abs"] as number);
      expect(error).toBeGreaterThan(0);
    },
  );
}

for (const name of ["gqa", "head-dim", "sliding-window", "long"]) {
  gpuTest(`a runner continues ${name} greedily as the golden does`, async (device) => {
    using runner = await loadModel(device, fixture(name), LOAD);
    const { input_ids, greedy_continuation: expected, facts } = await golden(name);
    // No step of the goldens is nearer to a tie than the tolerance of logits allows.
    expect(facts["min_greedy_margin"]).toBeGreaterThan(2 * TOLERANCE);
    const jobs = [{ prompt: input_ids, count: expected.length, slot: 3, firstBlock: 5 }];
    const [tokens] = await generate(runner, jobs);
    expect(tokens!.map(({ id }) => id)).toEqual(expected);
  });
}

gpuTest("a runner with FP8 weights continues gqa greedily as the golden does", async (device) => {
  using runner = await loadModel(device, fixture("gqa"), { ...LOAD, quantization: "fp8" });
  const { input_ids, facts } = await golden("gqa");
  expect(facts["fp8_all_linear_min_margin"]).toBeGreaterThan(2 * TOLERANCE);
  const expected = [...await expectedValues("gqa", "greedy_all_linear", "expected-fp8")];
  const jobs = [{ prompt: input_ids, count: expected.length, slot: 0, firstBlock: 0 }];
  const [tokens] = await generate(runner, jobs);
  expect(tokens!.map(({ id }) => id)).toEqual(expected);
});

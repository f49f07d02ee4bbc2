/** Random models (random_case.ts) through the runner, in one batch and alone, against the float64 oracle. */
import { expect } from "@std/expect";
import { loadModel } from "../../src/model/load.ts";
import type { Precision, Quantization } from "../../src/model/runner.ts";
import { gpuTest } from "../gpu/device.ts";
import { loadOracle } from "../oracle/forward.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";
import { generate, GREEDY, type Job } from "./harness.ts";
import { judge, randomCase, randomPrompt } from "./random_case.ts";

const SEEDS = [11, 36, 95, 58];
const PROMPT_LENGTHS = [1, 2, 15, 16, 17, 64];
const COUNT = 5;

/**
 * Of any log-probability. f32: the goldens' 1e-3 (40 random cases reached 4e-5). f16: what an all-f16 reference
 * reaches on the goldens is 0.04 to 0.16; only activations at rest are f16 here, and 40 random cases reached 0.04.
 */
const TOLERANCE: Readonly<Record<Precision, number>> = { f32: 1e-3, f16: 0.08 };

const VARIANTS: readonly (readonly [Quantization, Precision])[] = [["none", "f32"], ["fp8", "f32"], [
  "none",
  "f16",
]];

for (const [index, seed] of SEEDS.entries()) {
  const { checkpoint, vocabSize, title } = randomCase(seed);
  for (const [quantization, precision] of VARIANTS) {
    // Every other one: the kernels are those of f32 but for what they load and store.
    if (precision === "f16" && index % 2 === 1) continue;
    const feature = precision === "f16" ? { feature: "shader-f16" as const } : {};
    gpuTest(`a runner equals the oracle: ${title}; ${quantization}, ${precision}`, async (device) => {
      await using dir = await tempDir();
      await writeCheckpoint(dir.path, checkpoint);
      const oracle = await loadOracle(dir.path, { fp8: quantization === "fp8" });
      const options = { quantization, precision, maxContext: 128, maxSequences: PROMPT_LENGTHS.length };
      using runner = await loadModel(device, dir.path, options);
      const jobs = PROMPT_LENGTHS.map((length, slot): Job => ({
        prompt: randomPrompt(vocabSize, length, seed + slot),
        count: COUNT,
        slot,
        firstBlock: slot * 8,
        joins: slot % 3,
        init: { ...GREEDY, sampling: { ...GREEDY.sampling, logprobs: 20 } },
      }));
      const together = await generate(runner, jobs);
      for (const [index, job] of jobs.entries()) {
        expect((await generate(runner, [{ ...job, joins: 0 }]))[0]).toEqual(together[index]);
        const { logprobError, shortfall } = judge(oracle, job.prompt, together[index]!);
        expect(logprobError).toBeLessThan(TOLERANCE[precision]);
        expect(shortfall).toBeLessThan(2 * TOLERANCE[precision]);
      }
    }, feature);
  }
}

/** A KV cache in FP8: what it does to the logits, against the float64 oracle and against a full cache. */
import { expect } from "@std/expect";
import { type DeviceTuning, joinsParts, subgroupTuning } from "../../src/kernels/tuning.ts";
import type { Precision } from "../../src/model/runner.ts";
import { gpuTest } from "../gpu/device.ts";
import { forward, loadOracle } from "../oracle/forward.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { divergence } from "../support/divergence.ts";
import { tempDir } from "../support/temp.ts";
import { demoParent, fixture, golden, TestModel } from "./harness.ts";
import { demoTexts } from "./demo_texts.ts";

/**
 * Of the oracle with the same cache, root-mean-square of log-probabilities: a key or value whose last bits differ may
 * fall to the other side of a tie between two codes, which moves logits by some hundredths here and there (0.006 on the
 * demo's longest text); FP8 itself makes 0.15 to 0.22.
 */
const SAME_CODES: Readonly<Record<Precision, number>> = { f32: 0.02, f16: 0.07 };

/**
 * Mean Kullback-Leibler divergence from a full cache, nats. An E4M3 code is off by up to 1/16, 2 % in the mean; the
 * fixtures are random models whose flat distributions of 384 tokens go with every such error (they reached 0.024, an FP8
 * cache in float64 as much), the demo's trained ones reached 0.0003. Twice of either.
 */
const KL = { fixtures: 0.05, demo: 0.0006 };

async function check(
  name: string,
  load: (dtype: "fp8") => Promise<TestModel>,
  { precision = "f32", family = "prompt" }: { precision?: Precision; family?: "prompt" | "decode" } = {},
) {
  const { input_ids } = await golden(name);
  const oracle = await loadOracle(fixture(name));
  using model = await load("fp8");
  const logits = await model.runPrompt(input_ids, 9, { family });
  const same = forward(oracle, input_ids, { fp8Cache: true });
  expect(divergence(same.data, logits, same.columns).rms).toBeLessThan(SAME_CODES[precision]);
  const full = forward(oracle, input_ids);
  const effect = divergence(full.data, logits, full.columns);
  expect(effect.klMean).toBeLessThan(KL.fixtures);
  expect(effect.rms).toBeGreaterThan(0.1); // Otherwise it is not in use.
}

gpuTest("an FP8 cache of heads that are normed gives the oracle's logits", async (device) => {
  await using dir = await tempDir();
  const config = { architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 32 };
  await writeCheckpoint(dir.path, { config, gain: 2 });
  using model = await TestModel.load(device, dir.path, { kvCacheDtype: "fp8" });
  const ids = [1, 5, 31, 0, 17, 9, 9, 2, 30, 4, 11];
  const expected = forward(await loadOracle(dir.path), ids, { fp8Cache: true });
  const logits = await model.runPrompt(ids, 4);
  expect(divergence(expected.data, logits, expected.columns).rms).toBeLessThan(SAME_CODES.f32);
});

for (const name of ["gqa", "head-dim", "sliding-window"]) {
  gpuTest(
    `an FP8 cache gives the logits of ${name} that the oracle's gives`,
    (device) => check(name, (kvCacheDtype) => TestModel.load(device, fixture(name), { kvCacheDtype })),
  );

  gpuTest(
    `an FP8 cache tuned for subgroups gives the logits of ${name} that the oracle's gives`,
    async (device) => {
      const tuned: DeviceTuning = subgroupTuning(device.info.subgroupSize!);
      const tuning = {
        ...tuned,
        attention: { ...tuned.attention!, splitKeys: 16, promptKeys: 16, joins: joinsParts(device.info) },
      };
      for (const family of ["prompt", "decode"] as const) {
        await check(name, (kvCacheDtype) => TestModel.load(device, fixture(name), { kvCacheDtype, tuning }), {
          family,
        });
      }
    },
    { subgroups: true },
  );
}

gpuTest("an FP8 cache goes with f16 activations", (device) => {
  const precision = "f16";
  return check("head-dim", (kvCacheDtype) => {
    return TestModel.load(device, fixture("head-dim"), { kvCacheDtype, precision });
  }, { precision });
}, { feature: "shader-f16" });

for (const parent of ["storyteller", "helper"]) {
  gpuTest(`an FP8 cache changes little of what ${parent} would say next`, async (device) => {
    const options = { maxContext: 256 };
    using full = await TestModel.load(device, demoParent(parent), options);
    using fp8 = await TestModel.load(device, demoParent(parent), { ...options, kvCacheDtype: "fp8" });
    for (const ids of await demoTexts(parent, 2)) {
      const effect = divergence(await full.runPrompt(ids), await fp8.runPrompt(ids), full.vocabSize);
      expect(effect.klMean).toBeLessThan(KL.demo);
      expect(effect.sameBest).toBeGreaterThan(0.95);
    }
  });
}

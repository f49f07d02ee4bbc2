/** A sequence's bits do not depend on who else is in the batch, on how its prompt was cut, nor on steps per submit. */
import { expect } from "@std/expect";
import * as fc from "fast-check";
import { joinsParts, portableTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { loadModel } from "../../src/model/load.ts";
import { gpuTest } from "../gpu/device.ts";
import { runs } from "../support/properties.ts";
import { SAMPLING } from "../support/sampling.ts";
import { blocks, fixture, generate, GREEDY, type Job, LOAD, type RowRun, TestModel } from "./harness.ts";

const VOCAB = 384;
const PROPERTY = { numRuns: runs(8) };

const prompt = (maxLength: number) =>
  fc.array(fc.integer({ min: 3, max: VOCAB - 1 }), { minLength: 1, maxLength });

for (const [quantization, kvCacheDtype] of [["none", "auto"], ["fp8", "auto"], ["fp8", "fp8"]] as const) {
  gpuTest(
    `Forward gives every row the same bits alone and in any mixture, weights ${quantization}, cache ${kvCacheDtype}`,
    async (device) => {
      using model = await TestModel.load(device, fixture("sliding-window"), { quantization, kvCacheDtype });
      const mixture = fc.array(
        fc.record({ tokens: prompt(30), chunk: fc.integer({ min: 1, max: 30 }) }),
        { minLength: 2, maxLength: 4 },
      );
      await fc.assert(
        fc.asyncProperty(mixture, async (sequences) => {
          const alone = [];
          for (const { tokens, chunk } of sequences) alone.push(await model.runPrompt(tokens, chunk));
          // Together: all but the last token of each one by one, so that its chunks differ too; then all the
          // last tokens and one whole other prompt in one step.
          const runs: RowRun[] = [];
          for (const [i, { tokens }] of sequences.entries()) {
            const table = blocks(tokens.length, model.blockSize, (i + 1) * 8);
            const start = tokens.length - 1;
            if (start > 0) await model.run([{ table, tokens: tokens.slice(0, -1), start: 0 }]);
            runs.push({ table, tokens: tokens.slice(-1), start });
          }
          const [first] = sequences;
          const whole = first!.tokens.slice(0, 20);
          runs.splice(1, 0, { table: blocks(whole.length, model.blockSize, 60), tokens: whole, start: 0 });
          const together = await model.run(runs);
          let row = 0;
          for (const [i, run] of runs.entries()) {
            const source = i === 1 ? alone[0]! : alone[i === 0 ? 0 : i - 1]!;
            const expected = source.slice(run.start * VOCAB, (run.start + run.tokens.length) * VOCAB);
            expect(together.slice(row * VOCAB, (row + run.tokens.length) * VOCAB)).toEqual(expected);
            row += run.tokens.length;
          }
        }),
        PROPERTY,
      );
    },
  );
}

// Heads of 32 elements go through attention_prompt and, in parts, attention_flash; those of "gqa" are too short for them.
// Those with activations in f16 go through products in pairs.
for (
  const [name, kvCacheDtype, precision] of [
    ["gqa", "auto", "f32"],
    ["head-dim", "auto", "f32"],
    ["head-dim", "fp8", "f32"],
    ["head-dim", "auto", "f16"],
  ] as const
) {
  gpuTest(
    `Forward tuned for subgroups gives a row of ${name} its family's bits, however many rows go with it, ${precision}, cache ${kvCacheDtype}`,
    async (device) => {
      const tuned = subgroupTuning(device.info.subgroupSize!);
      const shares = { splitKeys: 16, promptKeys: 16, maxSplits: 2, joins: joinsParts(device.info) };
      const tuning = { ...tuned, attention: { ...tuned.attention!, ...shares } };
      const options = { quantization: "fp8", kvCacheDtype, precision, tuning, maxRows: 64 } as const;
      using model = await TestModel.load(device, fixture(name), options);
      const tokens = Array.from({ length: 60 }, (_, i) => 3 + (i * 37) % (model.vocabSize - 3));
      for (const family of ["prompt", "decode"] as const) {
        const whole = await model.runPrompt(tokens, 60, { family });
        for (const chunk of [1, 2, 7, 9]) {
          expect(await model.runPrompt(tokens, chunk, { family, firstBlock: 9 })).toEqual(whole);
        }
      }
    },
    { subgroups: true, ...precision === "f16" && { feature: "shader-f16" } },
  );
}

gpuTest("rows beyond the room for parts go in turns, and give the same bits", async (device) => {
  const { attention, ...tuning } = subgroupTuning(device.info.subgroupSize!);
  const tokens = Array.from({ length: 60 }, (_, i) => 3 + (i * 37) % 200);
  const run = async (joins: boolean, partRows?: number) => {
    using model = await TestModel.load(device, fixture("head-dim"), {
      tuning: { ...tuning, attention: { ...attention!, splitKeys: 16, promptKeys: 16, joins } },
      maxRows: 64,
      ...(partRows && { partRows }),
    });
    const decode = await model.runPrompt(tokens, 60, { family: "decode" });
    return { decode, prompt: await model.runPrompt(tokens, 60, { family: "prompt" }) };
  };
  const together = await run(false);
  for (const logits of Object.values(together)) expect(logits.every(Number.isFinite)).toBe(true);
  const joins = joinsParts(device.info);
  expect(await run(joins)).toEqual(together);
  for (const partRows of [1, 7]) expect(await run(joins, partRows)).toEqual(together);
}, { subgroups: true });

for (
  const [tuned, kvCacheDtype] of [["anything", "auto"], ["subgroups", "auto"], ["anything", "fp8"]] as const
) {
  gpuTest(
    `a runner tuned for ${tuned}, cache ${kvCacheDtype}, gives a sequence the same tokens alone and in any batch`,
    async (device) => {
      const [tuning, quantization] = tuned === "subgroups"
        ? [subgroupTuning(device.info.subgroupSize!), "fp8"] as const // with the kernels of Forward above
        : [portableTuning(true), "none"] as const;
      const options = { ...LOAD, tuning, quantization, kvCacheDtype };
      using runner = await loadModel(device, fixture("sliding-window"), options);
      const jobs = fc.array(
        fc.record({
          prompt: prompt(40),
          count: fc.integer({ min: 1, max: 12 }),
          joins: fc.integer({ min: 0, max: 6 }),
          seed: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
          greedy: fc.boolean(),
        }),
        { minLength: 2, maxLength: 5 },
      );
      await fc.assert(
        fc.asyncProperty(jobs, fc.integer({ min: 1, max: 5 }), async (specs, stepsPerSubmit) => {
          const batch = specs.map(({ prompt, count, joins, seed, greedy }, slot): Job => ({
            prompt,
            count,
            joins,
            slot,
            firstBlock: slot * 8,
            init: greedy
              ? GREEDY
              : { ...GREEDY, sampling: { ...SAMPLING, temperature: 0.9, topP: 0.95, seed, logprobs: 2 } },
          }));
          const together = await generate(runner, batch, { stepsPerSubmit });
          for (const [index, job] of batch.entries()) {
            // Another slot and other blocks: neither may matter.
            const [alone] = await generate(runner, [{ ...job, joins: 0, slot: 7, firstBlock: 100 }]);
            expect(alone!.map((token) => ({ ...token, slot: index }))).toEqual(together[index]);
          }
        }),
        PROPERTY,
      );
    },
    { subgroups: tuned === "subgroups" },
  );
}

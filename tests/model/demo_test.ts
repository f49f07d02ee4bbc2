/** The demo's parents against what their reference implementation answered. */
import { expect } from "@std/expect";
import { loadModel } from "../../src/model/load.ts";
import { gpuTest } from "../gpu/device.ts";
import { demoParent, generate, LOAD, TestModel } from "./harness.ts";

interface Reference {
  readonly model: string;
  readonly id: string;
  readonly prompt_ids: readonly number[];
  readonly output_ids: readonly number[];
  readonly first_top5: readonly (readonly [id: number, logit: number])[];
  readonly min_margin: number;
  readonly min_margin_at: number;
}

/** Logits of two float32 implementations; the demo's are five times those of the goldens' random models. */
const TOLERANCE = 1e-3;

const lines = (await Deno.readTextFile(new URL("../../demo/eval/reference.jsonl", import.meta.url))).trim()
  .split("\n");
const references: Reference[] = lines.map((line) => JSON.parse(line));

for (const parent of ["storyteller", "helper"]) {
  const own = references.filter(({ model }) => model === parent);

  gpuTest(`Forward ranks the first token of ${parent}'s references alike`, async (device) => {
    using model = await TestModel.load(device, demoParent(parent), { maxContext: 128 });
    for (const { id, prompt_ids, first_top5 } of own.slice(0, 12)) {
      const logits = (await model.runPrompt(prompt_ids)).subarray(-model.vocabSize);
      for (const [token, logit] of first_top5) {
        if (!(Math.abs(logits[token]! - logit) < TOLERANCE)) {
          throw new Error(`${id}: logit of ${token} is ${logits[token]}, expected ${logit} ± ${TOLERANCE}`);
        }
      }
    }
  });

  gpuTest(`a runner answers as ${parent}'s references do, eight at a time`, async (device) => {
    using runner = await loadModel(device, demoParent(parent), LOAD);
    const chosen = own.toSorted((a, b) => a.output_ids.length - b.output_ids.length).slice(0, 8);
    const jobs = chosen.map(({ prompt_ids, output_ids }, slot) => ({
      prompt: prompt_ids,
      count: output_ids.length,
      slot,
      firstBlock: slot * 64,
    }));
    const outputs = await generate(runner, jobs);
    for (const [i, { output_ids, min_margin, min_margin_at }] of chosen.entries()) {
      // Past a near tie either token is right, and everything after it may differ.
      const sure = min_margin < 2 * TOLERANCE ? min_margin_at : output_ids.length;
      expect(outputs[i]!.slice(0, sure).map(({ id }) => id)).toEqual(output_ids.slice(0, sure));
    }
  });
}

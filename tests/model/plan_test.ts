/** A step plan as the kernels read it: the order of its rows, and where the prompt rows end. */
import { expect } from "@std/expect";
import { parseModelConfig } from "../../src/formats/config.ts";
import { NO_DRAFTS } from "../../src/model/drafts.ts";
import { FROM_SLOT, packPlan, PlanWriter, STOPPED } from "../../src/model/plan.ts";
import { type BlockId, NOT_FINITE, type Slot } from "../../src/model/runner.ts";
import { TINY_CONFIG } from "../support/checkpoint_generator.ts";
import { FAKE_LIMITS } from "../support/fake_runner.ts";

const blockTable = [7, 3].map((id) => id as BlockId);
const chunk = (slot: number, tokens: number[], replay: boolean, sample = true) => ({
  slot: slot as Slot,
  tokenIds: Uint32Array.from(tokens),
  start: 2,
  replay,
  sample,
  blockTable,
});

Deno.test("packPlan() puts prompt rows first, then replays, then decodes, and counts the first", () => {
  const writer = new PlanWriter({ maxRows: 12, maxSamples: 4, maxTableBlocks: 8 });
  const alone = (...slots: number[]) => slots.map((slot) => ({ slot, drafts: NO_DRAFTS }));
  const plan = {
    prompts: [chunk(0, [10], true), chunk(1, [20, 21], false), chunk(2, [30, 31], true)],
    decodes: [{ slot: 3 as Slot, position: 5, blockTable }],
  };
  for (let turn = 0; turn < 2; turn++) { // A writer is used again for every step.
    expect(packPlan(plan, FAKE_LIMITS, writer)).toEqual(alone(1, 0, 2, 3));
    const rows = Array.from(
      { length: writer.rows },
      (_, row) => [...writer.words.subarray(row * 4, row * 4 + 3)],
    );
    expect(rows).toEqual([[20, 1, 2], [21, 1, 3], [10, 0, 2], [30, 2, 2], [31, 2, 3], [FROM_SLOT, 3, 5]]);
    expect([writer.promptRows, writer.sampledFrom]).toEqual([2, 1]);
    const { samples, samplesOffset } = writer;
    expect([...writer.words.subarray(samplesOffset, samplesOffset + samples)]).toEqual([1, 2, 4, 5]);
  }
  expect(packPlan({ prompts: [], decodes: plan.decodes }, FAKE_LIMITS, writer)).toEqual(alone(3));
  expect([writer.promptRows, writer.sampledFrom]).toEqual([0, 0]);

  const drafts = Uint32Array.of(40, 41);
  const guessed = { prompts: [], decodes: [{ ...plan.decodes[0]!, drafts }] };
  expect(packPlan(guessed, FAKE_LIMITS, writer)).toEqual([{ slot: 3, drafts }]);
  expect([...writer.words.subarray(0, 12)].filter((_, word) => word % 4 < 3)).toEqual([
    ...[FROM_SLOT, 3, 5],
    ...[40, 3, 6],
    ...[41, 3, 7],
  ]);
  expect([...writer.words.subarray(writer.samplesOffset, writer.samplesOffset + 3)]).toEqual([0, 1, 2]);
});

Deno.test("packPlan() puts the prompts that sample behind the others, and tells where they begin to", () => {
  const writer = new PlanWriter({ maxRows: 12, maxSamples: 4, maxTableBlocks: 8 });
  const decodes = [{ slot: 3 as Slot, position: 5, blockTable }];
  const [whole, part, replay] = [
    chunk(0, [10, 11], false),
    chunk(1, [20, 21, 22], false, false),
    chunk(2, [30], true, false),
  ];
  const pack = (...prompts: typeof whole[]) => {
    const sampled = packPlan({ prompts, decodes }, FAKE_LIMITS, writer).map(({ slot }) => slot);
    const tokens = Array.from({ length: writer.promptRows }, (_, row) => writer.words[row * 4]);
    return { sampled, tokens, from: writer.sampledFrom };
  };
  expect(pack(whole, part, replay)).toEqual({ sampled: [0, 3], tokens: [20, 21, 22, 10, 11], from: 4 });
  expect(pack(part, replay)).toEqual({ sampled: [3], tokens: [20, 21, 22], from: 3 });
  expect(pack(chunk(1, [20], false), whole)).toEqual({ sampled: [1, 0, 3], tokens: [20, 10, 11], from: 0 });
});

Deno.test("no vocabulary reaches the marks that stand in place of ids", () => {
  expect(new Set([STOPPED, NOT_FINITE]).size).toBe(2);
  for (const mark of [STOPPED, NOT_FINITE, FROM_SLOT]) {
    const config = { ...TINY_CONFIG, vocab_size: mark + 1 };
    expect(() => parseModelConfig(config, "config.json")).toThrow("vocab_size");
  }
});

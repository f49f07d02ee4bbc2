/** A step plan as the kernels read it: the order of its rows, and where the prompt rows end. */
import { expect } from "@std/expect";
import { NO_DRAFTS } from "../../src/model/drafts.ts";
import { FROM_SLOT, packPlan, PlanWriter } from "../../src/model/plan.ts";
import type { BlockId, Slot } from "../../src/model/runner.ts";
import { FAKE_LIMITS } from "../support/fake_runner.ts";

const blockTable = [7, 3].map((id) => id as BlockId);
const chunk = (slot: number, tokens: number[], replay: boolean) => ({
  slot: slot as Slot,
  tokenIds: Uint32Array.from(tokens),
  start: 2,
  replay,
  sample: true,
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
    expect(writer.promptRows).toBe(2);
    const { samples, samplesOffset } = writer;
    expect([...writer.words.subarray(samplesOffset, samplesOffset + samples)]).toEqual([1, 2, 4, 5]);
  }
  expect(packPlan({ prompts: [], decodes: plan.decodes }, FAKE_LIMITS, writer)).toEqual(alone(3));
  expect(writer.promptRows).toBe(0);

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

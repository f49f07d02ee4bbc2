/** What a sequence and its batch do at the edges that random runs seldom come to. */
import { expect } from "@std/expect";
import { Batch, type BatchSubmit } from "../../src/engine/batch.ts";
import { shareOut, type StepRow } from "../../src/engine/step_samples.ts";
import { AGEING_STEPS } from "../../src/engine/ranking.ts";
import { Sequence } from "../../src/engine/sequence.ts";
import { RequestClock } from "../../src/engine/timings.ts";
import type { SamplingParams } from "../../src/model/sampling.ts";
import type { SampledToken, Slot } from "../../src/model/runner.ts";
import { SAMPLING } from "../support/fake_engine.ts";

const LIMITS = {
  maxSequences: 3,
  blockSize: 3,
  blockCount: 20,
  maxContext: 24,
  maxPromptTokens: 12,
  maxDrafts: 3,
  maxSamples: 8,
  vocabSize: 64,
};

function sequenceOf(
  promptTokenIds: readonly number[],
  sampling: Partial<SamplingParams> = {},
  more: { readonly priority?: number; readonly stopTokenIds?: readonly number[] } = {},
): Sequence {
  return new Sequence({
    requestId: promptTokenIds.join(),
    promptTokenIds: Uint32Array.from(promptTokenIds),
    sampling: { ...SAMPLING, seed: 7n, stop: [], maxTokens: 20, ...sampling },
    stopTokenIds: more.stopTokenIds ?? [],
    priority: more.priority ?? 0,
    deadlineMs: null,
    contextTokens: LIMITS.maxContext,
    blockSize: LIMITS.blockSize,
    clock: new RequestClock(0),
  });
}

const sample = (slot: number, id: number): SampledToken => ({
  slot: slot as Slot,
  id,
  logprob: NaN,
  top: [],
});

/** Every row of every step samples this token. */
function complete(batch: Batch, submit: BatchSubmit, id = 1): void {
  batch.complete(
    submit,
    submit.steps.map(({ rows }) =>
      rows.flatMap(({ sequence, samples }) => samples ? [sample(sequence.placement!.slot, id)] : [])
    ),
  );
}

Deno.test("Sequence.accept() takes a stop token for text up to the last of minTokens", () => {
  const sequence = sequenceOf([1], { minTokens: 2, maxTokens: 9 }, { stopTokenIds: [5] });
  expect([5, 5, 5].map((id) => sequence.accept(id))).toEqual([null, null, "STOP"]);
});

Deno.test("Sequence.accept() tells a full context from maxTokens", () => {
  const last = (promptLength: number, maxTokens: number) => {
    const sequence = sequenceOf(Array.from({ length: promptLength }, () => 1), { maxTokens });
    for (let count = 1; count < sequence.maxNewTokens; count++) expect(sequence.accept(2)).toBe(null);
    return sequence.accept(2);
  };
  expect([last(20, 3), last(20, 4), last(20, 5)]).toEqual(["LENGTH", "LENGTH", "CONTEXT_FULL"]);
});

Deno.test("Batch counts blocks that come back with what is in flight, and preempts nobody for them", () => {
  const batch = new Batch({ ...LIMITS, blockCount: 5 }, { speculates: false });
  const [first, second, third] = [[1, 2, 3], [4, 5, 6], [7, 8, 9]].map((ids) => sequenceOf(ids));
  for (const one of [first!, second!, third!]) batch.enqueue(one);
  const prompts = batch.next()!;
  const submits = [batch.next()!]; // the first two take the last two blocks
  batch.end(third!);
  for (let next = batch.next(); next !== null; next = batch.next()) submits.push(next);
  expect(submits.map(({ steps }) => steps[0]!.rows.length)).toEqual([2, 2, 2]);
  expect(batch.counts.preemptions).toBe(0);
  complete(batch, prompts);
  expect(batch.next()!.steps[0]!.rows.map(({ sequence }) => sequence)).toEqual([first]);
});

Deno.test("Batch lets nobody wait for ever behind those who come later with a higher priority", () => {
  const batch = new Batch({ ...LIMITS, maxSequences: 1 });
  const low = sequenceOf([1, 2], {}, { priority: -1 });
  batch.enqueue(sequenceOf([3, 4]));
  batch.enqueue(low);
  let steps = 0;
  for (; low.placement === null && steps < 2 * AGEING_STEPS; steps++) {
    if (batch.waiting.length < 2) batch.enqueue(sequenceOf([5, 6]));
    complete(batch, batch.next()!);
  }
  expect(low.placement).not.toBe(null);
  expect(steps).toBeGreaterThan(AGEING_STEPS / 2);
});

Deno.test("Batch guesses no token of a sequence whose next tokens the host decides", () => {
  const constraint = { kind: "regex", regex: "a*" } as unknown as NonNullable<SamplingParams["constraint"]>;
  for (const [held, drafts] of [[constraint, 0], [null, 2]] as const) {
    const batch = new Batch(LIMITS);
    const sequence = sequenceOf([1, 2, 1, 2, 1, 2, 1], { constraint: held });
    for (const id of [2, 1, 2, 1, 2, 1]) sequence.speculator.add(id);
    expect(sequence.speculator.pays).toBe(true);
    if (held !== null) sequence.unblock(new Uint32Array(2));
    batch.enqueue(sequence);
    complete(batch, batch.next()!, 2);
    if (held !== null) sequence.unblock(new Uint32Array(2));
    expect(batch.next()!.steps[0]!.rows.map((row) => row.drafts)).toEqual([drafts]);
  }
});

Deno.test("shareOut() refuses samples that are nobody's, and sequences without one", () => {
  const row = (slot: number, more: Partial<StepRow> = {}): StepRow => {
    const sequence = sequenceOf([slot]);
    sequence.placement = { slot: slot as Slot, blockTable: [] };
    return { sequence, kind: "decode", computed: 1, drafts: 0, samples: true, ...more };
  };
  const rows = [row(0, { drafts: 1 }), row(1), row(2, { samples: false })];
  const [a, b, c] = [sample(0, 1), sample(0, 2), sample(1, 3)];
  expect(shareOut(rows, [a, b, c])).toEqual([[a, b], [c], []]);
  expect(shareOut(rows, [a, c])).toEqual([[a], [c], []]);
  expect(() => shareOut(rows, [a, b, a, c])).toThrow("sample of slot 0 in another slot's place");
  expect(() => shareOut(rows, [a, b, c, sample(2, 4)])).toThrow("sample of slot 2 in another slot's place");
  expect(() => shareOut(rows, [a, b])).toThrow("1 of 3 sequences have no sample");
  rows[1]!.sequence.ended = true;
  expect(shareOut(rows, [a, b])).toEqual([[a, b], [], []]);
});

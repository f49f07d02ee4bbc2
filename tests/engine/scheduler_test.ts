/** Decisions of the pure scheduler, case by case. */
import { expect } from "@std/expect";
import { decodeOn, type RunningView, schedule, type WaitingView } from "../../src/engine/scheduler.ts";
import type { BlockId } from "../../src/model/runner.ts";

const BLOCK_SIZE = 4;

type R = RunningView & { readonly name: string; readonly inFlight?: boolean };
type W = WaitingView & { readonly name: string; readonly cached?: number; readonly idle?: number };

const running = (name: string, view: Partial<R>): R => {
  const computed = view.computed ?? 3;
  const heldBlocks = Math.ceil(Math.max(computed, view.knownLength ?? 3) / BLOCK_SIZE);
  const rest = { samplesSubmitted: 1, maxNewTokens: 9, stepwise: false, blocked: false };
  return { name, promptLength: 3, knownLength: 3, computed, heldBlocks, ...rest, ...view };
};
const decoding = (name: string, computed: number, view: Partial<R> = {}) =>
  running(name, { computed, ...view });
const prompting = (name: string, promptLength: number, computed: number, outputs = 0) =>
  running(name, { promptLength, knownLength: promptLength + outputs, computed, samplesSubmitted: outputs });
const waiting = (
  name: string,
  promptLength: number,
  view: Partial<W> & { readonly outputs?: number } = {},
): W => ({
  name,
  promptLength,
  knownLength: promptLength + (view.outputs ?? 0),
  blocked: false,
  ...view,
});

interface Case {
  readonly name: string;
  readonly running?: readonly R[];
  readonly waiting?: readonly W[];
  readonly freeSlots?: number;
  readonly blocks?: number;
  readonly returning?: number;
  readonly mixed?: number;
  readonly max?: number;
  readonly preempt?: readonly string[];
  readonly decodes?: readonly string[];
  /** name@start+length, with an r for replay and a ! when it samples. */
  readonly prompts?: readonly string[];
  readonly admit?: readonly string[];
}

const CASES: readonly Case[] = [
  { name: "nothing to do" },
  { name: "all decodes in one batch", running: [decoding("a", 3), decoding("b", 7)], decodes: ["a", "b"] },
  { name: "no row past the last token", running: [decoding("a", 5, { samplesSubmitted: 9 })] },
  {
    name: "prompts ride along with decodes",
    running: [decoding("a", 3)],
    waiting: [waiting("b", 5)],
    decodes: ["a"],
    prompts: ["b@0+5!"],
    admit: ["b"],
  },
  {
    name: "beside decodes only a few prompt tokens",
    running: [decoding("a", 3)],
    waiting: [waiting("b", 30), waiting("c", 1)],
    mixed: 4,
    decodes: ["a"],
    prompts: ["b@0+4"],
    admit: ["b"],
  },
  {
    name: "a long prompt is cut at the budget",
    waiting: [waiting("a", 20)],
    prompts: ["a@0+8"],
    admit: ["a"],
  },
  { name: "and goes on from there", running: [prompting("a", 20, 8)], prompts: ["a@8+8"] },
  {
    name: "the rest of a prompt leaves room for the next, which is cut",
    running: [prompting("a", 18, 16)],
    waiting: [waiting("b", 6), waiting("c", 1)],
    prompts: ["a@16+2!", "b@0+6!"],
    admit: ["b"],
  },
  {
    name: "cuts fall on whole blocks",
    running: [prompting("a", 17, 16), prompting("b", 30, 8)],
    prompts: ["a@16+1!", "b@8+4"],
  },
  {
    name: "that of the first as well",
    max: 7,
    waiting: [waiting("a", 20)],
    prompts: ["a@0+4"],
    admit: ["a"],
  },
  {
    name: "nothing of a prompt that has no room for a block, unless it is the first",
    running: [prompting("a", 22, 16), prompting("b", 30, 8)],
    waiting: [waiting("c", 1)],
    prompts: ["a@16+6!"],
    blocks: 0,
  },
  {
    name: "a budget below a block gets on all the same",
    max: 3,
    running: [prompting("a", 20, 4)],
    prompts: ["a@4+3"],
  },
  {
    name: "prompt before replay, never both in a chunk",
    waiting: [waiting("a", 6, { outputs: 9 })],
    prompts: ["a@0+6"],
    admit: ["a"],
  },
  { name: "a replay is cut anywhere", running: [prompting("a", 6, 6, 9)], prompts: ["a@6+8r"] },
  { name: "and samples at its end", running: [prompting("a", 6, 14, 9)], prompts: ["a@14+1r!"] },
  { name: "no slot", waiting: [waiting("a", 1)], freeSlots: 0 },
  {
    name: "slots run out",
    waiting: [waiting("a", 1), waiting("b", 1)],
    freeSlots: 1,
    prompts: ["a@0+1!"],
    admit: ["a"],
  },
  {
    name: "no blocks for the first in line: the small one behind it waits",
    waiting: [waiting("a", 20), waiting("b", 1)],
    blocks: 4,
  },
  {
    name: "blocks are counted over all admissions, with one to spare for each that runs",
    waiting: [waiting("a", 4), waiting("b", 4), waiting("c", 1)],
    max: 12,
    blocks: 3,
    prompts: ["a@0+4!", "b@0+4!"],
    admit: ["a", "b"],
  },
  {
    name: "alone a sequence may have every block",
    waiting: [waiting("a", 16)],
    blocks: 4,
    prompts: ["a@0+8"],
    admit: ["a"],
  },
  {
    name: "a cached prefix is not computed again",
    waiting: [waiting("a", 10, { cached: 2 })],
    blocks: 1,
    prompts: ["a@8+2!"],
    admit: ["a"],
  },
  {
    name: "cached blocks that nobody uses are taken from the available ones",
    waiting: [waiting("a", 10, { cached: 2, idle: 2 })],
    blocks: 2,
  },
  {
    name: "a block for a decode that has filled its last one",
    running: [decoding("a", 4), decoding("b", 3)],
    blocks: 1,
    decodes: ["a", "b"],
  },
  {
    name: "no block: the lowest is preempted for the highest",
    running: [decoding("a", 4), decoding("b", 3), decoding("c", 3)],
    waiting: [waiting("d", 1)],
    blocks: 0,
    preempt: ["c"],
    decodes: ["a", "b"],
  },
  {
    name: "nobody is admitted with what one who was preempted leaves over",
    running: [decoding("a", 4), decoding("b", 30)],
    waiting: [waiting("c", 1)],
    blocks: 0,
    preempt: ["b"],
    decodes: ["a"],
  },
  {
    name: "as many as it takes, prompts too",
    running: [decoding("a", 4), decoding("b", 4), prompting("c", 20, 8)],
    blocks: 0,
    preempt: ["c"],
    decodes: ["a", "b"],
  },
  {
    name: "blocks in flight are waited for",
    running: [decoding("a", 4), decoding("b", 3), decoding("c", 3, { inFlight: true })],
    blocks: 0,
    preempt: ["c"],
    decodes: ["b"],
  },
  {
    name: "and nobody else is preempted meanwhile",
    running: [decoding("a", 4), decoding("b", 3)],
    returning: 1,
    blocks: 0,
    decodes: ["b"],
  },
  {
    name: "the lowest itself keeps its blocks and waits; nobody is admitted",
    running: [decoding("a", 3), decoding("b", 4)],
    waiting: [waiting("c", 1)],
    blocks: 0,
    decodes: ["a"],
  },
];

for (const c of CASES) {
  Deno.test(`schedule() ${c.name}`, () => {
    const max = c.max ?? 8;
    const decision = schedule<R, W>({
      running: c.running ?? [],
      waiting: c.waiting ?? [],
      freeSlots: c.freeSlots ?? 4,
      availableBlocks: c.blocks ?? 20,
      returningBlocks: c.returning ?? 0,
      blockSize: BLOCK_SIZE,
      maxPromptTokens: max,
      mixedPromptTokens: c.mixed ?? max,
      cachedPrefix: ({ cached = 0, idle = 0 }) => ({ blocks: Array(cached).fill(0 as BlockId), idle }),
      blockReturn: ({ heldBlocks, inFlight }) =>
        inFlight ? { now: 0, later: heldBlocks } : { now: heldBlocks, later: 0 },
    });
    expect(decision.preempt.map(({ name }) => name)).toEqual(c.preempt ?? []);
    expect(decision.decodes.map(({ name }) => name)).toEqual(c.decodes ?? []);
    expect(decision.admit.map(({ sequence }) => sequence.name)).toEqual(c.admit ?? []);
    const prompts = decision.prompts.map(({ sequence, start, length, replay, last }) =>
      `${sequence.name}@${start}+${length}${replay ? "r" : ""}${last ? "!" : ""}`
    );
    expect(prompts).toEqual(c.prompts ?? []);
  });
}

const MORE: readonly [
  name: string,
  running: readonly R[],
  blocks: number,
  decodes: readonly string[] | null,
][] = [
  ["all that go on", [decoding("a", 3), decoding("b", 7)], 1, ["a", "b"]],
  [
    "without those whose last token is on its way",
    [decoding("a", 3), decoding("b", 5, { samplesSubmitted: 9 })],
    0,
    ["a"],
  ],
  ["nothing when all are done", [decoding("b", 5, { samplesSubmitted: 9 })], 4, null],
  ["nothing while a prompt is under way", [decoding("a", 3), prompting("b", 20, 8)], 9, null],
  ["nothing when a block is missing", [decoding("a", 4), decoding("b", 8)], 1, null],
  ["nothing when the host is asked first", [decoding("a", 3), decoding("b", 3, { stepwise: true })], 9, null],
];

for (const [name, sequences, availableBlocks, expected] of MORE) {
  Deno.test(`decodeOn() decodes ${name}`, () => {
    const decodes = decodeOn(sequences, { availableBlocks, blockSize: BLOCK_SIZE });
    expect(decodes?.map((sequence) => sequence.name) ?? null).toEqual(expected);
  });
}

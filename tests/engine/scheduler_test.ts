/** Decisions of the pure scheduler, case by case. */
import { expect } from "@std/expect";
import { type RunningView, schedule, type WaitingView } from "../../src/engine/scheduler.ts";

type R = RunningView & { readonly name: string };
type W = WaitingView & { readonly name: string };

const prompting = (name: string, promptLength: number, promptSubmitted: number): R => ({
  name,
  promptLength,
  promptSubmitted,
  samplesSubmitted: 0,
  maxNewTokens: 4,
});
const decoding = (name: string, samplesSubmitted: number, maxNewTokens = 4): R => ({
  name,
  promptLength: 3,
  promptSubmitted: 3,
  samplesSubmitted,
  maxNewTokens,
});
const waiting = (name: string, promptLength: number, blocksNeeded = 1): W => ({
  name,
  promptLength,
  blocksNeeded,
});

interface Case {
  readonly name: string;
  readonly running?: readonly R[];
  readonly waiting?: readonly W[];
  readonly freeSlots?: number;
  readonly freeBlocks?: number;
  readonly decodes?: readonly string[];
  /** name@start+length, with a ! when it completes the prompt. */
  readonly prompts?: readonly string[];
  readonly admit?: readonly string[];
}

const CASES: readonly Case[] = [
  { name: "nothing to do" },
  { name: "all decodes in one batch", running: [decoding("a", 1), decoding("b", 3)], decodes: ["a", "b"] },
  { name: "no row past the last token", running: [decoding("a", 4), decoding("b", 1, 1)] },
  {
    name: "prompts ride along with decodes",
    running: [decoding("a", 1)],
    waiting: [waiting("b", 5)],
    decodes: ["a"],
    prompts: ["b@0+5!"],
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
    name: "the rest of a prompt leaves room for the next",
    running: [prompting("a", 20, 16)],
    waiting: [waiting("b", 4), waiting("c", 1)],
    prompts: ["a@16+4!", "b@0+4!"],
    admit: ["b"],
  },
  {
    name: "a chunk that does not fit waits whole, and nobody passes it in the queue",
    running: [prompting("a", 20, 16)],
    waiting: [waiting("b", 5), waiting("c", 1)],
    prompts: ["a@16+4!"],
  },
  {
    name: "running prompts: the first goes first, a later one that fits rides along",
    running: [prompting("a", 20, 16), prompting("b", 30, 8), prompting("c", 10, 8)],
    prompts: ["a@16+4!", "c@8+2!"],
  },
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
    waiting: [waiting("a", 1, 5), waiting("b", 1, 1)],
    freeBlocks: 4,
  },
  {
    name: "blocks are counted over all admissions",
    waiting: [waiting("a", 1, 3), waiting("b", 1, 2)],
    freeBlocks: 4,
    prompts: ["a@0+1!"],
    admit: ["a"],
  },
];

for (const c of CASES) {
  Deno.test(`schedule() ${c.name}`, () => {
    const decision = schedule<R, W>({
      running: c.running ?? [],
      waiting: c.waiting ?? [],
      freeSlots: c.freeSlots ?? 4,
      freeBlocks: c.freeBlocks ?? 10,
      maxPromptTokens: 8,
    });
    expect(decision.decodes.map(({ name }) => name)).toEqual(c.decodes ?? []);
    expect(decision.admit.map(({ name }) => name)).toEqual(c.admit ?? []);
    const prompts = decision.prompts.map((p) =>
      `${p.sequence.name}@${p.start}+${p.length}${p.last ? "!" : ""}`
    );
    expect(prompts).toEqual(c.prompts ?? []);
  });
}

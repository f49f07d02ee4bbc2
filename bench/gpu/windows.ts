/**
 * What a step with drafts costs: one a submit, and collected before the next is prepared, as the engine runs them, so that
 * the device idles and is handed the step in pieces, or, beside it, whole; and what steps cost that run ahead. How many
 * tokens a window must bring on average to pay follows from the two, and what the device's tokens a second are where every
 * guess is right.
 */
import type { ModelRunner } from "../../src/model/runner.ts";
import { round } from "./harness.ts";
import { decode, initSlots, requireTokens, sequences } from "./step.ts";

export async function draftWindows(
  runner: ModelRunner,
  { batch, context, steps }: { readonly batch: number; readonly context: number; readonly steps: number },
): Promise<Record<string, unknown>> {
  const ahead = await decode(runner, { batch, context, submits: Math.ceil(steps / 4), stepsPerSubmit: 4 });
  const result: Record<string, unknown> = { "4 steps a submit, ahead": ahead };
  for (let drafts = 0; drafts <= runner.limits.maxDrafts; drafts++) {
    const ms = await windowMs(runner, { batch, context, steps, drafts, inPieces: true });
    const whole = await windowMs(runner, { batch, context, steps, drafts, inPieces: false });
    result[`window of ${drafts + 1}`] = {
      msPerStep: round(ms, 3),
      msHandedOverWhole: round(whole, 3),
      tokensThatPay: round(ms / ahead.msPerStep, 2),
      tokensPerSecondAllRight: round(1000 * batch * (drafts + 1) / ms, 1),
    };
  }
  return result;
}

/** Milliseconds a step. What is guessed does not matter to that: every row is computed and sampled. */
async function windowMs(
  runner: ModelRunner,
  { batch, context, steps, drafts: count, inPieces }: {
    readonly batch: number;
    readonly context: number;
    readonly steps: number;
    readonly drafts: number;
    readonly inPieces: boolean;
  },
): Promise<number> {
  initSlots(runner, batch);
  const positions = new Map(sequences(runner, batch).map((row) => [row, context]));
  const drafts = Uint32Array.from({ length: count }, (_, n) => n);
  const step = async () => {
    const decodes = [...positions].map(([row, position]) => ({ ...row, position, drafts }));
    const prepared = runner.prepare([{ prompts: [], decodes }], { isDeviceIdle: inPieces });
    const [samples] = await prepared.submit().collect();
    // Of drafts those count that were right, and what was sampled behind them.
    requireTokens(
      [...positions.keys()].map(({ slot }) => samples!.filter((one) => one.slot === slot).slice(0, 1)),
      1,
    );
    for (const [row, position] of positions) {
      positions.set(row, position + samples!.filter(({ slot }) => slot === row.slot).length);
    }
  };
  for (let warmUp = 0; warmUp < steps / 4; warmUp++) await step();
  const begin = performance.now();
  for (let n = 0; n < steps; n++) await step();
  return (performance.now() - begin) / steps;
}

/**
 * What it costs that every product looks whether its step has anything to do, and what it saves: steps with and without
 * looking, in turns, and submits of four steps whose only sequence stops at the first. Without looking such steps leave
 * out attention and sampling alone.
 */
import { chooseTuning } from "../../src/kernels/tuning.ts";
import type { ModelRunner } from "../../src/model/runner.ts";
import { type Lab, round } from "./harness.ts";
import { decode, initSlots, randomModel, sequences } from "./step.ts";

const STEPS = 4;

export async function stops(lab: Lab): Promise<Record<string, unknown>> {
  const { info } = lab.gpu;
  const shape = info.software ? { layers: 1, maxContext: 512 } : { layers: 32, maxContext: 1024 };
  const model = (skipsStopped: boolean) =>
    randomModel(lab, {
      ...shape,
      precision: "f16",
      maxSequences: 8,
      tuning: { ...chooseTuning(info), skipsStopped },
    });
  using looking = await model(true);
  using plain = await model(false);
  const runners = { looking, plain };
  const result: Record<string, unknown> = {};
  const submits = info.software ? 1 : 50;
  for (let turn = 0; turn < (info.software ? 1 : 3); turn++) {
    for (const [name, runner] of Object.entries(runners)) {
      for (const batch of info.software ? [1] : [1, 8]) {
        await lab.heat();
        const { msPerStep } = await decode(runner, { batch, context: 64, submits, stepsPerSubmit: STEPS });
        result[`${name}, batch ${batch}, turn ${turn}: ms a step`] = msPerStep;
      }
    }
  }
  for (const [name, runner] of Object.entries(runners)) {
    await lab.heat();
    result[`${name}: ms a submit`] = await stoppedSubmits(runner, info.software ? 1 : 30);
  }
  return result;
}

/** Milliseconds from submit to samples, medians: of one step, of four, and of four that stop with the first. */
async function stoppedSubmits(runner: ModelRunner, rounds: number): Promise<Record<string, number>> {
  const [row] = sequences(runner, 1) as [ReturnType<typeof sequences>[number]];
  const timed = async (steps: number, stopTokenIds: readonly number[]) => {
    // The prompt's token does not stop, whatever it is.
    initSlots(runner, 1, { minTokens: 1 }, stopTokenIds);
    const chunk = { ...row, tokenIds: Uint32Array.of(1), start: 0, sample: true, replay: false };
    await runner.prepare([{ prompts: [chunk], decodes: [] }]).submit().collect();
    const plans = Array.from({ length: steps }, (_, n) => ({
      prompts: [],
      decodes: [{ ...row, position: 1 + n }],
    }));
    const prepared = runner.prepare(plans);
    const begin = performance.now();
    const samples = (await prepared.submit().collect()).flat();
    return { ms: performance.now() - begin, samples };
  };
  const { samples: [first] } = await timed(1, []);
  const median = async (steps: number, stopTokenIds: readonly number[], expected: number) => {
    const times: number[] = [];
    for (let turn = 0; turn <= rounds; turn++) {
      const { ms, samples } = await timed(steps, stopTokenIds);
      if (samples.length !== expected) throw new Error(`${samples.length} samples, expected ${expected}`);
      if (turn > 0) times.push(ms);
    }
    return round(times.sort((a, b) => a - b)[times.length >> 1]!, 3);
  };
  return {
    "one step": await median(1, [], 1),
    [`${STEPS} steps`]: await median(STEPS, [], STEPS),
    [`${STEPS} steps, stopped by the first`]: await median(STEPS, [first!.id], 1),
  };
}

import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { StepEncoder } from "../../src/gpu/encoder.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { chooseTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { loadModel } from "../../src/model/load.ts";
import { StepSequences } from "../../src/model/step_sequences.ts";
import { gpuTest } from "../gpu/device.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";
import { generate, GREEDY, type Job, LOAD } from "./harness.ts";

const INIT = { ...GREEDY, sampling: { ...GREEDY.sampling, logprobs: 3 } };
/** Join and leave, so that steps have one to three rows; with attention in parts of 8 keys, one to four parts. */
const JOBS = [
  { prompt: [1, 5, 9], count: 26, slot: 0, firstBlock: 0, init: INIT },
  { prompt: [1, 7, 3, 8, 2, 6], count: 9, slot: 1, firstBlock: 4, joins: 6, init: INIT },
  { prompt: [1], count: 5, slot: 2, firstBlock: 8, joins: 9, init: INIT },
] as const satisfies readonly Job[];

/** Outputs, and dispatches that were worked out. */
async function run(device: GpuDevice, dir: string) {
  const { subgroupSize } = device.info;
  const attention = subgroupSize === null
    ? null
    : { ...subgroupTuning(subgroupSize).attention!, splitKeys: 8, maxSplits: 4 };
  const tuning = { ...chooseTuning(device.info), attention };
  using runner = await loadModel(device, dir, { ...LOAD, maxContext: 64, tuning });
  const { dispatch } = StepEncoder.prototype;
  let dispatches = 0;
  StepEncoder.prototype.dispatch = function (kernel, params) {
    dispatches++;
    return dispatch.call(this, kernel, params);
  };
  try {
    return { outputs: await generate(runner, JOBS, { stepsPerSubmit: 4 }), dispatches };
  } finally {
    StepEncoder.prototype.dispatch = dispatch;
  }
}

gpuTest("steps whose dispatches are repeated have the bits of those worked out anew", async (device) => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.path, { config: { head_dim: 32 }, seed: 3, gain: 2 });
  const repeated = await run(device, dir.path);
  const { encode } = StepSequences.prototype;
  StepSequences.prototype.encode = (_step, _rows, { dispatch }) => dispatch();
  try {
    const anew = await run(device, dir.path);
    expect(repeated.outputs).toEqual(anew.outputs);
    expect(repeated.dispatches).toBeLessThan(anew.dispatches / 2);
  } finally {
    StepSequences.prototype.encode = encode;
  }
});

gpuTest("StepSequences keeps what was used lately, of steps without prompts", (device) => {
  using arena = new ParamsArena(device, 1);
  const sequences = new StepSequences();
  const step = new StepEncoder(device, arena);
  let rowsWorkedOut: number[] = [];
  const encode = (rows: number, promptRows = 0) =>
    sequences.encode(
      step,
      { promptFrom: 0, promptRows, rows, samples: rows, promptSplits: 1, splits: 1 },
      { dispatch: () => void rowsWorkedOut.push(rows), appended: () => {} },
    );
  for (const rows of [1, 2, 1, 2]) encode(rows);
  expect(rowsWorkedOut).toEqual([1, 2]);
  encode(2, 1);
  encode(2, 1);
  expect(rowsWorkedOut).toEqual([1, 2, 2, 2]);
  rowsWorkedOut = [];
  // Fourteen more fill it, the next one takes the place of 2: 1 was used since.
  encode(1);
  for (let rows = 3; rows <= 17; rows++) encode(rows);
  rowsWorkedOut = [];
  for (const rows of [1, 17, 2]) encode(rows);
  expect(rowsWorkedOut).toEqual([2]);
  return Promise.resolve();
});

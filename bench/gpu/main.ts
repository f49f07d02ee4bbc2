/**
 * Everything worth knowing from a few minutes with a GPU, in order of value, as one JSON document that grows section by
 * section: `deno run -A bench/gpu/main.ts OUT.json [section …]`. A section that fails says so and the next one runs.
 */
import { GpuDevice } from "../../src/gpu/device.ts";
import { Lab, round } from "./harness.ts";
import { attentionKernels, batchedKernels, decodeKernels, halves, tileKernels } from "./sweeps.ts";
import { halfTiles } from "./half.ts";
import { addingIn, chooseTuning, type DeviceTuning } from "../../src/kernels/tuning.ts";
import { findFlaw } from "../../src/model/self_check.ts";
import { benchHost } from "../host.ts";
import { compareLoads } from "../load.ts";
import { bits } from "./bits.ts";
import { chained, readAhead } from "./chained.ts";
import { cold } from "./cold.ts";
import { llama } from "./llama.ts";
import { arithmetic, bandwidth, gaps, host } from "./limits.ts";
import { stepParts } from "./parts.ts";
import { patterns } from "./patterns.ts";
import { promptAttention } from "./prompt_attention.ts";
import { row } from "./row.ts";
import { decode, prefill, randomModel } from "./step.ts";
import { stops } from "./stops.ts";
import { tails } from "./tails.ts";
import { tileParts } from "./tile_parts.ts";
import { tune } from "./tune.ts";
import { draftWindows } from "./windows.ts";

const [out = "gpu.json", ...wanted] = Deno.args;
using gpu = await GpuDevice.open();
const report: Record<string, unknown> = {
  adapter: gpu.info,
  deno: Deno.version.deno,
  date: new Date().toISOString(),
};
console.log(gpu.info.adapter, gpu.info.features.join(" "));
const begin = performance.now();

const SECTIONS: Readonly<Record<string, (lab: Lab) => Promise<unknown>>> = {
  bandwidth,
  gaps,
  host,
  preparing: benchHost,
  bits,
  step,
  parts,
  patterns,
  tails,
  cold,
  row,
  tune,
  stops,
  windows,
  tileParts,
  halfTiles,
  tileKernels,
  decodeKernels,
  batchedKernels,
  halves,
  attentionKernels,
  promptAttention,
  arithmetic,
  chained,
  readAhead,
  load,
  llama,
};

for (const [name, run] of Object.entries(SECTIONS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const started = performance.now();
  try {
    using lab = new Lab(gpu);
    report[name] = await run(lab);
    gpu.assertHealthy();
  } catch (error) {
    report[name] = { error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) };
  }
  console.log(
    `${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`,
    JSON.stringify(report[name], null, 1),
  );
  report["seconds"] = (performance.now() - begin) / 1000;
  Deno.writeTextFileSync(out, JSON.stringify(report, null, 2));
}

/** Loading from bfloat16 by way of the device and of the host, and from FP8; out of the page cache. */
async function load() {
  const { ways, writingSeconds } = await compareLoads(gpu, {
    layers: gpu.info.software ? 1 : 8,
    rounds: 1,
    ways: ["host", "device"],
  });
  const rows = Object.entries(ways).map(([way, { seconds, bytes }]) => [
    way,
    { seconds: round(seconds), GBs: round(bytes / seconds / 1e9) },
  ]);
  return { ...Object.fromEntries(rows), writingSeconds: round(writingSeconds) };
}

/** Products added in f16, then, of the same run, in f32. */
async function step(lab: Lab) {
  const { software } = gpu.info;
  const tuning = chooseTuning(gpu.info);
  return {
    ...await steps(lab, tuning, software ? [[1, 64, 1]] : STEPS, software ? [16] : [16, 128, 1024, 4096]),
    "in f32": software ? null : await steps(lab, addingIn("f32", tuning), STEPS_IN_F32, [128, 1024]),
  };
}

type StepCase = readonly [batch: number, context: number, stepsPerSubmit: number];
const STEPS: readonly StepCase[] = [
  [1, 64, 4],
  [1, 64, 1],
  [1, 64, 4],
  [1, 250, 4],
  [1, 1000, 4],
  [1, 4000, 4],
  [2, 64, 4],
  [4, 64, 4],
  [8, 64, 4],
  [8, 500, 4],
];
const STEPS_IN_F32: readonly StepCase[] = [[1, 64, 4], [1, 1000, 4], [2, 64, 4], [8, 64, 4]];

async function steps(lab: Lab, tuning: DeviceTuning, cases: readonly StepCase[], prompts: readonly number[]) {
  const { software } = gpu.info;
  const result: Record<string, unknown> = {};
  const shape = software ? { layers: 1, maxContext: 512 } : { layers: 32, maxContext: 4608 };
  using runner = await randomModel(lab, { ...shape, precision: "f16", maxSequences: 8, tuning });
  if (!software) result["rows keep their bits"] = await findFlaw(runner) ?? true;
  for (const [batch, context, stepsPerSubmit] of cases) {
    await lab.heat();
    const submits = software ? 1 : Math.ceil(200 / stepsPerSubmit);
    const options = { batch, context, submits, stepsPerSubmit };
    // What comes first is measured twice, and the second time counts.
    result[`decode, batch ${batch}, context ${context}, ${stepsPerSubmit} a submit`] = await decode(
      runner,
      options,
    );
  }
  for (const tokens of prompts) {
    result[`prefill ${tokens}`] = await prefill(runner, tokens, { rounds: 2 });
    if (tokens > 128) continue;
    result[`prefill ${tokens}, handed over whole`] = await prefill(runner, tokens, {
      rounds: 2,
      inPieces: false,
    });
  }
  return result;
}

/** Where a step's time goes. */
async function parts(lab: Lab) {
  const { software } = gpu.info;
  const shape = software ? { layers: 1, maxContext: 512 } : { layers: 32, maxContext: 2048 };
  using runner = await randomModel(lab, { ...shape, precision: "f16", maxSequences: 8 });
  const result: Record<string, unknown> = {};
  for (const batch of software ? [1] : [1, 8]) {
    const options = { batch, context: 64, submits: software ? 1 : 40 };
    result[`batch ${batch}`] = await stepParts(runner, options);
  }
  return result;
}

async function windows(lab: Lab) {
  const { software } = gpu.info;
  const shape = software ? { layers: 1, maxContext: 512 } : { layers: 32, maxContext: 2048 };
  using runner = await randomModel(lab, { ...shape, precision: "f16", maxSequences: 8 });
  const result: Record<string, unknown> = {};
  for (
    const [batch, context] of (software ? [[1, 64]] : [[1, 64], [1, 1000], [2, 64]]) as [number, number][]
  ) {
    const steps = software ? 1 : 100;
    result[`batch ${batch}, context ${context}`] = await draftWindows(runner, { batch, context, steps });
  }
  return result;
}

/**
 * What `geodesic tune` finds for Mistral 7B's width: four layers of random weights, of which no cache holds much, whole steps
 * timed with one form exchanged at a time. What it prints last are the forms that belong into src/kernels/tuning.ts.
 */
import { formAt, formPlaces } from "../../src/kernels/forms.ts";
import {
  chooseTuning,
  type DeviceTuning,
  type MatrixRole,
  ROLES,
  subgroupTuning,
} from "../../src/kernels/tuning.ts";
import { promptTimer, stepTimer } from "../../src/model/step_timer.ts";
import { searchForms, type TriedForm } from "../../src/model/tune.ts";
import { searchTiles } from "../../src/model/tune_tiles.ts";
import { formLimits } from "../../src/model/tuned_forms.ts";
import { type Lab, round } from "./harness.ts";
import { SHAPES } from "./kernels.ts";
import { randomModel, randomWeights, type StepOptions } from "./step.ts";

/** Rows of a step, for products in pairs of f16 and in f32, in order of promise: time may run out. */
const ROWS = { halves: [1, 8], matrices: [1] } as const;
const TRIES = 10;
const PROMPTS = [16, 128, 512] as const;

export async function tune(lab: Lab): Promise<Record<string, unknown>> {
  const { info } = lab.gpu;
  const { software } = info;
  const base = software ? subgroupTuning(info.subgroupSize ?? 8) : chooseTuning(info);
  const shape: Omit<StepOptions, "tuning"> = {
    layers: software ? 1 : 4,
    precision: "f16",
    maxSequences: 8,
    maxContext: 512,
  };
  using owned = new DisposableStack();
  const weights = randomWeights(lab, { ...shape, tuning: base }, owned);
  const result: Record<string, unknown> = {};
  for (const family of ["halves", "matrices"] as const) {
    const { halves, ...plain } = base;
    if (family === "halves" && halves === undefined) continue;
    const start: DeviceTuning = family === "halves" ? base : plain;
    const make = async (tuning: DeviceTuning) => {
      const runner = await randomModel(lab, { ...shape, tuning }, weights);
      await lab.heat();
      return runner;
    };
    const timing = software ? { leastMs: 0, leastSubmits: 2 } : { leastMs: 60, leastSubmits: 4 };
    const timer = stepTimer((tuning) => make(onlyDecode(tuning, family)), timing);
    const tries: string[] = [];
    const { tuning: formed, steps } = await searchForms(timer, start, {
      family,
      rows: software ? ROWS[family].slice(0, 1) : ROWS[family],
      roles: software ? ["gateUp"] : ROLES,
      limits: formLimits(info),
      maxTries: software ? 1 : TRIES,
      onTry: (tried) => {
        tries.push(describe(tried));
        console.log(tries.at(-1));
      },
    });
    const pairs = Object.fromEntries(ROLES.map((role) => [role, SHAPES[role][0]])) as Record<
      MatrixRole,
      number
    >;
    const { tuning, steps: prompts } = await searchTiles(promptTimer(make, timing), formed, {
      ...{ family, pairs, roles: ROLES, sizes: software ? [] : PROMPTS },
      onTry: ({ role, rows, tile, ms, bestMs, isTaken }) => {
        tries.push(
          `prompt of ${rows}, ${role}, tile ${tile}: ${told(ms, bestMs)}${isTaken ? ", taken" : ""}`,
        );
        console.log(tries.at(-1));
      },
    });
    const tiles = ROLES.map((role) => ({ role, tiles: tuning[family]?.[role].tiles }));
    const forms = formPlaces(tuning, family).map((place) => ({
      ...place,
      form: formAt(tuning, family, place),
    }));
    result[family] = { steps, forms, prompts, tiles, tries };
  }
  return result;
}

/** Prompts are not timed, so their kernels need not be compiled. */
function onlyDecode(tuning: DeviceTuning, family: "halves" | "matrices"): DeviceTuning {
  const matrices = Object.fromEntries(
    Object.entries(tuning[family]!).map(([role, { decode }]) => [role, { decode, prompt: [] }]),
  );
  return { ...tuning, [family]: matrices } as DeviceTuning;
}

function describe({ role, rows, form: { core: _, ...form }, ms, bestMs, isTaken }: TriedForm): string {
  return `${rows} rows, ${role}: ${JSON.stringify(form)}: ${told(ms, bestMs)}${isTaken ? ", taken" : ""}`;
}

function told(ms: number | null, bestMs: number): string {
  return ms === null ? "did not run" : `${round(1000 * ms, 0)} µs, best ${round(1000 * bestMs, 0)}`;
}

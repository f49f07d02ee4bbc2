/**
 * Products of one row where they run: what a layer adds to a decode step, as the difference between models of twelve and of
 * four layers, with all matrices in one form. A kernel timed by itself finds its input, its scales and its parameters in
 * caches; in a step it does not, and what a step has beside its layers is not theirs.
 */
import type { LinearTuning } from "../../src/kernels/linear.ts";
import { chooseTuning, type DeviceTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { type Lab, round } from "./harness.ts";
import { decode, randomModel } from "./step.ts";

const LAYERS = { gpu: [4, 12], software: [1, 2] } as const;
const MANY = 65_535;
/** Subgroups of a workgroup, chains under way, workgroups; each as it is, and asking for weights before anything else. */
const ROW_FORMS = [
  [8, 2, 264],
  [8, 2, 396],
  [16, 2, 132],
  [16, 2, 264],
  [4, 2, 528],
  [8, 2, MANY],
  [4, 1, MANY],
] as const;
/** Subgroups of a workgroup, pairs of weight rows. Its rows are normed by a dispatch of their own. */
const PLAIN_FORMS = [[4, 1], [8, 1], [4, 2]] as const;

/** Microseconds. */
export async function row(lab: Lab): Promise<Record<string, unknown>> {
  const { info } = lab.gpu;
  const size = info.subgroupSize ?? 8;
  const tuned = info.software ? subgroupTuning(size) : chooseTuning(info);
  const [few, many] = info.software ? LAYERS.software : LAYERS.gpu;
  const result: Record<string, unknown> = {};
  const step = async (layers: number, tuning: DeviceTuning) => {
    const options = { layers, precision: "f16", maxSequences: 1, maxContext: 512, tuning } as const;
    using runner = await randomModel(lab, options);
    await lab.heat();
    const submits = info.software ? 1 : 25;
    // The first time is not of a warm device.
    await decode(runner, { batch: 1, context: 32, submits });
    return 1000 * (await decode(runner, { batch: 1, context: 32, submits })).msPerStep;
  };
  const time = async (name: string, tuning: DeviceTuning) => {
    try {
      const [short, long] = [await step(few, tuning), await step(many, tuning)];
      const layer = (long - short) / (many - few);
      result[name] = { layer: round(layer, 1), rest: round(short - few * layer, 0) };
    } catch (error) {
      result[name] = String(error).slice(0, 200);
    }
    console.log(name, result[name]);
  };
  const early = (tuning: LinearTuning): LinearTuning => ({ ...tuning, asksEarly: true });
  const { halves, ...f32 } = tuned;
  const f32Early = {
    ...f32,
    matrices: Object.fromEntries(
      Object.entries(f32.matrices).map(([role, { decode }]) => [role, {
        decode: [early(decode[0]!)],
        prompt: [],
      }]),
    ) as unknown as DeviceTuning["matrices"],
  };
  await time("in f32", f32);
  await time("in f32, early", f32Early);
  if (halves === undefined) return result;
  /** Every matrix in a form made of the tuned one; only the variant that runs is compiled. */
  const family = (form = (tuning: LinearTuning) => tuning): DeviceTuning => ({
    ...tuned,
    halves: Object.fromEntries(
      Object.entries(halves).map((
        [role, { decode }],
      ) => [role, { decode: [form(decode[0]!)], prompt: [] }]),
    ) as unknown as NonNullable<DeviceTuning["halves"]>,
  });
  await time("as tuned", family());
  await time("as tuned, early", family(early));
  await time("as tuned, never over", { ...family(), skipsStopped: false });
  for (const [subgroups, UNROLL, WORKGROUPS] of info.software ? ROW_FORMS.slice(0, 1) : ROW_FORMS) {
    const name = `a row: ${subgroups} subgroups, ${UNROLL} chains, ${WORKGROUPS} workgroups`;
    const shares = { WORKGROUP: subgroups * size, LANES: size, UNROLL, WORKGROUPS };
    const form = (): LinearTuning => ({ core: "core_row_f16", ...shares });
    await time(name, family(form));
    await time(`${name}, early`, family(() => early(form())));
  }
  for (const [subgroups, PAIRS] of info.software ? PLAIN_FORMS.slice(0, 1) : PLAIN_FORMS) {
    await time(
      `from the cache: ${subgroups} subgroups, ${PAIRS} pairs`,
      family(() => ({ core: "core_subgroup_f16", WORKGROUP: subgroups * size, LANES: size, PAIRS })),
    );
  }
  await time("in f32, again", f32);
  await time("in f32, early, again", f32Early);
  await time("as tuned, again", family());
  await time("as tuned, early, again", family(early));
  return result;
}

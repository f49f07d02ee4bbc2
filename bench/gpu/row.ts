/**
 * Products of one row where they run: decode steps of a few layers with one matrix' tuning exchanged after the other. A
 * kernel timed by itself finds its input, its scales and its parameters in caches; in a step it does not.
 */
import type { LinearTuning } from "../../src/kernels/linear.ts";
import {
  chooseTuning,
  type DeviceTuning,
  type MatrixRole,
  subgroupTuning,
} from "../../src/kernels/tuning.ts";
import { type Lab, round } from "./harness.ts";
import { decode, randomModel } from "./step.ts";

type Form = readonly [subgroups: number, UNROLL: number, WORKGROUPS: number];

const MANY = 65_535;
const FORMS: readonly Form[] = [
  [8, 2, 264],
  [8, 4, 264],
  [8, 2, 396],
  [8, 2, 528],
  [8, 1, 528],
  [8, 4, 132],
  [4, 2, 528],
  [4, 4, 528],
  [4, 2, 792],
  [4, 2, MANY],
  [8, 2, MANY],
  [16, 2, 132],
  [16, 2, 264],
];
const ROLES: readonly MatrixRole[] = ["gateUp", "down", "qkv", "output"];
type Family = NonNullable<DeviceTuning["halves"]>;

/** Microseconds a layer, of whole steps. */
export async function row(lab: Lab): Promise<Record<string, unknown>> {
  const { info } = lab.gpu;
  const size = info.subgroupSize ?? 8;
  const layers = info.software ? 1 : 4;
  const tuned = info.software ? subgroupTuning(size) : chooseTuning(info);
  const result: Record<string, unknown> = {};
  const time = async (name: string, tuning: DeviceTuning) => {
    try {
      const options = { layers, precision: "f16", maxSequences: 1, maxContext: 512, tuning } as const;
      using runner = await randomModel(lab, options);
      await lab.heat();
      const submits = info.software ? 1 : 30;
      const { msPerStep } = await decode(runner, { batch: 1, context: 32, submits });
      result[name] = round(1000 * msPerStep / layers, 1);
    } catch (error) {
      result[name] = String(error).slice(0, 200);
    }
    console.log(name, result[name]);
  };
  const { halves, ...f32 } = tuned;
  await time("in f32", f32);
  if (halves === undefined) return result;
  /** Only the variant that runs is compiled. */
  const family = Object.fromEntries(
    Object.entries(halves).map(([role, { decode: [first] }]) => [role, { decode: [first!], prompt: [] }]),
  ) as unknown as Family;
  await time("as tuned", { ...tuned, halves: family });
  for (const role of ROLES) {
    for (const [subgroups, UNROLL, WORKGROUPS] of info.software ? FORMS.slice(0, 1) : FORMS) {
      const form: LinearTuning = {
        core: "core_row_f16",
        WORKGROUP: subgroups * size,
        LANES: size,
        UNROLL,
        WORKGROUPS,
      };
      const name = `${role}: ${subgroups} subgroups, ${UNROLL} chains, ${WORKGROUPS} workgroups`;
      await time(name, { ...tuned, halves: { ...family, [role]: { decode: [form], prompt: [] } } });
    }
  }
  await time("as tuned, again", { ...tuned, halves: family });
  return result;
}

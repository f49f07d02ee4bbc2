/**
 * Products where they run: a few layers' decode steps with one matrix' tuning exchanged after the other. A kernel timed by
 * itself finds its input, its scales and its parameters in caches; in a step it does not, and on an H100 takes 2.7 µs longer.
 */
import {
  chooseTuning,
  type DeviceTuning,
  type MatrixRole,
  subgroupTuning,
} from "../../src/kernels/tuning.ts";
import type { LinearTuning } from "../../src/kernels/linear.ts";
import { type Lab, round } from "./harness.ts";
import { decode, randomModel } from "./step.ts";

interface Shares {
  readonly SPLIT: number;
  readonly PAIRS: number;
  readonly subgroups: number;
}

const shares = (SPLIT: number, PAIRS: number, subgroups: number): Shares => ({ SPLIT, PAIRS, subgroups });

/** For one row: as many loads in flight as registers allow, or as many workgroups as fill the device evenly. */
const ALONE: readonly Shares[] = [
  shares(1, 1, 2),
  shares(1, 1, 4),
  shares(1, 2, 4),
  shares(2, 1, 2),
  shares(2, 1, 4),
  shares(2, 1, 8),
  shares(2, 2, 2),
  shares(2, 2, 4),
  shares(4, 1, 4),
  shares(4, 1, 8),
  shares(4, 2, 4),
  shares(4, 2, 8),
  shares(4, 4, 4),
];

const TOGETHER: readonly Shares[] = [
  shares(1, 1, 4),
  shares(1, 2, 4),
  shares(2, 1, 4),
  shares(2, 2, 2),
  shares(2, 2, 4),
  shares(2, 4, 2),
  shares(4, 1, 4),
  shares(4, 2, 4),
  shares(4, 2, 8),
  shares(4, 4, 4),
];

const ROLES: readonly MatrixRole[] = ["gateUp", "down", "qkv", "output"];

/** Microseconds a layer, whole steps divided by their layers; the best of two turns. */
export async function roles(lab: Lab): Promise<Record<string, unknown>> {
  const { info } = lab.gpu;
  const layers = info.software ? 1 : 8;
  const size = info.subgroupSize ?? 8;
  const base = info.software ? subgroupTuning(size) : chooseTuning(info);
  const result: Record<string, unknown> = {};
  for (const batch of info.software ? [1] : [1, 8]) {
    const time = async (halves: DeviceTuning["halves"]) => {
      const tuning = { ...base, ...halves !== undefined && { halves } };
      using runner = await randomModel(lab, {
        layers,
        precision: "f16",
        maxSequences: 8,
        maxContext: 1024,
        tuning,
      });
      const turns: number[] = [];
      for (let turn = 0; turn < (info.software ? 1 : 2); turn++) {
        await lab.heat();
        const { msPerStep } = await decode(runner, {
          batch,
          context: 64,
          submits: info.software ? 1 : 24,
        });
        turns.push(msPerStep);
      }
      return round(1000 * Math.min(...turns) / layers, 1);
    };
    // Only the variant that runs is compiled.
    const only = (family: DeviceTuning["halves"]) =>
      family === undefined ? undefined : Object.fromEntries(
        Object.entries(family).map(([role, { decode }]) => [role, {
          decode: decode.filter(({ TOKENS = 1 }) => TOKENS === batch),
          prompt: [],
        }]),
      ) as unknown as NonNullable<DeviceTuning["halves"]>;
    const table: Record<string, unknown> = result[`${batch} rows`] = {
      "as tuned": await time(base.halves),
      "as tuned, again": await time(only(base.halves)),
    };
    for (const role of ROLES) {
      for (const { SPLIT, PAIRS, subgroups } of batch === 1 ? ALONE : TOGETHER) {
        const tuning: LinearTuning = {
          core: "core_subgroup_f16",
          WORKGROUP: subgroups * size,
          LANES: SPLIT * size,
          SPLIT,
          TOKENS: batch,
          PAIRS: Math.min(PAIRS, size / batch),
        };
        const family = only(base.halves);
        if (family === undefined) continue;
        const name = `${role}: split ${SPLIT}, pairs ${PAIRS}, ${subgroups} subgroups`;
        try {
          table[name] = await time({ ...family, [role]: { decode: [tuning], prompt: [] } });
        } catch (error) {
          table[name] = String(error).slice(0, 200);
        }
        if (info.software) break;
      }
    }
  }
  return result;
}

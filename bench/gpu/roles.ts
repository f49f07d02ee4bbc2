/**
 * Products of several rows where they run, as row.ts has those of one: a few layers' decode steps with one matrix' tuning
 * exchanged after the other. A kernel timed by itself finds its input, its scales and its parameters in caches; in a step it
 * does not, and on an H100 takes 2.7 µs longer.
 * Figures are printed as they come: microseconds a layer, whole steps divided by their layers.
 */
import type { LinearTuning } from "../../src/kernels/linear.ts";
import {
  chooseTuning,
  type DeviceTuning,
  type MatrixRole,
  subgroupTuning,
} from "../../src/kernels/tuning.ts";
import type { ModelWeights } from "../../src/model/weights.ts";
import { type Lab, round } from "./harness.ts";
import { decode, randomModel, randomWeights, type StepOptions } from "./step.ts";

/** How the work is shared out among subgroups of any size. */
interface Candidate {
  readonly PAIRS: number;
  /** Of a workgroup; a product is one's. */
  readonly subgroups: number;
}

type Family = NonNullable<DeviceTuning["halves"]>;

const ROLES: readonly MatrixRole[] = ["gateUp", "down", "qkv", "output"];

/** For eight rows, in order of promise: time may run out. */
const TOGETHER: readonly Candidate[] = [
  { PAIRS: 2, subgroups: 4 },
  { PAIRS: 2, subgroups: 8 },
  { PAIRS: 1, subgroups: 8 },
  { PAIRS: 2, subgroups: 2 },
  { PAIRS: 1, subgroups: 16 },
  { PAIRS: 4, subgroups: 4 },
  { PAIRS: 1, subgroups: 4 },
  { PAIRS: 4, subgroups: 2 },
  { PAIRS: 2, subgroups: 16 },
];

/** Of the sweep; the rest takes five. */
const SECONDS = 15;

const nameOf = ({ PAIRS, subgroups }: Candidate) => `pairs ${PAIRS}, ${subgroups} subgroups`;

/** A model's weights, made once, and a table that is printed while it grows. */
class RoleBench implements Disposable {
  readonly result: Record<string, Record<string, number | string>> = {};
  readonly #lab: Lab;
  readonly #base: DeviceTuning;
  readonly #size: number;
  readonly #options: StepOptions;
  readonly #owned = new DisposableStack();
  readonly #weights: ModelWeights;
  readonly #begin = performance.now();

  constructor(lab: Lab) {
    const { info } = lab.gpu;
    this.#lab = lab;
    this.#size = info.subgroupSize ?? 8;
    this.#base = info.software ? subgroupTuning(this.#size) : chooseTuning(info);
    // Four layers' weights are 870 MB, of which no cache holds much.
    this.#options = {
      layers: info.software ? 1 : 4,
      precision: "f16",
      maxSequences: 8,
      maxContext: 1024,
      tuning: this.#base,
    };
    this.#weights = randomWeights(lab, this.#options, this.#owned);
  }

  get seconds(): number {
    return (performance.now() - this.#begin) / 1000;
  }

  /** As the device's tuning has it; only the variant that runs is compiled. */
  family(batch: number): Family {
    if (this.#base.halves === undefined) {
      throw new Error("The device's tuning has no products in pairs of f16");
    }
    const entries = Object.entries(this.#base.halves).map(([role, { decode }]) => {
      return [role, { decode: decode.filter(({ TOKENS = 1 }) => TOKENS === batch), prompt: [] }];
    });
    return Object.fromEntries(entries) as Family;
  }

  /** The family with a candidate in the place of what a role has. */
  withCandidate(family: Family, role: MatrixRole, { PAIRS, subgroups }: Candidate, batch: number): Family {
    const size = this.#size;
    const tuning: LinearTuning = {
      core: "core_subgroup_f16",
      WORKGROUP: subgroups * size,
      LANES: size,
      SPLIT: 1,
      TOKENS: batch,
      PAIRS: Math.min(PAIRS, size / batch),
    };
    return { ...family, [role]: { decode: [tuning], prompt: [] } };
  }

  /** Null for a candidate that does not run; the table says why. */
  async time(batch: number, name: string, halves: Family): Promise<number | null> {
    const { software } = this.#lab.gpu.info;
    const table = this.result[`${batch} rows`] ??= {};
    try {
      const tuning = { ...this.#base, halves };
      using runner = await randomModel(this.#lab, { ...this.#options, tuning }, this.#weights);
      await this.#lab.heat();
      const [submits, stepsPerSubmit] = software ? [1, 1] : [25, 4];
      const { msPerStep } = await decode(runner, { batch, context: 64, submits, stepsPerSubmit });
      const us = round(1000 * msPerStep / this.#options.layers, 1);
      table[name] = us;
      return us;
    } catch (error) {
      table[name] = String(error).slice(0, 200);
      return null;
    } finally {
      console.log(`${batch} rows, ${name}: ${table[name]} (${round(this.seconds, 1)} s)`);
    }
  }

  /** The best candidate of each role, as far as there was time. */
  async sweep(
    batch: number,
    candidates: readonly Candidate[],
  ): Promise<Partial<Record<MatrixRole, Candidate>>> {
    const { software } = this.#lab.gpu.info;
    const family = this.family(batch);
    await this.time(batch, "as tuned", family);
    await this.time(batch, "as tuned, again", family);
    const best: Partial<Record<MatrixRole, readonly [us: number, candidate: Candidate]>> = {};
    for (const candidate of software ? candidates.slice(0, 1) : candidates) {
      for (const role of software ? ROLES.slice(0, 1) : ROLES) {
        const name = `${role}: ${nameOf(candidate)}`;
        if (!software && this.seconds > SECONDS) {
          (this.result["left out"] ??= {})[name] = `after ${SECONDS} s`;
          continue;
        }
        const us = await this.time(batch, name, this.withCandidate(family, role, candidate, batch));
        if (us !== null && us < (best[role]?.[0] ?? Infinity)) best[role] = [us, candidate];
      }
    }
    return Object.fromEntries(Object.entries(best).map(([role, [, candidate]]) => [role, candidate]));
  }

  /** Each role's best, all at once: whether the gains add up, or what is best for eight rows with fewer. */
  async together(batch: number, best: Readonly<Partial<Record<MatrixRole, Candidate>>>): Promise<void> {
    const family = Object.entries(best).reduce(
      (family, [role, candidate]) => this.withCandidate(family, role as MatrixRole, candidate, batch),
      this.family(batch),
    );
    await this.time(batch, "each role's best", family);
  }

  [Symbol.dispose](): void {
    this.#owned[Symbol.dispose]();
  }
}

/** Eight rows, and what is best for them with four and two. */
export async function roles8(lab: Lab): Promise<unknown> {
  using bench = new RoleBench(lab);
  const best = await bench.sweep(8, TOGETHER);
  await bench.together(8, best);
  if (lab.gpu.info.software) return bench.result;
  for (const batch of [4, 2]) {
    await bench.time(batch, "as tuned", bench.family(batch));
    await bench.together(batch, best);
  }
  return bench.result;
}

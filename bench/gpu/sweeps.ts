/** Which tunings of which kernels are tried: the sections of the GPU benchmark that decide src/kernels/tuning.ts. */
import type { LinearTuning } from "../../src/kernels/linear.ts";
import { joinsParts, type MatrixRole, subgroupTuning } from "../../src/kernels/tuning.ts";
import { AttentionBench } from "./attention.ts";
import type { Lab } from "./harness.ts";
import { KernelBench } from "./kernels.ts";

const LANES = (
  size: number,
  { WORKGROUP = 256, SPLIT = 1, UNROLL = 1, PAIRS = 1, TOKENS = 1 },
): LinearTuning => ({
  core: "core_subgroup",
  WORKGROUP,
  LANES: size * SPLIT,
  SPLIT,
  UNROLL,
  PAIRS,
  TOKENS,
});

type Shares = Parameters<typeof LANES>[1];

const DECODE: readonly Shares[] = [
  { PAIRS: 1 },
  { PAIRS: 2 },
  { SPLIT: 2, UNROLL: 2 },
  { SPLIT: 2, PAIRS: 2 },
  { SPLIT: 4, PAIRS: 1 },
  { SPLIT: 4, PAIRS: 2, WORKGROUP: 128 },
  { SPLIT: 4, PAIRS: 4 },
  { SPLIT: 4, PAIRS: 4, WORKGROUP: 128 },
];

const HALVES: readonly Shares[] = [
  { SPLIT: 2, PAIRS: 1 },
  { SPLIT: 2, PAIRS: 2 },
  { SPLIT: 2, PAIRS: 2, WORKGROUP: 128 },
  { SPLIT: 2, PAIRS: 4, WORKGROUP: 128 },
  { SPLIT: 4, PAIRS: 1 },
  { SPLIT: 4, PAIRS: 1, WORKGROUP: 128 },
  { SPLIT: 4, PAIRS: 2 },
  { SPLIT: 4, PAIRS: 2, WORKGROUP: 128 },
  { SPLIT: 4, PAIRS: 4 },
  { SPLIT: 4, PAIRS: 4, WORKGROUP: 128 },
];

const BATCHED: readonly Shares[] = [
  { PAIRS: 2, SPLIT: 2 },
  { PAIRS: 2, SPLIT: 4 },
  { PAIRS: 4, SPLIT: 4 },
  { PAIRS: 2, SPLIT: 4, WORKGROUP: 128 },
  { PAIRS: 4, SPLIT: 4, WORKGROUP: 128 },
  { PAIRS: 4, SPLIT: 2, WORKGROUP: 64 },
];

type Table = Record<string, unknown>;

async function attempt(lab: Lab, table: Table, name: string, run: () => Promise<unknown>): Promise<void> {
  try {
    await lab.heat();
    table[name] = await run();
  } catch (error) {
    table[name] = String(error).slice(0, 200);
  }
}

const label = (shares: Shares) =>
  Object.entries(shares).map(([name, value]) => `${name.toLowerCase()} ${value}`).join(", ") || "plain";

const roles = (lab: Lab): readonly MatrixRole[] =>
  lab.gpu.info.software ? ["output"] : ["output", "gateUp", "down", "qkv", "head"];

/** For software drivers, where only that it works is of interest. */
const small = (lab: Lab, shares: Shares): Shares =>
  lab.gpu.info.software ? { ...shares, WORKGROUP: 8 * SOFTWARE_SUBGROUP, PAIRS: 1 } : shares;
const SOFTWARE_SUBGROUP = 8;

const sizeOf = (lab: Lab) => lab.gpu.info.subgroupSize ?? SOFTWARE_SUBGROUP;

/** One row: what decoding a single sequence is made of. */
export async function decodeKernels(lab: Lab): Promise<Table> {
  using bench = new KernelBench(lab);
  const result: Table = {};
  for (const role of roles(lab)) {
    const table: Table = result[role] = {};
    for (const shares of lab.gpu.info.software ? DECODE.slice(0, 1) : DECODE) {
      await attempt(
        lab,
        table,
        label(shares),
        () => bench.linear(role, LANES(sizeOf(lab), small(lab, shares)), 1),
      );
    }
  }
  return result;
}

/** Several rows that read the weights once. */
export async function batchedKernels(lab: Lab): Promise<Table> {
  using bench = new KernelBench(lab);
  const result: Table = {};
  for (const role of roles(lab).slice(0, 3)) {
    for (const TOKENS of lab.gpu.info.software ? [4] : [2, 4, 8]) {
      const table: Table = result[`${role}, ${TOKENS} rows`] = {};
      for (const shares of lab.gpu.info.software ? BATCHED.slice(0, 1) : BATCHED) {
        const tuning = LANES(sizeOf(lab), { ...small(lab, shares), TOKENS });
        await attempt(lab, table, label(shares), () => bench.linear(role, tuning, TOKENS));
      }
    }
  }
  return result;
}

/** Products in pairs of f16, and the norm in front of them. */
export async function halves(lab: Lab): Promise<Table> {
  using bench = new KernelBench(lab);
  const { software } = lab.gpu.info;
  const result: Table = {};
  for (const rows of software ? [2] : [1, 8]) {
    for (const WORKGROUP of software ? [64] : [128, 256, 512, 1024]) {
      const name = `rms_norm, ${rows} rows, workgroup ${WORKGROUP}`;
      await attempt(lab, result, name, () => bench.norm(rows, WORKGROUP));
    }
  }
  for (const role of roles(lab)) {
    for (const TOKENS of software ? [2] : [1, 8]) {
      const table: Table = result[`${role}, ${TOKENS} rows`] = {};
      for (const shares of software ? HALVES.slice(0, 1) : HALVES) {
        const tuning = LANES(sizeOf(lab), { ...small(lab, shares), TOKENS });
        const run = () => bench.linear(role, { ...tuning, core: "core_subgroup_f16" }, TOKENS);
        await attempt(lab, table, label(shares), run);
      }
    }
  }
  return result;
}

/** Prompts: tiles of several shapes. */
export async function tileKernels(lab: Lab): Promise<Table> {
  using bench = new KernelBench(lab);
  const result: Table = {};
  for (const role of roles(lab).slice(0, 3)) {
    for (const rows of lab.gpu.info.software ? [24] : [16, 128, 512]) {
      const table: Table = result[`${role}, ${rows} rows`] = {};
      for (const tuning of subgroupTuning(sizeOf(lab)).matrices[role].prompt) {
        for (const UNROLL of [1, 2]) {
          const { WORKGROUP, PAIRS, TOKENS } = tuning;
          const name = `workgroup ${WORKGROUP}, ${PAIRS} pairs, ${TOKENS} tokens${
            UNROLL === 2 ? ", loaded ahead" : ""
          }`;
          await attempt(lab, table, name, () => bench.linear(role, { ...tuning, UNROLL }, rows));
        }
      }
    }
  }
  return result;
}

/** Microseconds of a layer's attention. */
export async function attentionKernels(lab: Lab): Promise<Table> {
  using bench = new AttentionBench(lab);
  const { software } = lab.gpu.info;
  const result: Table = {};
  for (const rows of software ? [1] : [1, 8]) {
    for (const context of software ? [100] : [60, 250, 1000, 4000]) {
      for (const splitKeys of software ? [64] : [64, 128]) {
        for (const joins of joinsParts(lab.gpu.info) ? [true, false] : [false]) {
          const decode = { shares: { splitKeys, maxSplits: 16 }, joins };
          const name = `${rows} at ${context}, parts of ${splitKeys}, ${joins ? "joined" : "by combine"}`;
          await attempt(lab, result, name, () => bench.time({ rows, context, decode, KEYS: 2 }));
        }
      }
    }
  }
  // As prompt rows go where they cannot share keys; promptAttention has those that do.
  for (
    const [rows, context] of software
      ? []
      : [[128, 0], [512, 0], [512, 512], [512, 3500], [40, 4000]] as const
  ) {
    for (const KEYS of [2, 4]) {
      const name = `${rows} prompt rows from ${context}, ${KEYS} keys in flight`;
      await attempt(lab, result, name, () => bench.time({ rows, context, decode: null, KEYS }));
    }
  }
  return result;
}

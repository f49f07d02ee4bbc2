/**
 * A layer's attention of a chunk of a prompt at Mistral 7B's shape, by every tiling of rows, with keys whole and shared out.
 * Each is first held against the attention that runs anywhere, and bit for bit against others whose keys are shared out
 * alike.
 */
import type { BoundKernel } from "../../src/gpu/kernel.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { attention, NO_WINDOW } from "../../src/kernels/attention.ts";
import {
  attentionCombine,
  type KeyShares,
  shareParams,
  splitsAt,
  WHOLE,
} from "../../src/kernels/attention_flash.ts";
import { attentionPrompt, promptTunings, tuningForRows } from "../../src/kernels/attention_prompt.ts";
import { type Encode, type Lab, randomCodes, round } from "./harness.ts";

const BLOCK_SIZE = 16;
const CONTEXT = 4096;
const STRIDE = 4096;
const HEADS = { queryHeads: 32, kvHeads: 8, headDim: 128 };
/** Parts of rows that there is room for, as in a model (src/model/attention.ts): more rows go in turns. */
const ROOM = 2048;

/** Rows of a prompt from position `start`. */
interface Chunk {
  readonly rows: number;
  readonly start: number;
}

interface Dispatch {
  readonly bound: BoundKernel<string>;
  readonly params: Readonly<Record<string, number>>;
}

/** Microseconds a layer, by rows, where they begin, the query vectors of an invocation and the fewest keys of a part. */
export async function promptAttention(lab: Lab): Promise<Record<string, unknown>> {
  const { gpu, device } = lab;
  const { software, subgroupSize } = gpu.info;
  if (subgroupSize === null) return { none: "no subgroups" };
  const mostRows = software ? 40 : 512;
  const cache = lab.gpuBuffer("cache", CONTEXT * 2 * HEADS.kvHeads * HEADS.headDim * 2);
  const queries = lab.gpuBuffer("queries", mostRows * STRIDE * 2);
  const attended = lab.gpuBuffer("attended", mostRows * STRIDE * 2);
  const plan = lab.gpuBuffer("plan", (mostRows * 4 + CONTEXT / BLOCK_SIZE) * 4);
  const parts = lab.gpuBuffer("parts", (software ? mostRows * 16 : ROOM) * STRIDE * 4);
  const part_terms = lab.gpuBuffer("part terms", ROOM * HEADS.queryHeads * 4);
  const noise = (bytes: number) =>
    new Uint8Array(new Uint16Array(randomCodes(bytes).buffer).map((bits) => bits & 0x83ff | 0x3800).buffer);
  lab.fill(queries.handle, noise(2 ** 18));
  lab.fill(cache.handle, noise(2 ** 20));
  using arena = new ParamsArena(gpu, 2 * mostRows);
  const libs = { act: "act_f16" };
  const anywhere = (await gpu.compile(attention, { libs, overrides: { HEADS: 4 } }))
    .bind({ queries, cache, plan, attended }) as BoundKernel<string>;
  const tunings = promptTunings(
    { ...HEADS, subgroup: subgroupSize },
    gpu.limits.maxComputeWorkgroupStorageSize,
  );
  const tiles = await Promise.all(
    tunings.map(async (overrides) =>
      (await gpu.compile(attentionPrompt, { libs, overrides }))
        .bind({ queries, cache, plan, attended, parts, part_terms }) as BoundKernel<string>
    ),
  );
  const combine = (await gpu.compile(attentionCombine, { libs }))
    .bind({ parts, part_terms, plan, attended }) as BoundKernel<string>;

  const paramsOf = (
    { rows, splits, shares = WHOLE }: { rows: number; splits: number; shares?: KeyShares },
  ) => {
    const { queryHeads, kvHeads, headDim } = HEADS;
    return {
      ...{ rows, firstRow: 0, queryHeads, kvHeads, columns: headDim / 4, queryStride: STRIDE, splits },
      ...{ blockSize: BLOCK_SIZE, window: NO_WINDOW, scale: headDim ** -0.5, ...shareParams(shares) },
    };
  };
  const splitsOf = ({ rows, start }: Chunk, shares: KeyShares) =>
    Math.max(...Array.from({ length: rows }, (_, row) => splitsAt(start + row, shares, null)));
  /** In turns of as many rows as there is room for. */
  const inParts = (bound: BoundKernel<string>, chunk: Chunk, shares: KeyShares): Dispatch[] => {
    const splits = splitsOf(chunk, shares);
    const most = splits === 1 ? chunk.rows : ROOM / splits - ROOM / splits % 64;
    return Array.from({ length: Math.ceil(chunk.rows / most) }, (_, turn) => {
      const rows = Math.min(most, chunk.rows - turn * most);
      const params = { ...paramsOf({ rows, splits, shares }), firstRow: turn * most };
      return [{ bound, params }, ...splits > 1 ? [{ bound: combine, params }] : []];
    }).flat();
  };
  const encoder = ({ rows, start }: Chunk, dispatches: readonly Dispatch[], repeats: number): Encode => {
    const words = new Uint32Array(plan.bytes / 4);
    for (let row = 0; row < rows; row++) words.set([0, 0, start + row, mostRows * 4], row * 4);
    for (let block = 0; block < CONTEXT / BLOCK_SIZE; block++) words[mostRows * 4 + block] = block;
    device.queue.writeBuffer(plan.handle, 0, words);
    arena.reset();
    const encoded = dispatches.map(({ bound, params }) => ({
      bound,
      offset: Uint32Array.of(arena.push(bound, params)),
      grid: bound.grid(params),
    }));
    arena.flush();
    return (pass) => {
      for (let i = 0; i < repeats; i++) {
        for (const { bound, offset, grid: [x, y = 1, z = 1] } of encoded) {
          pass.setPipeline(bound.pipeline);
          pass.setBindGroup(0, bound.bindGroup(arena.window), offset, 0, 1);
          pass.dispatchWorkgroups(x, y, z);
        }
      }
    };
  };
  /** Rows that see one part and rows that see two of 64 keys. */
  const sample = { rows: Math.min(37, mostRows), start: 45 };
  const once = async (dispatches: readonly Dispatch[]) => {
    const commands = device.createCommandEncoder();
    commands.clearBuffer(attended.handle);
    const pass = commands.beginComputePass();
    encoder(sample, dispatches, 1)(pass);
    pass.end();
    device.queue.submit([commands.finish()]);
    return new Float16Array(await lab.read(attended.handle, sample.rows * STRIDE * 2));
  };

  const wanted = await once([{ bound: anywhere, params: paramsOf({ rows: sample.rows, splits: 1 }) }]);
  for (const shares of [WHOLE, { splitKeys: 64, maxSplits: 16 }]) {
    let first: Float16Array | null = null;
    for (const bound of tiles) {
      const found = await once(inParts(bound, sample, shares));
      const alike = first ??= found;
      const wrong = found.findIndex((value, i) =>
        !(Math.abs(value - wanted[i]!) <= 2e-3) || value !== alike[i]
      );
      if (wrong >= 0) {
        throw new Error(`element ${wrong} is ${found[wrong]}, expected ${wanted[wrong]}, ${alike[wrong]}`);
      }
    }
  }

  const result: Record<string, unknown> = {};
  const chunks: readonly Chunk[] = software ? [{ rows: 40, start: 20 }] : [
    { rows: 40, start: 4000 },
    { rows: 16, start: 1000 },
    { rows: 512, start: 3500 },
    { rows: 512, start: 512 },
    { rows: 128, start: 2000 },
    { rows: 128, start: 0 },
    { rows: 512, start: 0 },
  ];
  for (const chunk of chunks) {
    for (const splitKeys of software ? [32] : [256, 512, 1024, WHOLE.splitKeys]) {
      const shares = splitKeys === WHOLE.splitKeys ? WHOLE : { splitKeys, maxSplits: 16 };
      const splits = splitsOf(chunk, shares);
      if (splits === 1 && shares !== WHOLE) continue;
      const chosen = tuningForRows(tunings, { rows: chunk.rows, splits, ...HEADS });
      for (const [index, bound] of tiles.entries()) {
        await lab.heat();
        const us = await lab.time(encoder(chunk, inParts(bound, chunk, shares), 2)) / 2;
        const keys = splits === 1 ? "whole" : `parts of ${splitKeys}`;
        const name = `${chunk.rows} rows from ${chunk.start}, ${tunings[index]!.QUERIES} vectors, ${keys}`;
        result[index === chosen ? `${name}, chosen` : name] = round(us, 1);
      }
    }
  }
  return result;
}

/**
 * A layer's attention of a chunk of a prompt at Mistral 7B's shape, by every tiling of rows. Each is first held against
 * the attention that runs anywhere, bit for bit against the others.
 */
import type { BoundKernel } from "../../src/gpu/kernel.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { attention, NO_WINDOW } from "../../src/kernels/attention.ts";
import {
  attentionPrompt,
  type PromptTuning,
  promptTunings,
  tuningForRows,
} from "../../src/kernels/attention_prompt.ts";
import { type Encode, type Lab, randomCodes, round } from "./harness.ts";

const BLOCK_SIZE = 16;
const CONTEXT = 4096;
const STRIDE = 4096;
const HEADS = { queryHeads: 32, kvHeads: 8, headDim: 128 };

/** Microseconds a layer, by rows, where they begin and the query vectors of an invocation. */
export async function promptAttention(lab: Lab): Promise<Record<string, unknown>> {
  const { gpu, device } = lab;
  const { software, subgroupSize } = gpu.info;
  if (subgroupSize === null) return { none: "no subgroups" };
  const mostRows = software ? 40 : 512;
  const queries = lab.gpuBuffer("queries", mostRows * STRIDE * 2);
  const cache = lab.gpuBuffer("cache", CONTEXT * 2 * HEADS.kvHeads * HEADS.headDim * 2);
  const attended = lab.gpuBuffer("attended", mostRows * STRIDE * 2);
  const plan = lab.gpuBuffer("plan", (mostRows * 4 + CONTEXT / BLOCK_SIZE) * 4);
  const noise = (bytes: number) =>
    new Uint8Array(new Uint16Array(randomCodes(bytes).buffer).map((bits) => bits & 0x83ff | 0x3800).buffer);
  lab.fill(queries.handle, noise(2 ** 18));
  lab.fill(cache.handle, noise(2 ** 20));
  using arena = new ParamsArena(gpu, 1);
  const buffers = { queries, cache, plan, attended };
  const libs = { act: "act_f16" };

  /** `repeats` dispatches of a chunk. */
  const encoder = (bound: BoundKernel<string>, rows: number, start: number, repeats: number): Encode => {
    const words = new Uint32Array(plan.bytes / 4);
    for (let row = 0; row < rows; row++) words.set([0, 0, start + row, mostRows * 4], row * 4);
    for (let block = 0; block < CONTEXT / BLOCK_SIZE; block++) words[mostRows * 4 + block] = block;
    device.queue.writeBuffer(plan.handle, 0, words);
    const { queryHeads, kvHeads, headDim } = HEADS;
    const params = {
      ...{ rows, firstRow: 0, queryHeads, kvHeads, columns: headDim / 4, queryStride: STRIDE },
      ...{ blockSize: BLOCK_SIZE, window: NO_WINDOW, scale: headDim ** -0.5 },
    };
    arena.reset();
    const offset = Uint32Array.of(arena.push(bound, params));
    arena.flush();
    const [x, y = 1] = bound.grid(params);
    return (pass) => {
      pass.setPipeline(bound.pipeline);
      pass.setBindGroup(0, bound.bindGroup);
      pass.setBindGroup(1, arena.bindGroup, offset, 0, 1);
      for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(x, y);
    };
  };
  const once = async (bound: BoundKernel<string>) => {
    const rows = Math.min(37, mostRows);
    const commands = device.createCommandEncoder();
    commands.clearBuffer(attended.handle);
    const pass = commands.beginComputePass();
    encoder(bound, rows, 45, 1)(pass);
    pass.end();
    device.queue.submit([commands.finish()]);
    return new Float16Array(await lab.read(attended.handle, rows * STRIDE * 2));
  };

  const anywhere = await gpu.compile(attention, { libs, overrides: { HEADS: 4 } });
  const wanted = await once(anywhere.bind(buffers) as BoundKernel<string>);
  let first: Float16Array | null = null;
  const tunings = promptTunings(
    { ...HEADS, subgroup: subgroupSize },
    gpu.limits.maxComputeWorkgroupStorageSize,
  );
  const bind = async (overrides: PromptTuning) =>
    (await gpu.compile(attentionPrompt, { libs, overrides })).bind(buffers) as BoundKernel<string>;
  const result: Record<string, unknown> = {};
  const chunks = software
    ? [[40, 20]] as const
    : [[128, 0], [512, 0], [512, 512], [512, 3500], [40, 4000]] as const;
  for (const [index, tuning] of tunings.entries()) {
    const bound = await bind(tuning);
    const found = await once(bound);
    first ??= found;
    const wrong = found.findIndex((value, i) =>
      !(Math.abs(value - wanted[i]!) <= 2e-3) || value !== first![i]
    );
    if (wrong >= 0) {
      throw new Error(`element ${wrong} is ${found[wrong]}, expected ${wanted[wrong]}, ${first[wrong]}`);
    }
    for (const [rows, start] of chunks) {
      await lab.heat();
      const chosen = tuningForRows(tunings, { rows, ...HEADS }) === index ? ", chosen" : "";
      const us = await lab.time(encoder(bound, rows, start, 2)) / 2;
      result[`${rows} rows from ${start}, ${tuning.QUERIES} vectors${chosen}`] = round(us, 1);
    }
  }
  return result;
}

/**
 * Which forms of the products in pairs of f16 give a row the same bits on this driver: a checksum of one row's outputs
 * for every form, by family. A family's variants must agree; what differs may not be mixed with the rest.
 */
import { ParamsArena } from "../../src/gpu/params.ts";
import { halfInput, type LinearTuning, linearVariant } from "../../src/kernels/linear.ts";
import { linearResidual } from "../../src/kernels/linear_residual.ts";
import { fitShape, HALF_TILES, tileBytes } from "../../src/kernels/tuning.ts";
import { type Lab, randomCodes } from "./harness.ts";

const OUTPUTS = 1024;

/** The row that is looked at, of several. */
const ROW = 3;

function decodeForms(size: number): Record<string, LinearTuning> {
  const row = (subgroups: number, UNROLL: number, WORKGROUPS: number): LinearTuning => ({
    core: "core_row_f16",
    WORKGROUP: subgroups * size,
    LANES: size,
    UNROLL,
    WORKGROUPS,
  });
  const rows = (TOKENS: number, PAIRS: number, subgroups = 4): LinearTuning => ({
    core: "core_subgroup_f16",
    WORKGROUP: subgroups * size,
    LANES: size,
    TOKENS,
    PAIRS,
  });
  return {
    "a row, 8 subgroups, 1 chain": row(8, 1, 132),
    "a row, 8 subgroups, 2 chains": row(8, 2, 396),
    "a row, 16 subgroups, 2 chains": row(16, 2, 132),
    "a row, 8 subgroups, 4 chains": row(8, 4, 65_535),
    ...Object.fromEntries(
      ([[1, 1], [1, 2], [1, 4], [2, 1], [2, 2], [4, 1], [4, 2], [8, 1], [8, 2]] as const)
        .filter(([tokens, pairs]) => tokens * pairs <= size)
        .map(([tokens, pairs]) => [`${tokens} rows, ${pairs} pairs`, rows(tokens, pairs)]),
    ),
  };
}

function tileForms(): Record<string, LinearTuning> {
  const name = ({ WORKGROUP, LANES = 1, PAIRS, TOKENS, TEAMS, UNROLL = 1 }: LinearTuning) =>
    `workgroup ${WORKGROUP}, lanes ${LANES}, teams ${TEAMS}, ${PAIRS} pairs, ${TOKENS} tokens, unroll ${UNROLL}`;
  const forms = [...HALF_TILES, ...HALF_TILES.map((tile) => ({ ...tile, UNROLL: 2 * (tile.UNROLL ?? 1) }))];
  return Object.fromEntries(forms.map((tile) => [name(tile), tile]));
}

export async function bits(lab: Lab): Promise<Record<string, unknown>> {
  const { software, subgroupSize } = lab.gpu.info;
  if (!lab.gpu.has("shader-f16") || subgroupSize === null) return { needs: "shader-f16 and subgroups" };
  const result: Record<string, unknown> = {};
  using arena = new ParamsArena(lab.gpu, 1);
  const { limits } = lab.gpu;
  for (const inputs of software ? [1024] : [4096, 14336]) {
    const rows = 160;
    const half = new Float16Array(rows * inputs);
    for (let i = 0; i < half.length; i++) half[i] = ((Math.imul(i, 2654435761) >>> 24) - 127.5) / 128;
    const input = lab.gpuBuffer("input", half.byteLength);
    lab.device.queue.writeBuffer(input.handle, 0, half);
    const weights = lab.gpuBuffer("weights", OUTPUTS * inputs);
    lab.fill(weights.handle, randomCodes(weights.bytes, 11));
    const terms = new Float32Array(OUTPUTS * 2);
    for (let i = 0; i < terms.length; i += 2) terms[i] = 1;
    const channels = lab.gpuBuffer("channels", terms.byteLength);
    lab.device.queue.writeBuffer(channels.handle, 0, terms);
    const hidden = lab.gpuBuffer("hidden", rows * OUTPUTS * 4);
    const { UNIFORM, COPY_DST } = GPUBufferUsage;
    const live = lab.gpuBuffer("live", 16, UNIFORM | COPY_DST);
    lab.device.queue.writeBuffer(live.handle, 0, Uint32Array.of(1, 0, 0, 0));
    const checksum = async (tuning: LinearTuning, count: number) => {
      const groups = inputs / 16;
      const fitted = fitShape(tuning, { groups, pairs: OUTPUTS / 2 }, limits.maxComputeWorkgroupStorageSize);
      const variant = linearVariant("fp8", fitted);
      const libs = { ...variant.libs, input: halfInput(linearResidual, fitted) };
      const bound = (await lab.gpu.compile(linearResidual, { ...variant, libs }))
        .bind({ input, weights, channels, hidden, live });
      // One row alone; of several the same one among them.
      const firstRow = count === 1 ? ROW : 0;
      const shape = { firstRow, pairs: OUTPUTS / 2, firstPair: 0, groups, stride: OUTPUTS };
      const params = { rows: count, ...shape };
      arena.reset();
      const offset = Uint32Array.of(arena.push(bound, params));
      arena.flush();
      const encoder = lab.device.createCommandEncoder();
      encoder.clearBuffer(hidden.handle);
      const pass = encoder.beginComputePass();
      pass.setPipeline(bound.pipeline);
      pass.setBindGroup(0, bound.bindGroup(arena.window), offset, 0, 1);
      const [x, y = 1] = bound.grid(params);
      pass.dispatchWorkgroups(x, y);
      pass.end();
      lab.device.queue.submit([encoder.finish()]);
      const words = new Uint32Array(await lab.read(hidden.handle, OUTPUTS * 4, ROW * OUTPUTS * 4));
      return words.reduce((sum, word) => (Math.imul(sum, 31) + word) >>> 0, 7);
    };
    const families = { decode: decodeForms(subgroupSize), prompt: tileForms() };
    for (const [family, forms] of Object.entries(families)) {
      const table: Record<string, unknown> = result[`${family}, ${inputs} inputs`] = {};
      const classes: number[] = [];
      for (const [name, tuning] of Object.entries(forms)) {
        if (tileBytes(tuning) > limits.maxComputeWorkgroupStorageSize) continue;
        if (tuning.WORKGROUP > limits.maxComputeInvocationsPerWorkgroup) continue;
        const alone = tuning.core === "core_row_f16" || name.startsWith("1 rows");
        try {
          const sum = await checksum(tuning, alone ? 1 : family === "prompt" ? rows : 8);
          if (!classes.includes(sum)) classes.push(sum);
          table[name] = `class ${classes.indexOf(sum)}`;
        } catch (error) {
          table[name] = String(error).slice(0, 200);
        }
      }
    }
  }
  return result;
}

/**
 * The runtime's own kernels at Mistral 7B's shapes, one at a time, in every tuning worth trying: the figures behind
 * src/kernels/tuning.ts. Every candidate's output is held against that of the kernel that runs anywhere before it is timed.
 * Dispatches of a series read weights that no cache holds and write one output, so each waits for the one before, as the
 * kernels of a step do.
 */
import type { BufferSlice, GpuBuffer } from "../../src/gpu/buffer.ts";
import type { BoundKernel, KernelDeclaration, KernelVariant } from "../../src/gpu/kernel.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { gateUp } from "../../src/kernels/gate_up.ts";
import { type LinearTuning, linearVariant } from "../../src/kernels/linear.ts";
import { linearResidual } from "../../src/kernels/linear_residual.ts";
import { lmHead } from "../../src/kernels/lm_head.ts";
import { qkvRope } from "../../src/kernels/qkv_rope.ts";
import { EVERY_ROW, rmsNorm } from "../../src/kernels/rms_norm.ts";
import { fitShape, type MatrixRole, portableTuning } from "../../src/kernels/tuning.ts";
import { type Encode, type Lab, randomCodes, round } from "./harness.ts";

export const SHAPES: Readonly<Record<MatrixRole, readonly [pairs: number, inputs: number]>> = {
  qkv: [3072, 4096],
  output: [2048, 4096],
  gateUp: [14336, 4096],
  down: [2048, 14336],
  head: [16000, 4096],
};
const ROWS = 512;
const BLOCK_SIZE = 16;
const CONTEXT = 4096;

// deno-lint-ignore no-explicit-any -- kernels of different params go through one function
type Bound = BoundKernel<any>;

/** The core of few rows whose products are of f16. */
const isOfHalves = ({ core }: LinearTuning) => core === "core_subgroup_f16";

export class KernelBench implements Disposable {
  readonly #lab: Lab;
  readonly #arena: ParamsArena;
  readonly #pool: GpuBuffer;
  readonly #channels: GpuBuffer;
  readonly #input32: GpuBuffer;
  readonly #input16: GpuBuffer;
  readonly #gain: GpuBuffer;
  readonly #rotary: GpuBuffer;
  readonly #plan: GpuBuffer;
  readonly #cache: GpuBuffer;
  readonly #out: GpuBuffer;
  readonly #live: GpuBuffer;

  constructor(lab: Lab) {
    this.#lab = lab;
    const { software } = lab.gpu.info;
    this.#arena = new ParamsArena(lab.gpu, 64);
    this.#pool = lab.gpuBuffer("pool", software ? 120 * 2 ** 20 : 1.5 * 2 ** 30);
    lab.fill(this.#pool.handle, randomCodes(8 * 2 ** 20));
    const write = (
      label: string,
      data: Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>,
    ) => {
      const buffer = lab.gpuBuffer(label, data.byteLength);
      lab.device.queue.writeBuffer(buffer.handle, 0, data);
      return buffer;
    };
    const noise = Float32Array.from(
      { length: ROWS * 14336 },
      (_, i) => ((Math.imul(i, 2654435761) >>> 24) - 127.5) / 128,
    );
    this.#input32 = write("input f32", noise.subarray(0, ROWS * 4096));
    this.#input16 = write("input f16", Float16Array.from(noise));
    this.#gain = write("gain", new Float32Array(4096).fill(1));
    const terms = new Float32Array(32000 * 2);
    for (let i = 0; i < terms.length; i += 2) terms[i] = 1;
    this.#channels = write("channels", terms);
    this.#rotary = write("rotary", new Float32Array(CONTEXT * 128).fill(0.5));
    // Rows of one sequence at ascending positions, then its blocks, then the samples.
    const plan = new Uint32Array(ROWS * 4 + CONTEXT / BLOCK_SIZE + 64);
    for (let row = 0; row < ROWS; row++) plan.set([0, 0, row, ROWS * 4], row * 4);
    for (let block = 0; block < CONTEXT / BLOCK_SIZE; block++) plan[ROWS * 4 + block] = block;
    this.#plan = write("plan", plan);
    this.#cache = lab.gpuBuffer("cache", CONTEXT * 2 * 8 * 128 * 2);
    this.#out = lab.gpuBuffer("out", Math.max(ROWS * 14336 * 4, 8 * 32000 * 4));
    const { UNIFORM, COPY_DST } = GPUBufferUsage;
    this.#live = lab.gpuBuffer("live", 16, UNIFORM | COPY_DST);
    lab.device.queue.writeBuffer(this.#live.handle, 0, Uint32Array.of(1, 0, 0, 0));
  }

  /** Microseconds of one dispatch in a series. */
  async #series(bound: readonly Bound[], params: Readonly<Record<string, number>>): Promise<number> {
    this.#arena.reset();
    const offset = Uint32Array.of(this.#arena.push(bound[0]!, params));
    this.#arena.flush();
    const [x, y = 1, z = 1] = bound[0]!.grid(params);
    const encode: Encode = (pass) => {
      pass.setPipeline(bound[0]!.pipeline);
      for (const kernel of bound) {
        pass.setBindGroup(0, kernel.bindGroup(this.#arena.window), offset, 0, 1);
        pass.dispatchWorkgroups(x, y, z);
      }
    };
    return await this.#lab.time(encode) / bound.length;
  }

  async #bindLinear(
    role: MatrixRole,
    tuning: LinearTuning,
    slices: readonly BufferSlice[],
    halves: boolean,
  ): Promise<Bound[]> {
    const { gpu } = this.#lab;
    const make = async <B extends string, P extends string, O extends string>(
      kernel: KernelDeclaration<B, P, O>,
      act: boolean,
      buffers: (weights: BufferSlice) => Record<B, GpuBuffer | BufferSlice>,
    ) => {
      const variant = linearVariant(
        "fp8",
        fitShape(tuning, { groups: SHAPES[role][1] / 16, pairs: SHAPES[role][0] }),
      ) as unknown as KernelVariant<O>;
      const libs = {
        ...variant.libs,
        ...(act ? { act: "act_f16" } : {}),
        ...(halves ? { input: "input_half" } : {}),
        ...(halves && role === "gateUp" ? { place: "place_half" } : {}),
      };
      const compiled = await gpu.compile(kernel, { ...variant, libs });
      return slices.map((weights) => compiled.bind(buffers(weights)));
    };
    const [input, gain, channels, plan, live] = [
      halves ? this.#input16 : this.#input32,
      this.#gain,
      this.#channels,
      this.#plan,
      this.#live,
    ];
    switch (role) {
      case "qkv": {
        const [rotary, cache, queries] = [this.#rotary, this.#cache, this.#out];
        return await make(
          qkvRope,
          true,
          (weights) => ({ input, gain, weights, channels, rotary, plan, queries, cache, live }),
        );
      }
      case "gateUp":
        return await make(
          gateUp,
          true,
          (weights) => ({ input, gain, weights, channels, activated: this.#out, live }),
        );
      case "head":
        return await make(
          lmHead,
          false,
          (weights) => ({ input, gain, weights, channels, plan, logits: this.#out, live }),
        );
      default:
        return await make(
          linearResidual,
          true,
          (weights) => ({ input: this.#input16, weights, channels, hidden: this.#out, live }),
        );
    }
  }

  #linearParams(role: MatrixRole, rows: number): Record<string, number> {
    const [pairs, inputs] = SHAPES[role];
    const shared = {
      rows,
      firstRow: 0,
      pairs,
      firstPair: 0,
      groups: inputs / 16,
      inputSize: inputs,
      eps: 1e-5,
    };
    const heads = { queryHeads: 32, kvHeads: 8, headDim: 128, queryStride: 4096, blockSize: BLOCK_SIZE };
    return {
      ...shared,
      ...heads,
      stride: role === "gateUp" ? 14336 : 4096,
      outputs: 32000,
      samples: ROWS * 4 + CONTEXT / BLOCK_SIZE,
    };
  }

  /** GB of weights a second and, where `rows` is large, G products a second. */
  async linear(role: MatrixRole, tuning: LinearTuning, rows: number, halves = isOfHalves(tuning)) {
    const [pairs, inputs] = SHAPES[role];
    const bytes = pairs * 2 * inputs;
    const count = Math.max(1, Math.min(rows > 100 ? 3 : 16, Math.floor(this.#pool.bytes / bytes)));
    const slices = Array.from(
      { length: count },
      (_, i) => ({ buffer: this.#pool, offset: i * bytes, bytes }),
    );
    const params = this.#linearParams(role, rows);
    await this.#verify(role, tuning, params, slices[0]!, halves);
    const us = await this.#series(await this.#bindLinear(role, tuning, slices, halves), params);
    return rows > 8
      ? { us: round(us, 1), GFMA: round(bytes * rows / us / 1000, 0) }
      : { us: round(us, 1), GBs: round(bytes / us / 1000, 0) };
  }

  async #verify(
    role: MatrixRole,
    tuning: LinearTuning,
    params: Record<string, number>,
    slice: BufferSlice,
    halves: boolean,
  ) {
    const elements = Math.min(params["rows"]!, 8) * 4000;
    const f16 = role === "qkv" || role === "gateUp";
    const run = async (tuning: LinearTuning) => {
      const [bound] = await this.#bindLinear(role, tuning, [slice], halves);
      const encoder = this.#lab.device.createCommandEncoder();
      encoder.clearBuffer(this.#out.handle);
      this.#arena.reset();
      const offset = Uint32Array.of(this.#arena.push(bound!, params));
      this.#arena.flush();
      const pass = encoder.beginComputePass();
      pass.setPipeline(bound!.pipeline);
      pass.setBindGroup(0, bound!.bindGroup(this.#arena.window), offset, 0, 1);
      const [x, y = 1] = bound!.grid(params);
      pass.dispatchWorkgroups(x, y);
      pass.end();
      this.#lab.device.queue.submit([encoder.finish()]);
      const bytes = await this.#lab.read(this.#out.handle, elements * (f16 ? 2 : 4));
      return f16 ? Float32Array.from(new Float16Array(bytes)) : new Float32Array(bytes);
    };
    const [found, wanted] = [
      await run(tuning),
      await run({ ...portableTuning(false).matrices[role].decode[0]! }),
    ];
    const scale = wanted.reduce((most: number, value: number) => Math.max(most, Math.abs(value)), 0);
    // Chains of f16 round with every product, by 2^-11 of what they have come to.
    const tolerance = scale * (isOfHalves(tuning) ? 1e-2 : f16 ? 2e-3 : 1e-4);
    for (let i = 0; i < elements; i++) {
      if (!(Math.abs(found[i]! - wanted[i]!) <= tolerance)) {
        throw new Error(`element ${i} is ${found[i]}, expected ${wanted[i]} of at most ${scale}`);
      }
    }
  }

  /** Microseconds of the norm in front of products in pairs of f16. */
  async norm(rows: number, WORKGROUP: number) {
    const compiled = await this.#lab.gpu.compile(rmsNorm, { overrides: { WORKGROUP } });
    const [input, gain, plan, normed] = [this.#input32, this.#gain, this.#plan, this.#out];
    const live = this.#live;
    const bound = Array.from({ length: 16 }, () => compiled.bind({ input, gain, plan, normed, live }));
    const params = { rows, groups: 256, inputSize: 4096, eps: 1e-5, samples: EVERY_ROW };
    return round(await this.#series(bound, params), 1);
  }

  [Symbol.dispose](): void {
    this.#arena[Symbol.dispose]();
  }
}

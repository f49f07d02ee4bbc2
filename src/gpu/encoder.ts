/**
 * Encodes steps: dispatches in order inside one compute pass, copies between passes, one submit, or several where the
 * device would otherwise wait for the end of the encoding. Counts what it did.
 * WebGPU puts the barriers between dispatches that share a buffer, so order is all a caller has to get right.
 */
import type { GpuBuffer } from "./buffer.ts";
import type { GpuDevice } from "./device.ts";
import type { BoundKernel } from "./kernel.ts";
import type { ParamsArena } from "./params.ts";

export class StepEncoder {
  readonly #device: GpuDevice;
  readonly #params: ParamsArena;
  #encoder: GPUCommandEncoder;
  readonly #offset = new Uint32Array(1);
  readonly #maxGrid: number;
  #pass: GPUComputePassEncoder | null = null;
  #pipeline: GPUComputePipeline | null = null;
  #dispatches = 0;
  #pieces = 0;
  #commands: GPUCommandBuffer | null = null;

  /** Takes the arena over until {@link submit}: only one encoder may use it at a time. */
  constructor(device: GpuDevice, params: ParamsArena) {
    device.assertHealthy();
    this.#device = device;
    this.#params = params;
    this.#maxGrid = device.limits.maxComputeWorkgroupsPerDimension;
    params.reset();
    this.#encoder = device.handle.createCommandEncoder();
  }

  get dispatches(): number {
    return this.#dispatches;
  }

  /** Submits of {@link handOver}. */
  get pieces(): number {
    return this.#pieces;
  }

  /** Appends a dispatch; a grid with an empty side is left out. */
  dispatch<P extends string>(kernel: BoundKernel<P>, params: Readonly<Record<P, number>>): void {
    const [x, y = 1, z = 1] = kernel.grid(params);
    if (x === 0 || y === 0 || z === 0) return;
    if (Math.max(x, y, z) > this.#maxGrid) {
      throw new Error(
        `Cannot dispatch "${kernel.name}": grid ${x}×${y}×${z}, at most ${this.#maxGrid} per side`,
      );
    }
    this.#offset[0] = this.#params.push(kernel, params);
    const pass = this.#pass ??= this.#encoder.beginComputePass();
    if (this.#pipeline !== kernel.pipeline) pass.setPipeline(this.#pipeline = kernel.pipeline);
    pass.setBindGroup(0, kernel.bindGroup(this.#params.window), this.#offset, 0, 1);
    pass.dispatchWorkgroups(x, y, z);
    this.#dispatches++;
  }

  /** Appends a copy; offsets and length are multiples of 4. */
  copy(
    source: GpuBuffer,
    sourceOffset: number,
    target: GpuBuffer,
    targetOffset: number,
    bytes: number,
  ): void {
    this.#endPass();
    this.#encoder.copyBufferToBuffer(source.handle, sourceOffset, target.handle, targetOffset, bytes);
  }

  /** Submits what is encoded so far, and goes on. It cannot be taken back. */
  handOver(): void {
    this.#endPass();
    this.#params.flush();
    this.#device.handle.queue.submit([this.#encoder.finish()]);
    this.#pieces++;
    this.#encoder = this.#device.handle.createCommandEncoder();
  }

  /** Writes the params and ends encoding, which is most of the host's work; {@link submit} is then short. */
  finish(): void {
    if (this.#commands !== null) return;
    this.#endPass();
    this.#params.flush();
    this.#commands = this.#encoder.finish();
  }

  /** Finishes if that is still to be done, and submits. Never waits. */
  submit(): void {
    this.finish();
    this.#device.handle.queue.submit([this.#commands!]);
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = null;
    this.#pipeline = null;
  }
}

/**
 * Encodes steps: dispatches in order inside one compute pass, copies between passes, one submit, or several where the
 * device would otherwise wait for the end of the encoding. Counts what it did.
 * WebGPU puts the barriers between dispatches that share a buffer, so order is all a caller has to get right.
 */
import type { GpuBuffer } from "./buffer.ts";
import type { GpuDevice } from "./device.ts";
import type { BoundKernel } from "./kernel.ts";
import { PARAMS_WINDOW_BYTES, type ParamsArena } from "./params.ts";

/** A dispatch as WebGPU wants it, all but where its params lie. */
interface Encodable {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

/** Dispatches that were encoded once, for any later encoder of the same arena. */
export interface DispatchSequence {
  readonly arena: ParamsArena;
  readonly dispatches: readonly Encodable[];
  /** Their windows, one after the other. */
  readonly params: Uint8Array;
}

export class StepEncoder {
  readonly #device: GpuDevice;
  readonly #params: ParamsArena;
  #encoder: GPUCommandEncoder;
  readonly #offset = new Uint32Array(1);
  readonly #maxGrid: number;
  #pass: GPUComputePassEncoder | null = null;
  #pipeline: GPUComputePipeline | null = null;
  #captured: Encodable[] | null = null;
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
    const bindGroup = kernel.bindGroup(this.#params.window);
    const encodable: Encodable = { pipeline: kernel.pipeline, bindGroup, grid: [x, y, z] };
    this.#encode(encodable, this.#params.push(kernel, params));
    this.#captured?.push(encodable);
  }

  /** Appends what `work` dispatches; it may copy nothing. Returns it for {@link repeat}. */
  capture(work: () => void): DispatchSequence {
    const arena = this.#params;
    const from = arena.used;
    const dispatches: Encodable[] = this.#captured = [];
    try {
      work();
    } finally {
      this.#captured = null;
    }
    return { arena, dispatches, params: arena.since(from) };
  }

  /** Appends dispatches once more, with the same params; `appended` hears of each. */
  repeat({ arena, dispatches, params }: DispatchSequence, appended: () => void = () => {}): void {
    if (arena !== this.#params) throw new Error("Cannot repeat dispatches whose params lay in another arena");
    let offset = arena.pushAll(params);
    for (const encodable of dispatches) {
      this.#encode(encodable, offset);
      offset += PARAMS_WINDOW_BYTES;
      appended();
    }
  }

  #encode({ pipeline, bindGroup, grid: [x, y, z] }: Encodable, offset: number): void {
    this.#offset[0] = offset;
    const pass = this.#pass ??= this.#encoder.beginComputePass();
    if (this.#pipeline !== pipeline) pass.setPipeline(this.#pipeline = pipeline);
    pass.setBindGroup(0, bindGroup, this.#offset, 0, 1);
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
    if (this.#captured !== null) throw new Error("Cannot copy between dispatches that are captured");
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

/**
 * Parameters of one step's dispatches: every dispatch takes the next 256-byte window of one uniform buffer and is
 * handed its offset. Written to the device before the commands that read it are submitted; the queue orders that write
 * after all earlier steps, so one buffer serves every step. Refuses more dispatches than it was made for.
 */
import type { GpuBuffer } from "./buffer.ts";
import type { GpuDevice } from "./device.ts";
import type { BoundKernel } from "./kernel.ts";

/** Bytes a kernel sees of its params; the largest uniform offset alignment that WebGPU allows. */
export const PARAMS_WINDOW_BYTES = 256;

export class ParamsArena implements Disposable {
  /** Of the dispatch at offset 0; a kernel's last binding. */
  readonly window: GPUBufferBinding;
  readonly #device: GpuDevice;
  readonly #buffer: GpuBuffer;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #capacity: number;
  #used = 0;
  #flushed = 0;

  /** @param capacity most dispatches in one step */
  constructor(device: GpuDevice, capacity: number) {
    this.#device = device;
    this.#capacity = capacity;
    this.#bytes = new Uint8Array(capacity * PARAMS_WINDOW_BYTES);
    this.#view = new DataView(this.#bytes.buffer);
    this.#buffer = device.createBuffer({
      label: "params",
      bytes: this.#bytes.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.window = { buffer: this.#buffer.handle, size: PARAMS_WINDOW_BYTES };
  }

  reset(): void {
    this.#used = 0;
    this.#flushed = 0;
  }

  /** Copies the values in; returns their offset in bytes. */
  push<P extends string>(kernel: BoundKernel<P>, values: Readonly<Record<P, number>>): number {
    if (this.#used === this.#capacity) {
      throw new Error(`Cannot dispatch "${kernel.name}": a step has at most ${this.#capacity} dispatches`);
    }
    const offset = this.#used++ * PARAMS_WINDOW_BYTES;
    let at = offset;
    for (const [name, type] of kernel.paramTypes) {
      if (type === "f32") this.#view.setFloat32(at, values[name], true);
      else if (type === "u32") this.#view.setUint32(at, values[name], true);
      else this.#view.setInt32(at, values[name], true);
      at += 4;
    }
    return offset;
  }

  /** Bytes that have been pushed. */
  get used(): number {
    return this.#used * PARAMS_WINDOW_BYTES;
  }

  /** A copy of what was pushed since {@link used} was `from`, for {@link pushAll}. */
  since(from: number): Uint8Array {
    return this.#bytes.slice(from, this.used);
  }

  /** Copies windows in as they are; returns the offset of the first in bytes. */
  pushAll(windows: Uint8Array): number {
    const offset = this.used;
    if (offset + windows.length > this.#bytes.length) {
      throw new Error(`Cannot repeat dispatches: a step has at most ${this.#capacity}`);
    }
    this.#bytes.set(windows, offset);
    this.#used += windows.length / PARAMS_WINDOW_BYTES;
    return offset;
  }

  /** Queues the write of what was pushed since it was last called, or since {@link reset}. */
  flush(): void {
    if (this.#used === this.#flushed) return;
    const from = this.#flushed * PARAMS_WINDOW_BYTES;
    const bytes = this.used - from;
    this.#device.handle.queue.writeBuffer(this.#buffer.handle, from, this.#bytes, from, bytes);
    this.#flushed = this.#used;
  }

  [Symbol.dispose](): void {
    this.#buffer[Symbol.dispose]();
  }
}

/**
 * Results from the device to the host through a ring of staging buffers.
 *
 * Deno's `mapAsync` does all its waiting inside the call and then sleeps 10 ms before its promise resolves, so an
 * awaited map per step caps decoding near 85 steps a second on any GPU. When the call returns the buffer is
 * already mapped, and `getMappedRange` works without awaiting. That is a detail of Deno, not a promise: a buffer
 * must have been mapped and awaited once (or the process aborts), and a self-test decides at start whether the short
 * way is taken at all. Without it every read awaits.
 */
import { formatBytes } from "../byte_size.ts";
import { GpuBuffer } from "./buffer.ts";
import type { GpuDevice } from "./device.ts";
import type { StepEncoder } from "./encoder.ts";

/** A copy that was encoded; read once. */
export interface ReadbackTicket {
  readonly index: number;
  readonly bytes: number;
}

export interface ReadbackOptions {
  /** Most tickets not yet read. */
  readonly depth: number;
  /** Largest read. */
  readonly bytes: number;
  /** False: always await the map. Tests use it; the self-test decides otherwise. */
  readonly immediate?: boolean;
}

export class ReadbackRing implements Disposable {
  readonly #device: GpuDevice;
  readonly #staging: readonly GpuBuffer[];
  readonly #free: number[];
  readonly #immediate: boolean;

  private constructor(device: GpuDevice, staging: readonly GpuBuffer[], immediate: boolean) {
    this.#device = device;
    this.#staging = staging;
    this.#free = staging.map((_, index) => index);
    this.#immediate = immediate;
  }

  static async create(device: GpuDevice, options: ReadbackOptions): Promise<ReadbackRing> {
    const staging: GpuBuffer[] = [];
    try {
      const { depth, bytes } = options;
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      await device.guard(`allocate ${depth} read-backs of ${formatBytes(bytes)}`, () => {
        for (let index = 0; index < depth; index++) {
          staging.push(device.createBuffer({ label: `readback ${index}`, bytes, usage }));
        }
      }, { bytes: depth * bytes });
      for (const { handle } of staging) {
        await handle.mapAsync(GPUMapMode.READ);
        handle.unmap();
      }
      const immediate = (options.immediate ?? true) && staging.length > 0 && selfTest(device, staging[0]!);
      return new ReadbackRing(device, staging, immediate);
    } catch (error) {
      for (const buffer of staging) buffer[Symbol.dispose]();
      device.assertHealthy();
      throw error;
    }
  }

  /** True when reads do not await the map. */
  get immediate(): boolean {
    return this.#immediate;
  }

  /** Copies that can still be enqueued before one is read. */
  get free(): number {
    return this.#free.length;
  }

  /** Appends a copy of `bytes` bytes to the step. Throws when `depth` copies wait to be read. */
  enqueue(step: StepEncoder, source: GpuBuffer, offset: number, bytes: number): ReadbackTicket {
    const index = this.#free.shift();
    if (index === undefined) {
      throw new Error(`Cannot read "${source.label}" back: ${this.#staging.length} reads are pending`);
    }
    return this.append({ index, bytes: 0 }, step, { source, offset, bytes });
  }

  /** Appends a copy to the step that lands behind what the ticket has so far; the new ticket is for both. */
  append(
    { index, bytes: end }: ReadbackTicket,
    step: StepEncoder,
    { source, offset, bytes }: {
      readonly source: GpuBuffer;
      readonly offset: number;
      readonly bytes: number;
    },
  ): ReadbackTicket {
    step.copy(source, offset, this.#staging[index]!, end, bytes);
    return { index, bytes: end + bytes };
  }

  /** Gives back the room of a ticket that nobody will read, because its step is not submitted. */
  release({ index }: ReadbackTicket): void {
    this.#free.push(index);
  }

  /**
   * Waits for all submitted work, blocking this thread, and returns the copied bytes. Rejects with DeviceLostError
   * when the device is gone. The ticket's room is free again, however it ends.
   */
  async read({ index, bytes }: ReadbackTicket): Promise<ArrayBuffer> {
    const buffer = this.#staging[index]!.handle;
    try {
      this.#device.assertHealthy();
      const mapped = buffer.mapAsync(GPUMapMode.READ, 0, bytes);
      if (this.#immediate) this.#device.background(mapped);
      else await mapped;
      const result = buffer.getMappedRange(0, bytes).slice(0);
      this.#device.assertHealthy();
      return result;
    } catch (error) {
      this.#device.assertHealthy();
      throw error;
    } finally {
      unmap(buffer);
      this.#free.push(index);
    }
  }

  [Symbol.dispose](): void {
    for (const buffer of this.#staging) buffer[Symbol.dispose]();
  }
}

/** A buffer that stayed mapped could not be copied to. Deno throws where none is mapped, or the device is gone. */
function unmap(buffer: GPUBuffer): void {
  try {
    buffer.unmap();
  } catch {
    // Then there was nothing to undo.
  }
}

/** Writes a pattern, copies it, maps without awaiting, and compares; `staging` must have been mapped before. */
function selfTest(device: GpuDevice, staging: GpuBuffer): boolean {
  const pattern = new Uint32Array([0x9e3779b9]);
  const source = new GpuBuffer(device.handle, { label: "readback self-test", bytes: 4 });
  try {
    device.handle.queue.writeBuffer(source.handle, 0, pattern);
    const encoder = device.handle.createCommandEncoder();
    encoder.copyBufferToBuffer(source.handle, 0, staging.handle, 0, 4);
    device.handle.queue.submit([encoder.finish()]);
    device.background(staging.handle.mapAsync(GPUMapMode.READ, 0, 4));
    const found = new Uint32Array(staging.handle.getMappedRange(0, 4).slice(0))[0];
    staging.handle.unmap();
    return found === pattern[0];
  } catch {
    return false;
  } finally {
    source[Symbol.dispose]();
  }
}

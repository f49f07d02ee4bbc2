/**
 * Owned GPU buffers. A WebGPU buffer is freed by `destroy()` or the garbage collector alone and tells neither its
 * bytes nor its owner, so every buffer of the runtime is one of these: created with a label, disposed by its creator,
 * counted. Refuses to be used after disposal.
 */

export interface GpuBufferOptions {
  /** Shown in errors. */
  readonly label: string;
  /** Rounded up to a multiple of 4, at least 4. */
  readonly bytes: number;
  /** Defaults to storage that can be written from and copied to the host. */
  readonly usage?: GPUBufferUsageFlags;
}

let live = 0;

/** Buffers created and not yet disposed, over all devices of this thread; zero when everything was cleaned up. */
export function liveBufferCount(): number {
  return live;
}

export class GpuBuffer implements Disposable {
  readonly label: string;
  readonly bytes: number;
  #handle: GPUBuffer | null;

  constructor(device: GPUDevice, { label, bytes, usage }: GpuBufferOptions) {
    this.label = label;
    this.bytes = Math.max(4, Math.ceil(bytes / 4) * 4);
    this.#handle = device.createBuffer({
      label,
      size: this.bytes,
      usage: usage ?? GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC,
    });
    live++;
  }

  /** The raw buffer; throws once disposed. */
  get handle(): GPUBuffer {
    if (this.#handle === null) throw new Error(`Buffer "${this.label}" is used after its disposal`);
    return this.#handle;
  }

  [Symbol.dispose](): void {
    if (this.#handle === null) return;
    this.#handle.destroy();
    this.#handle = null;
    live--;
  }
}

/** A part of a buffer as a kernel sees it; `offset` is a multiple of 256, in bytes. */
export interface BufferSlice {
  readonly buffer: GpuBuffer;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Plans and sample rows on their way to the device, for several steps in one submit. `queue.writeBuffer` takes effect
 * before everything that is submitted after it, so it cannot give the second step of a submit other data than the
 * first. Instead the data of all steps go into one staging buffer, and every step begins with copies out of it. Owns that
 * buffer; refuses more than it was made for.
 */
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { GpuDevice } from "../gpu/device.ts";
import type { StepEncoder } from "../gpu/encoder.ts";

export class StepUploads implements Disposable {
  readonly #device: GpuDevice;
  readonly #staging: GpuBuffer;
  readonly #words: Uint32Array<ArrayBuffer>;
  #used = 0;
  #flushed = 0;

  /** @param words most words in one submit, over all its steps */
  constructor(device: GpuDevice, words: number) {
    this.#device = device;
    this.#words = new Uint32Array(words);
    this.#staging = device.createBuffer({ label: "step uploads", bytes: this.#words.byteLength });
  }

  /** Begins a submit. The one before it must have been submitted. */
  reset(): void {
    this.#used = 0;
    this.#flushed = 0;
  }

  /** Appends a copy of `words` to the beginning of `target`; the step's later dispatches read them there. */
  send(step: StepEncoder, words: Uint32Array, target: GpuBuffer): void {
    if (this.#used + words.length > this.#words.length) {
      throw new Error(
        `Cannot upload ${words.length} words: ${this.#used} of ${this.#words.length} are taken`,
      );
    }
    this.#words.set(words, this.#used);
    step.copy(this.#staging, this.#used * 4, target, 0, words.byteLength);
    this.#used += words.length;
  }

  /** Queues the write of what was sent since it was last called, or since {@link reset}; call it before a submit. */
  flush(): void {
    if (this.#used === this.#flushed) return;
    const words = this.#words.subarray(this.#flushed, this.#used);
    this.#device.handle.queue.writeBuffer(this.#staging.handle, this.#flushed * 4, words);
    this.#flushed = this.#used;
  }

  [Symbol.dispose](): void {
    this.#staging[Symbol.dispose]();
  }
}

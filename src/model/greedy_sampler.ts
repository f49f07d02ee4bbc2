/** Greedy sampling: the most likely token, whatever the slot asks for. */
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { GpuDevice } from "../gpu/device.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { BoundKernel } from "../gpu/kernel.ts";
import { argmax } from "../kernels/argmax.ts";
import type { SampledToken, Slot, SlotInit } from "./runner.ts";

/** Row r of the logits: whose they are, and the how-manieth token of its output (from 0) they decide. */
export interface SampleRow {
  readonly slot: Slot;
  readonly index: number;
}

/** What a step's results look like once read back. */
export interface SampleBatch {
  readonly rows: readonly SampleRow[];
  readonly bytes: number;
}

export interface SamplerOptions {
  readonly maxSequences: number;
  readonly vocabSize: number;
  readonly logits: GpuBuffer; // [maxSequences, vocabSize] f32
  readonly tokens: GpuBuffer; // [maxSequences] u32
  readonly plan: GpuBuffer; // u32, see plan.ts
  readonly samplesOffset: number;
}

export class GreedySampler implements Disposable {
  readonly maxResultBytes: number;
  readonly results: GpuBuffer;
  readonly #options: SamplerOptions;
  readonly #kernel: BoundKernel<"rows" | "vocab" | "samples">;

  private constructor(
    options: SamplerOptions,
    results: GpuBuffer,
    kernel: BoundKernel<"rows" | "vocab" | "samples">,
  ) {
    this.#options = options;
    this.results = results;
    this.maxResultBytes = results.bytes;
    this.#kernel = kernel;
  }

  static async create(device: GpuDevice, options: SamplerOptions): Promise<GreedySampler> {
    const kernel = await device.compile(argmax);
    const results = device.createBuffer({ label: "sampled", bytes: options.maxSequences * 4 });
    const { logits, plan, tokens: last_tokens } = options;
    return new GreedySampler(options, results, kernel.bind({ logits, plan, last_tokens, results }));
  }

  initSlot(_slot: Slot, _init: SlotInit): void {}

  encode(step: StepEncoder, rows: readonly SampleRow[]): SampleBatch {
    const { vocabSize: vocab, samplesOffset } = this.#options;
    step.dispatch(this.#kernel, { rows: rows.length, vocab, samples: samplesOffset });
    return { rows, bytes: rows.length * 4 };
  }

  decode({ rows }: SampleBatch, bytes: ArrayBuffer): SampledToken[] {
    const ids = new Uint32Array(bytes);
    return rows.map(({ slot }, row) => ({ slot, id: ids[row]!, logprob: NaN, top: [] }));
  }

  [Symbol.dispose](): void {
    this.results[Symbol.dispose]();
  }
}

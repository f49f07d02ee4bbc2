/** Greedy sampling: the most likely token, whatever the slot asks for. */
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { GpuDevice } from "../gpu/device.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { BoundKernel } from "../gpu/kernel.ts";
import { argmax } from "../kernels/argmax.ts";
import type { SampledToken, Slot } from "./runner.ts";
import type { Sampler, SamplerInputs } from "./sampler.ts";

export class GreedySampler implements Sampler {
  readonly wordsPerSample = 1;
  readonly results: GpuBuffer;
  readonly #inputs: SamplerInputs;
  readonly #kernel: BoundKernel<"rows" | "vocab" | "samples">;

  private constructor(
    inputs: SamplerInputs,
    results: GpuBuffer,
    kernel: BoundKernel<"rows" | "vocab" | "samples">,
  ) {
    this.#inputs = inputs;
    this.results = results;
    this.#kernel = kernel;
  }

  static async create(device: GpuDevice, inputs: SamplerInputs): Promise<GreedySampler> {
    const kernel = await device.compile(argmax);
    const results = device.createBuffer({ label: "sampled", bytes: inputs.maxSequences * 4 });
    const { logits, plan, lastTokens: last_tokens } = inputs;
    return new GreedySampler(inputs, results, kernel.bind({ logits, plan, last_tokens, results }));
  }

  initSlot(): void {}

  encode(step: StepEncoder, samples: number): void {
    const { vocabSize: vocab, samplesOffset } = this.#inputs;
    step.dispatch(this.#kernel, { rows: samples, vocab, samples: samplesOffset });
  }

  parse(words: Uint32Array, slot: Slot): SampledToken {
    return { slot, id: words[0]!, logprob: NaN, top: [] };
  }

  [Symbol.dispose](): void {
    this.results[Symbol.dispose]();
  }
}

/**
 * What the runner asks of sampling: logits in, each slot's next token and its report out, all on the device. Knows
 * nothing of sequences or steps.
 */
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { SampledToken, Slot, SlotInit } from "./runner.ts";

/** The buffers that sampling works on; owned by the forward pass. */
export interface SamplerInputs {
  readonly logits: GpuBuffer; // [samples, vocabSize] f32
  /** u32; from word `samplesOffset` on, (row, slot) per sample. */
  readonly plan: GpuBuffer;
  readonly samplesOffset: number;
  /** The sampled token of slot s goes to element s. */
  readonly lastTokens: GpuBuffer; // [maxSequences] u32
  readonly maxSequences: number;
  readonly vocabSize: number;
}

export interface Sampler extends Disposable {
  /** Report of each sample, `wordsPerSample` u32 apart, in the order of the plan's samples. */
  readonly results: GpuBuffer;
  readonly wordsPerSample: number;
  initSlot(slot: Slot, init: SlotInit): void;
  /** Appends the dispatches for so many samples. */
  encode(step: StepEncoder, samples: number): void;
  /** Reads the report of one sample. */
  parse(words: Uint32Array, slot: Slot): SampledToken;
}

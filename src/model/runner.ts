/**
 * What the engine asks of a model on a device: slots, blocks and steps. The scheduler plans in these terms
 * without a GPU; src/model/mistral.ts carries the plans out. A runner never waits for the GPU inside `prepare` and
 * `submit`: the sampled token of a slot stays on the device and feeds that slot's next decode row.
 */
import type { SamplingParams } from "./sampling.ts";

/** How weights are held on the device. `none`: as stored; `fp8`: E4M3, one scale per output channel. */
export type Quantization = "none" | "fp8";
/**
 * Storage type of activations, and of the KV cache unless {@link KvCacheDtype} says otherwise. Sums are f32 all the same,
 * unless {@link Accumulation} says otherwise.
 */
export type Precision = "f32" | "f16";
/**
 * What products are added in. `f16`: FP8 weights times f16 activations in chains of 16 or 32 products in f16, whose ends are
 * added in f32, on GPUs with subgroups and f16; nothing else is different.
 */
export type Accumulation = "f32" | "f16";
/** How the KV cache is to be stored. `auto`: as activations are; `fp8`: E4M3, one scale per token and kv head. */
export type KvCacheDtype = "auto" | "fp8";
/** How it is stored. */
export type KvCacheFormat = Precision | "fp8";

/** Index of a running sequence's device-side state (last token, sampling parameters, counts). */
export type Slot = number & { readonly __brand: "Slot" };
/** Index of a KV block of `blockSize` tokens. */
export type BlockId = number & { readonly __brand: "BlockId" };

/** A run of known tokens of one sequence. Positions `start … start + tokenIds.length - 1`. */
export interface PromptChunk {
  readonly slot: Slot;
  readonly tokenIds: Uint32Array;
  readonly start: number;
  /**
   * Tokens that were sampled before (the sequence was preempted since). They are computed as decode rows are, not as
   * prompt rows, so that their keys and values get the same bits as the first time.
   */
  readonly replay: boolean;
  /** Sample the next token from the last row of this chunk. */
  readonly sample: boolean;
  /** Covers at least `start + tokenIds.length` tokens. */
  readonly blockTable: readonly BlockId[];
}

/** One decode row: its input token is the slot's last sampled one, already on the device. */
export interface DecodeRow {
  readonly slot: Slot;
  /** Position of the input token; the row attends to positions 0 … position. */
  readonly position: number;
  /**
   * Guesses at the tokens that follow, at most `maxDrafts`. Each makes one more row, which samples as if the guesses
   * before it were right. What comes of them is the tokens that single steps would sample: those up to the first that
   * differs from its guess. Until they are collected, nothing else may be prepared for the slot, nor further steps in
   * the same submit.
   */
  readonly drafts?: Uint32Array;
  /** Covers at least `position + 1` tokens, and the drafts. */
  readonly blockTable: readonly BlockId[];
}

/**
 * One forward step. A slot appears at most once over both lists. Rows run as prompts, replays, decodes. No two rows may
 * write to the same place of the same block, not even the same values: heads of keys that are normed are so where they
 * lie.
 */
export interface StepPlan {
  readonly prompts: readonly PromptChunk[];
  readonly decodes: readonly DecodeRow[];
}

/** Log-probability under the model's own distribution (before temperature, penalties and truncation). */
export interface TokenLogprob {
  readonly id: number;
  readonly logprob: number;
}

/**
 * In place of a sampled id: a logit of the row, whatever mask, bias and penalties make of it, is NaN or infinite. The
 * slot has stopped, as with a stop id. No vocabulary reaches so far (src/formats/config.ts).
 */
export const NOT_FINITE = 0xfffffffe;

/** A token sampled by a step. */
export interface SampledToken {
  readonly slot: Slot;
  /** Or {@link NOT_FINITE}, with nothing else known. */
  readonly id: number;
  /** NaN unless the slot asked for logprobs. */
  readonly logprob: number;
  /** The slot's `logprobs` most likely alternatives, best first. */
  readonly top: readonly TokenLogprob[];
}

/** Counts of what a step cost: facts of the plan, and of whether the device was idle, not of the clock. */
export interface StepCost {
  readonly dispatches: number;
  /** Its share of the submit: one of k steps costs 1 / k; and those before it, if it was handed over in pieces. */
  readonly submits: number;
  readonly readbackBytes: number;
  /** That the device has to read of weights, keys and values; see step_reads.ts. */
  readonly readBytes: number;
}

export interface PrepareOptions {
  /**
   * The device has nothing to do. So it is handed most of the first step piece by piece, while the rest is encoded;
   * nothing is sampled before the submit.
   */
  readonly isDeviceIdle?: boolean;
}

/** Encoded steps that wait to be submitted. */
export interface PreparedStep {
  /** Of each step. */
  readonly costs: readonly StepCost[];
  /** Hands the commands to the device, once, which takes next to no time. Never waits. */
  submit(): PendingStep;
}

/** Submitted steps whose results have not been read yet. */
export interface PendingStep {
  /**
   * The samples of each step: prompts that sample, then replays that sample, then decodes, each in plan order; of a
   * decode row with drafts, one more than there were right guesses; of a slot that had stopped before, none. Blocks
   * this thread until the GPU has finished all that is submitted (see src/gpu/readback.ts), so have the next steps prepared
   * when you call it, and submit them as soon as it returns. Rejects with DeviceLostError when the device is gone.
   */
  collect(): Promise<readonly (readonly SampledToken[])[]>;
}

/** Initial state of a slot for a new sequence. */
export interface SlotInit {
  readonly sampling: SamplingParams;
  /** Ids that must not be sampled while fewer than `sampling.minTokens` tokens are out (end of sequence, stop ids). */
  readonly bannedUntilMinTokens: readonly number[];
  /**
   * Once one of them is sampled, `sampling.minTokens` being out, the slot has stopped: decode rows of its that have been or
   * will be prepared compute, write and sample nothing, until the slot is prepared for another sequence. None unless given;
   * of very many the runner may know only the first. Those that a row with drafts samples stop nothing.
   */
  readonly stopTokenIds?: readonly number[];
  /** The whole prompt, for penalties that look at it. */
  readonly promptTokenIds: Uint32Array;
  /** What the sequence has sampled already, for penalties and because random numbers go by the place in the output. */
  readonly outputTokenIds: readonly number[];
}

export interface RunnerLimits {
  /** Slots 0 … maxSequences - 1. */
  readonly maxSequences: number;
  /** Tokens per KV block. */
  readonly blockSize: number;
  /** Blocks 0 … blockCount - 1. */
  readonly blockCount: number;
  /** Longest sequence, prompt and output together, in tokens. */
  readonly maxContext: number;
  /** Most prompt tokens in one step, over all chunks. */
  readonly maxPromptTokens: number;
  /** Most drafts of a decode row. */
  readonly maxDrafts: number;
  /** Most rows of a step that sample: chunks that do, decode rows, drafts. */
  readonly maxSamples: number;
  readonly vocabSize: number;
}

/** A model resident on a device. `[Symbol.dispose]` destroys every buffer it owns. */
export interface ModelRunner extends Disposable {
  readonly limits: RunnerLimits;
  /** Bytes on the device: of weights, of KV cache, and of everything. */
  readonly memory: {
    readonly weightBytes: number;
    readonly kvCacheBytes: number;
    readonly totalBytes: number;
  };
  readonly kvCacheFormat: KvCacheFormat;
  /** What products are added in, whatever was asked for. */
  readonly accumulation: Accumulation;
  /** By forms of its kernels that were found quickest on this device (tuned_forms.ts), not by the built-in table alone. */
  readonly isTuned: boolean;
  /** Steps that one submit can hold, and how many decode steps of it pay on this device. */
  readonly stepsPerSubmit: { readonly max: number; readonly preferred: number };
  /** Prepares a slot; its previous sequence must have left the batch. Takes effect for steps prepared later. */
  initSlot(slot: Slot, init: SlotInit): void;
  /**
   * Only tokens whose bit is set (bit id % 32 of word id / 32) can be sampled for the slot in steps prepared later, until
   * the next call; null lifts that. No step in flight may sample for the slot.
   */
  setMask(slot: Slot, words: Uint32Array<ArrayBuffer> | null): void;
  /**
   * Encodes consecutive steps, without waiting for the GPU and, unless it is idle, without submitting any of them: do it
   * while the device works on the steps before. What is prepared must be submitted before the next is prepared. Throws
   * on a plan outside `limits`, having changed nothing.
   */
  prepare(plans: readonly StepPlan[], options?: PrepareOptions): PreparedStep;
}

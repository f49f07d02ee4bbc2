/**
 * Sampling as a runner uses it: owns the per-slot parameters and counts, the rows of a step and its result records.
 * Writes the sampled id of each row to the caller's `tokens[slot]`, so the next step can read it on the device.
 */
import { formatBytes, formatBytesApart } from "../byte_size.ts";
import { CapacityError } from "../errors.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { GpuDevice } from "../gpu/device.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { BoundKernel } from "../gpu/kernel.ts";
import { sample, sampleListCapacity } from "../kernels/sample.ts";
import { groupBytes, sampleGroups } from "../kernels/sample_groups.ts";
import { STOPPED } from "./plan.ts";
import { NOT_FINITE, type SampledToken, type Slot, type SlotInit, type TokenLogprob } from "./runner.ts";
import { SAMPLING_LIMITS } from "./sampling.ts";
import {
  BIAS_WORDS,
  biasWords,
  controlWords,
  countWords,
  MASKS,
  maskWords,
  penalizes,
  readsCounts,
  SLOT_WORDS,
  slotWords,
  stopsOffset,
  stopWords,
} from "./sampler_slot.ts";

/** Row r of the logits: whose they are, and the how-manieth token of its output (from 0) they decide. */
export interface SampleRow {
  readonly slot: Slot;
  readonly index: number;
  /** The row's input is the slot's last token: if that was the end, the row is left out. */
  readonly continues?: boolean;
  /**
   * Guesses that the row takes for outputs, at most MAX_DRAFTS; undefined for a slot with one row. Where there are several,
   * neither the slot's token nor its counts are written before {@link Sampler.settle}.
   */
  readonly drafts?: Uint32Array;
}

/** Words that a {@link SampleRow} takes on its way to the device (SampleRow in shaders/lib/sample_values.wgsl). */
export const SAMPLE_ROW_WORDS = 8;
const DRAFTS_AT = 4;
const DECIDES = 1;
const CONTINUES = 2;

/** What a step's records look like once read back: `rows.length * recordWords` words of {@link Sampler.results}. */
export interface SampleBatch {
  readonly rows: readonly (SampleRow & { readonly logprobs: number })[];
  readonly recordWords: number;
  readonly bytes: number;
}

export interface SamplerOptions {
  readonly maxSequences: number;
  /** Most rows of a step. */
  readonly maxSamples: number;
  readonly vocabSize: number;
  /** [at least maxSequences, vocabSize] f32 */
  readonly logits: GpuBuffer;
  /** [maxSequences] u32 */
  readonly tokens: GpuBuffer;
  /** Tunables of the kernel, in place of those for the device. */
  readonly overrides?: { readonly listCapacity?: number };
}

/** Dispatches that {@link Sampler.sample} appends. */
export const SAMPLER_DISPATCHES = 2;

/** Id, log-probability, then pairs of them. */
const MAX_RECORD_WORDS = 2 + 2 * SAMPLING_LIMITS.logprobs.max;
/** Ends a record's pairs early. */
const NONE = 0xffffffff;

/** Bytes of each of its buffers. */
export function samplerBytes(
  { maxSequences, maxSamples, vocabSize }: Pick<
    SamplerOptions,
    "maxSequences" | "maxSamples" | "vocabSize"
  >,
) {
  return {
    results: maxSamples * MAX_RECORD_WORDS * 4,
    slots: maxSequences * SLOT_WORDS * 4,
    counts: maxSequences * vocabSize * 4,
    controls: maxSequences * controlWords(vocabSize) * 4,
    rows: maxSamples * SAMPLE_ROW_WORDS * 4,
    groups: maxSamples * groupBytes(vocabSize),
  };
}

export class Sampler implements Disposable {
  /** Records of the last step, row by row. */
  readonly results: GpuBuffer;
  /** Most bytes of {@link SampleBatch}. */
  readonly maxResultBytes: number;
  readonly #device: GpuDevice;
  readonly #vocabSize: number;
  readonly #tokens: GpuBuffer;
  readonly #slots: GpuBuffer;
  readonly #counts: GpuBuffer;
  readonly #controls: GpuBuffer;
  readonly #rows: GpuBuffer;
  readonly #groups: GpuBuffer;
  readonly #groupsKernel: BoundKernel<"vocabSize" | "rowCount">;
  readonly #kernel: BoundKernel<"vocabSize" | "recordWords" | "rowCount">;
  /** Asked number of alternatives per slot; -1 = no log-probabilities. */
  readonly #logprobs: Int32Array;
  /** Flags of each slot, without {@link MASKS}. */
  readonly #flags: Uint32Array;
  /** What `counts` holds of each slot that counts, as far as it has been read back. */
  readonly #countWords: (Uint32Array<ArrayBuffer> | null)[];

  private constructor(
    device: GpuDevice,
    options: SamplerOptions,
    kernels: Awaited<ReturnType<typeof compile>>,
  ) {
    const { maxSequences, vocabSize, logits, tokens } = options;
    this.#device = device;
    this.#vocabSize = vocabSize;
    this.#logprobs = new Int32Array(maxSequences).fill(-1);
    this.#flags = new Uint32Array(maxSequences);
    this.#countWords = Array.from({ length: maxSequences }, () => null);
    this.#tokens = tokens;
    const bytes = samplerBytes(options);
    this.maxResultBytes = bytes.results;
    this.results = device.createBuffer({ label: "sample results", bytes: bytes.results });
    this.#slots = device.createBuffer({ label: "sample slots", bytes: bytes.slots });
    this.#counts = device.createBuffer({ label: "sample counts", bytes: bytes.counts });
    this.#controls = device.createBuffer({ label: "sample controls", bytes: bytes.controls });
    this.#rows = device.createBuffer({ label: "sample rows", bytes: bytes.rows });
    this.#groups = device.createBuffer({ label: "sample groups", bytes: bytes.groups });
    const state = {
      logits,
      rows: this.#rows,
      slots: this.#slots,
      counts: this.#counts,
      controls: this.#controls,
      tokens,
      groups: this.#groups,
    };
    this.#groupsKernel = kernels.sampleGroups.bind(state);
    this.#kernel = kernels.sample.bind({ ...state, results: this.results });
  }

  /** Compiles the kernel and makes the buffers; CapacityError where a count per slot and token id cannot be bound. */
  static async create(device: GpuDevice, options: SamplerOptions): Promise<Sampler> {
    const countBytes = options.maxSequences * options.vocabSize * 4;
    if (countBytes > device.maxBindableBytes) {
      const { maxSequences, vocabSize } = options;
      const [counts, most] = formatBytesApart(countBytes, device.maxBindableBytes);
      throw new CapacityError(
        `Cannot sample for ${maxSequences} sequences over ${vocabSize} tokens: their counts need ${counts}, ` +
          `the device binds ${most}`,
        { field: "maxSequences", found: countBytes, expected: device.maxBindableBytes },
      );
    }
    const kernels = await compile(device, options.overrides ?? {});
    return await device.guard(
      `allocate ${formatBytes(countBytes)} of token counts`,
      () => new Sampler(device, options, kernels),
      { bytes: countBytes, release: (sampler) => sampler[Symbol.dispose]() },
    );
  }

  /** Takes effect for steps submitted later. Of the slot's previous sequence neither a mask nor its end is left. */
  initSlot(slot: Slot, init: SlotInit): void {
    const { queue } = this.#device.handle;
    const parameters = slotWords(init);
    queue.writeBuffer(this.#slots.handle, slot * SLOT_WORDS * 4, parameters);
    this.#flags[slot] = parameters[0]!;
    this.#countWords[slot] = null;
    if (readsCounts(init)) {
      const words = countWords(init, this.#vocabSize);
      if (penalizes(init.sampling)) this.#countWords[slot] = words;
      queue.writeBuffer(this.#counts.handle, slot * words.byteLength, words);
    }
    const biases = biasWords(init.sampling);
    if (biases.length > 0) {
      queue.writeBuffer(this.#controls.handle, slot * controlWords(this.#vocabSize) * 4, biases);
    }
    const stops = stopWords(init);
    if (stops.length > 0) {
      const at = slot * controlWords(this.#vocabSize) + stopsOffset(this.#vocabSize);
      queue.writeBuffer(this.#controls.handle, at * 4, stops);
    }
    queue.writeBuffer(this.#tokens.handle, slot * 4, new Uint32Array(1)); // It may be STOPPED.
    this.#logprobs[slot] = init.sampling.logprobs;
  }

  /**
   * From the next submitted step on, only tokens whose bit is set can come: bit id % 32 of word id / 32. Null lifts the
   * mask. Holds until the next call or {@link initSlot}. With every bit clear, a step still gives an id, which means nothing.
   */
  setMask(slot: Slot, words: Uint32Array<ArrayBuffer> | null): void {
    const { queue } = this.#device.handle;
    const expected = maskWords(this.#vocabSize);
    if (words !== null && words.length !== expected) {
      throw new RangeError(`Cannot mask slot ${slot} with ${words.length} words, expected ${expected}`);
    }
    const flags = this.#flags[slot]! | (words === null ? 0 : MASKS);
    queue.writeBuffer(this.#slots.handle, slot * SLOT_WORDS * 4, Uint32Array.of(flags));
    if (words === null) return;
    queue.writeBuffer(this.#controls.handle, (slot * controlWords(this.#vocabSize) + BIAS_WORDS) * 4, words);
  }

  /** {@link send} and {@link sample} in one, with the rows written at once, which serves one step in a submit. */
  encode(step: StepEncoder, sampled: readonly SampleRow[]): SampleBatch {
    const batch = this.send(sampled, (words) => {
      this.#device.handle.queue.writeBuffer(this.#rows.handle, 0, words);
    });
    this.sample(step, batch);
    return batch;
  }

  /**
   * Sends what row r of the logits is to be sampled for; at the beginning of a step, lest the copy part its dispatches. A
   * slot appears once at most, or in consecutive rows with drafts; then it must be settled before the next step of its is
   * submitted.
   */
  send(
    sampled: readonly SampleRow[],
    write: (words: Uint32Array<ArrayBuffer>, rows: GpuBuffer) => void,
  ): SampleBatch {
    const rows = sampled.map((row) => ({ ...row, logprobs: this.#logprobs[row.slot]! }));
    const most = Math.max(...rows.map(({ logprobs }) => logprobs));
    const recordWords = most < 0 ? 1 : 2 + 2 * most;
    const words = new Uint32Array(rows.length * SAMPLE_ROW_WORDS).fill(NONE);
    for (const [row, { slot, index, continues = false, drafts }] of rows.entries()) {
      const flags = (drafts === undefined ? DECIDES : 0) | (continues ? CONTINUES : 0);
      words.set([slot, index, flags, drafts?.length ?? 0], row * SAMPLE_ROW_WORDS);
      if (drafts !== undefined) words.set(drafts, row * SAMPLE_ROW_WORDS + DRAFTS_AT);
    }
    write(words, this.#rows);
    return { rows, recordWords, bytes: rows.length * recordWords * 4 };
  }

  /** Appends the dispatches that sample for the rows that were sent last. */
  sample(step: StepEncoder, { rows, recordWords }: SampleBatch): void {
    const params = { vocabSize: this.#vocabSize, recordWords, rowCount: rows.length };
    step.dispatch(this.#groupsKernel, params);
    step.dispatch(this.#kernel, params);
  }

  /**
   * The tokens of a batch from its bytes, in row order; of a row that was left out {@link STOPPED}, of one with logits that
   * are not finite {@link NOT_FINITE}. To be called once for each batch, in order.
   */
  decode({ rows, recordWords }: SampleBatch, bytes: ArrayBuffer): SampledToken[] {
    const words = new Uint32Array(bytes);
    const floats = new Float32Array(bytes);
    return rows.map(({ slot, logprobs, drafts }, row) => {
      const at = row * recordWords;
      const id = words[at]!;
      if (id === STOPPED || id === NOT_FINITE) return { slot, id, logprob: NaN, top: [] };
      const top: TokenLogprob[] = [];
      for (let pair = at + 2; top.length < logprobs && words[pair] !== NONE; pair += 2) {
        top.push({ id: words[pair]!, logprob: floats[pair + 1]! });
      }
      const counts = this.#countWords[slot];
      if (drafts === undefined && counts) counts[id]!++;
      return { slot, id, logprob: logprobs < 0 ? NaN : floats[at + 1]!, top };
    });
  }

  /** Says which tokens the slot really got from a batch in which it had several rows; the last may be {@link NOT_FINITE}. */
  settle(slot: Slot, ids: readonly number[]): void {
    const { queue } = this.#device.handle;
    const last = ids.at(-1)!;
    queue.writeBuffer(this.#tokens.handle, slot * 4, Uint32Array.of(last === NOT_FINITE ? STOPPED : last));
    const counts = this.#countWords[slot];
    if (!counts || last === NOT_FINITE) return; // It has no next token that these would count for.
    for (const id of ids) counts[id]!++;
    const at = slot * this.#vocabSize;
    for (const id of ids) queue.writeBuffer(this.#counts.handle, (at + id) * 4, counts.subarray(id, id + 1));
  }

  [Symbol.dispose](): void {
    const buffers = [this.results, this.#slots, this.#counts, this.#controls, this.#rows, this.#groups];
    for (const buffer of buffers) buffer[Symbol.dispose]();
  }
}

async function compile(device: GpuDevice, overrides: NonNullable<SamplerOptions["overrides"]>) {
  return {
    sampleGroups: await device.compile(sampleGroups),
    sample: await device.compile(sample, {
      overrides: {
        listCapacity: sampleListCapacity(device.limits.maxComputeWorkgroupStorageSize),
        ...overrides,
      },
    }),
  };
}

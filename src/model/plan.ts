/**
 * A step plan as the kernels read it: one array of u32, written to the device in one go.
 *
 *     rows     4 words each: token (or FROM_SLOT), slot, position, word index of the sequence's block table;
 *              first the rows of prompts, those that sample last, then those of replays and decodes, each decode
 *              before its drafts
 *     samples  1 word each, from `samplesOffset`: the row whose logits are wanted
 *     live     1 word, at `liveOffset`: 0 while no row is known to be computed for somebody
 *     tables   block ids, from `tablesOffset`; last, so that only what is used needs writing
 *
 * A row that goes on from its slot's last token may find that the slot has stopped, which only the device knows: embed then
 * puts STOPPED in place of the row's position, and for others it sets `live`. So all later kernels of the step see from
 * what they read anyway which rows to leave out, and whether there is anything to do at all.
 *
 * Refuses plans outside the runner's limits, for the kernels check nothing.
 */
import { NO_DRAFTS, type SampleWindow } from "./drafts.ts";
import type { PromptChunk, RunnerLimits, StepPlan } from "./runner.ts";

/** In place of a token id: the slot's last sampled token, which only the device knows. */
export const FROM_SLOT = 0xffffffff;
/**
 * In place of a slot's last token: that one, or that there could be none (NOT_FINITE in runner.ts), ended its sequence. In
 * place of a row's position: its slot's sequence has ended. In place of a sampled id: the row was left out for that.
 */
export const STOPPED = 0xffffffff;

const ROW_WORDS = 4;
/** Keeps the sections apart by 256 bytes, so that each can be bound by itself. */
const ALIGN_WORDS = 64;

export interface PlanRow {
  /** Token id or {@link FROM_SLOT}. */
  readonly token: number;
  readonly slot: number;
  readonly position: number;
  /** What {@link PlanWriter.addTable} returned. */
  readonly table: number;
}

/** Fills the array; no allocation after construction. */
export class PlanWriter {
  /** Words in all. */
  readonly capacity: number;
  readonly samplesOffset: number;
  readonly liveOffset: number;
  readonly tablesOffset: number;
  readonly words: Uint32Array<ArrayBuffer>;
  #rows = 0;
  #promptRows = 0;
  #sampledFrom = 0;
  #samples = 0;
  #end: number;

  constructor(
    size: { readonly maxRows: number; readonly maxSamples: number; readonly maxTableBlocks: number },
  ) {
    this.samplesOffset = roundUp(size.maxRows * ROW_WORDS, ALIGN_WORDS);
    this.liveOffset = this.samplesOffset + roundUp(size.maxSamples, ALIGN_WORDS);
    this.tablesOffset = this.liveOffset + ALIGN_WORDS;
    this.capacity = this.tablesOffset + size.maxTableBlocks;
    this.words = new Uint32Array(this.capacity);
    this.#end = this.tablesOffset;
  }

  get rows(): number {
    return this.#rows;
  }
  /** The first so many rows are a prompt's. The others are computed as decode rows, replays among them. */
  get promptRows(): number {
    return this.#promptRows;
  }
  /** The first prompt row that samples; {@link promptRows} if none does. */
  get sampledFrom(): number {
    return this.#sampledFrom;
  }
  get samples(): number {
    return this.#samples;
  }
  /** The words that the step needs. */
  get used(): Uint32Array<ArrayBuffer> {
    return this.words.subarray(0, this.#end);
  }

  reset(): void {
    this.#rows = 0;
    this.#promptRows = 0;
    this.#sampledFrom = 0;
    this.#samples = 0;
    this.#end = this.tablesOffset;
    this.words[this.liveOffset] = 0;
  }

  /** Appends the first `count` blocks of a sequence's table. */
  addTable(blocks: readonly number[], count: number): number {
    const at = this.#end;
    for (let i = 0; i < count; i++) this.words[at + i] = blocks[i]!;
    this.#end += count;
    return at;
  }

  /** Returns the row's index. */
  addRow({ token, slot, position, table }: PlanRow): number {
    const at = this.#rows * ROW_WORDS;
    this.words[at] = token;
    this.words[at + 1] = slot;
    this.words[at + 2] = position;
    this.words[at + 3] = table;
    if (token !== FROM_SLOT) this.words[this.liveOffset] = 1;
    return this.#rows++;
  }

  /** The rows so far are prompt rows; none comes after them. */
  endPrompts(): void {
    this.#promptRows = this.#rows;
    this.#sampledFrom = this.#samples === 0 ? this.#rows : this.words[this.samplesOffset]!;
  }

  /** The largest that `of` gives for the position of a row from `first` to before `end`; 1 without any. */
  most(of: (position: number) => number, first: number, end: number): number {
    let most = 1;
    for (let row = first; row < end; row++) {
      most = Math.max(most, of(this.words[row * ROW_WORDS + 2]!));
    }
    return most;
  }

  addSample(row: number): void {
    this.words[this.samplesOffset + this.#samples++] = row;
  }
}

/**
 * Packs a plan that {@link checkPlan} has passed: rows of prompts, those that sample last, then of replays, then of
 * decodes. Returns who samples, in order.
 */
export function packPlan(plan: StepPlan, limits: RunnerLimits, writer: PlanWriter): SampleWindow[] {
  writer.reset();
  const sampled: SampleWindow[] = [];
  const table = (blockTable: readonly number[], tokens: number) =>
    writer.addTable(blockTable, Math.ceil(tokens / limits.blockSize));
  const chunk = ({ slot, tokenIds, start, sample, blockTable }: PromptChunk) => {
    const at = table(blockTable, start + tokenIds.length);
    let row = 0;
    for (let i = 0; i < tokenIds.length; i++) {
      row = writer.addRow({ token: tokenIds[i]!, slot, position: start + i, table: at });
    }
    if (!sample) return;
    writer.addSample(row);
    sampled.push({ slot, drafts: NO_DRAFTS });
  };
  // Rows before the first that samples are spared the last layer.
  for (const prompt of plan.prompts) if (!prompt.replay && !prompt.sample) chunk(prompt);
  for (const prompt of plan.prompts) if (!prompt.replay && prompt.sample) chunk(prompt);
  writer.endPrompts();
  for (const prompt of plan.prompts) if (prompt.replay) chunk(prompt);
  for (const { slot, position, blockTable, drafts = NO_DRAFTS } of plan.decodes) {
    const at = table(blockTable, position + 1 + drafts.length);
    for (let n = 0; n <= drafts.length; n++) {
      const token = n === 0 ? FROM_SLOT : drafts[n - 1]!;
      writer.addSample(writer.addRow({ token, slot, position: position + n, table: at }));
    }
    sampled.push({ slot, drafts });
  }
  return sampled;
}

/** Throws RangeError. */
export function checkPlan({ prompts, decodes }: StepPlan, limits: RunnerLimits): void {
  const slots = new Set<number>();
  let promptTokens = 0;
  let samples = 0;
  const checkSequence = (slot: number, tokens: number, blockTable: readonly number[]) => {
    if (!(slot >= 0 && slot < limits.maxSequences) || slots.has(slot)) {
      throw new RangeError(`Cannot run a step with slot ${slot}: it is unknown or appears twice`);
    }
    slots.add(slot);
    if (!(tokens >= 1 && tokens <= limits.maxContext)) {
      throw new RangeError(`Cannot run slot ${slot} to ${tokens} tokens: at most ${limits.maxContext} fit`);
    }
    const blocks = Math.ceil(tokens / limits.blockSize);
    if (blockTable.length < blocks) {
      throw new RangeError(
        `Cannot run slot ${slot} to ${tokens} tokens: ${blockTable.length} blocks, expected ${blocks}`,
      );
    }
    for (let i = 0; i < blocks; i++) {
      if (!(blockTable[i]! >= 0 && blockTable[i]! < limits.blockCount)) {
        throw new RangeError(
          `Cannot use block ${blockTable[i]} of slot ${slot}: there are ${limits.blockCount}`,
        );
      }
    }
  };
  const checkTokens = (slot: number, tokenIds: Uint32Array) => {
    for (const id of tokenIds) {
      if (id < limits.vocabSize) continue;
      throw new RangeError(
        `Cannot run token ${id} of slot ${slot}: the vocabulary has ${limits.vocabSize}`,
      );
    }
  };
  for (const { slot, tokenIds, start, sample, blockTable } of prompts) {
    if (tokenIds.length === 0 || start < 0) {
      throw new RangeError(`Cannot run an empty prompt chunk of slot ${slot}`);
    }
    checkSequence(slot, start + tokenIds.length, blockTable);
    promptTokens += tokenIds.length;
    if (sample) samples++;
    checkTokens(slot, tokenIds);
  }
  for (const { slot, position, blockTable, drafts = NO_DRAFTS } of decodes) {
    if (drafts.length > limits.maxDrafts) {
      throw new RangeError(
        `Cannot try ${drafts.length} drafts of slot ${slot}: at most ${limits.maxDrafts} fit`,
      );
    }
    checkSequence(slot, position + 1 + drafts.length, blockTable);
    checkTokens(slot, drafts);
    samples += 1 + drafts.length;
  }
  if (promptTokens > limits.maxPromptTokens) {
    throw new RangeError(
      `Cannot run ${promptTokens} prompt tokens in one step: at most ${limits.maxPromptTokens}`,
    );
  }
  if (samples > limits.maxSamples) {
    throw new RangeError(`Cannot sample ${samples} rows in one step: at most ${limits.maxSamples}`);
  }
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

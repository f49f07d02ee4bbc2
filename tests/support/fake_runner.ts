/**
 * A model without a device, for tests of scheduling. Every cell of its KV cache holds which token was computed there, at
 * which position and on which path (as a prompt row or as a decode row), and whatever a row attends to must be its own
 * sequence's, in order and by the right path. A block used by two sequences, a missing position, a stale table, a prompt
 * block that holds outputs or a replay that runs as a prompt therefore fails the test that caused it. It also enforces the
 * runner's contract: what a step in flight refers to must not be written by another sequence, and plans must stay within
 * the limits. What a failed submit computed is lost. The tokens are those of
 * fake_tokens.ts.
 */
import { nextToken } from "./fake_tokens.ts";
import { acceptedSamples, NO_DRAFTS } from "../../src/model/drafts.ts";
import {
  type BlockId,
  type DecodeRow,
  type ModelRunner,
  NOT_FINITE,
  type PendingStep,
  type PreparedStep,
  type PrepareOptions,
  type PromptChunk,
  type RunnerLimits,
  type SampledToken,
  type Slot,
  type SlotInit,
  type StepCost,
  type StepPlan,
} from "../../src/model/runner.ts";

export const FAKE_LIMITS: RunnerLimits = {
  maxSequences: 4,
  blockSize: 4,
  blockCount: 24,
  maxContext: 48,
  maxPromptTokens: 8,
  maxDrafts: 3,
  maxSamples: 8,
  vocabSize: 64,
};

/** Submits before that of a step for an idle device. */
export const PIECES = 2;

interface FakeSlot {
  readonly init: SlotInit;
  /** Counts sequences over the life of the runner: tells a slot's owners apart. */
  readonly owner: number;
  /** Prompt and outputs, those of the slot's past included. */
  readonly tokens: number[];
  /** Tokens in the cache; null before the first chunk. */
  computed: number | null;
  /** Used once: a constrained sequence gets another for every token. */
  mask: Uint32Array | null;
  /** Its last token was one of its stop ids, or could not be sampled. */
  stopped: boolean;
}

interface Cell {
  readonly token: number;
  readonly position: number;
  readonly path: "prompt" | "decode";
}

interface Row {
  readonly slot: Slot;
  readonly owner: number;
  readonly samples: boolean;
  /** Its whole table. */
  readonly blocks: readonly BlockId[];
  readonly written: readonly BlockId[];
  /** Addresses of the cells that it wrote. */
  readonly cells: number[];
}

export interface FakeOptions {
  readonly limits?: Partial<RunnerLimits>;
  /** What the runner prefers; 1 unless given. */
  readonly stepsPerSubmit?: number;
  /** Called when a submit is prepared; throw to make that fail. `index` counts submits from 0. */
  readonly onPrepare?: (index: number, plans: readonly StepPlan[]) => void;
  /** Hears of `prepare`, `submit` and `collect`, each with the index of the submit. */
  readonly onEvent?: (event: string) => void;
  /** Awaited before a submit's samples are given out; reject to make `collect` fail. */
  readonly onCollect?: (index: number) => Promise<void> | void;
}

export class FakeRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly memory = { weightBytes: 1000, kvCacheBytes: 200, totalBytes: 1500 };
  readonly kvCacheFormat = "f32";
  readonly accumulation = "f32";
  readonly isTuned = false;
  readonly stepsPerSubmit: { readonly max: number; readonly preferred: number };
  /** Sequences in each step. */
  readonly batchSizes: number[] = [];
  /** Steps in each submit. */
  readonly stepCounts: number[] = [];
  /** Those of the submits that were prepared for an idle device. */
  readonly idleSubmits: number[] = [];
  /** Prompts in the order their slots were initialised. */
  readonly started: Uint32Array[] = [];
  /** Most submits that were ever in flight at once. */
  maxInFlight = 0;
  /** Decode rows of slots that had stopped. */
  leftOut = 0;
  disposed = false;

  readonly #options: FakeOptions;
  readonly #cache: (Cell | undefined)[];
  readonly #slots = new Map<Slot, FakeSlot>();
  readonly #inFlight: { readonly index: number; readonly rows: readonly Row[] }[] = [];
  /** With drafts in flight. */
  readonly #undecided = new Set<Slot>();
  #owners = 0;
  #submits = 0;
  #submitted = 0;
  #prepared: number | null = null;
  /** Of the step that is being run. */
  #writing: readonly Row[] = [];

  constructor(options: FakeOptions = {}) {
    this.#options = options;
    this.limits = { ...FAKE_LIMITS, ...options.limits };
    this.stepsPerSubmit = { max: 8, preferred: options.stepsPerSubmit ?? 1 };
    this.#cache = Array.from({ length: this.limits.blockCount * this.limits.blockSize });
  }

  initSlot(slot: Slot, init: SlotInit): void {
    this.#assertLive();
    assert(slot >= 0 && slot < this.limits.maxSequences, `slot ${slot} is out of range`);
    const inUse = this.#inFlight.some(({ rows }) => rows.some((row) => row.slot === slot));
    assert(!inUse, `slot ${slot} is reused while a step in flight refers to it`);
    this.started.push(init.promptTokenIds);
    const tokens = [...init.promptTokenIds, ...init.outputTokenIds];
    this.#slots.set(slot, {
      init,
      owner: this.#owners++,
      tokens,
      computed: null,
      mask: null,
      stopped: false,
    });
  }

  setMask(slot: Slot, words: Uint32Array | null): void {
    this.#assertLive();
    const inUse = this.#inFlight.some(({ rows }) => rows.some((row) => row.slot === slot && row.samples));
    assert(!inUse, `slot ${slot} gets a mask while a step in flight samples for it`);
    this.#slot(slot).mask = words;
  }

  prepare(plans: readonly StepPlan[], { isDeviceIdle = false }: PrepareOptions = {}): PreparedStep {
    this.#assertLive();
    assert(!isDeviceIdle || this.#inFlight.length === 0, "the device is called idle with a submit in flight");
    assert(this.#prepared === null, "a submit is prepared while another waits to be submitted");
    assert(
      plans.length >= 1 && plans.length <= this.stepsPerSubmit.max,
      `${plans.length} steps are prepared`,
    );
    const index = this.#submits++;
    this.#options.onEvent?.(`prepare ${index}`);
    this.#options.onPrepare?.(index, plans);
    const drafted = plans.some(({ decodes }) => decodes.some(({ drafts }) => drafts !== undefined));
    assert(!drafted || plans.length === 1, "drafts have other steps behind them");
    const samples = plans.map((plan) => this.#run(index, plan));
    this.stepCounts.push(plans.length);
    if (isDeviceIdle) this.idleSubmits.push(index);
    this.#prepared = index;
    const costs = samples.map((step, at): StepCost => ({
      dispatches: 11,
      submits: 1 / plans.length + (isDeviceIdle && at === 0 ? PIECES : 0),
      readbackBytes: 4 * step.length,
      readBytes: 1000,
    }));
    return { costs, submit: () => this.#submit(index, samples) };
  }

  [Symbol.dispose](): void {
    assert(!this.disposed, "the runner is disposed twice");
    this.disposed = true;
  }

  /** What the device will do: nothing else is prepared before, so it can as well be done now. */
  #run(index: number, plan: StepPlan): readonly SampledToken[] {
    const chunks = [
      ...plan.prompts.filter(({ replay }) => !replay),
      ...plan.prompts.filter(({ replay }) => replay),
    ];
    const rows = [
      ...chunks.map(({ slot, start, tokenIds, sample, blockTable }) =>
        this.#row(slot, start, tokenIds.length, { blockTable, samples: sample })
      ),
      ...plan.decodes.map(({ slot, position, blockTable, drafts = NO_DRAFTS }) =>
        this.#row(slot, position, 1 + drafts.length, { blockTable, samples: true })
      ),
    ];
    this.#check(plan, rows);
    for (const { slot } of rows) {
      assert(!this.#undecided.has(slot), `slot ${slot} runs while its drafts are in flight`);
    }
    this.batchSizes.push(rows.length);
    this.#inFlight.push({ index, rows });
    this.#writing = rows;
    for (const chunk of chunks) this.#writeChunk(chunk);
    const decodes = plan.decodes.filter(({ slot }) => !this.#slot(slot).stopped);
    this.leftOut += plan.decodes.length - decodes.length;
    for (const decode of decodes) this.#writeDecode(decode);
    const prompts = chunks.filter(({ sample }) => sample);
    return [
      ...prompts.map(({ slot, blockTable }) => this.#sample(slot, blockTable, NO_DRAFTS)),
      ...decodes.flatMap((decode) => this.#sampleWindow(decode)),
    ];
  }

  /** Every row as if the drafts before it were right; of what comes of it, the tokens that count. */
  #sampleWindow({ slot, position, blockTable, drafts = NO_DRAFTS }: DecodeRow): readonly SampledToken[] {
    const state = this.#slot(slot);
    const known = state.tokens.length;
    const rows = Array.from({ length: drafts.length + 1 }, (_, n) => {
      const sampled = this.#sample(slot, blockTable, drafts.subarray(0, n));
      state.tokens.length = known;
      return sampled;
    });
    const accepted = acceptedSamples(drafts, rows);
    if (drafts.length > 0) state.stopped = accepted.at(-1)!.id === NOT_FINITE;
    state.tokens.push(...accepted.map(({ id }) => id));
    state.computed = position + accepted.length;
    if (drafts.length > 0) this.#undecided.add(slot);
    return accepted;
  }

  #row(
    slot: Slot,
    start: number,
    length: number,
    { blockTable, samples }: { readonly blockTable: readonly BlockId[]; readonly samples: boolean },
  ): Row {
    const { blockSize } = this.limits;
    const written = blockTable.slice(Math.floor(start / blockSize), Math.ceil((start + length) / blockSize));
    return { slot, owner: this.#slot(slot).owner, samples, blocks: [...blockTable], written, cells: [] };
  }

  #writeChunk({ slot, tokenIds, start, replay, sample, blockTable }: PromptChunk): void {
    const state = this.#slot(slot);
    const { promptTokenIds } = state.init;
    assert(start === (state.computed ?? start), `slot ${slot} goes on at ${start} after ${state.computed}`);
    assert(
      state.computed !== null || start % this.limits.blockSize === 0,
      `slot ${slot} shares half a block`,
    );
    assert(
      start < promptTokenIds.length !== replay,
      `slot ${slot} computes position ${start} on the wrong path`,
    );
    const end = start + tokenIds.length;
    assert(replay || end <= promptTokenIds.length, `slot ${slot} computes outputs as a prompt`);
    assert(sample === (end === state.tokens.length), `slot ${slot} samples at the wrong place`);
    for (const [offset, token] of tokenIds.entries()) {
      const position = start + offset;
      assert(token === state.tokens[position], `slot ${slot} computes another token at ${position}`);
      this.#write(slot, blockTable, { token, position, path: replay ? "decode" : "prompt" });
    }
    state.computed = end;
  }

  #writeDecode({ slot, position, blockTable, drafts = NO_DRAFTS }: DecodeRow): void {
    const state = this.#slot(slot);
    assert(position === state.computed, `slot ${slot} goes on at ${position} after ${state.computed}`);
    assert(position === state.tokens.length - 1, `slot ${slot} decodes at ${position}`);
    assert(drafts.length <= this.limits.maxDrafts, `slot ${slot} has ${drafts.length} drafts`);
    for (const [offset, token] of [state.tokens[position]!, ...drafts].entries()) {
      this.#write(slot, blockTable, { token, position: position + offset, path: "decode" });
    }
    state.computed = position + 1;
  }

  #submit(index: number, samples: readonly (readonly SampledToken[])[]): PendingStep {
    this.#assertLive();
    assert(this.#prepared === index, "a submit is submitted twice");
    this.#options.onEvent?.(`submit ${index}`);
    this.#prepared = null;
    this.maxInFlight = Math.max(this.maxInFlight, ++this.#submitted);
    return { collect: () => this.#collect(index, samples) };
  }

  async #collect(
    index: number,
    samples: readonly (readonly SampledToken[])[],
  ): Promise<readonly (readonly SampledToken[])[]> {
    assert(this.#inFlight[0]?.index === index, `submit ${index} is collected out of order or twice`);
    this.#options.onEvent?.(`collect ${index}`);
    try {
      await this.#options.onCollect?.(index);
    } catch (error) {
      const lost = this.#inFlight.filter((step) => step.index === index).flatMap(({ rows }) => rows);
      for (const address of lost.flatMap(({ cells }) => cells)) this.#cache[address] = undefined;
      throw error;
    } finally {
      this.#submitted--;
      while (this.#inFlight[0]?.index === index) {
        for (const { slot } of this.#inFlight.shift()!.rows) this.#undecided.delete(slot);
      }
    }
    return samples;
  }

  #check({ prompts, decodes }: StepPlan, rows: readonly Row[]): void {
    assert(rows.length > 0, "an empty step is submitted");
    assert(new Set(rows.map(({ slot }) => slot)).size === rows.length, "a slot appears twice in a step");
    const promptTokens = prompts.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    assert(promptTokens <= this.limits.maxPromptTokens, `a step has ${promptTokens} prompt tokens`);
    const drafted = decodes.reduce((sum, { drafts }) => sum + (drafts?.length ?? 0), 0);
    const samples = rows.filter(({ samples }) => samples).length + drafted;
    assert(samples <= this.limits.maxSamples, `a step samples ${samples} rows`);
    for (const { blocks } of rows) {
      const known = blocks.every((block) => block >= 0 && block < this.limits.blockCount);
      assert(known, `a block is out of range: ${blocks}`);
      assert(new Set(blocks).size === blocks.length, "a block appears twice in a table");
    }
    const others = [...this.#inFlight.flatMap(({ rows }) => rows), ...rows];
    for (const row of rows) {
      for (const other of others) {
        if (other.owner === row.owner) continue;
        const block = other.written.find((block) => row.blocks.includes(block)) ??
          row.written.find((block) => other.blocks.includes(block));
        assert(
          block === undefined,
          `block ${block} is written by one sequence and used by another in flight`,
        );
      }
    }
  }

  /** The token after all that the sequence has and the drafts, from what the cache says that it has. */
  #sample(slot: Slot, table: readonly BlockId[], drafts: Uint32Array): SampledToken {
    const { init, tokens } = this.#slot(slot);
    tokens.push(...drafts);
    const context = tokens.map((token, position) => {
      const cell = this.#cache[this.#address(table, position)];
      const path = position < init.promptTokenIds.length ? "prompt" : "decode";
      const right = cell?.token === token && cell.position === position && cell.path === path;
      const found = JSON.stringify(cell);
      assert(right, `slot ${slot} finds ${found} in place of token ${token} at ${position} (${path})`);
      return cell!.token;
    });
    const produced = tokens.length - init.promptTokenIds.length;
    assert(produced < init.sampling.maxTokens, `slot ${slot} samples more than was asked for`);
    let id = nextToken(context, init, produced, this.limits.vocabSize);
    const slotState = this.#slot(slot);
    if (id === NOT_FINITE) {
      slotState.stopped = true;
      return { slot, id, logprob: NaN, top: [] };
    }
    if (init.sampling.constraint !== null) {
      const { mask } = slotState;
      assert(mask !== null, `slot ${slot} samples without the mask of its token`);
      while ((mask[id >>> 5]! >>> (id & 31) & 1) === 0) id = (id + 1) % this.limits.vocabSize;
      slotState.mask = null;
    }
    tokens.push(id);
    slotState.stopped = produced >= init.sampling.minTokens && (init.stopTokenIds ?? []).includes(id);
    const { logprobs } = init.sampling;
    const top = Array.from(
      { length: Math.max(0, logprobs) },
      (_, rank) => ({ id: rank, logprob: -1 - rank }),
    );
    return { slot, id, logprob: logprobs < 0 ? NaN : -0.5, top };
  }

  #write(slot: Slot, table: readonly BlockId[], cell: Cell): void {
    assert(cell.position < this.limits.maxContext, `position ${cell.position} is outside the context`);
    const address = this.#address(table, cell.position);
    this.#cache[address] = cell;
    this.#writing.find((row) => row.slot === slot)!.cells.push(address);
  }

  #address(table: readonly BlockId[], position: number): number {
    const block = table[Math.floor(position / this.limits.blockSize)];
    assert(block !== undefined, `position ${position} is outside the block table`);
    return block * this.limits.blockSize + position % this.limits.blockSize;
  }

  #slot(slot: Slot): FakeSlot {
    const state = this.#slots.get(slot);
    assert(state !== undefined, `slot ${slot} was never initialised`);
    return state;
  }

  #assertLive(): void {
    assert(!this.disposed, "the runner is used after dispose");
  }
}

/** A breach of the runner's contract. */
export class ContractError extends Error {}

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new ContractError(`Runner contract: ${message}`);
}

/**
 * A model without a device, for tests of scheduling: its KV cache holds token ids, and the next token is a hash of
 * every id a row can see through its block table. A block used by two sequences, a missing or repeated position or a
 * stale table therefore shows as a wrong token. It also enforces the runner's contract: whatever a step in flight
 * refers to must not be reused, and plans must stay within the limits.
 */
import type {
  BlockId,
  ModelRunner,
  PendingStep,
  PreparedStep,
  RunnerLimits,
  SampledToken,
  Slot,
  SlotInit,
  StepCost,
  StepPlan,
} from "../../src/model/runner.ts";

export const FAKE_LIMITS: RunnerLimits = {
  maxSequences: 4,
  blockSize: 4,
  blockCount: 24,
  maxContext: 48,
  maxPromptTokens: 8,
  vocabSize: 64,
};

/** The next token after `context`, for a request with this init and `produced` tokens out. */
function nextToken(context: Iterable<number>, init: SlotInit, produced: number, vocabSize: number): number {
  let hash = 2166136261 ^ Number(init.sampling.seed & 0xffffffffn);
  for (const id of context) hash = Math.imul(hash ^ (id + 1), 16777619) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  let id = hash % vocabSize;
  while (produced < init.sampling.minTokens && init.bannedUntilMinTokens.includes(id)) {
    id = (id + 1) % vocabSize;
  }
  return id;
}

/** What `count` steps alone would produce: the reference for every batched run. */
export function soloTokens(init: SlotInit, count: number, vocabSize: number): number[] {
  const context = [...init.promptTokenIds];
  const tokens: number[] = [];
  while (tokens.length < count) {
    const id = nextToken(context, init, tokens.length, vocabSize);
    tokens.push(id);
    context.push(id);
  }
  return tokens;
}

interface FakeSlot {
  readonly init: SlotInit;
  /** Counts sequences over the life of the runner: tells a slot's owners apart. */
  readonly owner: number;
  lastToken: number;
  produced: number;
}

interface Row {
  readonly slot: Slot;
  readonly owner: number;
  readonly blocks: readonly BlockId[];
}

export interface FakeOptions {
  readonly limits?: Partial<RunnerLimits>;
  /** What the runner prefers; 1 unless given. */
  readonly stepsPerSubmit?: number;
  /** Called when a submit is prepared; throw to make that fail. `index` counts submits from 0. */
  readonly onPrepare?: (index: number, plans: readonly StepPlan[]) => void;
  /** Awaited before a submit's samples are given out; reject to make `collect` fail. */
  readonly onCollect?: (index: number) => Promise<void> | void;
}

export class FakeRunner implements ModelRunner {
  readonly limits: RunnerLimits;
  readonly memory = { weightBytes: 1000, kvCacheBytes: 200 };
  readonly stepsPerSubmit: { readonly max: number; readonly preferred: number };
  /** Sequences in each step. */
  readonly batchSizes: number[] = [];
  /** Steps in each submit. */
  readonly stepCounts: number[] = [];
  /** Prompts in the order their slots were initialised. */
  readonly started: Uint32Array[] = [];
  /** Most submits that were ever in flight at once. */
  maxInFlight = 0;
  disposed = false;

  readonly #options: FakeOptions;
  readonly #cache: Uint32Array;
  readonly #slots = new Map<Slot, FakeSlot>();
  readonly #inFlight: { readonly index: number; readonly rows: readonly Row[] }[] = [];
  #owners = 0;
  #submits = 0;
  #submitted = 0;
  #prepared: number | null = null;

  constructor(options: FakeOptions = {}) {
    this.#options = options;
    this.limits = { ...FAKE_LIMITS, ...options.limits };
    this.stepsPerSubmit = { max: 8, preferred: options.stepsPerSubmit ?? 1 };
    this.#cache = new Uint32Array(this.limits.blockCount * this.limits.blockSize).fill(0xffffffff);
  }

  initSlot(slot: Slot, init: SlotInit): void {
    this.#assertLive();
    assert(slot >= 0 && slot < this.limits.maxSequences, `slot ${slot} is out of range`);
    const inUse = this.#inFlight.some(({ rows }) => rows.some((row) => row.slot === slot));
    assert(!inUse, `slot ${slot} is reused while a step in flight refers to it`);
    this.started.push(init.promptTokenIds);
    this.#slots.set(slot, { init, owner: this.#owners++, lastToken: -1, produced: 0 });
  }

  prepare(plans: readonly StepPlan[]): PreparedStep {
    this.#assertLive();
    assert(this.#prepared === null, "a submit is prepared while another waits to be submitted");
    assert(
      plans.length >= 1 && plans.length <= this.stepsPerSubmit.max,
      `${plans.length} steps are prepared`,
    );
    const index = this.#submits++;
    this.#options.onPrepare?.(index, plans);
    const samples = plans.map((plan) => this.#run(index, plan));
    this.stepCounts.push(plans.length);
    this.#prepared = index;
    const costs = samples.map((step): StepCost => ({
      dispatches: 11,
      submits: 1 / plans.length,
      readbackBytes: 4 * step.length,
    }));
    return { costs, submit: () => this.#submit(index, samples) };
  }

  [Symbol.dispose](): void {
    assert(!this.disposed, "the runner is disposed twice");
    this.disposed = true;
  }

  /** What the device will do: nothing else is prepared before, so it can as well be done now. */
  #run(index: number, plan: StepPlan): readonly SampledToken[] {
    this.#check(plan);
    const samples: SampledToken[] = [];
    for (const { slot, tokenIds, start, sample, blockTable } of plan.prompts) {
      for (const [offset, id] of tokenIds.entries()) this.#write(blockTable, start + offset, id);
      if (sample) samples.push(this.#sample(slot, blockTable, start + tokenIds.length));
    }
    for (const { slot, position, blockTable } of plan.decodes) {
      const state = this.#slot(slot);
      assert(
        position === state.init.promptTokenIds.length + state.produced - 1,
        `slot ${slot} skips to ${position}`,
      );
      this.#write(blockTable, position, state.lastToken);
      samples.push(this.#sample(slot, blockTable, position + 1));
    }
    const rows = [...plan.prompts, ...plan.decodes].map(({ slot, blockTable }) => ({
      slot,
      owner: this.#slot(slot).owner,
      blocks: blockTable,
    }));
    this.batchSizes.push(rows.length);
    this.#inFlight.push({ index, rows });
    return samples;
  }

  #submit(index: number, samples: readonly (readonly SampledToken[])[]): PendingStep {
    this.#assertLive();
    assert(this.#prepared === index, "a submit is submitted twice");
    this.#prepared = null;
    this.maxInFlight = Math.max(this.maxInFlight, ++this.#submitted);
    return { collect: () => this.#collect(index, samples) };
  }

  async #collect(
    index: number,
    samples: readonly (readonly SampledToken[])[],
  ): Promise<readonly (readonly SampledToken[])[]> {
    assert(this.#inFlight[0]?.index === index, `submit ${index} is collected out of order or twice`);
    try {
      await this.#options.onCollect?.(index);
    } finally {
      this.#submitted--;
      while (this.#inFlight[0]?.index === index) this.#inFlight.shift();
    }
    return samples;
  }

  #check({ prompts, decodes }: StepPlan): void {
    const rows = [...prompts, ...decodes];
    const slots = new Set(rows.map(({ slot }) => slot));
    assert(rows.length > 0, "an empty step is submitted");
    assert(slots.size === rows.length, "a slot appears twice in a step");
    const promptTokens = prompts.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
    assert(promptTokens <= this.limits.maxPromptTokens, `a step has ${promptTokens} prompt tokens`);
    const owners = new Map<BlockId, number>();
    for (const { rows: earlier } of this.#inFlight) {
      for (const { owner, blocks } of earlier) for (const block of blocks) owners.set(block, owner);
    }
    for (const { slot, blockTable } of rows) {
      const { owner } = this.#slot(slot);
      for (const block of blockTable) {
        assert(block >= 0 && block < this.limits.blockCount, `block ${block} is out of range`);
        const holder = owners.get(block) ?? owner;
        assert(holder === owner, `block ${block} is used by a step in flight for another sequence`);
        owners.set(block, owner);
      }
      assert(new Set(blockTable).size === blockTable.length, "a block appears twice in a table");
    }
  }

  #sample(slot: Slot, table: readonly BlockId[], length: number): SampledToken {
    const state = this.#slot(slot);
    const context = Array.from({ length }, (_, position) => this.#cache[this.#address(table, position)]!);
    const id = nextToken(context, state.init, state.produced, this.limits.vocabSize);
    state.lastToken = id;
    state.produced++;
    const { logprobs } = state.init.sampling;
    const top = Array.from(
      { length: Math.max(0, logprobs) },
      (_, rank) => ({ id: rank, logprob: -1 - rank }),
    );
    return { slot, id, logprob: logprobs < 0 ? NaN : -0.5, top };
  }

  #write(table: readonly BlockId[], position: number, id: number): void {
    assert(position < this.limits.maxContext, `position ${position} is outside the context`);
    this.#cache[this.#address(table, position)] = id;
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

/**
 * Constraints over one tokenizer, for whoever decodes: a matcher says which tokens may come next, and takes the one that
 * came. Nothing of it runs on the caller's thread.
 *
 * Two threads, because compiling a stranger's grammar can take for ever or end the library: on the first it is tried, and
 * only what came out in time goes to the second, where the matchers of all live. What failed is remembered, for a while
 * only where it was late: on another day the machine may be less busy.
 */
import { CapacityError, ConfigError, type GeodesicError } from "../errors.ts";
import { type Constraint, kindOf } from "./constraint.ts";
import { GrammarFailure, GrammarThread, ThreadLost } from "./grammar_thread.ts";
import type { Mask } from "./protocol.ts";
import type { TokenTable } from "./token_table.ts";

export interface ConstraintServiceOptions {
  /** For compiling a grammar and its first mask; 3000 unless given. */
  readonly compileMs?: number;
  /** For all tokens of a matcher, beyond 50 ms for each; 3000 unless given. */
  readonly budgetMs?: number;
  /** How long what did not compile in time is refused without another try; a minute unless given. */
  readonly lateMs?: number;
}

/** Steps through one output. */
export interface TokenMatcher extends Disposable {
  /** Tokens that may come next; null: the output has ended. */
  readonly mask: Mask;
  /** Takes the token that came. Rejects with a GeodesicError, after which the matcher is of no use. */
  accept(tokenId: number): Promise<Mask>;
}

const COMPILE_MS = 3000;
const BUDGET_MS = 3000;
const LATE_MS = 60_000;
/** For one token, beside others: far beyond what it takes, within what somebody may wait. */
const ACCEPT_MS = 5000;
/** Each may take compileMs. */
const MAX_TRIALS = 16;
const REMEMBERED = 256;

/** Null where it went well; until then it needs no other. */
interface Trial {
  readonly failure: GeodesicError | null;
  readonly endMs: number;
}

export class ConstraintService implements Disposable {
  readonly #trial: GrammarThread;
  readonly #thread: GrammarThread;
  readonly #compileMs: number;
  readonly #lateMs: number;
  readonly #tried = new Map<string, Trial>();
  #trials = 0;
  #lastTrial: Promise<unknown> = Promise.resolve();
  #nextMatcher = 0;

  constructor(
    table: TokenTable,
    { compileMs = COMPILE_MS, budgetMs = BUDGET_MS, lateMs = LATE_MS }: ConstraintServiceOptions = {},
  ) {
    this.#trial = new GrammarThread(table, budgetMs);
    this.#thread = new GrammarThread(table, budgetMs);
    this.#compileMs = compileMs;
    this.#lateMs = lateMs;
  }

  /** Compiles it elsewhere. ConfigError where it does not compile in time; CapacityError where too many wait for that. */
  async check(constraint: Constraint): Promise<void> {
    const key = JSON.stringify(constraint);
    if (!this.#isTried(key)) await this.#inTurn(() => this.#try(key, constraint));
    const failure = this.#tried.get(key)?.failure;
    if (failure) throw failure;
  }

  /** A matcher at the beginning of an output. */
  async open(constraint: Constraint): Promise<TokenMatcher> {
    await this.check(constraint);
    const matcher = new Matcher(this.#thread, this.#nextMatcher++, constraint, this.#compileMs + ACCEPT_MS);
    await matcher.reopen();
    return matcher;
  }

  [Symbol.dispose](): void {
    this.#trial[Symbol.dispose]();
    this.#thread[Symbol.dispose]();
  }

  #isTried(key: string): boolean {
    const trial = this.#tried.get(key);
    return trial !== undefined && performance.now() < trial.endMs;
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#trials >= MAX_TRIALS) {
      throw new CapacityError(`Cannot compile the constraint: ${this.#trials} others wait for that`, {
        field: "constraint",
        retryAfterMs: this.#compileMs,
      });
    }
    this.#trials++;
    const own = this.#lastTrial.then(work);
    this.#lastTrial = own.catch(() => {});
    try {
      await own;
    } finally {
      this.#trials--;
    }
  }

  async #try(key: string, constraint: Constraint): Promise<void> {
    if (this.#isTried(key)) return;
    this.#tried.delete(key); // The newest comes last.
    try {
      await this.#trial.call({ type: "try", constraint }, this.#compileMs);
      this.#tried.set(key, { failure: null, endMs: Infinity });
    } catch (error) {
      if (!(error instanceof GrammarFailure)) throw lost(error);
      const field = `constraint.${kindOf(constraint)}`;
      const { reason, isLate } = error;
      const found = `Cannot compile sampling parameter "${field}": ${reason}`;
      const failure = new ConfigError(found, { field, reason, isLate });
      this.#tried.set(key, { failure, endMs: isLate ? performance.now() + this.#lateMs : Infinity });
    }
    const [oldest] = this.#tried.keys();
    if (this.#tried.size > REMEMBERED && oldest !== undefined) this.#tried.delete(oldest);
    if (!this.#tried.has(key)) throw new Error("A trial was forgotten at once");
  }
}

class Matcher implements TokenMatcher {
  readonly #thread: GrammarThread;
  readonly #id: number;
  readonly #constraint: Constraint;
  readonly #openMs: number;
  readonly #tokenIds: number[] = [];
  #generation = 0;
  #disposed = false;
  #mask: Mask = null;

  constructor(thread: GrammarThread, id: number, constraint: Constraint, openMs: number) {
    this.#thread = thread;
    this.#id = id;
    this.#constraint = constraint;
    this.#openMs = openMs;
  }

  get mask(): Mask {
    return this.#mask;
  }

  async accept(tokenId: number): Promise<Mask> {
    this.#tokenIds.push(tokenId);
    try {
      const call = { type: "accept", matcher: this.#id, tokenId } as const;
      return this.#mask = await this.#thread.call(call, ACCEPT_MS, this.#generation);
    } catch (error) {
      // Somebody else's grammar has ended the thread: begin again on another, with what has come so far.
      if (error instanceof ThreadLost && !this.#disposed) return await this.reopen();
      throw failed(this.#constraint, error);
    }
  }

  /** On the thread that runs now, after the tokens taken so far. Once more if that one is ended meanwhile. */
  async reopen(attempts = 2): Promise<Mask> {
    try {
      const call = { matcher: this.#id, constraint: this.#constraint, tokenIds: [...this.#tokenIds] };
      this.#mask = await this.#thread.call({ type: "open", ...call }, this.#openMs);
      this.#generation = this.#thread.generation;
      if (this.#disposed) this.#close(); // Meanwhile, when there was nothing to close.
      return this.#mask;
    } catch (error) {
      if (error instanceof ThreadLost && attempts > 1) return await this.reopen(attempts - 1);
      throw failed(this.#constraint, error);
    }
  }

  /** A token that it is taking is taken first: a call for a matcher that is gone would end the thread of all. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#close();
  }

  #close(): void {
    this.#thread.tell({ type: "close", matcher: this.#id }, this.#generation);
  }
}

function failed(constraint: Constraint, error: unknown): unknown {
  if (!(error instanceof GrammarFailure)) return lost(error);
  const field = `constraint.${kindOf(constraint)}`;
  const { reason, isLate } = error;
  return new CapacityError(`Cannot hold the output to sampling parameter "${field}": ${reason}`, {
    field,
    reason,
    isLate,
  });
}

function lost(error: unknown): unknown {
  if (!(error instanceof ThreadLost)) return error;
  return new CapacityError("Cannot constrain the output: the thread for that has ended", {
    field: "constraint",
  });
}

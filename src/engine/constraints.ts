/**
 * Outputs that are held to something: asks for the tokens that may come next, and says when an answer has come. Until then
 * such a sequence is blocked, sits out of the batch, and holds up nobody. Whatever compiles and steps grammars is behind
 * {@link OpenMatcher}; see src/constraint/.
 */
import type { Constraint } from "../constraint/constraint.ts";
import type { TokenMatcher } from "../constraint/service.ts";
import { ConfigError } from "../errors.ts";
import type { Sequence } from "./sequence.ts";

export interface MatcherRequest {
  readonly modelKey: string;
  readonly constraint: Constraint;
  /** These end an output that is complete, whether or not they are ignored otherwise. */
  readonly eosTokenIds: readonly number[];
  readonly vocabSize: number;
}
export type OpenMatcher = (request: MatcherRequest) => Promise<TokenMatcher>;

export interface ConstraintEvents {
  /** The sequence is not blocked any more. */
  readonly onMask: () => void;
  /** The token that was taken last is the end of the output. */
  readonly onComplete: (sequence: Sequence) => void;
  readonly onFailure: (sequence: Sequence, error: unknown) => void;
}

export class OutputConstraints {
  readonly #open: OpenMatcher;
  readonly #events: ConstraintEvents;
  readonly #matchers = new Map<Sequence, TokenMatcher>();

  constructor(open: OpenMatcher = refuse, events: ConstraintEvents) {
    this.#open = open;
    this.#events = events;
  }

  /** Of a blocked sequence, for its first token. */
  begin(sequence: Sequence, request: MatcherRequest): void {
    this.#run(sequence, async () => {
      const matcher = await this.#open(request);
      if (sequence.ended) return matcher[Symbol.dispose]();
      this.#matchers.set(sequence, matcher);
      this.#answer(sequence, matcher.mask);
    });
  }

  /** The token that was collected, after which the sequence stays blocked until the answer. */
  accept(sequence: Sequence, tokenId: number): void {
    const matcher = this.#matchers.get(sequence);
    if (matcher === undefined) throw new Error(`Request "${sequence.requestId}" has no matcher`);
    this.#run(sequence, async () => this.#answer(sequence, await matcher.accept(tokenId)));
  }

  /** The sequence has ended; nothing more is said about it. */
  end(sequence: Sequence): void {
    this.#matchers.get(sequence)?.[Symbol.dispose]();
    this.#matchers.delete(sequence);
  }

  #answer(sequence: Sequence, mask: TokenMatcher["mask"]): void {
    if (sequence.ended) return;
    if (mask === null) return this.#events.onComplete(sequence);
    sequence.unblock(mask);
    this.#events.onMask();
  }

  #run(sequence: Sequence, work: () => Promise<void>): void {
    work().catch((error) => {
      if (!sequence.ended) this.#events.onFailure(sequence, error);
    });
  }
}

function refuse(): Promise<TokenMatcher> {
  const details = { field: "constraint" };
  return Promise.reject(new ConfigError("Cannot constrain outputs: this engine has no grammars", details));
}

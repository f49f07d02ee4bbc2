/**
 * The dispatches of decode steps, which depend on nothing but {@link StepRows}: kept from one step to the next, since
 * working them out anew takes a host with cold caches nearly as long as finishing them (bench/RESULTS.md, "The host").
 * Prompts vary too much.
 */
import type { DispatchSequence, StepEncoder } from "../gpu/encoder.ts";
import type { StepRows } from "./operation.ts";

/** A batch grows and shrinks, and its longest row gets another part of attention from time to time. */
const KEPT = 16;

export interface StepDispatches {
  readonly dispatch: () => void;
  readonly appended: () => void;
}

export class StepSequences {
  /** The one that was used last is the last. */
  readonly #kept = new Map<string, DispatchSequence>();

  /**
   * Appends what `dispatch` appends to the step, which is the same for the same rows. It calls `appended` now and then;
   * dispatches that are repeated do so each.
   */
  encode(step: StepEncoder, rows: StepRows, { dispatch, appended }: StepDispatches): void {
    if (rows.promptRows > 0) return dispatch();
    const key = `${rows.rows} ${rows.samples} ${rows.splits}`;
    let sequence = this.#kept.get(key);
    if (sequence === undefined) {
      sequence = step.capture(dispatch);
      const [oldest] = this.#kept.keys();
      if (this.#kept.size === KEPT) this.#kept.delete(oldest!);
    } else {
      step.repeat(sequence, appended);
      this.#kept.delete(key);
    }
    this.#kept.set(key, sequence);
  }
}

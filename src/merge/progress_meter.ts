/** How far a merge is: figures for a bar, a log line or a subscription, all of the same make. */

export interface MergeProgress {
  /** "hashing": what a merge that died had finished is checked. "merging": the rest is made. */
  readonly stage: "hashing" | "merging";
  /** Of this stage: bytes checked, or output bytes written. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Of the whole merge. */
  readonly doneTensors: number;
  readonly totalTensors: number;
  /** Being worked on: a file's name or an output tensor's. */
  readonly item: string;
}

/** Counts one stage and reports each change. */
export class ProgressMeter {
  readonly #report: ((progress: MergeProgress) => void) | undefined;
  readonly #stage: MergeProgress["stage"];
  readonly #totals: { readonly bytes: number; readonly tensors: number };
  #doneBytes = 0;
  #doneTensors: number;

  constructor(
    report: ((progress: MergeProgress) => void) | undefined,
    stage: MergeProgress["stage"],
    totals: { readonly bytes: number; readonly tensors: number; readonly doneTensors: number },
  ) {
    this.#report = report;
    this.#stage = stage;
    this.#totals = totals;
    this.#doneTensors = totals.doneTensors;
  }

  add(item: string, bytes: number): void {
    this.#doneBytes += bytes;
    this.#emit(item);
  }

  tensorDone(item: string): void {
    this.#doneTensors++;
    this.#emit(item);
  }

  #emit(item: string): void {
    this.#report?.({
      stage: this.#stage,
      item,
      doneBytes: this.#doneBytes,
      totalBytes: this.#totals.bytes,
      doneTensors: this.#doneTensors,
      totalTensors: this.#totals.tensors,
    });
  }
}

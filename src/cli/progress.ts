/**
 * Progress on stderr: a bar that is redrawn on a screen, a line for every tenth of the work elsewhere. It never touches
 * stdout, where the results go.
 */
import { formatBytes } from "../byte_size.ts";
import { paceOf } from "../merge/progress.ts";
import type { Terminal } from "./terminal.ts";
import { formatDuration } from "./units.ts";

export interface ProgressState {
  /** What is being done, such as "merging". */
  readonly stage: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Of the done ones, those that cost no time now; none where absent. */
  readonly freeBytes?: number;
  /** What the count is of, such as "12/75 tensors"; absent where there is nothing to count. */
  readonly count?: string;
}

const BAR_WIDTH = 24;
const REDRAW_MS = 80;
const LINE_STEPS = 10;

export class Progress implements Disposable {
  readonly #terminal: Pick<Terminal, "isInteractive" | "columns" | "writeStatus">;
  readonly #now: () => number;
  #stage: string | undefined;
  /** Less than before is a beginning: the documents of a configuration are merged one after another. */
  #doneBytes = 0;
  #startedMs = 0;
  #drawnMs = -Infinity;
  #drawnStep = -1;

  constructor(
    terminal: Pick<Terminal, "isInteractive" | "columns" | "writeStatus">,
    now: () => number = () => performance.now(),
  ) {
    this.#terminal = terminal;
    this.#now = now;
  }

  update(state: ProgressState): void {
    const { doneBytes, totalBytes } = state;
    if (state.stage !== this.#stage || doneBytes < this.#doneBytes) this.#begin(state.stage);
    this.#doneBytes = doneBytes;
    const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
    if (this.#terminal.isInteractive) this.#draw(state, share);
    else this.#printStep(state, share);
  }

  /** Leaves the screen with a line of its own for what comes next. */
  [Symbol.dispose](): void {
    this.#endStage();
  }

  #begin(stage: string): void {
    this.#endStage();
    this.#stage = stage;
    this.#startedMs = this.#now();
    this.#drawnMs = -Infinity;
    this.#drawnStep = -1;
  }

  #endStage(): void {
    if (this.#stage !== undefined && this.#terminal.isInteractive) this.#terminal.writeStatus("\n");
    this.#stage = undefined;
  }

  #draw(state: ProgressState, share: number): void {
    const now = this.#now();
    if (share < 1 && now - this.#drawnMs < REDRAW_MS) return;
    this.#drawnMs = now;
    const line = fitting(state.stage, share, this.#facts(state, share), this.#terminal.columns ?? Infinity);
    this.#terminal.writeStatus(`\r\x1b[K${line}`);
  }

  #printStep(state: ProgressState, share: number): void {
    const step = Math.floor(share * LINE_STEPS);
    if (step === this.#drawnStep) return;
    this.#drawnStep = step;
    this.#terminal.writeStatus(`${state.stage}: ${this.#facts(state, share).join(", ")}\n`);
  }

  #facts({ doneBytes, totalBytes, freeBytes = 0, count }: ProgressState, share: number): readonly string[] {
    const facts = [`${Math.floor(share * 100)} %`, ...count === undefined ? [] : [count]];
    facts.push(`${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`);
    const pace = paceOf({
      doneBytes: Math.max(0, doneBytes - freeBytes),
      totalBytes: Math.max(0, totalBytes - freeBytes),
      elapsedMs: this.#now() - this.#startedMs,
    });
    if (pace === null) return facts;
    facts.push(`${formatBytes(Math.round(pace.bytesPerSecond))}/s`);
    if (share < 1) facts.push(`${formatDuration(pace.secondsLeft)} left`);
    return facts;
  }
}

/** A line that is broken cannot be redrawn: on a narrow screen first the last facts go, then the bar. */
function fitting(stage: string, share: number, facts: readonly string[], columns: number): string {
  const filled = Math.round(share * BAR_WIDTH);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  const lines = facts.map((_, left) => `${stage} ${bar} ${facts.slice(0, facts.length - left).join(" · ")}`);
  // The last column stays free: some screens break a line that fills it.
  const line = [...lines, `${stage} ${facts[0]}`].find(({ length }) => length < columns);
  return line ?? `${stage} ${facts[0]}`.slice(0, Math.max(0, columns - 1));
}

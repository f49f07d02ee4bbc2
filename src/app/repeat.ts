/** Work that is done again and again beside everything else, never twice at once, and less often while it fails. */
import type { Clock } from "./clock.ts";

export interface RepeatOptions {
  readonly clock: Clock;
  /** From the end of one run to the beginning of the next. */
  readonly everyMs: number;
  readonly work: () => Promise<void>;
  readonly reportError: (error: unknown) => void;
}

/** What fails (as while a database is away) is not tried, nor reported, more often than this in the end. */
const MOST_PAUSE_MS = 5_000;

/** Disposing ends it and waits for the run under way. */
export class Repeat implements AsyncDisposable {
  readonly #options: RepeatOptions;
  #timer: Disposable | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;
  #failures = 0;

  constructor(options: RepeatOptions) {
    this.#options = options;
    this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }

  #schedule(): void {
    const { clock, everyMs } = this.#options;
    const pauseMs = Math.min(everyMs * 2 ** this.#failures, Math.max(everyMs, MOST_PAUSE_MS));
    this.#timer = clock.after(pauseMs, () => {
      this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    try {
      await this.#options.work();
      this.#failures = 0;
    } catch (error) {
      this.#failures = Math.min(this.#failures + 1, 10);
      this.#options.reportError(error);
    }
    if (!this.#isClosed) this.#schedule();
  }
}

/** Work that is done again and again beside everything else, never twice at once. */
import type { Clock } from "./clock.ts";

export interface RepeatOptions {
  readonly clock: Clock;
  /** From the end of one run to the beginning of the next. */
  readonly everyMs: number;
  readonly work: () => Promise<void>;
  readonly reportError: (error: unknown) => void;
}

/** Disposing ends it and waits for the run under way. */
export class Repeat implements AsyncDisposable {
  readonly #options: RepeatOptions;
  #timer: Disposable | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

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
    this.#timer = clock.after(everyMs, () => {
      this.#running = this.#run();
    });
  }

  async #run(): Promise<void> {
    try {
      await this.#options.work();
    } catch (error) {
      this.#options.reportError(error);
    }
    if (!this.#isClosed) this.#schedule();
  }
}

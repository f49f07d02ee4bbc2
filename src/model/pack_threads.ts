/**
 * Who carries out the tasks of a load: worker threads that read and pack at the same time, or, for a model so small that
 * starting threads would take longer, the thread that asked. Either way at most a few chunks are held, and whoever
 * submits waits when that many are under way.
 *
 * Memory: each thread holds what it reads for one chunk and two packed chunks, one of which may be on its way to the
 * device.
 */
import { fromErrorRecord } from "../errors.ts";
import type { Checkpoint } from "../formats/checkpoint.ts";
import { type LoadTask, type PackedRows, type RawRows, type RowsOf, startTask } from "./pack.ts";
import type { PackAnswer, PackOrder } from "./pack_worker.ts";

export interface RowSource extends Disposable {
  /**
   * Resolves when the task has been taken on, so when it is time for the next. `use` receives the rows, whose buffer is
   * good until it returns. Rejects with what went wrong with any task so far, or the signal's reason.
   */
  submit<Task extends LoadTask>(task: Task, use: (rows: RowsOf<Task>) => void): Promise<void>;
  /** Resolves when everything submitted has been used. */
  drain(): Promise<void>;
}

/** Packs in the calling thread. */
export class InlinePacker implements RowSource {
  readonly #checkpoint: Checkpoint;
  readonly #signal: AbortSignal | undefined;

  constructor(checkpoint: Checkpoint, signal: AbortSignal | undefined) {
    this.#checkpoint = checkpoint;
    this.#signal = signal;
  }

  async submit<Task extends LoadTask>(task: Task, use: (rows: RowsOf<Task>) => void): Promise<void> {
    const signal = this.#signal;
    const { reads, targets, finish } = startTask(task);
    await Promise.all(reads.map(async ({ offset, bytes }, index) => {
      const { name, offset: start } = task.tensors[index]!;
      const options = signal === undefined ? {} : { signal };
      if (bytes > 0) await this.#checkpoint.readRange(name, offset - start, targets[index]!, options);
    }));
    signal?.throwIfAborted();
    use(finish());
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.dispose](): void {}
}

/** One is worked on while the result of the other is uploaded. */
const TASKS_PER_THREAD = 2;

interface Thread {
  readonly worker: Worker;
  /** What will be done with the results of its tasks, in order. */
  readonly uses: ((rows: PackedRows | RawRows) => void)[];
  /** Buffers that have come back. */
  readonly buffers: ArrayBuffer[];
}

export class PackThreads implements RowSource {
  readonly #threads: readonly Thread[];
  readonly #signal: AbortSignal | undefined;
  #failure: { readonly error: unknown } | null = null;
  #disposed = false;
  /** Called when something has come back, or failed. */
  #wake: () => void = () => {};

  /** Starts `count` threads. */
  constructor(count: number, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.#threads = Array.from({ length: count }, () => {
      const worker = new Worker(new URL("./pack_worker.ts", import.meta.url), { type: "module" });
      const thread: Thread = { worker, uses: [], buffers: [] };
      worker.onmessage = ({ data }: MessageEvent<PackAnswer>) => this.#receive(thread, data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#fail(new Error(`A loading thread died: ${event.message}`));
      };
      return thread;
    });
    signal?.addEventListener("abort", this.#onAbort);
  }

  async submit<Task extends LoadTask>(task: Task, use: (rows: RowsOf<Task>) => void): Promise<void> {
    for (;;) {
      this.#throwIfFailed();
      const thread = this.#threads.reduce((a, b) => b.uses.length < a.uses.length ? b : a);
      if (thread.uses.length < TASKS_PER_THREAD) {
        // What comes back is what was asked for.
        return this.#send(thread, task, use as (rows: PackedRows | RawRows) => void);
      }
      await this.#change();
    }
  }

  async drain(): Promise<void> {
    while (this.#threads.some(({ uses }) => uses.length > 0)) {
      this.#throwIfFailed();
      await this.#change();
    }
    this.#throwIfFailed();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    for (const { worker } of this.#threads) worker.terminate();
  }

  readonly #onAbort = () => this.#wake();

  #send(
    { worker, uses, buffers }: Thread,
    task: LoadTask,
    use: (rows: PackedRows | RawRows) => void,
  ): void {
    const buffer = buffers.pop() ?? null;
    uses.push(use);
    worker.postMessage({ task, buffer } satisfies PackOrder, buffer === null ? [] : [buffer]);
  }

  #receive({ uses, buffers }: Thread, answer: PackAnswer): void {
    if (this.#disposed || this.#failure !== null) return;
    if (answer.type === "failed") return this.#fail(fromErrorRecord(answer.error));
    if (answer.type === "broken") return this.#fail(answer.error);
    try {
      if (!this.#signal?.aborted) uses[0]!(answer.rows);
      buffers.push(answer.rows.bytes.buffer);
      uses.shift();
      this.#wake();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  #throwIfFailed(): void {
    this.#signal?.throwIfAborted();
    if (this.#failure !== null) throw this.#failure.error;
  }

  #change(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    return promise;
  }
}

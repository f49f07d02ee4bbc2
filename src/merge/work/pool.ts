/**
 * The worker threads of one merge. Each is given a task at a time. Ends them all when disposed, after the tasks under
 * way have stopped, so that nobody writes to a folder that its owner removes.
 */
import { fromErrorRecord } from "../../errors.ts";
import type { Outcome, Setup, Task, WorkerMessage } from "./protocol.ts";

interface Pending extends PromiseWithResolvers<Outcome> {
  readonly onBytes: (bytes: number) => void;
}

export class WorkerPool implements AsyncDisposable {
  readonly size: number;
  readonly #workers: readonly Worker[];
  readonly #pending: (Pending | undefined)[];
  readonly #stop = new SharedArrayBuffer(4);
  #death: Error | undefined;

  /** Starts `size` threads. */
  constructor(size: number, setup: Omit<Setup, "type" | "stop">) {
    this.size = size;
    this.#pending = Array<undefined>(size).fill(undefined);
    this.#workers = Array.from({ length: size }, (_, index) => {
      const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<WorkerMessage>) => this.#receive(index, data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#death = new Error(`A merge thread died: ${event.message}`);
        this.#settle(index, (task) => task.reject(this.#death));
      };
      worker.postMessage({ ...setup, type: "setup", stop: this.#stop } satisfies Setup);
      return worker;
    });
  }

  /** Has worker `index`, which must be idle, do a task. Rejects with what went wrong, typed where it was expected. */
  run(index: number, task: Task, onBytes: (bytes: number) => void): Promise<Outcome> {
    if (this.#death !== undefined) return Promise.reject(this.#death); // a thread that is gone answers no task
    const pending = { ...Promise.withResolvers<Outcome>(), onBytes };
    this.#pending[index] = pending;
    this.#workers[index]!.postMessage(task);
    return pending.promise;
  }

  /** Makes all tasks under way fail within a block of work. */
  stop(): void {
    Atomics.store(new Int32Array(this.#stop), 0, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await Promise.allSettled(this.#pending.map((pending) => pending?.promise));
    for (const worker of this.#workers) worker.terminate();
  }

  #receive(index: number, message: WorkerMessage): void {
    switch (message.type) {
      case "progress":
        return this.#pending[index]?.onBytes(message.bytes);
      case "stopped":
        return this.#settle(index, (task) => task.reject(new Error("The merge was stopped")));
      case "failed":
        return this.#settle(index, (task) => task.reject(fromErrorRecord(message.error)));
      case "broken":
        return this.#settle(index, (task) => task.reject(message.error));
      default:
        return this.#settle(index, (task) => task.resolve(message));
    }
  }

  #settle(index: number, settle: (task: Pending) => void): void {
    const pending = this.#pending[index];
    this.#pending[index] = undefined;
    if (pending !== undefined) settle(pending);
  }
}

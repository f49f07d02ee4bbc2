/**
 * The other end of a grammar thread: calls with a deadline. A thread whose library fails a call, or that is late with one,
 * is ended, for it may hang or hold a library in pieces; the next call starts another. Who was waiting beside it learns that
 * its thread is lost, not why.
 */
import type { GrammarAnswer, GrammarCall, Mask } from "./protocol.ts";
import type { TokenTable } from "./token_table.ts";

/** The call itself could not be carried out: it was too late, or the library refused it. */
export class GrammarFailure extends Error {
  override readonly name = "GrammarFailure";
  constructor(readonly reason: string, readonly isLate: boolean) {
    super(reason);
  }
}

/** Another call ended the thread, or its owner did, or it did not start. */
export class ThreadLost extends Error {
  override readonly name = "ThreadLost";
}

interface Pending extends PromiseWithResolvers<Mask> {
  timer: ReturnType<typeof setTimeout>;
}

/** To start and to take in a tokenizer, on a busy machine. */
const START_MS = 30_000;
/** For an answer that is there already, and unread because its reader's own thread was busy until after the deadline. */
const GRACE_MS = 100;

export class GrammarThread implements Disposable {
  readonly #table: TokenTable;
  readonly #budgetMs: number;
  #worker: Worker | null = null;
  #ready: Promise<unknown> = Promise.resolve();
  #turn: Promise<unknown> = Promise.resolve();
  #pending = new Map<number, Pending>();
  #nextId = 0;
  /** Counts the threads; a matcher of an earlier one is gone. */
  #generation = 0;
  #disposed = false;

  constructor(table: TokenTable, budgetMs: number) {
    this.#table = table;
    this.#budgetMs = budgetMs;
  }

  get generation(): number {
    return this.#generation;
  }

  /**
   * One call at a time, so that a deadline is that of the call alone. With `generation`, only on that very thread:
   * ThreadLost where it has ended.
   */
  async call(call: GrammarCall, deadlineMs: number, generation?: number): Promise<Mask> {
    const own = this.#turn.then(() => this.#carryOut(call, deadlineMs, generation));
    this.#turn = own.catch(() => {});
    return await own;
  }

  /** After the calls made before it, without an answer; nothing where that very thread has ended. */
  tell(call: GrammarCall, generation: number): void {
    this.#turn = this.#turn.then(() => {
      if (generation === this.#generation) this.#worker?.postMessage({ ...call, id: this.#nextId++ });
    });
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#end();
  }

  async #carryOut(call: GrammarCall, deadlineMs: number, generation?: number): Promise<Mask> {
    const isLost = this.#worker === null || generation !== this.#generation;
    if (this.#disposed || (generation !== undefined && isLost)) {
      throw new ThreadLost("The grammar thread has ended");
    }
    if (this.#worker === null) this.#start();
    await this.#ready;
    return await this.#post(call, deadlineMs);
  }

  #start(): void {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    this.#worker = worker;
    this.#generation++;
    worker.onmessage = ({ data }: MessageEvent<GrammarAnswer>) => {
      if (this.#worker === worker) this.#receive(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      if (this.#worker === worker) this.#end();
    };
    // A thread that does not start is not the fault of the call that it was started for.
    const init = { type: "init", table: this.#table, budgetMs: this.#budgetMs } as const;
    this.#ready = this.#post(init, START_MS).catch((error) => {
      throw error instanceof GrammarFailure ? new ThreadLost(`No grammar thread: ${error.reason}`) : error;
    });
    this.#ready.catch(() => {});
  }

  async #post(call: GrammarCall, deadlineMs: number): Promise<Mask> {
    if (this.#worker === null) throw new ThreadLost("The grammar thread has ended");
    const id = this.#nextId++;
    const expire = () => this.#fail(id, `It took more than ${deadlineMs} ms`, true);
    const timer = setTimeout(() => pending.timer = setTimeout(expire, GRACE_MS), deadlineMs);
    const pending: Pending = { ...Promise.withResolvers<Mask>(), timer };
    this.#pending.set(id, pending);
    this.#worker.postMessage({ ...call, id });
    return await pending.promise;
  }

  #receive(answer: GrammarAnswer): void {
    const pending = this.#pending.get(answer.id);
    if (pending === undefined) return;
    if (!answer.ok && !answer.intact) return this.#fail(answer.id, answer.reason, false);
    this.#pending.delete(answer.id);
    clearTimeout(pending.timer);
    if (answer.ok) pending.resolve(answer.mask);
    else pending.reject(new GrammarFailure(answer.reason, false));
  }

  #fail(id: number, reason: string, isLate: boolean): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (pending !== undefined) clearTimeout(pending.timer);
    this.#end();
    pending?.reject(new GrammarFailure(reason, isLate));
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = null;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { timer, reject } of pending) {
      clearTimeout(timer);
      reject(new ThreadLost("The grammar thread has ended"));
    }
  }
}

/**
 * One event stream that carries the results of several operations (the single connection mode of GraphQL over SSE).
 * Each operation waits with its next result until the client has taken what was sent before, so a client that does not
 * read costs one event an operation and what fits into the stream's buffer.
 */
import type { ExecutionResult } from "graphql";
import { NotFoundError } from "../errors.ts";
import { type OperationResult, toWire } from "./graphql.ts";

const BUFFER_BYTES = 64 * 1024;
/** Comments, so that proxies do not take a quiet stream for a dead one. */
const PING_MS = 12_000;

interface Operation {
  readonly abort: AbortController;
  results: AsyncIterator<ExecutionResult> | null;
}

export class SseConnection {
  /** What the client reads. */
  readonly body: ReadableStream<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #operations = new Map<string, Operation>();
  readonly #encoder = new TextEncoder();
  readonly #onEnd: () => void;
  #ping: ReturnType<typeof setInterval> | undefined;
  /** Operations whose results are on their way. */
  #delivering = 0;
  #isEnding = false;
  #ended = false;

  /** `onEnd` is called once: the client is gone, or {@link end} was called. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
      undefined,
      new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
      new ByteLengthQueuingStrategy({ highWaterMark: 0 }),
    );
    this.body = readable;
    this.#writer = writable.getWriter();
    this.#writer.closed.then(() => this.#close(), () => this.#close());
  }

  get operations(): number {
    return this.#operations.size;
  }

  has(id: string): boolean {
    return this.#operations.has(id);
  }

  /** The client has come to read. */
  open(): void {
    // Some browsers take a response for open only once there is something in it.
    this.#comment();
    this.#ping = setInterval(() => {
      if ((this.#writer.desiredSize ?? 0) > 0) this.#comment();
    }, PING_MS);
  }

  /**
   * Carries out `run`, and sends what comes of it. Resolves with the result, which `mayStream` may have kept from the
   * stream. Throws NotFoundError where the connection has ended meanwhile.
   */
  async start(
    id: string,
    run: (signal: AbortSignal) => Promise<OperationResult>,
    mayStream: (result: OperationResult) => boolean,
  ): Promise<OperationResult> {
    if (this.#isEnding) throw new NotFoundError("The event stream has ended");
    const operation: Operation = { abort: new AbortController(), results: null };
    this.#operations.set(id, operation);
    const result = await run(operation.abort.signal);
    if (Symbol.asyncIterator in result) operation.results = result[Symbol.asyncIterator]();
    if (this.#ended || this.#operations.get(id) !== operation) {
      operation.results?.return?.().catch(() => {});
      if (this.#ended) throw new NotFoundError("The event stream has ended");
      return result;
    }
    if (mayStream(result)) void this.#deliver(id, operation, result);
    else {
      this.#operations.delete(id);
      this.#endIfIdle();
    }
    return result;
  }

  /** Ends an operation whose results nobody wants any more; false where there is none. */
  stop(id: string): boolean {
    const operation = this.#operations.get(id);
    if (operation === undefined) return false;
    this.#operations.delete(id);
    stop(operation);
    this.#endIfIdle();
    return true;
  }

  /** Takes no more operations, lets those that are there deliver what they have, then ends the stream. */
  async end(): Promise<void> {
    this.#isEnding = true;
    this.#endIfIdle();
    await this.#writer.closed.catch(() => {});
  }

  #endIfIdle(): void {
    if (this.#isEnding && this.#operations.size + this.#delivering === 0) {
      this.#writer.close().catch(() => {});
    }
  }

  async #deliver(id: string, operation: Operation, result: OperationResult): Promise<void> {
    this.#delivering++;
    try {
      if (operation.results === null) await this.#next(id, result as ExecutionResult);
      else {
        for (;;) {
          const { done, value } = await operation.results.next();
          if (done || this.#operations.get(id) !== operation) break;
          await this.#next(id, value);
        }
      }
      if (this.#operations.get(id) !== operation) return;
      this.#operations.delete(id);
      await this.#write(`event: complete\ndata: ${JSON.stringify({ id })}\n\n`);
    } catch {
      // Errors of the source are results by now: what fails is the way to the client.
      this.#operations.delete(id);
      stop(operation);
    } finally {
      this.#delivering--;
      this.#endIfIdle();
    }
  }

  async #next(id: string, result: ExecutionResult): Promise<void> {
    await this.#write(`event: next\ndata: ${JSON.stringify({ id, payload: toWire(result) })}\n\n`);
  }

  async #write(text: string): Promise<void> {
    await this.#writer.ready;
    await this.#writer.write(this.#encoder.encode(text));
  }

  /** Nobody waits for it: where the client has gone, the stream's end says so. */
  #comment(): void {
    this.#write(":\n\n").catch(() => {});
  }

  #close(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#ping);
    for (const operation of this.#operations.values()) stop(operation);
    this.#operations.clear();
    this.#onEnd();
  }
}

function stop({ abort, results }: Operation): void {
  abort.abort();
  results?.return?.().catch(() => {});
}

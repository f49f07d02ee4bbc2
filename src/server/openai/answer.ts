/**
 * A generation's events as an answer: whole, as JSON, or as they come, as Server-Sent Events. The stream is pulled: a
 * client that reads slowly slows its own reading of the log. Leaving it cancels the generation.
 */
import type { EventToken, GenerationEvent } from "../../app/types.ts";
import { DeviceLostError, type ErrorRecord, GeodesicError, toErrorRecord } from "../../errors.ts";
import type { AnswerShape } from "./chunks.ts";
import { describeError, internalError } from "./errors.ts";

/** Silence after which a comment shows that the connection lives. */
const HEARTBEAT_MS = 15_000;

/** A log that ends when nobody reads it any more: a client that leaves is no error. */
export async function* untilAborted(
  events: AsyncIterable<GenerationEvent>,
  signal: AbortSignal,
): AsyncGenerator<GenerationEvent> {
  try {
    yield* events;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Reads the log to its end. Throws what the generation failed with. */
export async function wholeAnswer(
  events: AsyncIterable<GenerationEvent>,
  shape: AnswerShape,
): Promise<unknown> {
  const tokens: EventToken[] = [];
  for await (const event of events) {
    if (event.kind === "tokens") tokens.push(...event.tokens);
    if (event.kind === "finished") return shape.whole(event.text, tokens, event.finishReason, event.usage);
    if (event.kind === "failed") throw new GeodesicError(event.code, event.message);
    if (event.kind === "cancelled") throw cancelled();
  }
  throw new DeviceLostError("The gateway stops");
}

export interface StreamOptions {
  readonly requestId: string;
  readonly includeUsage: boolean;
  /** Ends the reading of the log. */
  readonly abort: AbortController;
  /** Freed when the stream ends, however it does. */
  readonly place: Disposable;
  readonly reportError: (error: unknown) => void;
}

/** `data: {…}` for every piece, `data: [DONE]` at the end, and comments while nothing happens. */
export function streamedAnswer(
  events: AsyncIterable<GenerationEvent>,
  shape: AnswerShape,
  options: StreamOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const source = events[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<GenerationEvent>> | null = null;
  const end = () => {
    options.place[Symbol.dispose]();
    options.abort.abort();
  };
  return new ReadableStream({
    start(controller) {
      const opening = shape.opening();
      if (opening !== null) controller.enqueue(encoder.encode(data(opening)));
    },
    async pull(controller) {
      next ??= source.next();
      try {
        const result = await within(next, HEARTBEAT_MS);
        if (result === null) return controller.enqueue(encoder.encode(": \n\n"));
        next = null;
        const text = result.done ? stopping() : textOf(result.value, shape, options.includeUsage);
        controller.enqueue(encoder.encode(text.lines));
        if (!text.isLast) return;
      } catch (error) {
        // The head is long sent, so the error is an event of the stream.
        if (!(error instanceof GeodesicError)) options.reportError(error);
        controller.enqueue(encoder.encode(errorLine(toErrorRecord(error), options.requestId)));
      }
      controller.close();
      end();
    },
    cancel: end,
  }, { highWaterMark: 0 });
}

interface Lines {
  readonly lines: string;
  readonly isLast: boolean;
}

function textOf(event: GenerationEvent, shape: AnswerShape, includeUsage: boolean): Lines {
  switch (event.kind) {
    case "tokens":
      return { lines: data(shape.piece(event.text, event.tokens)), isLast: false };
    case "finished": {
      const usage = includeUsage ? data(shape.usage(event.usage)) : "";
      return { lines: data(shape.closing(event.finishReason)) + usage + DONE, isLast: true };
    }
    case "failed":
      throw new GeodesicError(event.code, event.message);
    case "cancelled":
      throw cancelled();
    // Clients pass over comments; a person with curl sees why nothing comes yet.
    case "queued":
      return { lines: `: queued, position ${event.position}\n\n`, isLast: false };
    case "loading":
      return { lines: `: loading, ${Math.floor(event.fraction * 100)} %\n\n`, isLast: false };
    default:
      return { lines: ": \n\n", isLast: false };
  }
}

const DONE = "data: [DONE]\n\n";

function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function errorLine(error: ErrorRecord, requestId: string): string {
  return data({ error: describeError(error)?.error ?? internalError(requestId) });
}

/** The log ends before the generation only when the gateway does, or when its client has left and hears nothing of it. */
function stopping(): never {
  throw new DeviceLostError("The gateway stops");
}

function cancelled(): GeodesicError {
  return new GeodesicError("CANCELLED", "The generation was cancelled");
}

/** The result, or null after `limitMs`. */
async function within<T>(work: Promise<T>, limitMs: number): Promise<T | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), limitMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

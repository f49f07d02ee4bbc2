/** The event log of a generation that a test writes itself, and events to write. */
import { type GenerationEvent, type GenerationEventBody, TERMINAL_EVENT_KINDS } from "../../src/app/types.ts";
import { T0 } from "./fake_objects.ts";

/** An append-only log that readers can wait on. */
export class FakeLog {
  readonly events: GenerationEvent[] = [];
  readers = 0;
  /** Reads from the log, over all readers. */
  reads = 0;
  #wake = Promise.withResolvers<void>();
  readonly id: string;

  constructor(id: string) {
    this.id = id;
  }

  push(...bodies: GenerationEventBody[]): void {
    for (const body of bodies) {
      this.events.push({ seq: this.events.length + 1, generationId: this.id, at: T0, ...body });
    }
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  get ended(): boolean {
    const last = this.events.at(-1);
    return last !== undefined && TERMINAL_EVENT_KINDS.has(last.kind);
  }

  /** Deliberately an async generator that ignores its signal while it waits: the API must end without its help. */
  async *read(afterSeq: number, onEnd: () => void): AsyncGenerator<GenerationEvent> {
    this.readers++;
    try {
      for (let next = afterSeq;;) {
        const event = this.events[next];
        if (event === undefined) await this.#wake.promise;
        else {
          next++;
          this.reads++;
          yield event;
          if (TERMINAL_EVENT_KINDS.has(event.kind)) return;
        }
      }
    } finally {
      this.readers--;
      onEnd();
    }
  }
}

export const USAGE = { promptTokens: 3, cachedTokens: 0, completionTokens: 2 } as const;
export const TIMINGS = {
  steps: 2,
  dispatchesPerStep: 66,
  submitsPerStep: 1,
  readbackBytesPerStep: 16,
  ttftMs: 1,
  queueMs: 0,
  prefillMs: 1,
  decodeMs: 1,
  decodeTokensPerSecond: 2,
} as const;

/** One token that reads as `text`. */
export function tokens(text: string, id = 1): GenerationEventBody {
  return { kind: "tokens", text, tokens: [{ id, text, logprob: null, top: [] }] };
}
export function finished(text: string): GenerationEventBody {
  return { kind: "finished", finishReason: "STOP", text, usage: USAGE, timings: TIMINGS };
}

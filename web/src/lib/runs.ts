/**
 * A generation as it is watched. When the page goes, what has come is kept in this tab's storage with the cursor behind
 * it, so that a page that is loaded anew continues where it was, with the same tokens.
 */
import { type Signal, signal } from "@preact/signals";
import { accepted, ApiError, apiKey, request } from "./api.ts";
import { follow } from "./streams.ts";
import {
  CancelGeneration,
  type GenerateInput,
  StartGeneration,
  WatchGeneration,
  type WatchGenerationSubscription,
} from "../operations/generated.ts";

export type GenerationEvent = WatchGenerationSubscription["generationEvents"];
export type Token = Extract<GenerationEvent, { __typename: "TokensGenerated" }>["tokens"][number];
type Finished = Extract<GenerationEvent, { __typename: "GenerationFinished" }>;

export type Phase =
  | "starting"
  | "queued"
  | "loading"
  | "reading"
  | "writing"
  | "finished"
  | "failed"
  | "cancelled";

export interface Run {
  readonly generationId: string | null;
  readonly model: string;
  readonly prompt: string;
  /** Of the last event that is in here. */
  readonly seq: number;
  readonly phase: Phase;
  readonly position: number | null;
  readonly fraction: number | null;
  readonly text: string;
  readonly tokens: readonly Token[];
  readonly promptTokens: number | null;
  readonly cachedTokens: number | null;
  readonly finishReason: string | null;
  readonly usage: Finished["usage"] | null;
  readonly timings: Finished["timings"] | null;
  readonly error: string | null;
  readonly droppedMessages: number;
  /** Where in its conversation it stands: behind this message, or in its place. Null: at the end. */
  readonly place: { readonly messageId: string; readonly isBehind: boolean } | null;
  /** What was sent, to be shown and copied. */
  readonly input: GenerateInput | null;
}

export const isOver = ({ phase }: Run) => phase === "finished" || phase === "failed" || phase === "cancelled";

const PREFIX = "geodesic.run.";
/** So many are kept, and none that is longer than this, in characters. */
const MAX_KEPT = 8;
const MAX_KEPT_LENGTH = 1_000_000;

export function newRun(model: string, prompt: string): Run {
  return {
    ...{ generationId: null, model, prompt, seq: 0, phase: "starting", position: null, fraction: null },
    ...{ text: "", tokens: [], promptTokens: null, cachedTokens: null, finishReason: null, usage: null },
    ...{ timings: null, error: null, input: null, droppedMessages: 0, place: null },
  };
}

/** The run after an event. */
export function after(run: Run, event: GenerationEvent): Run {
  const { seq } = event;
  switch (event.__typename) {
    case "GenerationQueued":
      return { ...run, seq, phase: "queued", position: event.position };
    case "GenerationLoading":
      return { ...run, seq, phase: "loading", fraction: event.fraction };
    case "PromptProcessed":
      return {
        ...{ ...run, seq, phase: run.text === "" ? "reading" : "writing" },
        ...{ promptTokens: event.promptTokens, cachedTokens: event.cachedTokens },
      };
    case "TokensGenerated":
      return {
        ...run,
        seq,
        phase: "writing",
        text: run.text + event.text,
        tokens: [...run.tokens, ...event.tokens],
      };
    case "GenerationFinished":
      return {
        ...{ ...run, seq, phase: "finished", text: event.text, finishReason: event.finishReason },
        ...{ usage: event.usage, timings: event.timings },
      };
    case "ContextTrimmed":
      return { ...run, seq, droppedMessages: event.droppedMessages };
    case "GenerationFailed":
      return { ...run, seq, phase: "failed", error: event.message };
    case "GenerationCancelled":
      return { ...run, seq, phase: "cancelled", finishReason: "CANCELLED", usage: event.usage };
    default:
      return { ...run, seq };
  }
}

interface Shown {
  readonly model: string;
  readonly prompt: string;
}

/** A run that is watched at `place`, a name within this tab. */
export class WatchedRun {
  readonly run: Signal<Run>;
  readonly #place: string;
  readonly #controller = new AbortController();
  /** What another key has seen is not kept beside this one's. */
  readonly #key = apiKey.peek();
  #isForgotten = false;
  #isToStop = false;

  private constructor(place: string, run: Run) {
    this.#place = place;
    this.run = signal(run);
  }

  /** Starts it by `begin`, which gives the generation's id; what fails is in the run. */
  static begin(place: string, run: Run, begin: () => Promise<string>): WatchedRun {
    const watched = new WatchedRun(place, run);
    void watched.#begin(begin);
    return watched;
  }

  /** Starts a generation of its own. */
  static start(place: string, input: GenerateInput, shown: Shown): WatchedRun {
    const run = { ...newRun(shown.model, shown.prompt), input };
    return WatchedRun.begin(place, run, async () => {
      const { startGeneration } = await request(StartGeneration, {
        input: { ...input, onDisconnect: "CONTINUE", idempotencyKey: crypto.randomUUID() },
      });
      return accepted(startGeneration).generation.id;
    });
  }

  /** What was being watched here before the page was loaded anew, if anything. */
  static resume(place: string): WatchedRun | null {
    const kept = read(place);
    if (kept === null || kept.generationId === null) return null;
    const watched = new WatchedRun(place, kept);
    if (!isOver(kept)) void watched.#follow();
    return watched;
  }

  /** One that was started elsewhere, from its first event. */
  static watch(place: string, generationId: string, shown: Shown): WatchedRun {
    const watched = new WatchedRun(place, { ...newRun(shown.model, shown.prompt), generationId });
    void watched.#follow();
    return watched;
  }

  async #begin(begin: () => Promise<string>): Promise<void> {
    try {
      const generationId = await begin();
      this.run.value = { ...this.run.value, generationId, phase: "queued" };
    } catch (error) {
      return this.#fail(error);
    }
    this.#keep();
    // Where that fails, it can be pressed again.
    if (this.#isToStop) void this.stop().catch(() => {});
    await this.#follow();
  }

  async #follow(): Promise<void> {
    const keep = () => this.#keep();
    const keepWhenHidden = () => document.visibilityState === "hidden" && this.#keep();
    addEventListener("pagehide", keep);
    document.addEventListener("visibilitychange", keepWhenHidden);
    try {
      const { generationId, seq } = this.run.value;
      await follow<WatchGenerationSubscription, GenerationEvent>(
        WatchGeneration,
        { id: generationId!, afterSeq: seq },
        {
          onEvent: (event) => void (this.run.value = after(this.run.value, event)),
          signal: this.#controller.signal,
        },
      );
    } catch (error) {
      this.#fail(error);
    } finally {
      removeEventListener("pagehide", keep);
      document.removeEventListener("visibilitychange", keepWhenHidden);
      this.#keep();
    }
  }

  /** Asks the gateway to end it, as soon as that knows of it; the stream then tells its end. */
  async stop(): Promise<void> {
    const { generationId } = this.run.value;
    if (isOver(this.run.value)) return;
    this.#isToStop = generationId === null;
    if (generationId === null) return;
    accepted((await request(CancelGeneration, { input: { id: generationId } })).cancelGeneration);
  }

  /** Looks away; the generation goes on. */
  leave(): void {
    this.#controller.abort();
  }

  forget(): void {
    this.#isForgotten = true;
    this.leave();
    sessionStorage.removeItem(PREFIX + this.#place);
  }

  #fail(error: unknown): void {
    // Whoever has a key again goes on where this ended.
    if (
      error instanceof ApiError && error.code === "UNAUTHENTICATED" && this.run.value.generationId !== null
    ) {
      return;
    }
    const message = error instanceof ApiError ? error.message : String(error);
    this.run.value = { ...this.run.value, phase: "failed", error: message };
  }

  #keep(): void {
    if (!this.#isForgotten && this.#key === apiKey.peek()) write(this.#place, this.run.value);
  }
}

function read(place: string): Run | null {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + place) ?? "null") as Run | null;
  } catch {
    return null;
  }
}

/** Of a run that is too long, only that there is one is kept: it is watched again from its first event. */
function write(place: string, run: Run): void {
  const name = PREFIX + place;
  const { generationId, input } = run;
  const whole = JSON.stringify(run);
  const text = whole.length <= MAX_KEPT_LENGTH ? whole : JSON.stringify({
    ...newRun(run.model, run.prompt),
    generationId,
    place: run.place,
    input,
    phase: "queued",
  });
  sessionStorage.removeItem(name);
  const others = Object.keys(sessionStorage).filter((each) => each.startsWith(PREFIX));
  for (const other of others.slice(0, Math.max(0, others.length - MAX_KEPT + 1))) {
    sessionStorage.removeItem(other);
  }
  try {
    sessionStorage.setItem(name, text);
  } catch {
    // Full: the gateway still has it.
  }
}

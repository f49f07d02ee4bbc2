/**
 * A generation as it is watched. What has come is kept in this tab's storage with the cursor behind it, so that a page
 * that is loaded anew continues where it was, with the same tokens.
 */
import { type Signal, signal } from "@preact/signals";
import { accepted, ApiError, follow, request } from "./api.ts";
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

const KEEP_EVERY_MS = 200;
const ITEM = (place: string) => `geodesic.run.${place}`;

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
  #keptAt = 0;

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
    try {
      const kept = JSON.parse(sessionStorage.getItem(ITEM(place)) ?? "null") as Run | null;
      if (kept === null || kept.generationId === null) return null;
      const watched = new WatchedRun(place, kept);
      if (!isOver(kept)) void watched.#follow();
      return watched;
    } catch {
      return null;
    }
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
      this.#set({ ...this.run.value, generationId, phase: "queued" });
    } catch (error) {
      return this.#fail(error);
    }
    await this.#follow();
  }

  async #follow(): Promise<void> {
    const keep = () => this.#keep();
    addEventListener("pagehide", keep);
    try {
      const { generationId, seq } = this.run.value;
      await follow<WatchGenerationSubscription, GenerationEvent>(
        WatchGeneration,
        { id: generationId!, afterSeq: seq },
        {
          onEvent: (event) => this.#set(after(this.run.value, event)),
          signal: this.#controller.signal,
        },
      );
    } catch (error) {
      this.#fail(error);
    } finally {
      removeEventListener("pagehide", keep);
      this.#keep();
    }
  }

  /** Asks the gateway to end it; the stream then tells its end. */
  async stop(): Promise<void> {
    const { generationId } = this.run.value;
    if (generationId === null || isOver(this.run.value)) return;
    accepted((await request(CancelGeneration, { input: { id: generationId } })).cancelGeneration);
  }

  /** Looks away; the generation goes on. */
  leave(): void {
    this.#controller.abort();
  }

  forget(): void {
    this.leave();
    sessionStorage.removeItem(ITEM(this.#place));
  }

  #set(run: Run): void {
    this.run.value = run;
    if (isOver(run) || run.seq <= 1 || performance.now() - this.#keptAt > KEEP_EVERY_MS) this.#keep();
  }

  #fail(error: unknown): void {
    const message = error instanceof ApiError ? error.message : String(error);
    this.#set({ ...this.run.value, phase: "failed", error: message });
  }

  #keep(): void {
    this.#keptAt = performance.now();
    try {
      sessionStorage.setItem(ITEM(this.#place), JSON.stringify(this.run.value));
    } catch {
      // Full: the run can still be watched from its first event.
      sessionStorage.removeItem(ITEM(this.#place));
    }
  }
}

/**
 * One generation from its accepted row to its terminal event: waits for the model, submits the request, turns the
 * engine's messages into log entries. It ends exactly once, whoever is first: the engine, a stop string, a cancel, an
 * error. Cancelling never waits for the device: the log is closed at once and what the engine still says is dropped.
 * An engine that dies and is started again gets the request once more, and the log goes on where it was (replay.ts).
 */
import { DeviceLostError, type ErrorRecord, GeodesicError, toErrorRecord } from "../../errors.ts";
import {
  type EngineClient,
  isRestarting,
  type RequestFailed,
  type RequestFinished,
  type RequestMessage,
  type WireToken,
} from "../../engine/protocol.ts";
import type { SamplingParams } from "../../model/sampling.ts";
import { toJson, toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { updateOpenGeneration } from "../../store/generations.ts";
import type { ModelRow } from "../../store/models.ts";
import { StoreBusyError } from "../../store/store_busy.ts";
import type { QueuePlace } from "../admission.ts";
import type { Clock } from "../clock.ts";
import type { EventLog } from "../events/event_log.ts";
import type { SharedChange } from "../events/log_writer.ts";
import type { ModelLoader } from "../loading.ts";
import type {
  EventToken,
  GenerationConditions,
  GenerationEvent,
  GenerationEventBody,
  GenerationStatus,
  LoadFigures,
  Usage,
} from "../types.ts";
import { usageChange } from "../usage.ts";
import { deadlinePassed, describeEnding, type Ending } from "./ending.ts";
import type { OutputText } from "./output_text.ts";
import { INTERRUPTED } from "./recovery.ts";
import { Replay } from "./replay.ts";
import type { ReproductionCheck } from "./reproduction.ts";
import { TokenBatcher } from "./token_batcher.ts";

/** The concurrency units of a generation, from its accepted row to its end. */
export interface JobUnits {
  /** Resolves when they are held; rejects with the signal's reason. */
  granted(
    options: { readonly signal: AbortSignal; readonly onMoved: (place: QueuePlace) => void },
  ): Promise<void>;
  /** In the transaction of the end. */
  release(trx: Db): Promise<void>;
  /** After it. */
  ended(): void;
}

export interface JobOptions {
  readonly id: string;
  readonly principalId: string;
  readonly model: ModelRow;
  readonly promptTokenIds: readonly number[];
  readonly eosTokenIds: readonly number[];
  readonly sampling: SamplingParams;
  readonly priority: number;
  /** Instant of the clock's at which it is given up, wherever it is; null: never. */
  readonly deadlineAtMs: number | null;
  /** Prefixes of prompts are shared with requests of the same salt. */
  readonly cacheSalt: string;
  /** Where it runs an earlier generation again. */
  readonly reproduction: ReproductionCheck | null;
  readonly output: OutputText;
  readonly log: Pick<EventLog<GenerationEventBody, GenerationEvent>, "append">;
  readonly engine: EngineClient;
  readonly loader: ModelLoader;
  readonly clock: Clock;
  readonly units: JobUnits;
  /** Those of now, noted whenever it goes to an engine. */
  readonly conditions: () => GenerationConditions;
  /** Runs in the terminal transaction of a generation that has said something worth keeping. */
  readonly keepAnswer: (trx: Db, text: string, at: Date) => Promise<void>;
  /** Told when the log itself cannot be written; nothing can be reported to the client then. */
  readonly onBroken: (error: Error) => void;
  /** Told of errors that nobody expected; the client only learns INTERNAL. */
  readonly reportError: (error: unknown) => void;
}

/** Load progress is logged when it has moved this far or changed its stage. */
const LOADING_STEP = 0.02;

/** Engines that may die under one generation that they had begun: the third may well have died of it. */
const MAX_ATTEMPTS = 3;

export class GenerationJob {
  readonly #options: JobOptions;
  readonly #batcher: TokenBatcher;
  readonly #abort = new AbortController();
  readonly #done = Promise.withResolvers<void>();
  readonly #replay = new Replay();
  /** The model's place on the device, given up between attempts and before the end is told. */
  #lease: Disposable | undefined;
  #deadline: Disposable | undefined;
  /** Attempts that an engine has begun. */
  #attempts = 0;
  #submitted = false;
  /** This attempt waits in the engine's queue, as far as it has said. */
  #queued = false;
  #ending = false;
  /** When an engine began with it, as far as it has said. */
  #beganMs: number | null = null;
  /** Null until the prompt was processed for the first time. */
  #cachedTokens: number | null = null;
  #lastLoading: { readonly stage: string; readonly fraction: number } | undefined;

  constructor(options: JobOptions) {
    this.#options = options;
    this.#batcher = new TokenBatcher(options.clock, (tokens) => this.#write([tokensEvent(tokens)]));
  }

  /** Resolves after the terminal event; never rejects. */
  get done(): Promise<void> {
    return this.#done.promise;
  }
  /** It has not got to the engine yet. */
  get isWaiting(): boolean {
    return !this.#submitted && !this.#ending;
  }
  /** What has been said so far. */
  get text(): string {
    return this.#options.output.text;
  }

  /** Runs to the end. Never rejects: errors become the `failed` event. */
  async run(): Promise<void> {
    try {
      this.#watchDeadline();
      await this.#options.units.granted({
        signal: this.#abort.signal,
        onMoved: (place) => void this.#write([{ kind: "queued", ...place }]),
      });
      await this.#attempt();
      await this.done;
    } catch (error) {
      await this.#fail(error);
    }
  }

  #watchDeadline(): void {
    const { clock } = this.#options;
    const leftMs = this.#leftMs();
    if (leftMs === null) return;
    this.#deadline = clock.after(leftMs, () => void this.#fail(deadlinePassed()));
  }

  #leftMs(): number | null {
    const { deadlineAtMs, clock } = this.#options;
    return deadlineAtMs === null ? null : Math.max(0, deadlineAtMs - clock.now().getTime());
  }

  async #attempt(): Promise<void> {
    const { loader, model } = this.#options;
    const lease = await loader.ensureLoaded(model, {
      signal: this.#abort.signal,
      onProgress: (progress) => this.#onLoading(progress),
    });
    if (this.#ending) return lease[Symbol.dispose]();
    this.#lease = lease;
    this.#submit();
  }

  /** Once more, on the engine that takes the place of the one that died. */
  #retry(): void {
    this.#lease?.[Symbol.dispose]();
    this.#lease = undefined;
    this.#submitted = false;
    this.#lastLoading = undefined;
    this.#replay.restart();
    // Not now: the loader may hear of the death after this.
    queueMicrotask(() => this.#attempt().catch((error) => this.#fail(error)));
  }

  /** Ends it as cancelled; resolves when that (or whatever ended it before) is written. */
  async cancel(): Promise<void> {
    await this.#end({ kind: "cancelled" });
  }

  /** Ends it as failed for a reason outside of it. */
  async fail(error: ErrorRecord): Promise<void> {
    await this.#end({ kind: "failed", error });
  }

  async #fail(error: unknown): Promise<void> {
    if (!this.#ending && !(error instanceof GeodesicError)) this.#options.reportError(error);
    await this.#end({ kind: "failed", error: toErrorRecord(error) });
  }

  #submit(): void {
    const { engine, id, model, promptTokenIds, eosTokenIds, sampling, priority, cacheSalt } = this.#options;
    const deadlineMs = this.#leftMs();
    const { seed, stop: _stop, ...wire } = sampling;
    this.#submitted = true;
    this.#queued = false;
    engine.submit({
      requestId: id,
      modelKey: model.id,
      promptTokenIds,
      eosTokenIds,
      sampling: { ...wire, seed: String(seed) },
      priority,
      cacheSalt,
      ...(deadlineMs === null ? {} : { deadlineMs }),
    }, (message) => {
      try {
        this.#onMessage(message);
      } catch (error) {
        void this.#fail(error); // The engine's client has other listeners to serve.
      }
    });
    void this.#write([], "PREFILL", { conditions: toJson(this.#options.conditions()) });
  }

  #onLoading(progress: LoadFigures): void {
    if (this.#ending) return;
    const last = this.#lastLoading;
    if (last?.stage === progress.stage && progress.fraction - last.fraction < LOADING_STEP) return;
    this.#lastLoading = progress;
    void this.#write([{ kind: "loading", ...progress }], "LOADING");
  }

  #onMessage(message: RequestMessage): void {
    if (this.#ending) return;
    if (message.type !== "queued" && message.type !== "failed") {
      this.#beganMs ??= this.#options.clock.now().getTime();
    }
    switch (message.type) {
      case "queued":
        this.#queued = true;
        return void this.#write([{ kind: "queued", position: message.position, estimateMs: null }], "QUEUED");
      case "started":
        this.#queued = false;
        return void this.#write([], "PREFILL");
      case "promptProcessed": {
        const { promptTokens, cachedTokens } = message;
        if (this.#cachedTokens !== null) return void this.#write([], "RUNNING"); // has been told
        this.#cachedTokens = cachedTokens;
        return void this.#write([{ kind: "promptProcessed", promptTokens, cachedTokens }], "RUNNING");
      }
      case "tokens":
        return this.#onTokens(message.tokens);
      case "finished":
        this.#replay.finish();
        return void this.#end(this.#endingOf(message));
      case "failed":
        if (isRestarting(message.error) && this.#mayRetry()) return this.#retry();
        return void this.#end(this.#endingOf(message));
    }
  }

  /** Whoever was waiting in the queue has no part in an engine's death, and does not count it. */
  #mayRetry(): boolean {
    return this.#queued || ++this.#attempts < MAX_ATTEMPTS;
  }

  #onTokens(tokens: readonly WireToken[]): void {
    const { output, engine, id, reproduction } = this.#options;
    const said: EventToken[] = [];
    try {
      for (const token of tokens) {
        if (output.stopped && this.#replay.caughtUp) return; // ran ahead of the stop string
        if (this.#replay.take(token)) {
          reproduction?.take(token.id);
          said.push(...output.push(token));
        }
        // The engine knows no text. Its answer to the cancel brings the timings, and ends this.
        if (output.stopped && this.#replay.caughtUp) engine.cancel(id);
      }
    } finally {
      this.#batcher.push(said);
    }
  }

  #endingOf(message: RequestFinished | RequestFailed): Ending {
    if (message.type === "failed") {
      const { error } = message;
      const isLate = error.code === "CAPACITY" && error.details["reason"] === "DEADLINE";
      return { kind: "failed", error: isLate ? toErrorRecord(deadlinePassed()) : error };
    }
    const { reason, timings } = message;
    if (this.#options.output.endsStopped) return { kind: "finished", reason: "STOP_STRING", timings };
    if (reason !== "CANCELLED") return { kind: "finished", reason, timings };
    // Nobody here asked for it: the model was taken off the device.
    return { kind: "failed", error: toErrorRecord(new DeviceLostError("The model was unloaded")) };
  }

  /** The first call decides; every call waits for the terminal event. */
  async #end(ending: Ending): Promise<void> {
    if (this.#ending) return await this.done;
    this.#ending = true;
    const { output, engine, id, onBroken } = this.#options;
    this.#abort.abort(new DOMException("The generation has ended", "AbortError"));
    if (this.#submitted && ending.kind !== "finished") engine.cancel(id);
    this.#lease?.[Symbol.dispose]();
    this.#deadline?.[Symbol.dispose]();
    const rest = ending.kind === "finished" ? output.finish() : { tokens: [], text: "" };
    try {
      const tokens = [...await this.#batcher.takeRest(), ...rest.tokens];
      const last = tokens.length > 0 || rest.text !== "" ? [tokensEvent(tokens, rest.text)] : [];
      await this.#writeEnding(ending, last).catch((error) => {
        // Perhaps it is they that cannot be written.
        if (ending.kind !== "failed" || last.length === 0 || error instanceof StoreBusyError) throw error;
        return this.#writeEnding(ending, []);
      });
    } catch (error) {
      // Such as a full disk. The next start of the gateway closes the log; watchers hear of it now.
      onBroken(error instanceof Error ? error : new Error(String(error)));
    }
    this.#options.units.ended();
    this.#done.resolve();
  }

  async #writeEnding(ending: Ending, before: readonly GenerationEventBody[]): Promise<void> {
    const { log, id, output, promptTokenIds, keepAnswer, reproduction, units } = this.#options;
    const { text } = output;
    const usage: Usage = {
      promptTokens: promptTokenIds.length,
      cachedTokens: this.#cachedTokens ?? 0,
      completionTokens: output.tokenCount,
    };
    const { event, row } = describeEnding(ending, text, usage);
    const verdict = reproduction?.verdict({ finished: ending.kind === "finished" }) ?? null;
    const compared = verdict === null ? [] : [{ kind: "reproduced", ...verdict } as const];
    await log.append([...before, ...compared, event], async (trx, at) => {
      const isOurs = await updateOpenGeneration(trx, id, {
        ...row,
        text,
        usage: toJson(usage),
        finished_at: toTime(at),
        ...(verdict === null ? {} : { reproduction: toJson(verdict) }),
      });
      // Somebody who thought this gateway dead has ended it, and its session has gone on: nothing of that may be locked.
      if (!isOurs) throw new GeodesicError(INTERRUPTED.code, INTERRUPTED.message);
      await units.release(trx);
      if (ending.kind === "finished" || (ending.kind === "cancelled" && text !== "")) {
        await keepAnswer(trx, text, at);
      }
    }, (at) => this.#usageChange(at, { ending, usage }));
  }

  /** What the engine has done for it, whatever came of it. A prompt that it never looked at costs nothing. */
  #usageChange(
    at: Date,
    { ending, usage }: { readonly ending: Ending; readonly usage: Usage },
  ): SharedChange {
    const { principalId, model } = this.#options;
    const engineMs = ending.kind === "finished"
      ? ending.timings.prefillMs + ending.timings.decodeMs
      : this.#beganMs === null
      ? 0
      : at.getTime() - this.#beganMs;
    const promptTokens = this.#cachedTokens === null ? 0 : usage.promptTokens;
    return usageChange({
      at,
      principalId,
      modelId: model.id,
      usage: { ...usage, promptTokens },
      engineMs,
    });
  }

  /** Logs while running; a log that cannot be written ends the generation. False then; never rejects. */
  async #write(
    events: readonly GenerationEventBody[],
    status?: GenerationStatus,
    also: { readonly conditions?: string } = {},
  ): Promise<boolean> {
    const { log, id } = this.#options;
    try {
      await log.append(
        events,
        status === undefined ? undefined : async (trx) => {
          await updateOpenGeneration(trx, id, { status, ...also });
        },
      );
      return true;
    } catch (error) {
      // Not awaited: the end waits for this very write.
      void this.#fail(error);
      return false;
    }
  }
}

function tokensEvent(tokens: readonly EventToken[], extraText = ""): GenerationEventBody {
  return { kind: "tokens", text: tokens.map((token) => token.text).join("") + extraText, tokens };
}

/**
 * The engine: commands in, messages out, and the only loop that steps models. Owns open requests; what a step holds is
 * the scheduler's business, what a model is the runner's. Every request gets exactly one `finished` or `failed`, and
 * nothing after it.
 *
 * Reading back blocks until everything submitted is done, so nothing is submitted behind what is read. While the device
 * runs one submit of every model with work, the loop prepares the next ones; then it collects, submits at once what is
 * prepared, and only then looks at what came back. The device idles for no longer than a collect and a submit take.
 */
import { CapacityError, DeviceLostError, GeodesicError, NotFoundError, toErrorRecord } from "../errors.ts";
import type { PendingStep, PreparedStep, SampledToken, StepCost } from "../model/runner.ts";
import type { BatchOptions, BatchSubmit } from "./batch.ts";
import { type OpenMatcher, OutputConstraints } from "./constraints.ts";
import { Alarm, overdue, type SetTimer } from "./deadlines.ts";
import { EngineMeter } from "./meter.ts";
import { notFinite } from "./not_finite.ts";
import type {
  EngineCommand,
  EngineFinishReason,
  EngineMessage,
  LoadCommand,
  SubmitCommand,
} from "./protocol.ts";
import { Reporter } from "./report.ts";
import { type LoadModel, Residency, type ResidentModel } from "./residency.ts";
import { contextTokens, Sequence } from "./sequence.ts";
import { RequestClock } from "./timings.ts";
import { checkQueue, validateRequest } from "./validate.ts";

export interface EngineOptions {
  readonly load: LoadModel;
  /** Receives every message, in order. Must not throw. */
  readonly emit: (message: EngineMessage) => void;
  /** Resolves after the thread has had a chance to receive commands. Awaited between steps. */
  readonly turn: () => Promise<void>;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** The system's unless given. */
  readonly setTimer?: SetTimer;
  /** Throws when the device can run nothing more. Asked after an error that nobody expected. */
  readonly assertDevice?: () => void;
  /** For outputs with a constraint; they are refused unless given. */
  readonly openMatcher?: OpenMatcher;
  /** Errors that nobody expected; a request that meets one fails with `INTERNAL`. */
  readonly onInternalError: (error: unknown) => void;
  /**
   * Most decode steps in a submit; what the runner prefers unless given. A cancellation or a new request waits for what
   * is submitted and what is prepared, so for twice as many at most.
   */
  readonly stepsPerSubmit?: number;
  readonly batch?: BatchOptions;
  /** Requests per model that may wait; one more is refused with `CAPACITY`. 256 unless given. */
  readonly maxWaiting?: number;
}

/** Accepted, and without its last message so far. */
interface OpenRequest {
  readonly model: ResidentModel;
  readonly sequence: Sequence;
}

interface Prepared {
  readonly model: ResidentModel;
  readonly submit: BatchSubmit;
  readonly prepared: PreparedStep;
}

interface InFlight {
  readonly model: ResidentModel;
  readonly submit: BatchSubmit;
  readonly costs: readonly StepCost[];
  readonly pending: PendingStep;
}

interface Collected extends InFlight {
  readonly samples: readonly (readonly SampledToken[])[];
}

export class Engine {
  readonly #options: EngineOptions & Required<Pick<EngineOptions, "maxWaiting" | "assertDevice">>;
  readonly #residency: Residency;
  readonly #report: Reporter;
  readonly #meter = new EngineMeter();
  readonly #open = new Map<string, OpenRequest>();
  readonly #constraints: OutputConstraints;
  readonly #alarm: Alarm;
  /** At most one per model, in the order in which the device runs them. */
  #inFlight: InFlight[] = [];
  #state: "open" | "closing" | "closed" = "open";
  /** Why the device is gone. */
  #lost: GeodesicError | null = null;
  #looping = false;

  constructor(options: EngineOptions) {
    this.#options = { maxWaiting: 256, assertDevice: () => {}, ...options };
    const { load, emit, onInternalError, batch = {} } = options;
    this.#report = new Reporter(emit);
    this.#alarm = new Alarm(() => this.#wake(), options);
    this.#constraints = new OutputConstraints(options.openMatcher, {
      onMask: () => this.#wake(),
      onComplete: (sequence) => this.#endOpen(sequence, (request) => this.#finish(request, "STOP")),
      onFailure: (sequence, error) =>
        this.#endOpen(sequence, (request) => {
          this.#noteUnexpected(error);
          this.#fail(request, error);
        }),
    });
    this.#residency = new Residency({ load, emit, onInternalError, batch, onSettled: () => this.#wake() });
  }

  /** Acts on one command; what it leads to is told by messages, never by a throw. */
  dispatch(command: EngineCommand): void {
    if (this.#state === "closed") return;
    switch (command.type) {
      case "load":
        this.#load(command);
        break;
      case "unload":
        this.#residency.unload(command.modelKey);
        this.#cancelLeaving();
        break;
      case "submit":
        this.#submit(command);
        break;
      case "cancel": {
        const request = this.#open.get(command.requestId);
        if (request !== undefined) this.#finish(request, "CANCELLED");
        break;
      }
      case "metrics":
        this.#options.emit(this.#meter.report([...this.#residency.models], this.#options.now()));
        return; // Looking changes nothing, so the loop sleeps on.
      case "close":
        this.#state = "closing";
        this.#residency.unloadAll();
        this.#cancelLeaving();
        break;
    }
    this.#wake();
  }

  /** Every open request fails with `error`, models and loads are gone, later commands are refused with it. */
  deviceLost(error: GeodesicError): void {
    if (this.#lost !== null || this.#state === "closed") return;
    this.#lost = error;
    this.#inFlight = [];
    for (const request of [...this.#open.values()]) this.#fail(request, error);
    this.#residency.drop(error);
    this.#options.emit({ type: "unavailable", error: toErrorRecord(error) });
    this.#wake();
  }

  #load(command: LoadCommand): void {
    const { modelKey } = command;
    if (this.#state === "open" && this.#lost === null) return this.#residency.load(command);
    const error = this.#lost ?? new CapacityError(`Cannot load model "${modelKey}": the engine is closing`);
    this.#options.emit({ type: "loadFailed", modelKey, error: toErrorRecord(error) });
  }

  #submit(command: SubmitCommand): void {
    const { requestId } = command;
    // Any answer to a second use of an open id would end the first; clients refuse it before it is sent.
    if (this.#open.has(requestId)) return;
    try {
      const model = this.#modelFor(command);
      const { limits } = model.runner;
      const request = validateRequest(command, limits);
      checkQueue(model, this.#options.maxWaiting, this.#meter);
      const nowMs = this.#options.now();
      const sequence = new Sequence({
        ...request,
        requestId,
        contextTokens: contextTokens(limits),
        blockSize: limits.blockSize,
        cacheSalt: command.cacheSalt,
        deadlineMs: command.deadlineMs === undefined ? null : nowMs + command.deadlineMs,
        clock: new RequestClock(nowMs),
      });
      this.#open.set(requestId, { model, sequence });
      model.batch.enqueue(sequence);
      const { constraint } = sequence.sampling;
      if (constraint !== null) {
        const { modelKey } = model;
        const eosTokenIds = command.eosTokenIds.filter((id) => id < limits.vocabSize);
        this.#constraints.begin(sequence, { modelKey, constraint, eosTokenIds, vocabSize: limits.vocabSize });
      }
    } catch (error) {
      this.#noteUnexpected(error);
      this.#report.refused(requestId, error);
    }
  }

  #modelFor({ modelKey }: SubmitCommand): ResidentModel {
    if (this.#lost !== null) throw this.#lost;
    const model = this.#residency.ready(modelKey);
    if (model === undefined) throw new NotFoundError(`Model "${modelKey}" is not loaded`, { modelKey });
    return model;
  }

  /** Starts the loop unless it runs. Idle means no loop at all, so nothing polls. */
  #wake(): void {
    if (this.#looping) return;
    this.#looping = true;
    this.#alarm.clear();
    this.#loop().catch((error) => {
      this.#looping = false;
      this.#options.onInternalError(error);
      // The books are no longer to be trusted. What ran here can run again on a fresh engine.
      this.deviceLost(new DeviceLostError("The engine stopped after an internal error"));
    });
  }

  async #loop(): Promise<void> {
    while (true) {
      await this.#options.turn();
      this.#residency.sweep();
      this.#expire();
      const { prepared, failed } = this.#prepareSubmits();
      for (const { batch } of this.#residency.models) this.#report.positions(batch.waiting);
      if (prepared.length + this.#inFlight.length === 0 && !failed) break;
      const collected = await this.#collect();
      this.#submitPrepared(prepared);
      for (const one of collected) this.#advance(one);
    }
    this.#assertIdle();
    // Nothing is awaited from the last look at the queues to here, so no command can fall between.
    this.#looping = false;
    this.#alarm.set(this.#open.values());
    this.#meter.idle();
    if (this.#state === "closing" && this.#residency.empty) {
      this.#state = "closed";
      this.#options.emit({ type: "closed" });
    }
  }

  /** The next submit of every model with work, while the device is busy with the last ones, if it is. */
  #prepareSubmits(): { readonly prepared: readonly Prepared[]; readonly failed: boolean } {
    const prepared: Prepared[] = [];
    let failed = false;
    for (const model of [...this.#residency.models]) {
      if (this.#lost !== null) break;
      const { max, preferred } = model.runner.stepsPerSubmit;
      const submit = model.batch.next(Math.min(max, this.#options.stepsPerSubmit ?? preferred));
      if (submit === null) continue;
      try {
        const isDeviceIdle = this.#inFlight.length + prepared.length === 0;
        prepared.push({ model, submit, prepared: this.#prepare(model, submit, isDeviceIdle) });
      } catch (error) {
        // Its requests have ended, and others may now have their place.
        failed = true;
        this.#submitFailed(model, submit, error);
      }
    }
    return { prepared: this.#lost === null ? prepared : [], failed };
  }

  #prepare(
    { runner }: ResidentModel,
    { admitted, steps }: BatchSubmit,
    isDeviceIdle: boolean,
  ): PreparedStep {
    const nowMs = this.#options.now();
    for (const { sequence, slot } of admitted) {
      sequence.clock.started(nowMs);
      this.#report.started(sequence);
      const { sampling, promptTokenIds, outputTokenIds, stopTokenIds, bannedUntilMinTokens } = sequence;
      const stops = { stopTokenIds, bannedUntilMinTokens };
      runner.initSlot(slot, { sampling, promptTokenIds, outputTokenIds, ...stops });
    }
    for (const { sequence, samples } of steps.flatMap(({ rows }) => rows)) {
      if (samples && sequence.mask !== null) runner.setMask(sequence.placement!.slot, sequence.mask);
    }
    return runner.prepare(steps.map(({ plan }) => plan), { isDeviceIdle });
  }

  /** Blocks this thread until the device has done all it was given. */
  async #collect(): Promise<Collected[]> {
    const inFlight = this.#inFlight;
    this.#inFlight = [];
    const collected: Collected[] = [];
    for (const one of inFlight) {
      try {
        collected.push({ ...one, samples: await one.pending.collect() });
      } catch (error) {
        this.#submitFailed(one.model, one.submit, error);
      }
      if (this.#lost !== null) return [];
    }
    return collected;
  }

  #submitPrepared(all: readonly Prepared[]): void {
    for (const { model, submit, prepared } of all) {
      if (this.#lost !== null) return;
      try {
        const { costs } = prepared;
        this.#inFlight.push({ model, submit, costs, pending: prepared.submit() });
        this.#meter.submitted(submit, costs);
      } catch (error) {
        this.#submitFailed(model, submit, error);
      }
    }
  }

  #advance({ model, submit, costs, samples }: Collected): void {
    if (this.#lost !== null) return;
    const nowMs = this.#options.now();
    this.#meter.completed(costs, nowMs);
    for (const { row, step, tokens, finish } of model.batch.complete(submit, samples)) {
      const { sequence, kind } = row;
      if (kind === "decode") sequence.clock.decodeStep(costs[step]!);
      else sequence.clock.promptStep();
      for (const token of tokens) {
        sequence.clock.token(nowMs);
        this.#meter.token(nowMs);
        this.#report.token(row, token);
        if (sequence.stepwise && finish === null) this.#constraints.accept(sequence, token.id);
      }
      if (finish === "NOT_FINITE") {
        if (kind === "prompt") this.#report.promptProcessed(sequence); // No token tells it.
        this.#fail({ model, sequence }, notFinite(model, sequence.completionTokens + 1));
      } else if (finish !== null) this.#finish({ model, sequence }, finish);
    }
    this.#report.flush();
  }

  /** Fails those whose time is over, before anything more is planned for them. */
  #expire(): void {
    for (const [request, error] of overdue(this.#open.values(), this.#options.now())) {
      this.#fail(request, error);
    }
  }

  /**
   * Going to sleep with requests open would leave them without an end, in silence. One that is blocked wakes the
   * loop, by an answer that comes or fails to come in time; others may wait for its place.
   */
  #assertIdle(): void {
    const open = [...this.#open.values()];
    if (open.length === 0 || open.some(({ sequence }) => sequence.blocked)) return;
    throw new Error(`The engine has nothing to do, but ${open.length} requests are open`);
  }

  #endOpen(sequence: Sequence, end: (request: OpenRequest) => void): void {
    const request = this.#open.get(sequence.requestId);
    if (request?.sequence === sequence) end(request);
    this.#wake();
  }

  /** Whoever had a row in the submit fails; without the device, everybody does. */
  #submitFailed(model: ResidentModel, submit: BatchSubmit, error: unknown): void {
    if (this.#lost !== null) return;
    this.#noteUnexpected(error);
    const fatal = this.#fatal(error);
    if (fatal !== null) return this.deviceLost(fatal);
    for (const { sequence } of submit.steps.flatMap(({ rows }) => rows)) {
      const request = this.#open.get(sequence.requestId);
      if (request?.sequence === sequence) this.#fail(request, error);
    }
    model.batch.settle(submit);
  }

  /** The reason for which no further step can run, if that is what the error means. */
  #fatal(error: unknown): GeodesicError | null {
    if (error instanceof GeodesicError) return error.code === "DEVICE_LOST" ? error : null;
    try {
      this.#options.assertDevice();
      return null;
    } catch (cause) {
      if (cause instanceof GeodesicError) return cause;
      return new DeviceLostError("The GPU device failed and is given up", {}, { cause });
    }
  }

  #cancelLeaving(): void {
    for (const request of [...this.#open.values()]) {
      if (request.model.leaving) this.#finish(request, "CANCELLED");
    }
  }

  #finish({ model, sequence }: OpenRequest, reason: EngineFinishReason): void {
    const nowMs = this.#options.now();
    this.#open.delete(sequence.requestId);
    model.batch.end(sequence);
    this.#constraints.end(sequence);
    if (sequence.cachedTokens !== null) this.#meter.served(sequence.clock.serviceMs(nowMs));
    this.#report.finished(sequence, reason, nowMs);
  }

  #fail({ model, sequence }: OpenRequest, error: unknown): void {
    this.#open.delete(sequence.requestId);
    model.batch.end(sequence);
    this.#constraints.end(sequence);
    this.#report.failed(sequence, error);
  }

  #noteUnexpected(error: unknown): void {
    if (!(error instanceof GeodesicError)) this.#options.onInternalError(error);
  }
}

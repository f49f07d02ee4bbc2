/**
 * The engine: commands in, messages out, and the only loop that steps models. Each turn submits one step per model
 * with work, then reads back the oldest ones; `runAhead` steps stay submitted behind, so the device has work while
 * the host reads. Owns open requests; what a step holds is the scheduler's business, what a model is the runner's.
 * Every request gets exactly one `finished` or `failed`, and nothing after it.
 */
import { CapacityError, DeviceLostError, GeodesicError, NotFoundError, toErrorRecord } from "../errors.ts";
import type { PendingStep, SampledToken, StepCost } from "../model/runner.ts";
import type { BatchStep } from "./batch.ts";
import { EngineMeter } from "./meter.ts";
import type {
  EngineCommand,
  EngineFinishReason,
  EngineMessage,
  LoadCommand,
  SubmitCommand,
} from "./protocol.ts";
import { Reporter } from "./report.ts";
import { type LoadModel, Residency, type ResidentModel } from "./residency.ts";
import { Sequence } from "./sequence.ts";
import { RequestClock } from "./timings.ts";
import { contextTokens, validateRequest } from "./validate.ts";

export interface EngineOptions {
  readonly load: LoadModel;
  /** Receives every message, in order. Must not throw. */
  readonly emit: (message: EngineMessage) => void;
  /** Resolves after the thread has had a chance to receive commands. Awaited between steps. */
  readonly turn: () => Promise<void>;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Throws when the device can run nothing more. Asked after an error that nobody expected. */
  readonly assertDevice?: () => void;
  /** Errors that nobody expected; a request that meets one fails with `INTERNAL`. */
  readonly onInternalError: (error: unknown) => void;
  /** Steps of one model left in flight while an older one is read back; 1 unless given. */
  readonly runAhead?: number;
  /** Requests per model that may wait; one more is refused with `CAPACITY`. 256 unless given. */
  readonly maxWaiting?: number;
}

/** Accepted, and without its last message so far. */
interface OpenRequest {
  readonly model: ResidentModel;
  readonly sequence: Sequence;
}

interface InFlight {
  readonly model: ResidentModel;
  readonly step: BatchStep;
  readonly pending: PendingStep;
  readonly cost: StepCost;
}

export class Engine {
  readonly #options: Required<EngineOptions>;
  readonly #residency: Residency;
  readonly #report: Reporter;
  readonly #meter = new EngineMeter();
  readonly #open = new Map<string, OpenRequest>();
  /** Oldest first, over all models: the order in which the device runs them. */
  #inFlight: InFlight[] = [];
  #state: "open" | "closing" | "closed" = "open";
  /** Why the device is gone. */
  #lost: GeodesicError | null = null;
  #looping = false;

  constructor(options: EngineOptions) {
    this.#options = { runAhead: 1, maxWaiting: 256, assertDevice: () => {}, ...options };
    const { load, emit, onInternalError } = options;
    this.#report = new Reporter(emit);
    this.#residency = new Residency({ load, emit, onInternalError, onSettled: () => this.#wake() });
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
      this.#checkQueue(model);
      const sequence = new Sequence({
        ...request,
        requestId,
        contextTokens: contextTokens(limits),
        blockSize: limits.blockSize,
        clock: new RequestClock(this.#options.now()),
      });
      this.#open.set(requestId, { model, sequence });
      model.batch.enqueue(sequence);
    } catch (error) {
      this.#noteUnexpected(error);
      this.#report.failed(requestId, error);
    }
  }

  #modelFor({ modelKey }: SubmitCommand): ResidentModel {
    if (this.#lost !== null) throw this.#lost;
    const model = this.#residency.ready(modelKey);
    if (model === undefined) throw new NotFoundError(`Model "${modelKey}" is not loaded`, { modelKey });
    return model;
  }

  #checkQueue({ modelKey, batch, runner }: ResidentModel): void {
    const { maxWaiting } = this.#options;
    const waiting = batch.waiting.size;
    if (waiting < maxWaiting) return;
    const retryAfterMs = this.#meter.retryAfterMs(runner.limits.maxSequences);
    throw new CapacityError(`The queue of model "${modelKey}" is full: ${waiting} requests wait`, {
      modelKey,
      waiting,
      maxWaiting,
      retryAfterMs,
    });
  }

  /** Starts the loop unless it runs. Idle means no loop at all, so nothing polls. */
  #wake(): void {
    if (this.#looping) return;
    this.#looping = true;
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
      const submitted = this.#submitSteps();
      for (const { batch } of this.#residency.models) this.#report.positions(batch.waiting);
      if (!submitted && this.#inFlight.length === 0) break;
      await this.#collectSteps(submitted);
    }
    // Nothing is awaited from the last look at the queues to here, so no command can fall between.
    this.#looping = false;
    this.#meter.idle();
    if (this.#state === "closing" && this.#residency.empty) {
      this.#state = "closed";
      this.#options.emit({ type: "closed" });
    }
  }

  /** At most one step per model, for those that are not too far ahead. */
  #submitSteps(): boolean {
    let submitted = false;
    for (const model of [...this.#residency.models]) {
      if (this.#lost !== null || model.batch.stepsInFlight > this.#options.runAhead) continue;
      const step = model.batch.next();
      if (step === null) continue;
      // A step that could not be submitted has ended its requests, and others may now have their place.
      submitted = true;
      try {
        this.#inFlight.push({ model, step, ...this.#submitStep(model, step) });
      } catch (error) {
        this.#stepFailed(model, step, error);
      }
    }
    return submitted;
  }

  #submitStep({ runner }: ResidentModel, step: BatchStep): { pending: PendingStep; cost: StepCost } {
    const nowMs = this.#options.now();
    for (const { sequence, placement } of step.admitted) {
      sequence.clock.started(nowMs);
      const { sampling, promptTokenIds, stopTokenIds: bannedUntilMinTokens } = sequence;
      runner.initSlot(placement.slot, { sampling, bannedUntilMinTokens, promptTokenIds, outputTokenIds: [] });
    }
    const { costs, submit } = runner.prepare([step.plan]);
    const cost = costs[0]!;
    this.#meter.submitted(step, cost);
    return { pending: submit(), cost };
  }

  /** Reads back until every model is within `runAhead`, and at least one step when nothing new was submitted. */
  async #collectSteps(submitted: boolean): Promise<void> {
    const { runAhead } = this.#options;
    const tooFarAhead = () => [...this.#residency.models].some(({ batch }) => batch.stepsInFlight > runAhead);
    for (let due = !submitted; due || tooFarAhead(); due = false) {
      const oldest = this.#inFlight.shift();
      if (oldest === undefined) return;
      try {
        const [samples] = await oldest.pending.collect();
        if (this.#lost === null) this.#advance(oldest, samples!);
      } catch (error) {
        this.#stepFailed(oldest.model, oldest.step, error);
      }
    }
  }

  #advance({ model, step, cost }: InFlight, samples: readonly SampledToken[]): void {
    const nowMs = this.#options.now();
    for (const { row, token, finish } of model.batch.complete(step, samples)) {
      const { sequence, kind } = row;
      if (kind === "prompt") sequence.clock.promptStep();
      else sequence.clock.decodeStep(cost);
      if (token === null) continue;
      sequence.clock.token(nowMs);
      this.#meter.token(nowMs);
      this.#report.token(row, token);
      if (finish !== null) this.#finish({ model, sequence }, finish);
    }
  }

  /** Whoever had a row in the step fails; without the device, everybody does. */
  #stepFailed(model: ResidentModel, step: BatchStep, error: unknown): void {
    if (this.#lost !== null) return;
    this.#noteUnexpected(error);
    const fatal = this.#fatal(error);
    if (fatal !== null) return this.deviceLost(fatal);
    for (const { sequence } of step.rows) {
      const request = this.#open.get(sequence.requestId);
      if (request?.sequence === sequence) this.#fail(request, error);
    }
    model.batch.settle(step);
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
    if (sequence.promptSubmitted > 0) this.#meter.served(sequence.clock.serviceMs(nowMs));
    this.#report.finished(sequence, reason, nowMs);
  }

  #fail({ model, sequence }: OpenRequest, error: unknown): void {
    this.#open.delete(sequence.requestId);
    model.batch.end(sequence);
    this.#report.failed(sequence.requestId, error);
  }

  #noteUnexpected(error: unknown): void {
    if (!(error instanceof GeodesicError)) this.#options.onInternalError(error);
  }
}

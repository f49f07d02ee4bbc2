/**
 * When things happened to one request and what its steps cost, and from these the figures of its last message.
 * Owns no clock: every instant is passed in, in milliseconds of whatever clock the engine was given.
 */
import type { StepCost } from "../model/runner.ts";
import type { RequestTimings } from "./protocol.ts";

/** Filled in as a request moves on; {@link summarize} may be called at any moment. */
export class RequestClock {
  readonly #arrivedMs: number;
  #startedMs: number | null = null;
  #firstTokenMs: number | null = null;
  #lastTokenMs = 0;
  #tokens = 0;
  #promptSteps = 0;
  #decodeSteps = 0;
  #dispatches = 0;
  #submits = 0;
  #readbackBytes = 0;

  constructor(nowMs: number) {
    this.#arrivedMs = nowMs;
  }

  /** Its first step is about to be submitted. */
  started(nowMs: number): void {
    this.#startedMs ??= nowMs;
  }

  /** A step with a chunk of its prompt has been read back. */
  promptStep(): void {
    this.#promptSteps++;
  }

  /** A step with a decode row whose token counts has been read back; one that ran ahead of a stop is not counted. */
  decodeStep(cost: StepCost): void {
    this.#decodeSteps++;
    this.#dispatches += cost.dispatches;
    this.#submits += cost.submits;
    this.#readbackBytes += cost.readbackBytes;
  }

  token(nowMs: number): void {
    this.#firstTokenMs ??= nowMs;
    this.#lastTokenMs = nowMs;
    this.#tokens++;
  }

  /** Milliseconds since its first step, 0 before it. */
  serviceMs(nowMs: number): number {
    return this.#startedMs === null ? 0 : nowMs - this.#startedMs;
  }

  /** A phase that was never reached lasts until `nowMs` if it had begun, and 0 otherwise. */
  summarize(nowMs: number): RequestTimings {
    const startedMs = this.#startedMs ?? nowMs;
    const firstTokenMs = this.#firstTokenMs ?? nowMs;
    const decodeMs = this.#firstTokenMs === null ? 0 : this.#lastTokenMs - this.#firstTokenMs;
    const perStep = (sum: number) => this.#decodeSteps === 0 ? 0 : sum / this.#decodeSteps;
    return {
      steps: this.#promptSteps + this.#decodeSteps,
      dispatchesPerStep: perStep(this.#dispatches),
      submitsPerStep: perStep(this.#submits),
      readbackBytesPerStep: perStep(this.#readbackBytes),
      ttftMs: this.#firstTokenMs === null ? 0 : firstTokenMs - this.#arrivedMs,
      queueMs: startedMs - this.#arrivedMs,
      prefillMs: firstTokenMs - startedMs,
      decodeMs,
      decodeTokensPerSecond: decodeMs > 0 ? (this.#tokens - 1) * 1000 / decodeMs : 0,
    };
  }
}

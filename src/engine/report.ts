/**
 * What the owner of a request is told, and in what words. Owns the shape of request messages and nothing else: when
 * each is due is the engine's business.
 */
import { toErrorRecord } from "../errors.ts";
import type { SampledToken } from "../model/runner.ts";
import type { StepRow } from "./step_samples.ts";
import type { EngineFinishReason, RequestMessage, WireToken } from "./protocol.ts";
import type { Sequence } from "./sequence.ts";

export class Reporter {
  readonly #emit: (message: RequestMessage) => void;
  /** Tokens of the submit that is being read: those of one request travel together. */
  readonly #tokens = new Map<Sequence, WireToken[]>();

  constructor(emit: (message: RequestMessage) => void) {
    this.#emit = emit;
  }

  /**
   * Tells every waiting sequence its position if it is not the one it was told last. One that has started and was
   * preempted has a place in the queue too, but to its owner it is running.
   */
  positions(waiting: Iterable<Sequence>): void {
    let position = 0;
    for (const sequence of waiting) {
      position++;
      if (sequence.reportedPosition === position || sequence.cachedTokens !== null) continue;
      sequence.reportedPosition = position;
      this.#emit({ type: "queued", requestId: sequence.requestId, position });
    }
  }

  /** Ends the talk of positions, if there was any. */
  started(sequence: Sequence): void {
    if (sequence.reportedPosition === 0) return;
    sequence.reportedPosition = 0;
    this.#emit({ type: "started", requestId: sequence.requestId });
  }

  /**
   * The token of a row, which is sent with those of the next steps by {@link flush} or the end. For the row that
   * completes a prompt, that the prompt is in comes first.
   */
  token({ sequence, kind }: StepRow, token: SampledToken): void {
    if (kind === "prompt") this.promptProcessed(sequence);
    const { id, logprob, top } = token;
    const wire: WireToken = sequence.sampling.logprobs < 0 ? { id } : { id, logprob, top };
    const tokens = this.#tokens.get(sequence);
    if (tokens === undefined) this.#tokens.set(sequence, [wire]);
    else tokens.push(wire);
  }

  promptProcessed({ requestId, promptLength: promptTokens, cachedTokens }: Sequence): void {
    this.#emit({ type: "promptProcessed", requestId, promptTokens, cachedTokens: cachedTokens ?? 0 });
  }

  flush(): void {
    for (const sequence of this.#tokens.keys()) this.#flush(sequence);
  }

  finished(sequence: Sequence, reason: EngineFinishReason, nowMs: number): void {
    this.#flush(sequence);
    const { requestId, promptLength: promptTokens, completionTokens, clock } = sequence;
    const cachedTokens = sequence.cachedTokens ?? 0;
    const timings = clock.summarize(nowMs);
    const counts = { promptTokens, cachedTokens, completionTokens };
    this.#emit({ type: "finished", requestId, reason, ...counts, timings });
  }

  #flush(sequence: Sequence): void {
    const tokens = this.#tokens.get(sequence);
    if (tokens === undefined) return;
    this.#tokens.delete(sequence);
    this.#emit({ type: "tokens", requestId: sequence.requestId, tokens });
  }

  /** One that was accepted. */
  failed(sequence: Sequence, error: unknown): void {
    this.#flush(sequence);
    this.refused(sequence.requestId, error);
  }

  refused(requestId: string, error: unknown): void {
    this.#emit({ type: "failed", requestId, error: toErrorRecord(error) });
  }
}

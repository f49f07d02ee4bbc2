/**
 * What the owner of a request is told, and in what words. Owns the shape of request messages and nothing else: when
 * each is due is the engine's business.
 */
import { toErrorRecord } from "../errors.ts";
import type { SampledToken } from "../model/runner.ts";
import type { StepRow } from "./batch.ts";
import type { EngineFinishReason, RequestMessage, WireToken } from "./protocol.ts";
import type { Sequence } from "./sequence.ts";

export class Reporter {
  readonly #emit: (message: RequestMessage) => void;

  constructor(emit: (message: RequestMessage) => void) {
    this.#emit = emit;
  }

  /** Tells every waiting sequence its position if it is not the one it was told last. */
  positions(waiting: Iterable<Sequence>): void {
    let position = 0;
    for (const sequence of waiting) {
      position++;
      if (sequence.reportedPosition === position) continue;
      sequence.reportedPosition = position;
      this.#emit({ type: "queued", requestId: sequence.requestId, position });
    }
  }

  /** The token of a row; for the row that completes a prompt, that the prompt is in comes first. */
  token({ sequence, kind }: StepRow, token: SampledToken): void {
    const { requestId, promptLength: promptTokens } = sequence;
    if (kind === "prompt") {
      this.#emit({ type: "promptProcessed", requestId, promptTokens, cachedTokens: 0 });
    }
    const { id, logprob, top } = token;
    const wire: WireToken = sequence.sampling.logprobs < 0 ? { id } : { id, logprob, top };
    this.#emit({ type: "tokens", requestId, tokens: [wire] });
  }

  finished(sequence: Sequence, reason: EngineFinishReason, nowMs: number): void {
    const { requestId, promptLength: promptTokens, completionTokens, clock } = sequence;
    const timings = clock.summarize(nowMs);
    this.#emit({ type: "finished", requestId, reason, promptTokens, completionTokens, timings });
  }

  failed(requestId: string, error: unknown): void {
    this.#emit({ type: "failed", requestId, error: toErrorRecord(error) });
  }
}

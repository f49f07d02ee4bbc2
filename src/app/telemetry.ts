/** What outsiders who count and trace hear of generations. They change nothing, and nothing waits for them. */
import type { GenerationEventBody } from "./types.ts";

/** An accepted generation. */
export interface GenerationFacts {
  readonly generationId: string;
  readonly modelName: string;
  /** Manifest hash of the weights; null where nothing is known of them. */
  readonly artifactSha256: string | null;
  readonly startedAt: Date;
}

/** Events that were committed together. */
export type GenerationListener = (at: Date, events: readonly GenerationEventBody[]) => void;

export interface GenerationObserver {
  /**
   * Called in the request that starts it. The listener hears every event after the first (`queued`), in order, after its
   * commit; `failed` where no end can be written. Both must be quick and must not throw.
   */
  started(facts: GenerationFacts): GenerationListener;
}

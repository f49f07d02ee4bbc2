/** How a generation ends: the terminal event and the last change of its row, which say the same. */
import type { Updateable } from "kysely";
import type { RequestTimings } from "../../engine/protocol.ts";
import { DeadlineError, type ErrorRecord } from "../../errors.ts";
import { toJson } from "../../store/codec.ts";
import type { GenerationsTable } from "../../store/database.ts";
import type { FinishReason, GenerationEventBody, Usage } from "../types.ts";

/** Whichever comes first: the engine, a cancel, an error. */
export type Ending =
  | { readonly kind: "finished"; readonly reason: FinishReason; readonly timings: RequestTimings }
  | { readonly kind: "failed"; readonly error: ErrorRecord }
  | { readonly kind: "cancelled" };

/** The terminal event and the row's last change, which belong together. */
export function describeEnding(ending: Ending, text: string, usage: Usage): {
  readonly event: GenerationEventBody;
  readonly row: Updateable<GenerationsTable>;
} {
  switch (ending.kind) {
    case "finished": {
      const { reason, timings } = ending;
      return {
        event: { kind: "finished", finishReason: reason, text, usage, timings },
        row: { status: "SUCCEEDED", finish_reason: reason, timings: toJson(timings) },
      };
    }
    case "failed": {
      const { error } = ending;
      return {
        event: { kind: "failed", code: error.code, message: error.message },
        row: { status: "FAILED", finish_reason: "ERROR", error: toJson(error) },
      };
    }
    case "cancelled":
      return {
        event: { kind: "cancelled", usage },
        row: { status: "CANCELLED", finish_reason: "CANCELLED" },
      };
  }
}

export function deadlinePassed(): DeadlineError {
  return new DeadlineError("The generation took longer than its deadline");
}

/** Events of a generation as rows of its log, and back. */
import { fromJson, fromTime, toJson, toTime } from "../../store/codec.ts";
import type { GenerationEventRow } from "../../store/generation_events.ts";
import type { GenerationEvent, GenerationEventBody } from "../types.ts";

export function toEventRow(
  generationId: string,
  seq: number,
  at: Date,
  { kind, ...payload }: GenerationEventBody,
): GenerationEventRow {
  return { generation_id: generationId, seq, at: toTime(at), kind, payload: toJson(payload) };
}

export function toEvent(row: GenerationEventRow): GenerationEvent {
  const body = { kind: row.kind, ...fromJson<object>(row.payload) } as GenerationEventBody;
  return { ...body, seq: row.seq, generationId: row.generation_id, at: fromTime(row.at) };
}

/** Events of a generation as rows of its log, and back. */
import { fromJson, fromTime, toJson, toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { type GenerationEventRow, readEvents } from "../../store/generation_events.ts";
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

/** Events of one read. */
const BATCH = 256;

/** The whole log as it is now, in order. */
export async function* allEvents(db: Db, generationId: string): AsyncGenerator<GenerationEvent> {
  let rows = await readEvents(db, generationId, 0, BATCH);
  while (rows.length > 0) {
    yield* rows.map(toEvent);
    rows = await readEvents(db, generationId, rows.at(-1)!.seq, BATCH);
  }
}

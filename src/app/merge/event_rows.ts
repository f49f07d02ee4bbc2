/** Events of a merge as rows of its log, and back. */
import { fromJson, fromTime, toJson, toTime } from "../../store/codec.ts";
import type { MergeEventRow } from "../../store/merge_events.ts";
import type { LogEntry } from "../events/event_log.ts";
import type { MergeEvent, MergeEventBody } from "../types.ts";

export function toMergeEventRow(mergeId: string, entry: LogEntry<MergeEventBody>): MergeEventRow {
  const { kind, ...payload } = entry.body;
  return { merge_id: mergeId, seq: entry.seq, at: toTime(entry.at), kind, payload: toJson(payload) };
}

export function toMergeEvent(row: MergeEventRow): MergeEvent {
  const body = { kind: row.kind, ...fromJson<object>(row.payload) } as MergeEventBody;
  return { ...body, seq: row.seq, mergeId: row.merge_id, at: fromTime(row.at) };
}

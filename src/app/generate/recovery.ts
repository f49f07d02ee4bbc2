/**
 * After a crash: generations that a dead process left open get the terminal event they would have waited for, with the
 * text that had been logged. Runs before anything is served, and only in the process that owns the data folder; and again
 * for a generation whose end could not be written, when somebody asks for it.
 */
import { toJson, toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { appendEvents, lastSeq } from "../../store/generation_events.ts";
import { findGeneration, isOpen, openGenerations, updateGeneration } from "../../store/generations.ts";
import type { ErrorRecord } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import { allEvents, toEventRow } from "./event_rows.ts";

/** Why a generation ends that nobody is running any more. */
export const INTERRUPTED: ErrorRecord = Object.freeze({
  code: "INTERRUPTED",
  message: "The gateway stopped while this generation was running; ask again",
  details: Object.freeze({}),
});

/** Ends every open generation as failed, each in one transaction; how many there were. */
export async function endInterruptedGenerations(db: Db, clock: Clock): Promise<number> {
  const open = await openGenerations(db);
  for (const { id } of open) await endInterrupted(db, clock, id);
  return open.length;
}

/** Ends a generation that nobody runs as failed, with the text that had been logged; one that has ended stays. */
export async function endInterrupted(db: Db, clock: Clock, id: string): Promise<void> {
  const at = clock.now();
  await db.transaction().execute(async (trx) => {
    const row = await findGeneration(trx, id);
    if (row === undefined || !isOpen(row)) return;
    const text = await loggedText(trx, id);
    const { code, message } = INTERRUPTED;
    const seq = await lastSeq(trx, id) + 1;
    await appendEvents(trx, [toEventRow(id, seq, at, { kind: "failed", code, message })]);
    await updateGeneration(trx, id, {
      status: "FAILED",
      finish_reason: "ERROR",
      text,
      error: toJson(INTERRUPTED),
      finished_at: toTime(at),
    });
  });
}

async function loggedText(db: Db, id: string): Promise<string> {
  let text = "";
  for await (const event of allEvents(db, id)) if (event.kind === "tokens") text += event.text;
  return text;
}

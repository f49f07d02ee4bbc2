/**
 * Generations that nobody runs any more: those of gateways that are dead, and those of this one whose end could not be
 * written. They get the terminal event they would have waited for, with the text and the usage that had been logged. Runs
 * before anything is served, with every heartbeat, and when somebody asks for such a generation. One that a living
 * gateway runs is left alone.
 */
import { toJson, toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { appendEvents, lastSeq } from "../../store/generation_events.ts";
import {
  type OpenGeneration,
  openGenerations,
  takeOpenGeneration,
  updateGeneration,
} from "../../store/generations.ts";
import { deleteClaim } from "../../store/unit_claims.ts";
import type { ErrorRecord } from "../../errors.ts";
import type { Clock } from "../clock.ts";
import type { Membership } from "../membership.ts";
import type { Usage } from "../types.ts";
import { usageChange } from "../usage.ts";
import { allEvents, toEventRow } from "./event_rows.ts";

/** Why a generation ends that nobody is running any more. */
export const INTERRUPTED: ErrorRecord = Object.freeze({
  code: "INTERRUPTED",
  message: "The gateway stopped while this generation was running; ask again",
  details: Object.freeze({}),
});

export interface RecoveryOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly membership: Membership;
  /** Generations that this gateway runs, or is about to. */
  readonly jobs: { has(id: string): boolean };
}

/**
 * Ends every open generation that nobody runs as failed, each in one transaction; how many there were. One that cannot
 * be ended is reported, and keeps no others from it.
 */
export async function endInterruptedGenerations(
  options: RecoveryOptions & { readonly reportError: (error: unknown) => void },
): Promise<number> {
  const { db, membership, jobs, reportError } = options;
  const open = await openGenerations(db);
  if (open.length === 0) return 0;
  const living = await membership.living();
  const orphans = open.filter(({ id, gateway_id }) =>
    gateway_id === membership.id ? !jobs.has(id) : gateway_id === null || !living.has(gateway_id)
  );
  for (const row of orphans) await endInterrupted(options, row).catch(reportError);
  return orphans.length;
}

/** Ends a generation that nobody runs as failed; one that has ended, or that somebody else has taken, stays. */
export async function endInterrupted(
  { db, clock, membership }: Omit<RecoveryOptions, "jobs">,
  { id, principal_id, model_id, gateway_id }: OpenGeneration,
): Promise<void> {
  const at = clock.now();
  await db.transaction().execute(async (trx) => {
    if (!await takeOpenGeneration(trx, id, { from: gateway_id, to: membership.id })) return;
    await deleteClaim(trx, id);
    const { text, usage, engineMs } = await readLogged(trx, id);
    const { code, message } = INTERRUPTED;
    const seq = await lastSeq(trx, id) + 1;
    await appendEvents(trx, [toEventRow(id, seq, at, { kind: "failed", code, message })]);
    await updateGeneration(trx, id, {
      status: "FAILED",
      finish_reason: "ERROR",
      text,
      usage: toJson(usage),
      error: toJson(INTERRUPTED),
      finished_at: toTime(at),
    });
    await usageChange({ at, principalId: principal_id, modelId: model_id, usage, engineMs }).write(trx);
  });
}

/** What the log of a generation holds so far. */
export async function readLogged(
  db: Db,
  id: string,
): Promise<{ readonly text: string; readonly usage: Usage; readonly engineMs: number }> {
  let text = "";
  let usage: Usage = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };
  let beganMs: number | null = null;
  let lastMs = 0;
  for await (const event of allEvents(db, id)) {
    lastMs = event.at.getTime();
    if (event.kind === "promptProcessed") {
      const { promptTokens, cachedTokens } = event;
      usage = { ...usage, promptTokens, cachedTokens };
      beganMs ??= lastMs;
    } else if (event.kind === "tokens") {
      text += event.text;
      usage = { ...usage, completionTokens: usage.completionTokens + event.tokens.length };
    }
  }
  return { text, usage, engineMs: beganMs === null ? 0 : lastMs - beganMs };
}

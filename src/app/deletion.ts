/**
 * Deletion that deletes. A session goes with its messages, and with every text and event of its generations and of those
 * that run them again, whoever started these; so does a generation without a session. What runs is cancelled first. The
 * rows of generations stay without a text, for what is counted of them; nobody finds them by their ids any more.
 */
import { CapacityError, ConfigError, NotFoundError } from "../errors.ts";
import { toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import {
  eraseGeneration,
  findGeneration,
  type GenerationRow,
  type GenerationState,
  isOpen,
  lockGeneration,
  lockGenerations,
  reproductionsOf,
  statesOfSession,
} from "../store/generations.ts";
import { emptyLog } from "../store/scrub.ts";
import * as sessions from "../store/sessions.ts";
import { oneActOnOthersAtATime, type OwnedAct, recordActOnOthers } from "./audit.ts";
import { cancelGeneration, type CancelOptions } from "./generate/cancel.ts";

export type DeletionOptions = CancelOptions;

/** Somebody may ask something while the last generation is being cancelled; not forever. */
const MAX_ATTEMPTS = 5;
const RETRY_AFTER_MS = 500;
/** Ids in one statement. */
const BATCH = 500;

/** `act` is recorded with it where the session is somebody else's. */
export async function deleteSession(options: DeletionOptions, id: string, act: OwnedAct): Promise<void> {
  await erase(options, {
    act,
    // What is asked meanwhile has either been written by then, or finds the session gone.
    lock: async (trx) => {
      if (!await sessions.lockSession(trx, id)) throw new NotFoundError(`No session "${id}"`, { id });
    },
    find: (db) => statesOfSession(db, id),
    also: (trx) => sessions.deleteSession(trx, id),
  });
}

/** ConfigError for one that is part of a session. `act` is recorded with it where it is somebody else's. */
export async function deleteGeneration(
  options: DeletionOptions,
  row: GenerationRow,
  act: OwnedAct,
): Promise<void> {
  if (row.session_id !== null) {
    throw new ConfigError("The generation is part of a session: delete that", {
      field: "id",
      sessionId: row.session_id,
    });
  }
  await erase(options, {
    act,
    lock: async (trx) => {
      if (await lockGeneration(trx, row.id) !== undefined) return;
      throw new NotFoundError(`No generation "${row.id}"`, { id: row.id });
    },
    find: async (db) => {
      const found = await findGeneration(db, row.id);
      return found === undefined ? [] : [found];
    },
  });
}

async function erase(
  options: DeletionOptions,
  { act, lock, find, also }: {
    readonly act: OwnedAct;
    /** Keeps others from adding to what `find` finds; NotFoundError where somebody else has deleted it. */
    readonly lock: (trx: Db) => Promise<void>;
    readonly find: (db: Db) => Promise<readonly GenerationState[]>;
    readonly also?: (trx: Db) => Promise<void>;
  },
): Promise<void> {
  const { db, clock } = options;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    for (const { id } of (await withReproductions(db, await find(db))).filter(isOpen)) {
      await cancelGeneration(options, id);
    }
    const erased = await db.transaction().execute(async (trx) => {
      await oneActOnOthersAtATime(trx, act);
      await lock(trx);
      const rows = await withReproductions(trx, await find(trx), { locked: true });
      if (rows.some(isOpen)) return false;
      for (const { id } of rows) await eraseGeneration(trx, id, toTime(clock.now()));
      await also?.(trx);
      await recordActOnOthers(trx, act);
      return true;
    });
    if (erased) return await emptyLog(db);
  }
  throw new CapacityError("Cannot delete: new generations keep being started", {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/**
 * These, those that run one of them again, those that run one of these again, and so on; `locked`, nobody can run any of
 * them again before the transaction ends.
 */
async function withReproductions(
  db: Db,
  rows: readonly GenerationState[],
  { locked = false } = {},
): Promise<readonly GenerationState[]> {
  const found = [...rows];
  for (let start = 0; start < found.length; start += BATCH) {
    const batch = found.slice(start, start + BATCH);
    // One that runs is cancelled and all of this done anew; its own end must not wait for us.
    if (locked && batch.some(isOpen)) break;
    const ids = batch.map(({ id }) => id);
    if (locked) await lockGenerations(db, ids);
    found.push(...await reproductionsOf(db, ids));
  }
  return found;
}

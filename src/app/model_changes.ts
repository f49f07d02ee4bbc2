/** What an operator changes about a registered model, and how one is removed. The callers have checked who asks. */
import { dirname, join, resolve, sep } from "node:path";
import { CapacityError, ConfigError, NotFoundError } from "../errors.ts";
import { toWriteError } from "../formats/write_error.ts";
import { forgetEntry } from "../model/cache_folder.ts";
import { toTime } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import { openGenerations } from "../store/generations.ts";
import * as store from "../store/models.ts";
import { toErrorRecord } from "../errors.ts";
import { oneActAtATime, recordAct } from "./audit.ts";
import { entryOf, factsOf, noWeights } from "./catalogue.ts";
import { discardLeftover } from "./jobs/leftovers.ts";
import { libraryOf } from "./jobs/pull.ts";
import type { ModelLoader, ModelSettings } from "./loading.ts";
import { checkDescription, type RegisterOptions } from "./register.ts";
import type { Log } from "./request.ts";
import type { Principal } from "./types.ts";
import { withoutWeights } from "./weights.ts";

export interface ChangeOptions extends RegisterOptions {
  readonly loader: ModelLoader;
  /** Where quantized weights are kept. */
  readonly cacheDir: string;
  readonly log: Log;
  readonly reportError: (error: unknown) => void;
}
export interface ModelChange {
  readonly description?: string;
  /** Null: as the gateway says; -1: for ever. */
  readonly keepAliveSeconds?: number | null;
  readonly isPinned?: boolean;
}

/** What a timer can wait; what is to stay longer stays for ever. */
export const MAX_KEEP_ALIVE_SECONDS = 24 * 24 * 3600;
const RETRY_AFTER_MS = 2000;

/** The row as it is now. Throws ConfigError for what cannot be set. */
export async function updateModel(
  { db, clock, loader, board }: ChangeOptions,
  actor: Principal,
  { row, change }: { readonly row: store.ModelRow; readonly change: ModelChange },
): Promise<store.ModelRow> {
  const { description, keepAliveSeconds, isPinned } = change;
  if (description !== undefined) checkDescription(row.name, description);
  if (keepAliveSeconds != null && !isKeepAlive(keepAliveSeconds)) {
    throw new ConfigError(
      `Invalid keepAliveSeconds: found ${keepAliveSeconds}, expected -1 … ${MAX_KEEP_ALIVE_SECONDS}`,
      { field: "keepAliveSeconds", found: keepAliveSeconds },
    );
  }
  const patch = {
    ...(description !== undefined && { description }),
    ...(keepAliveSeconds !== undefined && { keep_alive_seconds: keepAliveSeconds }),
    ...(isPinned !== undefined && { pinned: isPinned ? 1 : 0 }),
  };
  if (Object.keys(patch).length === 0) return row;
  const changed = await db.transaction().execute(async (trx) => {
    await oneActAtATime(trx); // before the row, as registering does
    const now = await requireStill(trx, row);
    await store.updateModel(trx, row.id, patch);
    const details = { name: row.name, ...change };
    await recordAct(trx, { actor, at: clock.now(), action: "model.update", target: row.id, details });
    return { ...now, ...patch };
  });
  loader.settingsChanged(row.id, settingsOf(changed));
  board.announce(row.id, "UPDATED");
  return changed;
}

/** What the loader heeds of a row. */
export function settingsOf(row: Pick<store.ModelRow, "keep_alive_seconds" | "pinned">): ModelSettings {
  return { keepAliveSeconds: row.keep_alive_seconds, isPinned: row.pinned === 1 };
}

function isKeepAlive(seconds: number): boolean {
  return Number.isInteger(seconds) && seconds >= -1 && seconds <= MAX_KEEP_ALIVE_SECONDS;
}

/**
 * The row as it is now: removed, or an entry of the catalogue without weights. Throws CapacityError while something uses
 * it, ConfigError where files are to go that are not the gateway's own.
 */
export async function removeModel(
  options: ChangeOptions,
  actor: Principal,
  { row, deleteFiles }: { readonly row: store.ModelRow; readonly deleteFiles: boolean },
): Promise<store.ModelRow> {
  const { db, clock, loader, board } = options;
  const libraryDir = libraryOf(options);
  if (deleteFiles && store.hasFolder(row) && !resolve(row.path).startsWith(libraryDir + sep)) {
    throw new ConfigError(
      `Cannot delete the files of "${row.name}": "${row.path}" is not in the gateway's library "${libraryDir}"`,
      { field: "deleteFiles", path: row.path, expected: libraryDir },
    );
  }
  await requireUnused(db, row);
  await loader.unload(row.id);
  const entry = entryOf(row);
  const keepsEntry = entry !== null && store.hasFolder(row);
  const removed = await db.transaction().execute(async (trx) => {
    await oneActAtATime(trx);
    await store.lockModel(trx, row.id);
    const now = await requireStill(trx, row);
    if (now.path !== row.path || now.artifact_id !== row.artifact_id) throw changedMeanwhile(row);
    await requireUnused(trx, row); // at any gateway: none can start another one now
    if (deleteFiles && store.hasFolder(row)) await requireOwnFolder(trx, row);
    const patch = keepsEntry
      ? { ...factsOf(options, entry), ...await noWeights(options, trx), origin: null }
      : { removed_at: toTime(clock.now()) };
    await store.updateModel(trx, row.id, patch);
    const details = { name: row.name, path: row.path, deleteFiles };
    await recordAct(trx, { actor, at: clock.now(), action: "model.remove", target: row.id, details });
    return { ...now, ...patch };
  });
  if (keepsEntry) {
    board.set(row.id, { state: "MISSING_WEIGHTS", error: toErrorRecord(withoutWeights(row)) });
  }
  board.announce(row.id, keepsEntry ? "UPDATED" : "REMOVED");
  await forgetWeights(options, row);
  if (deleteFiles && store.hasFolder(row)) await deleteFolder(row.path, libraryDir);
  if (deleteFiles) await discardLeftover(options, row.name, { reason: "removed" });
  return removed;
}

/** The row as acts that came before have left it. */
async function requireStill(trx: Db, { id, name }: store.ModelRow): Promise<store.ModelRow> {
  const row = await store.findModel(trx, { id });
  if (row !== undefined) return row;
  throw new NotFoundError(`Model "${name}" has been removed at this very moment`, { model: name });
}

/** Whoever asked for it knew of other weights. */
function changedMeanwhile({ name }: store.ModelRow): CapacityError {
  return new CapacityError(`Cannot remove model "${name}": its weights have changed at this very moment`, {
    ...{ model: name, retryAfterMs: RETRY_AFTER_MS },
  });
}

/** Files go with the last model that is made of them. */
async function requireOwnFolder(db: Db, { id, name, path }: store.ModelRow): Promise<void> {
  const other = await store.findModelAt(db, path, { except: id });
  if (other === undefined) return;
  throw new ConfigError(`Cannot delete the files of "${name}": model "${other.name}" is made of them, too`, {
    ...{ field: "deleteFiles", path, other: other.name },
  });
}

async function requireUnused(db: Db, { id, name }: store.ModelRow): Promise<void> {
  const busy = (await openGenerations(db)).filter(({ model_id }) => model_id === id).length;
  if (busy === 0) return;
  throw new CapacityError(`Cannot remove model "${name}": ${busy} generation(s) use it`, {
    ...{ model: name, generations: busy, retryAfterMs: RETRY_AFTER_MS },
  });
}

/** What was kept of its weights in FP8, unless another model has the same. The model is gone even if that fails. */
async function forgetWeights(
  { db, cacheDir, reportError }: ChangeOptions,
  { artifact_id }: store.ModelRow,
): Promise<void> {
  try {
    const manifestSha256 = await store.findManifest(db, artifact_id);
    if (manifestSha256 === undefined) return;
    if (await store.findModelByManifest(db, manifestSha256) !== undefined) return;
    await forgetEntry({ dir: cacheDir, manifestSha256 });
  } catch (error) {
    reportError(error);
  }
}

/** Moved aside first: what is half deleted is no model any more. */
async function deleteFolder(path: string, libraryDir: string): Promise<void> {
  const aside = join(libraryDir, `.removed-${crypto.randomUUID()}`);
  try {
    await Deno.rename(path, aside);
    await Deno.remove(aside, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw toWriteError(error, path);
  }
  const owner = dirname(path);
  if (owner !== libraryDir) await Deno.remove(owner).catch(() => {}); // only where nothing else is in it
}

/**
 * From what a user calls a model to its folder: a path from where the user stands, or the name of a registered model. A
 * data folder is read where there is one, never made.
 */
import { basename, dirname, join, resolve } from "node:path";
import { NotFoundError } from "../errors.ts";
import { checkWeights, withoutWeights } from "../app/weights.ts";
import { didYouMean, nearest } from "../app/suggest.ts";
import type { ModelResolver } from "../merge/model_paths.ts";
import type { Quantization } from "../model/runner.ts";
import type { Db } from "../store/database.ts";
import { allModels, findModel, hasFolder } from "../store/models.ts";
import { DATABASE_FILE, openStore } from "../store/open.ts";
import { isAbsent } from "./data_dir.ts";

/** Names to show where none is like the one that was asked for. */
const MAX_NAMES = 6;
/** Folders to look at beside a path that is none. */
const MAX_FOLDERS = 1000;

export interface ModelLocation {
  readonly path: string;
  /** `null` for a folder that was named by its path. */
  readonly registeredName: string | null;
  /** How the registered one is held where it is served. */
  readonly servedQuantization: Quantization | null;
}

/** Throws NotFoundError that says where was looked. */
export async function findModelFolder(
  model: string,
  where: {
    readonly userDir: string;
    readonly dataDir: string;
    readonly databaseUrl: string | undefined;
    /** Given: a registered model's files must be those that were registered. Ends a hashing of them. */
    readonly checking?: AbortSignal;
  },
): Promise<ModelLocation> {
  const { userDir, dataDir } = where;
  const path = resolve(userDir, model);
  if (await isFolder(path)) return { path, registeredName: null, servedQuantization: null };
  const row = await withExistingStore(where, async (db) => {
    const found = await findModel(db, { name: model });
    if (found !== undefined && where.checking !== undefined) await checkWeights(db, found, where.checking);
    return found;
  });
  if (row !== undefined && !hasFolder(row)) throw withoutWeights(row);
  if (row !== undefined) {
    const servedQuantization = row.served_quantization as Quantization;
    return { path: row.path, registeredName: row.name, servedQuantization };
  }
  const hint = await hintFor(model, path, where);
  throw new NotFoundError(
    `Cannot find model "${model}": no folder at ${path}, and none of that name is registered in ${dataDir}${hint}`,
    {
      model,
      path,
      dataDir,
    },
  );
}

/** What may have been meant, of folders and of registered models; else some of those. */
async function hintFor(
  model: string,
  path: string,
  where: { readonly dataDir: string; readonly databaseUrl: string | undefined },
): Promise<string> {
  const names = await withExistingStore(where, async (db) => (await allModels(db)).map(({ name }) => name)) ??
    [];
  const name = basename(path);
  const folders = nearest(name, await foldersIn(dirname(path)));
  const written = model.replace(/\/+$/, "");
  const prefix = written.endsWith(name) ? written.slice(0, -name.length) : `${dirname(path)}/`;
  const meant = didYouMean([
    ...folders.map((folder) => prefix + folder),
    ...nearest(model, names, { partly: true }),
  ]);
  if (meant !== "" || names.length === 0) return meant;
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : "";
  return `; registered are ${names.slice(0, MAX_NAMES).join(", ")}${more}`;
}

async function foldersIn(dir: string): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isFile } of Deno.readDir(dir)) {
      if (!isFile) names.push(name);
      if (names.length === MAX_FOLDERS) break;
    }
  } catch {
    // Nothing can be read there: nothing to suggest.
  }
  return names;
}

/** Where `resolve` finds no folder, the registered model of that name; `named` are names that may be nowhere else. */
export function orRegistered(
  resolve: ModelResolver,
  where: { readonly dataDir: string; readonly databaseUrl: string | undefined },
  named: ReadonlyMap<string, string>,
): ModelResolver {
  return async (model) => {
    try {
      return await resolve(model);
    } catch (error) {
      if (!(error instanceof NotFoundError) || named.has(model)) throw error;
      const row = await withExistingStore(where, (db) => findModel(db, { name: model }));
      if (row !== undefined && hasFolder(row) && await isFolder(row.path)) return row.path;
      const registered = row === undefined
        ? `none of that name is registered in ${where.dataDir}`
        : hasFolder(row)
        ? `"${row.path}", where it is registered, has gone`
        : `the catalogue knows it without its weights: fetch them with "geodesic pull ${model}"`;
      const hint = row === undefined || hasFolder(row) ? "; " : ", or ";
      const message = `${error.message}, and ${registered}${hint}say where it lies with --model NAME=PATH`;
      throw new NotFoundError(message, { ...error.details, dataDir: where.dataDir }, { cause: error });
    }
  };
}

/** Asks the database; `undefined` where the data folder has none. */
export async function withExistingStore<T>(
  { dataDir, databaseUrl }: { readonly dataDir: string; readonly databaseUrl: string | undefined },
  ask: (db: Db) => Promise<T | undefined>,
): Promise<T | undefined> {
  if (databaseUrl === undefined && isAbsent(join(dataDir, DATABASE_FILE))) return undefined;
  const db = await openStore(dataDir, { databaseUrl });
  try {
    return await ask(db);
  } finally {
    await db.destroy();
  }
}

export function isFolder(path: string): Promise<boolean> {
  return Deno.stat(path).then((info) => info.isDirectory, () => false);
}

/**
 * Where the parents of a merge may lie that somebody asks for over the API: a registered model by its name, or a folder
 * inside one of the allowed ones. Whatever a name tries (`..`, an absolute path, a link that leads outside), it reads
 * nothing else, and the answer does not tell whether there is something elsewhere.
 */
import { join, resolve, sep } from "node:path";
import { NotFoundError } from "../../errors.ts";
import type { ModelResolver } from "../../merge/model_paths.ts";
import type { Db } from "../../store/database.ts";
import { findModel, hasFolder } from "../../store/models.ts";
import { withoutWeights } from "../weights.ts";

export interface ParentOptions {
  readonly db: Db;
  readonly dataDir: string;
  /** Folders besides the library whose models may be merged. */
  readonly modelDirs: readonly string[];
}

export function parentResolver({ db, dataDir, modelDirs }: ParentOptions): ModelResolver {
  const roots = [join(dataDir, "models"), ...modelDirs].map((dir) => resolve(dir));
  return async (name) => {
    const row = await findModel(db, { name });
    if (row !== undefined && hasFolder(row)) return row.path;
    for (const root of roots) {
      const path = await folderInside(root, name);
      if (path !== null) return path;
    }
    if (row !== undefined) throw withoutWeights(row);
    throw new NotFoundError(
      `Cannot find model ${
        JSON.stringify(name)
      }: no model of that name is registered, and no folder for it is ` +
        `among those that may be read`,
      { model: name },
    );
  };
}

/** The real path of a folder below `root`, or null: for names that lead elsewhere as for those that lead nowhere. */
async function folderInside(root: string, name: string): Promise<string | null> {
  // deno-lint-ignore no-control-regex -- control characters are what is refused
  if (/[\\\x00-\x1f]/.test(name)) return null;
  const path = resolve(root, name);
  if (!path.startsWith(root + sep)) return null; // before the disk is asked anything
  try {
    const [realRoot, realPath] = [await Deno.realPath(root), await Deno.realPath(path)];
    if (!realPath.startsWith(realRoot + sep)) return null;
    return (await Deno.stat(realPath)).isDirectory ? realPath : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    return null; // not there, not readable, a loop of links, a name too long
  }
}

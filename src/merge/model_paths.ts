/**
 * From the name of a model in a configuration to a folder. An explicit mapping wins; then the name is a path relative
 * to where the user stands; then relative to the configuration; then a name in the model library. A name with a revision
 * (`path@revision`) is never a folder of another revision: it is a folder of that very name, or the snapshot of that
 * revision in a hub's cache.
 */
import { isAbsolute, join, resolve } from "node:path";
import { NotFoundError } from "../errors.ts";

export interface ModelPathContext {
  /** Folder the user stands in. */
  readonly cwd: string;
  /** Folder of the configuration; null where it did not come from a file. */
  readonly configDir: string | null;
  /** Explicit name → path, as given by the user, relative to `cwd`. */
  readonly models?: ReadonlyMap<string, string>;
  /** Folder that holds `<owner>/<name>`. */
  readonly libraryDir?: string;
}

/** Turns a name into a folder; asked once per name. */
export type ModelResolver = (name: string) => Promise<string>;

/** Paths to try, in order. */
export function candidatePaths(name: string, context: ModelPathContext): readonly string[] {
  const mapped = context.models?.get(name);
  if (mapped !== undefined) return [resolve(context.cwd, mapped)];
  const revision = /^(.+)@([^@/]+)$/.exec(name);
  if (revision !== null) {
    const [, path, of] = revision;
    return [name, join(path!, "snapshots", of!)].flatMap((each) => placesOf(each, context));
  }
  return placesOf(name, context);
}

function placesOf(name: string, context: ModelPathContext): readonly string[] {
  if (isAbsolute(name)) return [name];
  const candidates = [resolve(context.cwd, name)];
  if (context.configDir !== null) candidates.push(resolve(context.configDir, name));
  if (context.libraryDir !== undefined && /^\w[\w.-]*\/\w[\w.-]*$/.test(name)) {
    candidates.push(join(context.libraryDir, name));
  }
  return [...new Set(candidates)];
}

/** A resolver that takes the first candidate that exists; NotFoundError names all that were tried. */
export function modelResolver(context: ModelPathContext): ModelResolver {
  return async (name) => {
    const candidates = candidatePaths(name, context);
    for (const path of candidates) {
      const exists = await Deno.stat(path).then((info) => info.isDirectory, () => false);
      if (exists) return path;
    }
    throw new NotFoundError(`Cannot find model "${name}": no folder at ${candidates.join(", ")}`, {
      model: name,
      tried: candidates,
    });
  };
}

/**
 * What a configuration names although its form is wrong: methods, and models of its slices and bases. These can be looked
 * up all the same, so that whoever wrote it learns of both kinds of mistakes in one go.
 */
import { ConfigError } from "../errors.ts";
import { Cursor } from "./config_cursor.ts";
import { type Path, readYaml } from "./yaml_source.ts";

/** Of one document. What cannot be read is left out. */
export interface Mentions {
  /** What other documents call its result. */
  readonly name: string | null;
  readonly method: string | null;
  readonly models: readonly { readonly model: string; readonly path: Path }[];
  /** Line and column for a complaint about a part of this document. */
  readonly error: (path: Path, message: string) => ConfigError;
}

/** By document; none where the text is no YAML. */
export function mentionsOf(text: string, file: string): readonly Mentions[] {
  return (leniently(() => readYaml(text, file)) ?? []).map((yaml) => {
    const root = new Cursor(yaml, [], yaml.value);
    const slices = items(child(root, "slices"));
    const sources = [child(root, "models"), ...slices.map((slice) => child(slice, "sources"))].flatMap(items);
    const models = [
      ...sources.map((source) => child(source, "model")),
      ...[...slices, root].map((place) => child(place, "base_model")),
    ];
    return {
      name: leniently(() => child(root, "name")?.name()) ?? null,
      method: leniently(() => child(root, "merge_method")?.string()) ?? null,
      models: models.flatMap((cursor) => {
        const model = leniently(() => cursor?.model());
        return cursor === undefined || model === undefined ? [] : [{ model, path: cursor.path }];
      }),
      error: (path, message) => yaml.error(path, message),
    };
  });
}

function child(cursor: Cursor, key: string): Cursor | undefined {
  return cursor.isMapping() ? cursor.entries().find(([name]) => name === key)?.[1] : undefined;
}

function items(cursor: Cursor | undefined): readonly Cursor[] {
  return leniently(() => cursor?.list()) ?? [];
}

/** Undefined for what a reader refuses. */
function leniently<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

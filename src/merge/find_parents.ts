/** The folders of all models that a configuration names, found before any of them is opened. */
import { ConfigError, GeodesicError, NotFoundError } from "../errors.ts";
import { parseMergeConfig } from "./config.ts";
import { mentionsOf } from "./mentions.ts";
import type { MergeConfig } from "./merge_config.ts";
import type { MergeMethod } from "./methods/method.ts";
import type { ModelResolver } from "./model_paths.ts";
import { throwAll } from "./problems.ts";
import { RECORD_LIMITS } from "./record.ts";
import { referencesOf } from "./stage_order.ts";
import { methodNamed, requireMethod } from "./step_parameters.ts";
import type { Path } from "./yaml_source.ts";

export interface FoundParents {
  /** By document. */
  readonly methods: ReadonlyMap<MergeConfig, MergeMethod>;
  /** By name in the configuration. */
  readonly folders: ReadonlyMap<string, string>;
  /** Gives these folders without asking again. */
  readonly resolve: ModelResolver;
}

/**
 * As parseMergeConfig(). Where the form is wrong, the methods that nobody knows and the models that are nowhere come in
 * the same error, as far as the text can be read.
 */
export async function readMergeConfig(
  text: string,
  file: string,
  resolve: ModelResolver,
): Promise<MergeConfig> {
  try {
    return parseMergeConfig(text, file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throwAll([error, ...await complaintsAboutMentions(text, file, resolve)]);
    throw error;
  }
}

async function complaintsAboutMentions(
  text: string,
  file: string,
  resolve: ModelResolver,
): Promise<readonly GeodesicError[]> {
  const documents = mentionsOf(text, file);
  const seen = new Set(documents.map(({ name }) => name));
  const errors: GeodesicError[] = [];
  for (const document of documents) {
    try {
      if (document.method !== null) methodNamed(document.method, document);
    } catch (error) {
      errors.push(configErrorOf(error));
    }
    for (const { model, path } of document.models) {
      if (seen.has(model) || seen.size >= RECORD_LIMITS.sources) continue;
      seen.add(model);
      try {
        await resolve(model);
      } catch (error) {
        if (error instanceof NotFoundError) errors.push(withPlace(error, document, path));
        else if (!(error instanceof GeodesicError)) throw error;
      }
    }
  }
  return errors;
}

/**
 * Methods and folders for `documents`; the names in `made` are other documents' results. Throws one error for all that
 * is wrong with methods and parameters (ConfigError) and for all models that are nowhere (NotFoundError), each with the
 * line and column where it is first named.
 */
export async function findParents(
  documents: readonly MergeConfig[],
  resolve: ModelResolver,
  made: ReadonlySet<string | null> = new Set(),
): Promise<FoundParents> {
  const methods = new Map<MergeConfig, MergeMethod>();
  const folders = new Map<string, string>();
  const seen = new Set<string>();
  const errors: GeodesicError[] = [];
  for (const document of documents) {
    try {
      methods.set(document, requireMethod(document));
    } catch (error) {
      errors.push(configErrorOf(error));
    }
    for (const { model, path } of referencesOf(document)) {
      if (made.has(model) || seen.has(model)) continue;
      seen.add(model);
      try {
        folders.set(model, await resolve(model));
      } catch (error) {
        if (!(error instanceof NotFoundError)) throw error;
        errors.push(withPlace(error, document, path));
      }
    }
  }
  throwAll(errors);
  return {
    methods,
    folders,
    resolve: (name) => {
      const known = folders.get(name);
      return known === undefined ? resolve(name) : Promise.resolve(known);
    },
  };
}

function configErrorOf(error: unknown): ConfigError {
  if (error instanceof ConfigError) return error;
  throw error;
}

/** The place leads in the message, as it does in all that is said of a configuration. */
function withPlace(
  error: NotFoundError,
  { error: at }: Pick<MergeConfig, "error">,
  path: Path,
): NotFoundError {
  const { message, details } = at(path, error.message);
  return new NotFoundError(message, { ...error.details, ...details }, { cause: error });
}

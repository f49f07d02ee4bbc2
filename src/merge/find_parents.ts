/** The folders of all models that a configuration names, found before any of them is opened. */
import { ConfigError, type GeodesicError, NotFoundError } from "../errors.ts";
import type { MergeConfig } from "./merge_config.ts";
import type { MergeMethod } from "./methods/method.ts";
import type { ModelResolver } from "./model_paths.ts";
import { throwAll } from "./problems.ts";
import { referencesOf } from "./stage_order.ts";
import { requireMethod } from "./step_parameters.ts";
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
function withPlace(error: NotFoundError, { error: at }: MergeConfig, path: Path): NotFoundError {
  const { message, details } = at(path, error.message);
  return new NotFoundError(message, { ...error.details, ...details }, { cause: error });
}

/** A recipe as people look at it: the method and its parameters as written, read from the configuration's text. */
import { sha256 } from "../formats/artifact.ts";
import { parseMergeConfig } from "../merge/config.ts";
import { parametersAsWritten } from "../merge/provenance.ts";
import type { MergeParameter } from "./merge_types.ts";

export interface Recipe {
  /** mergekit YAML. */
  readonly configYaml: string;
  readonly configSha256: string;
  readonly method: string;
  readonly parameters: readonly MergeParameter[];
}

/** The configuration was checked when it came into the catalogue. */
export function describeRecipe(configYaml: string): Recipe {
  const config = parseMergeConfig(configYaml, "recipe");
  return {
    configYaml,
    configSha256: sha256(configYaml),
    method: config.method,
    parameters: parametersAsWritten(config).map(({ name, filter, value, gradient }) => ({
      ...{ name, filter, value, gradient },
    })),
  };
}

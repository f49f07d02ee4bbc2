/** Parsing configurations, and what is said of those that are refused. */
import { ConfigError } from "../../src/errors.ts";
import type { MergeConfig } from "../../src/merge/merge_config.ts";
import { parseMergeConfig } from "../../src/merge/config.ts";
import { requireMethod } from "../../src/merge/step_parameters.ts";

export const SLERP = `merge_method: slerp
base_model: a
models:
  - model: a
  - model: b
parameters:
  t: 0.5
`;

export function parse(text: string): MergeConfig {
  const config = parseMergeConfig(text, "m.yml");
  requireMethod(config);
  return config;
}

export function refusal(text: string): ConfigError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("Expected a ConfigError, nothing was thrown");
}

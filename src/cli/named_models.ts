/** `--model NAME=PATH`, the same for all commands that look for a merge's parents. */
import type { Invocation, OptionSpec } from "./command.ts";

export const modelOption: OptionSpec = {
  type: "string",
  multiple: true,
  value: "NAME=PATH",
  description: "Where a model that the configuration names lies; repeatable",
};

/** Name → path as given. Throws UsageError for what is no pair, and for a name that comes twice. */
export function namedModels(invocation: Invocation): ReadonlyMap<string, string> {
  const models = new Map<string, string>();
  for (const pair of invocation.texts("model")) {
    const [, name, path] = /^([^=]+)=(.+)$/s.exec(pair) ?? [];
    if (name === undefined || path === undefined) {
      throw invocation.usageError(`--model is "${pair}", expected NAME=PATH`);
    }
    if (models.has(name)) throw invocation.usageError(`--model names "${name}" twice`);
    models.set(name, path);
  }
  return models;
}

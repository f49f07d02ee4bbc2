/**
 * The documents of a configuration as stages of one merge: which of them makes the output, and what must be merged
 * before it. A document is an input of another by its `name`.
 */
import type { MergeConfig } from "./merge_config.ts";
import type { Path } from "./yaml_source.ts";

/**
 * The document that makes the output: the one without a name, or else the last. The others come with it, each after
 * what it needs. Refuses names given twice, circles, and documents that the output does not need.
 */
export function orderStages(documents: readonly MergeConfig[]): MergeConfig {
  const byName = new Map<string, MergeConfig>();
  for (const [i, document] of documents.entries()) {
    if (document.name === null) continue;
    if (byName.has(document.name)) {
      throw document.error(["name"], `document ${i + 1} has the name "${document.name}" of an earlier one`);
    }
    byName.set(document.name, document);
  }
  const nameless = documents.filter((document) => document.name === null);
  if (nameless.length > 1) {
    throw nameless[1]!.error(
      [],
      "multiple documents without a name: only the one that makes the output has none",
    );
  }
  const output = nameless[0] ?? documents.at(-1)!;
  const order: MergeConfig[] = [];
  const open = new Set<MergeConfig>();
  const visit = (document: MergeConfig) => {
    if (order.includes(document)) return;
    open.add(document);
    for (const { model, path } of referencesOf(document)) {
      const needed = byName.get(model);
      if (needed === undefined) continue;
      if (open.has(needed)) throw document.error(path, `"${model}" needs itself, by way of other documents`);
      visit(needed);
    }
    open.delete(document);
    order.push(document);
  };
  visit(output);
  const unneeded = documents.find((document) => !order.includes(document));
  if (unneeded !== undefined) {
    throw unneeded.error(["name"], `the output does not need "${unneeded.name}"`);
  }
  return { ...output, before: order.slice(0, -1) };
}

/** Every model that the configuration names, and where, in the order of the text's parts. */
export function referencesOf(
  config: MergeConfig,
): readonly { readonly model: string; readonly path: Path }[] {
  const { slices, baseModel, tokenizer } = config;
  const references: { model: string; path: Path }[] = slices.flatMap((slice) => [
    ...slice.sources.map(({ model, path }) => ({ model, path: [...path, "model"] })),
    ...(slice.baseModel === null ? [] : [{ model: slice.baseModel, path: [...slice.path, "base_model"] }]),
  ]);
  if (baseModel !== null) references.push({ model: baseModel, path: ["base_model"] });
  if (typeof tokenizer?.source === "object") {
    references.push({ model: tokenizer.source.model, path: [...tokenizer.path] });
  }
  return references;
}

/**
 * A mergekit configuration, parsed and checked for form: what it says, not whether the models it names agree. Which
 * parameters exist is the merge method's business (see methods/). A text of several documents is a merge in stages.
 */
import { parseChatTemplate } from "./chat_templates.ts";
import { Cursor, type RecordCursor } from "./config_cursor.ts";
import { readAll, readEach } from "./problems.ts";
import { RECORD_LIMITS } from "./record.ts";
import type { MergeConfig, OutputSlice } from "./merge_config.ts";
import { orderStages } from "./stage_order.ts";
import { parseTokenizerRequest } from "./tokenizer_request.ts";
import { type Path, readYaml, type YamlSource } from "./yaml_source.ts";

/** Keys of mergekit that Geodesic knows but does not carry out; null switches them off, which is fine. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  modules: "all layers of a model form one module",
  residual_weight: "slices follow each other as they are",
};
const TOP_KEYS = [
  "merge_method",
  "base_model",
  "dtype",
  "out_dtype",
  "slices",
  "models",
  "parameters",
  "tokenizer_source",
  "tokenizer",
  "chat_template",
  "name",
  "modules",
];

/**
 * Parses YAML `text`; `file` is how messages call it. Of several documents, the result is the one that makes the output.
 * Throws ConfigError with line and column; where several things are wrong, `details.problems` holds them all, up to a
 * hundred. What is no YAML stops at its first.
 */
export function parseMergeConfig(text: string, file: string): MergeConfig {
  return orderStages(readEach(readYaml(text, file), (yaml) => parseDocument(yaml, text)));
}

function parseDocument(yaml: YamlSource, text: string): MergeConfig {
  let models: ReadonlySet<string> | null = null; // unknown while slices or base model cannot be read
  const { model: { slices, baseModel }, unsupported: _, ...parts } = new Cursor(yaml, [], yaml.value).parts(
    TOP_KEYS,
    (root) => ({
      unsupported: () => refuseUnsupported(root),
      model: () => {
        const parsed = readAll({
          slices: () => parseSlices(root),
          baseModel: () => root.has("base_model") ? root.get("base_model").model() : null,
        });
        models = modelsOf(parsed);
        return parsed;
      },
      name: () => root.has("name") ? root.get("name").name() : null,
      method: () => root.at("merge_method").string(),
      dtype: () => root.has("dtype") ? root.get("dtype").dtype() : null,
      outDtype: () => root.has("out_dtype") ? root.get("out_dtype").dtype() : null,
      parameters: () => root.at("parameters").parameters(),
      tokenizer: () => parseTokenizerRequest(root, models),
      chatTemplate: () => root.has("chat_template") ? parseChatTemplate(root.get("chat_template")) : null,
    }),
  );
  const error = (path: Path, message: string) => yaml.error(path, message);
  const config: MergeConfig = { text, slices, baseModel, ...parts, before: [], error };
  requireRecordable(config);
  return config;
}

/** What no place alone has too many of. */
function requireRecordable(config: MergeConfig): void {
  const places = [
    config.parameters,
    ...config.slices.flatMap((
      { parameters, sources },
    ) => [parameters, ...sources.map((each) => each.parameters)]),
  ];
  const settings = places.flatMap((place) => [...place.settings.values()]);
  const found = {
    models: modelsOf(config).size,
    parameters: settings.reduce((sum, each) => sum + (each.kind === "plain" ? 1 : each.entries.length), 0),
  };
  for (const what of ["models", "parameters"] as const) {
    if (found[what] <= RECORD_LIMITS[what]) continue;
    throw config.error(
      [],
      `the configuration has ${found[what]} ${what}, expected at most ${RECORD_LIMITS[what]}`,
    );
  }
}

function parseSlices(root: RecordCursor): readonly OutputSlice[] {
  if (root.has("slices") === root.has("models")) {
    throw root.at(root.has("slices") ? "slices" : "models").fail(
      'expected exactly one of "slices" and "models"',
    );
  }
  return root.has("slices")
    ? readEach(root.get("slices").list(), parseSlice)
    : [parseModels(root.get("models"))];
}

function modelsOf({ slices, baseModel }: Pick<MergeConfig, "slices" | "baseModel">): ReadonlySet<string> {
  const sources = slices.flatMap((slice) => slice.sources.map((source) => source.model));
  const bases = [baseModel, ...slices.map((slice) => slice.baseModel)];
  return new Set([...sources, ...bases.filter((base) => base !== null)]);
}

function refuseUnsupported(record: RecordCursor): void {
  for (const [key, reason] of Object.entries(UNSUPPORTED)) {
    if (record.has(key)) throw record.get(key).fail(`"${key}" is not supported: ${reason}`);
  }
}

function parseSlice(cursor: Cursor): OutputSlice {
  const { unsupported: _, ...parts } = cursor.parts(
    ["sources", "base_model", "parameters", "residual_weight"],
    (slice) => ({
      unsupported: () => refuseUnsupported(slice),
      sources: () =>
        readEach(slice.at("sources").sources(), (item) => ({
          ...item.parts(["model", "layer_range", "parameters"], (source) => ({
            model: () => source.at("model").model(),
            layerRange: () => source.at("layer_range").layerRange(),
            parameters: () => source.at("parameters").parameters(),
          })),
          path: item.path,
        })),
      baseModel: () => slice.has("base_model") ? slice.get("base_model").model() : null,
      parameters: () => slice.at("parameters").parameters(),
    }),
  );
  return { ...parts, path: cursor.path };
}

function parseModels(cursor: Cursor): OutputSlice {
  const sources = readEach(cursor.sources(), (item) => ({
    ...item.parts(["model", "parameters"], (source) => ({
      model: () => source.at("model").model(),
      parameters: () => source.at("parameters").parameters(),
    })),
    layerRange: null,
    path: item.path,
  }));
  return {
    sources,
    baseModel: null,
    parameters: { path: cursor.path, settings: new Map() },
    path: cursor.path,
  };
}

/** config.json of a merged model: the lead model's, with what the merge changed. */
import { type JsonObject, parseKeepingNumbers } from "../formats/json.ts";
import { configDtypeName } from "../tensor/dtype.ts";
import { layerLists, withLayers } from "./architectures.ts";
import type { MergePlan, PlannedStep } from "./plan.ts";

/** The text of config.json. */
export function outputConfigJson(plan: MergePlan): string {
  const { configText, configJson } = plan.checkpoints.get(plan.leadModel)!;
  const base = parseKeepingNumbers(configText);
  const dtype = plan.config.outDtype ?? plan.config.dtype;
  const embedding = embeddingStep(plan);
  const heads = plan.architecture.postWeights.filter((weight) => weight.isEmbedding);
  const writesHead = plan.steps.some((step) => heads.some((head) => head.name === step.name));
  const output = {
    ...withLayers(base, plan.architecture, plan.layers, outputLayerLists(plan)),
    ...(dtype === null ? {} : dtypeFields(base, configDtypeName(dtype))),
    ...tokenIdFields(plan),
    // Embeddings cut to a common vocabulary must not be announced at their old size.
    ...(embedding === undefined ? {} : { vocab_size: embedding.shape[0] }),
    // A head that is written must be read: where embeddings are tied, loaders ignore it.
    ...(configJson.tie_word_embeddings === true && writesHead ? { tie_word_embeddings: false } : {}),
  };
  return JSON.stringify(output, null, 2) + "\n";
}

/** What config.json says of single layers goes where they go: loaders refuse a list of another length. */
function outputLayerLists(plan: MergePlan): ReadonlyMap<string, readonly unknown[]> {
  const { slices, checkpoints, architecture } = plan;
  const listsOf = (model: string) => layerLists(checkpoints.get(model)!.configJson, architecture);
  return new Map([...listsOf(plan.leadModel)].flatMap(([name]) => {
    const entries = slices.flatMap(({ sources, baseModel }) => {
      const { model, layerRange } = sources.find((source) => source.model === baseModel) ?? sources[0]!;
      return listsOf(model).get(name)?.slice(...layerRange) ?? [];
    });
    return entries.length === plan.layers ? [[name, entries]] : [];
  }));
}

/** Under the names that the model uses for it: the older one, that of transformers 5, or both, which must not disagree. */
function dtypeFields(base: JsonObject, dtype: string): Readonly<Record<string, string>> {
  const used = ["torch_dtype", "dtype"].filter((name) => (base[name] ?? null) !== null);
  return Object.fromEntries((used.length > 0 ? used : ["torch_dtype"]).map((name) => [name, dtype]));
}

/** Special tokens are those of the model whose tokenizer the output takes, where that is another one. */
function tokenIdFields({ vocabulary, leadModel }: MergePlan): JsonObject {
  if (vocabulary === null || vocabulary.model === leadModel || vocabulary.configJson === null) return {};
  const { configJson } = vocabulary;
  return Object.fromEntries(
    ["bos_token_id", "eos_token_id", "pad_token_id"].map((name) => [name, configJson[name]]),
  );
}

/** The type of the weights as config.json names it; of mixed types, the embedding's. */
export function outputDtypeName(plan: MergePlan): string {
  return configDtypeName((embeddingStep(plan) ?? plan.steps[0]!).dtype);
}

function embeddingStep({ architecture, steps }: MergePlan): PlannedStep | undefined {
  const embedding = architecture.preWeights.find((weight) => weight.isEmbedding);
  return steps.find((step) => step.name === embedding?.name);
}

/** Fixed objects that the fake gateway serves. */
import type { Artifact, Merge, MergeTensor, Model } from "../../src/app/types.ts";
import { GREEDY, type SamplingParams } from "../../src/model/sampling.ts";

export const T0 = new Date("2024-01-31T09:30:00.000Z");
export const HASH = "0123456789abcdef".repeat(4);

export const SAMPLING: SamplingParams = { ...GREEDY, temperature: 1, maxTokens: 256, ignoreEos: false };

function model(id: string, name: string, over: Partial<Model> = {}): Model {
  return {
    id,
    name,
    author: "owner",
    task: "TEXT_GENERATION",
    architecture: "MistralForCausalLM",
    parameterCount: 7_241_732_096n,
    license: "apache-2.0",
    publishedAt: T0,
    description: null,
    nativeContextLength: 32_768,
    servedContextLength: 4_096,
    nativeDtype: "BFLOAT16",
    servedQuantization: "fp8",
    concurrencyCost: 1,
    artifactId: "artifact-1",
    mergeId: null,
    createdAt: T0,
    recipe: null,
    origin: null,
    removedAt: null,
    keepAliveSeconds: null,
    isPinned: false,
    ...over,
  };
}

export const MODELS: readonly Model[] = [
  model("m1", "owner/merged", { mergeId: "merge-1" }),
  model("m2", "owner/left"),
  model("m3", "owner/<right>", { servedQuantization: "none" }),
];

export const ARTIFACT: Artifact = {
  id: "artifact-1",
  manifestSha256: HASH,
  sizeBytes: 14_483_464_192n,
  files: [{ path: "model.safetensors", sizeBytes: 14_483_464_192n, sha256: HASH }],
};

export const MERGE: Merge = {
  id: "merge-1",
  status: "SUCCEEDED",
  method: "slerp",
  modelId: "m1",
  targetName: "owner/merged",
  position: null,
  baseModelName: "owner/left",
  sources: [
    { name: "owner/left", modelId: "m2", layerRange: [0, 2], isBase: true, artifactSha256: HASH },
    { name: "elsewhere/right", modelId: null, layerRange: null, isBase: false, artifactSha256: HASH },
  ],
  dtype: "bfloat16",
  configYaml: "merge_method: slerp\n",
  configSha256: HASH,
  parameters: [
    { name: "t", filter: "self_attn", value: null, gradient: [0, 0.5, 1] },
    { name: "t", filter: null, value: 0.5, gradient: null },
  ],
  curves: [{ filter: "self_attn", t: [0, 1] }, { filter: null, t: [0.5, null] }],
  toolVersion: "0.1.0",
  error: null,
  createdAt: T0,
  startedAt: T0,
  finishedAt: T0,
};

export const TENSORS: readonly MergeTensor[] = Array.from({ length: 7 }, (_, index) => ({
  name: `model.layers.${index}.mlp.weight`,
  layer: index,
  filter: null,
  t: 0.5,
  mode: "SLERP",
  cosine: 0.25,
  outputSha256: HASH,
}));

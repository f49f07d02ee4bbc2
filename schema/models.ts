/** Models: what is registered, what it is made of, and whether its weights are on the device. */
import { describeRecipe, type Recipe } from "../src/app/recipe.ts";
import type { Artifact, ArtifactFile, DeclaredParent, ModelOrigin, Residency } from "../src/app/types.ts";
import { ModelRefInput } from "./model_ref.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";
import { DtypeEnum, ModelTaskEnum, QuantizationEnum, ResidencyStateEnum } from "./enums.ts";
import { ErrorInterface } from "./errors.ts";
import { parseId } from "./ids.ts";
import { modelLoader } from "./loaders.ts";
import { MergeMethodEnum, MergeParameterObject, methodValue } from "./merges.ts";
import { MergeNode, ModelNode, SamplingDefaultsObject } from "./nodes.ts";

export const ResidencyObject = builder.objectRef<Residency>("Residency").implement({
  description: "Whether a model's weights are on the device.",
  fields: (t) => ({
    state: t.expose("state", { type: ResidencyStateEnum }),
    fraction: t.exposeFloat("fraction", { description: "0 to 1 while loading, 1 when warm, otherwise 0." }),
    stage: t.exposeString("stage", { nullable: true, description: "Of the load in progress." }),
    loadedBytes: t.field({
      type: "BigInt",
      nullable: true,
      description: "Of the weights as they lie on disk, while loading.",
      resolve: ({ load }) => load?.loadedBytes ?? null,
    }),
    totalBytes: t.field({ type: "BigInt", nullable: true, resolve: ({ load }) => load?.totalBytes ?? null }),
    bytesPerSecond: t.float({
      nullable: true,
      description: "Mean of the load in progress.",
      resolve: ({ load }) => load?.bytesPerSecond ?? null,
    }),
    secondsLeft: t.float({
      nullable: true,
      description: "Of the load in progress; null while it is too early to tell.",
      resolve: ({ load }) =>
        load === null || load.bytesPerSecond === 0
          ? null
          : (load.totalBytes - load.loadedBytes) / load.bytesPerSecond,
    }),
    since: t.expose("since", { type: "DateTime", description: "When `state` began." }),
    error: t.expose("error", {
      type: ErrorInterface,
      nullable: true,
      description: "Why the last load failed.",
    }),
  }),
});

const ArtifactFileObject = builder.objectRef<ArtifactFile>("ArtifactFile").implement({
  fields: (t) => ({
    path: t.exposeString("path", { description: "Within the checkpoint folder." }),
    sizeBytes: t.expose("sizeBytes", { type: "BigInt" }),
    sha256: t.expose("sha256", { type: "Sha256" }),
  }),
});

const ArtifactObject = builder.objectRef<Artifact>("Artifact").implement({
  description: "The exact files of a checkpoint.",
  fields: (t) => ({
    manifestSha256: t.expose("manifestSha256", {
      type: "Sha256",
      description: 'Over the sorted lines "sha256  path\\n" of all files: one hash for the whole checkpoint.',
    }),
    sizeBytes: t.expose("sizeBytes", { type: "BigInt", description: "Sum over the files." }),
    files: t.expose("files", { type: [ArtifactFileObject] }),
  }),
});

const DeclaredParentObject = builder.objectRef<DeclaredParent>("DeclaredParent").implement({
  description: "A parent as the recipe or the card names it. Nothing proves it; a merge's `sources` do.",
  fields: (t) => ({
    name: t.exposeString("name"),
    isBase: t.exposeBoolean("isBase", { description: "The parent that t = 0 stands for." }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "The model of this name, if there is one here.",
      resolve: ({ modelId }, _args, context) => modelId === null ? null : modelLoader(context).load(modelId),
    }),
  }),
});

const MergeRecipeObject = builder.objectRef<Recipe>("MergeRecipe").implement({
  description:
    "How a model is to be merged; `startMerge` takes it. What was done is the model's `provenance`.",
  fields: (t) => ({
    configYaml: t.exposeString("configYaml", { description: "A mergekit configuration." }),
    configSha256: t.expose("configSha256", { type: "Sha256" }),
    method: t.field({ type: MergeMethodEnum, resolve: ({ method }) => methodValue(method) }),
    parameters: t.expose("parameters", { type: [MergeParameterObject], description: "As written." }),
  }),
});

const ModelOriginObject = builder.objectRef<ModelOrigin>("ModelOrigin").implement({
  description: "Where a model's files were pulled from.",
  fields: (t) => ({
    endpoint: t.exposeString("endpoint"),
    repository: t.exposeString("repository"),
    revision: t.exposeString("revision", { description: "Hash of the commit." }),
  }),
});

builder.node(ModelNode, {
  description: "A registered checkpoint, or one that the catalogue knows and whose weights are yet to come.",
  id: { resolve: (model) => model.id },
  loadOne: (id, context) => modelLoader(context).load(id),
  fields: (t) => ({
    name: t.exposeString("name", { description: "Unique, usually owner/name." }),
    author: t.exposeString("author", { nullable: true }),
    task: t.expose("task", { type: ModelTaskEnum }),
    architecture: t.exposeString("architecture", {
      description: "As config.json says, e.g. MistralForCausalLM.",
    }),
    parameterCount: t.expose("parameterCount", { type: "BigInt", nullable: true }),
    license: t.exposeString("license", { nullable: true }),
    publishedAt: t.expose("publishedAt", { type: "DateTime", nullable: true }),
    description: t.exposeString("description", { nullable: true, description: "Markdown." }),
    nativeContextLength: t.exposeInt("nativeContextLength", {
      description: "In tokens; what the checkpoint says.",
    }),
    servedContextLength: t.exposeInt("servedContextLength", {
      description: "In tokens; what this gateway offers.",
    }),
    nativeDtype: t.expose("nativeDtype", { type: DtypeEnum }),
    servedQuantization: t.expose("servedQuantization", { type: QuantizationEnum }),
    concurrencyCost: t.exposeInt("concurrencyCost", {
      description: "Concurrency units that one running generation holds.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime", description: "When it was registered here." }),
    residency: t.field({
      type: ResidencyObject,
      resolve: (model, _args, { gateway }) => gateway.models.residency(model.id),
    }),
    artifact: t.field({
      type: ArtifactObject,
      nullable: true,
      resolve: (model, _args, { gateway }) =>
        model.artifactId === null ? null : gateway.models.artifact(model.artifactId),
    }),
    provenance: t.field({
      type: MergeNode,
      nullable: true,
      description: "How it was merged; null for a model that was not.",
      resolve: (model, _args, { gateway }) =>
        model.mergeId === null ? null : gateway.merges.get(model.mergeId),
    }),
    recipe: t.field({
      type: MergeRecipeObject,
      nullable: true,
      description: "How it can be merged, where the catalogue knows.",
      resolve: ({ recipe }) => recipe === null ? null : describeRecipe(recipe),
    }),
    origin: t.expose("origin", { type: ModelOriginObject, nullable: true }),
    keepAliveSeconds: t.exposeInt("keepAliveSeconds", {
      nullable: true,
      description: "How long it stays on the device unused; null: the gateway's setting, -1: for ever.",
    }),
    pinned: t.exposeBoolean("isPinned", {
      description: "Once on the device, it leaves neither for being idle nor to make room.",
    }),
    removedAt: t.expose("removedAt", {
      type: "DateTime",
      nullable: true,
      description: "Set for a model that is no longer offered; what was generated with it still leads here.",
    }),
    declaredParents: t.field({
      type: [DeclaredParentObject],
      description: "As recipe or card name them, the base of a recipe first.",
      resolve: async (model, _args, { gateway }) => [...await gateway.models.declaredParents(model.id)],
    }),
    parents: t.field({
      type: [ModelNode],
      description:
        "The models here that it was merged from, known by their hashes or, without a known merge, by their names.",
      resolve: async (model, _args, { gateway }) => [...await gateway.models.parents(model.id)],
    }),
    descendants: t.field({
      type: [ModelNode],
      description: "The models here that were merged from it, directly or not; see `parents`.",
      resolve: async (model, _args, { gateway }) => [...await gateway.models.descendants(model.id)],
    }),
    samplingDefaults: t.field({
      type: SamplingDefaultsObject,
      resolve: (model, _args, { gateway }) => gateway.samplingDefaults.effective({ id: model.id }),
    }),
  }),
});

const ModelFilter = builder.inputType("ModelFilter", {
  description: "All conditions must hold.",
  fields: (t) => ({
    nameContains: t.string({ description: "Case of A to Z does not count." }),
    author: t.string(),
    architecture: t.string(),
    license: t.string({ description: "As the card writes it." }),
    merged: t.boolean({ description: "Whether a known merge has made it." }),
    state: t.field({ type: ResidencyStateEnum }),
  }),
});

export const ModelConnection = builder.connectionObject({ type: ModelNode, name: "ModelConnection" }, {
  name: "ModelEdge",
});

builder.queryFields((t) => ({
  model: t.field({
    type: ModelNode,
    nullable: true,
    args: { ref: t.arg({ type: ModelRefInput, required: true }) },
    resolve: (_root, { ref }, { gateway }) => {
      if (ref.id == null) return gateway.models.get({ name: ref.name! });
      const id = parseId("Model", ref.id);
      return id === null ? null : gateway.models.get({ id });
    },
  }),
  models: t.field({
    type: ModelConnection,
    args: { ...FORWARD_ARGS, where: t.arg({ type: ModelFilter }) },
    complexity: pageComplexity,
    resolve: async (_root, args, { gateway }) => {
      const where = Object.fromEntries(Object.entries(args.where ?? {}).filter(([, value]) => value != null));
      return toConnection(await gateway.models.list(toPageArgs(args), where), args);
    },
  }),
}));

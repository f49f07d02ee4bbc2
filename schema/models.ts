/** Models: what is registered, what it is made of, and whether its weights are on the device. */
import type { Artifact, ArtifactFile, Model, ModelRef, Residency } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";
import { DtypeEnum, ModelTaskEnum, QuantizationEnum, ResidencyStateEnum } from "./enums.ts";
import { ErrorInterface, errorTypes, expected, resultTypeName } from "./errors.ts";
import { parseId, requireId } from "./ids.ts";
import { modelLoader } from "./loaders.ts";
import { MergeNode } from "./merges.ts";
import { SamplingDefaultsObject } from "./sampling_defaults.ts";

export const ModelRefInput = builder.inputType("ModelRef", {
  description: "Names a model: exactly one of these.",
  isOneOf: true,
  fields: (t) => ({
    id: t.id({ description: "Global id." }),
    name: t.string({ description: 'Like "osanseviero/mistral-instruct-slerp".' }),
  }),
});
type ModelRefShape = typeof ModelRefInput.$inferInput;

/** Throws NotFoundError on a malformed id. */
export function toModelRef(ref: ModelRefShape): ModelRef {
  return ref.id != null ? { id: requireId("Model", ref.id) } : { name: ref.name! };
}

const ResidencyObject = builder.objectRef<Residency>("Residency").implement({
  description: "Whether a model's weights are on the device.",
  fields: (t) => ({
    state: t.expose("state", { type: ResidencyStateEnum }),
    fraction: t.exposeFloat("fraction", { description: "0 to 1 while loading, 1 when warm, otherwise 0." }),
    stage: t.exposeString("stage", { nullable: true, description: "Of the load in progress." }),
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

export const ModelNode = builder.objectRef<Model>("Model");
builder.node(ModelNode, {
  description: "A registered checkpoint.",
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
    parents: t.field({
      type: [ModelNode],
      description: "The registered models it was merged from.",
      resolve: async (model, _args, { gateway }) => [...await gateway.models.parents(model.id)],
    }),
    descendants: t.field({
      type: [ModelNode],
      description: "The registered models merged from it, directly or not.",
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
      const where = {
        ...(args.where?.nameContains != null ? { nameContains: args.where.nameContains } : {}),
        ...(args.where?.state != null ? { state: args.where.state } : {}),
      };
      return toConnection(await gateway.models.list(toPageArgs(args), where), args);
    },
  }),
}));

const REGISTER_ERRORS = ["CONFIG", "FORMAT", "NOT_FOUND", "FORBIDDEN"] as const;
const LOAD_ERRORS = ["CONFIG", "FORMAT", "NOT_FOUND", "FORBIDDEN", "CAPACITY", "DEVICE_LOST"] as const;
const UNLOAD_ERRORS = ["NOT_FOUND", "FORBIDDEN", "CAPACITY", "DEVICE_LOST"] as const;

interface ModelPayload {
  readonly model: Model;
}
function modelPayload(name: string) {
  return builder.objectRef<ModelPayload>(name).implement({
    fields: (t) => ({ model: t.expose("model", { type: ModelNode }) }),
  });
}

const RegisterModelPayload = modelPayload("RegisterModelPayload");
const RegisterModelResult = builder.unionType("RegisterModelResult", {
  types: [RegisterModelPayload, ...errorTypes(REGISTER_ERRORS)],
  resolveType: (value) => resultTypeName(value, "RegisterModelPayload"),
});
const LoadModelPayload = modelPayload("LoadModelPayload");
const LoadModelResult = builder.unionType("LoadModelResult", {
  types: [LoadModelPayload, ...errorTypes(LOAD_ERRORS)],
  resolveType: (value) => resultTypeName(value, "LoadModelPayload"),
});
const UnloadModelPayload = modelPayload("UnloadModelPayload");
const UnloadModelResult = builder.unionType("UnloadModelResult", {
  types: [UnloadModelPayload, ...errorTypes(UNLOAD_ERRORS)],
  resolveType: (value) => resultTypeName(value, "UnloadModelPayload"),
});

const RegisterModelInput = builder.inputType("RegisterModelInput", {
  fields: (t) => ({
    path: t.string({ required: true, description: "A checkpoint folder on the gateway's machine." }),
    name: t.string({ description: "Taken from the folder unless given." }),
    description: t.string({ description: "Markdown." }),
  }),
});
const LoadModelInput = builder.inputType("LoadModelInput", {
  fields: (t) => ({ model: t.field({ type: ModelRefInput, required: true }) }),
});
const UnloadModelInput = builder.inputType("UnloadModelInput", {
  fields: (t) => ({ model: t.field({ type: ModelRefInput, required: true }) }),
});

builder.mutationFields((t) => ({
  registerModel: t.field({
    type: RegisterModelResult,
    description:
      "Admins. Hashes the folder's files and serves it; the same folder and content register once.",
    args: { input: t.arg({ type: RegisterModelInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(REGISTER_ERRORS, async () => ({
        model: await gateway.models.register(principal, {
          path: input.path,
          ...(input.name != null ? { name: input.name } : {}),
          ...(input.description != null ? { description: input.description } : {}),
        }),
      })),
  }),
  loadModel: t.field({
    type: LoadModelResult,
    description: "Admins. Brings a model's weights to the device; answers once it is warm.",
    args: { input: t.arg({ type: LoadModelInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(LOAD_ERRORS, async () => ({
        model: await gateway.models.load(principal, toModelRef(input.model)),
      })),
  }),
  unloadModel: t.field({
    type: UnloadModelResult,
    description: "Admins. Frees the device; generations in progress end first.",
    args: { input: t.arg({ type: UnloadModelInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(UNLOAD_ERRORS, async () => ({
        model: await gateway.models.unload(principal, toModelRef(input.model)),
      })),
  }),
}));

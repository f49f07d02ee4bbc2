/** Provenance: how a model was merged, down to every tensor's interpolation factor, angle and hash. */
import type {
  MergeCurve,
  MergeParameter,
  MergeSource,
  MergeTensor,
  MergeTensorFilter,
} from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";
import { DtypeEnum } from "./enums.ts";
import { ErrorInterface } from "./errors.ts";
import { parseId } from "./ids.ts";
import { modelLoader } from "./loaders.ts";
import { MergeNode, ModelNode } from "./nodes.ts";

export const MergeStatusEnum = builder.enumType("MergeStatus", {
  values: ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const,
});

const MERGE_METHODS = {
  SLERP: { value: "slerp", description: "Along the great circle between two models." },
  LINEAR: { value: "linear", description: "Weighted mean." },
  PASSTHROUGH: { value: "passthrough", description: "Layers of several models laid end to end." },
  TASK_ARITHMETIC: { value: "task_arithmetic", description: "Weighted sum of the differences from a base." },
  TIES: { value: "ties", description: "Trimmed differences from a base, where their signs agree." },
  DARE_LINEAR: { value: "dare_linear", description: "Differences from a base, thinned out at random." },
  DARE_TIES: { value: "dare_ties", description: "Thinned out at random, where signs agree." },
  BREADCRUMBS: {
    value: "breadcrumbs",
    description: "Differences from a base, without outliers and trifles.",
  },
  BREADCRUMBS_TIES: { value: "breadcrumbs_ties", description: "As BREADCRUMBS, where signs agree." },
  MODEL_STOCK: {
    value: "model_stock",
    description: "A mean drawn towards the base by the angle between models.",
  },
  NUSLERP: { value: "nuslerp", description: "Along the great circle, by weights; also row by row." },
  MULTISLERP: { value: "multislerp", description: "A weighted mean direction of several models." },
  KARCHER: { value: "karcher", description: "The spherical mean of several models." },
  DELLA: { value: "della", description: "Thinned out at random by magnitude, where signs agree." },
  DELLA_LINEAR: {
    value: "della_linear",
    description: "Differences from a base, thinned out at random by magnitude.",
  },
  SCE: {
    value: "sce",
    description: "The differences that vary most, where signs agree, weighted by their energy.",
  },
  NEARSWAP: { value: "nearswap", description: "The other model where it is near the base." },
  ARCEE_FUSION: { value: "arcee_fusion", description: "The other model where it differs importantly." },
  RAM: {
    value: "ram",
    description: "The mean of the differences from a base of those models that have one.",
  },
  RAMPLUS_TL: { value: "ramplus_tl", description: "As RAM, with more of what one model alone has." },
  OTHER: { value: "other", description: "One that this gateway does not know; see `configYaml`." },
} as const;
type MergeMethodValue = (typeof MERGE_METHODS)[keyof typeof MERGE_METHODS]["value"];

export const MergeMethodEnum = builder.enumType("MergeMethod", {
  description: "As `merge_method` of a mergekit configuration, in upper case.",
  values: MERGE_METHODS,
});

/** A folder that was merged elsewhere may name any method. */
export function methodValue(name: string): MergeMethodValue {
  return Object.values(MERGE_METHODS).find(({ value }) => value === name)?.value ?? "other";
}

const MergeModeEnum = builder.enumType("MergeMode", {
  description: "How one tensor came to be.",
  values: {
    SLERP: { description: "Along the great circle." },
    LERP: {
      description: "Along the straight line: the parents' tensors are nearly parallel.",
    },
    MIX: { description: "Computed by the merge's method, which has no branches." },
    COPY: { description: "Taken from one parent as it is." },
  } as const,
});

const MergeSourceObject = builder.objectRef<MergeSource>("MergeSource").implement({
  description:
    "A parent, as the configuration uses it. Of several documents: what the last one reads, stages included, and then what only earlier ones do.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "As the configuration names it." }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "Null where the parent is not registered here.",
      resolve: (source, _args, context) =>
        source.modelId === null ? null : modelLoader(context).load(source.modelId),
    }),
    layerRange: t.intList({
      nullable: true,
      description: "[first, end): the parent's layers that were used; null for all.",
      resolve: ({ layerRange }) => layerRange === null ? null : [...layerRange],
    }),
    isBase: t.exposeBoolean("isBase", { description: "The parent that t = 0 stands for." }),
    artifactSha256: t.expose("artifactSha256", {
      type: "Sha256",
      description: "Its manifest hash when merged.",
    }),
  }),
});

export const MergeParameterObject = builder.objectRef<MergeParameter>("MergeParameter").implement({
  description: "A parameter as written; `value` or `gradient` is set.",
  fields: (t) => ({
    name: t.exposeString("name"),
    filter: t.exposeString("filter", {
      nullable: true,
      description: "Part of a tensor's name; null for the rest.",
    }),
    value: t.exposeFloat("value", { nullable: true }),
    gradient: t.floatList({
      nullable: true,
      description: "Anchors, spread evenly over the layers.",
      resolve: ({ gradient }) => gradient === null ? null : [...gradient],
    }),
  }),
});

const MergeCurveObject = builder.objectRef<MergeCurve>("MergeCurve").implement({
  description: "The interpolation factor as resolved, for the tensors of one filter.",
  fields: (t) => ({
    filter: t.exposeString("filter", {
      nullable: true,
      description: "Null for tensors that no filter matches.",
    }),
    t: t.field({
      type: ["Float"],
      nullable: { list: false, items: true },
      description: "By output layer: 0 is the base model, 1 the other.",
      resolve: (curve) => [...curve.t],
    }),
  }),
});

const MergeTensorObject = builder.objectRef<MergeTensor>("MergeTensor").implement({
  description: "One tensor of the result.",
  fields: (t) => ({
    name: t.exposeString("name"),
    layer: t.exposeInt("layer", { nullable: true, description: "Null outside the layers." }),
    filter: t.exposeString("filter", { nullable: true, description: "The filter that matched its name." }),
    t: t.exposeFloat("t", {
      nullable: true,
      description: "Null for a copy, and where the method takes no t.",
    }),
    mode: t.expose("mode", { type: MergeModeEnum }),
    cosine: t.exposeFloat("cosine", {
      nullable: true,
      description: "Of the angle between the two parents' tensors; null where it was not needed.",
    }),
    outputSha256: t.expose("outputSha256", {
      type: "Sha256",
      description: "Of the tensor's bytes as written.",
    }),
  }),
});

const MergeTensorConnection = builder.connectionObject({
  type: MergeTensorObject,
  name: "MergeTensorConnection",
}, { name: "MergeTensorEdge" });

const MergeTensorFilterInput = builder.inputType("MergeTensorFilter", {
  description: "All conditions must hold. One that is null is none.",
  fields: (t) => ({
    layer: t.int(),
    filter: t.string({ description: "The filter that matched." }),
    mode: t.field({ type: MergeModeEnum }),
    nameContains: t.string({ description: "Case of A to Z does not count." }),
    tMin: t.float({ description: "At least." }),
    tMax: t.float({ description: "At most." }),
  }),
});

const MergeTensorOrderFieldEnum = builder.enumType("MergeTensorOrderField", {
  values: {
    PLAN: { description: "The order in which they are written." },
    NAME: {},
    LAYER: {},
    T: {},
    COSINE: {},
  } as const,
});
const OrderDirectionEnum = builder.enumType("OrderDirection", { values: ["ASC", "DESC"] as const });
const MergeTensorOrderInput = builder.inputType("MergeTensorOrder", {
  description: "Tensors without the value come last in either direction.",
  fields: (t) => ({
    field: t.field({ type: MergeTensorOrderFieldEnum, required: true }),
    direction: t.field({ type: OrderDirectionEnum, required: true, defaultValue: "ASC" }),
  }),
});

/** Dtypes as merge configurations write them. */
const DTYPES = { float32: "FLOAT32", float16: "FLOAT16", bfloat16: "BFLOAT16" } as const;

function wireDtype(dtype: string) {
  if (!Object.hasOwn(DTYPES, dtype)) throw new Error(`A merge has the unknown dtype "${dtype}"`);
  return DTYPES[dtype as keyof typeof DTYPES];
}

builder.node(MergeNode, {
  description: "A merge of checkpoints: what was asked for, what it resolved to, and what came out.",
  id: { resolve: (merge) => merge.id },
  loadOne: (id, { gateway }) => gateway.merges.get(id),
  fields: (t) => ({
    status: t.expose("status", { type: MergeStatusEnum }),
    method: t.field({
      type: MergeMethodEnum,
      resolve: ({ method }) => methodValue(method),
    }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "The result; null until there is one.",
      resolve: (merge, _args, context) =>
        merge.modelId === null ? null : modelLoader(context).load(merge.modelId),
    }),
    baseModel: t.field({
      type: ModelNode,
      nullable: true,
      description: "Null where the base is not registered here; see `sources` for its name.",
      resolve: (merge, _args, context) => {
        const base = merge.sources.find(({ isBase }) => isBase);
        return base?.modelId ? modelLoader(context).load(base.modelId) : null;
      },
    }),
    sources: t.expose("sources", { type: [MergeSourceObject] }),
    dtype: t.field({
      type: DtypeEnum,
      description: "Of the result's tensors.",
      resolve: ({ dtype }) => wireDtype(dtype),
    }),
    configYaml: t.exposeString("configYaml", { description: "The configuration as given." }),
    configSha256: t.expose("configSha256", { type: "Sha256" }),
    parameters: t.expose("parameters", { type: [MergeParameterObject], description: "As written." }),
    curves: t.expose("curves", { type: [MergeCurveObject], description: "As resolved." }),
    tensors: t.field({
      type: MergeTensorConnection,
      args: {
        ...FORWARD_ARGS,
        where: t.arg({ type: MergeTensorFilterInput }),
        orderBy: t.arg({
          type: MergeTensorOrderInput,
          description: "In the order of the plan unless given.",
        }),
      },
      complexity: pageComplexity,
      resolve: async (merge, args, { gateway }) =>
        toConnection(
          await gateway.merges.tensors(
            merge.id,
            toPageArgs(args),
            toTensorFilter(args.where ?? {}),
            args.orderBy ?? undefined,
          ),
          args,
        ),
    }),
    toolVersion: t.exposeString("toolVersion"),
    error: t.field({
      type: ErrorInterface,
      nullable: true,
      description: "Why it failed.",
      resolve: ({ error }) => error,
    }),
    name: t.exposeString("targetName", {
      nullable: true,
      description:
        "What the result was to be called; null for a merge that `startMerge` did not start: see `model`.",
    }),
    position: t.exposeInt("position", {
      nullable: true,
      description: "In the queue, 1 is next; null when it does not wait.",
    }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    startedAt: t.expose("startedAt", { type: "DateTime", nullable: true }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true }),
  }),
});

builder.queryField("merge", (t) =>
  t.field({
    type: MergeNode,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, { gateway }) => {
      const id = parseId("Merge", args.id);
      return id === null ? null : gateway.merges.get(id);
    },
  }));

/** Drops what was not given or is null: the use case knows only conditions that hold. */
function toTensorFilter(where: typeof MergeTensorFilterInput.$inferInput): MergeTensorFilter {
  return Object.fromEntries(Object.entries(where).filter(([, value]) => value != null));
}

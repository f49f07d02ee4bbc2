/** Sampling defaults: what is in force, where each value comes from, and (for admins) a new revision. */
import type {
  Gateway,
  ModelRef,
  SamplingChange,
  SamplingDefaults,
  SamplingKey,
  SamplingParameter,
  SamplingRevision,
} from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";
import { errorTypes, expected, resultTypeName } from "./errors.ts";
import { modelLoader } from "./loaders.ts";
import { ModelNode, SamplingDefaultsObject } from "./nodes.ts";
import { ModelRefInput, toModelRef } from "./model_ref.ts";
import {
  SAMPLING_DESCRIPTIONS,
  SamplingInputType,
  SamplingParamsObject,
  SamplingValuesObject,
} from "./sampling.ts";

const SamplingOriginEnum = builder.enumType("SamplingOrigin", {
  description: "Where an effective value comes from; the first of these that sets it wins.",
  values: {
    REQUEST: { description: "The request itself. Of generations only." },
    MODEL: { description: "An admin's revision for this model." },
    GATEWAY: { description: "An admin's gateway-wide revision." },
    CHECKPOINT: { description: "The checkpoint's generation_config.json." },
    BUILT_IN: { description: "Nobody set it." },
  } as const,
});

export const SamplingOriginsObject = builder.objectRef<SamplingDefaults["origins"]>("SamplingOrigins")
  .implement({
    fields: (t) => {
      const origin = (key: SamplingKey) => t.expose(key, { type: SamplingOriginEnum });
      const keys = Object.keys(SAMPLING_DESCRIPTIONS) as SamplingKey[];
      return Object.fromEntries(keys.map((key) => [key, origin(key)]));
    },
  });

/** As JSON text: parameters have different types. */
function toJsonText(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === "bigint" ? String(value) : JSON.stringify(value);
}

const SamplingChangeObject = builder.objectRef<SamplingChange>("SamplingChange").implement({
  description: "What a revision changed.",
  fields: (t) => ({
    parameter: t.exposeString("parameter", { description: "As in SamplingInput." }),
    before: t.string({
      nullable: true,
      description: "As JSON text; null where the scope set nothing.",
      resolve: ({ before }) => toJsonText(before),
    }),
    after: t.string({
      nullable: true,
      description: "As JSON text; null where the scope sets nothing any more.",
      resolve: ({ after }) => toJsonText(after),
    }),
  }),
});

const SamplingRevisionObject = builder.objectRef<SamplingRevision>("SamplingRevision").implement({
  description: "A set of defaults that an admin put in force. Never changed afterwards.",
  fields: (t) => ({
    id: t.exposeID("id"),
    revision: t.exposeInt("revision", { description: "1, 2, 3 and so on within its scope." }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "Null for gateway-wide.",
      resolve: ({ modelId }, _args, context) => modelId === null ? null : modelLoader(context).load(modelId),
    }),
    values: t.expose("values", { type: SamplingValuesObject, description: "Everything this scope sets." }),
    changes: t.expose("changes", {
      type: [SamplingChangeObject],
      description: "Against the revision before it.",
    }),
    author: t.exposeString("author", { description: "Id of the key." }),
    reason: t.exposeString("reason"),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
  }),
});

const SamplingRevisionConnection = builder.connectionObject(
  { type: SamplingRevisionObject, name: "SamplingRevisionConnection" },
  { name: "SamplingRevisionEdge" },
);

SamplingDefaultsObject.implement({
  description: "What a request gets that sets nothing itself.",
  fields: (t) => ({
    values: t.expose("values", { type: SamplingParamsObject }),
    origins: t.expose("origins", { type: SamplingOriginsObject, description: "By parameter." }),
    revisions: t.expose("revisions", {
      type: [SamplingRevisionObject],
      description: "In force, the gateway's first; empty while nobody has set any.",
    }),
    history: t.field({
      type: SamplingRevisionConnection,
      description: "Every revision of this scope alone, the newest first.",
      args: FORWARD_ARGS,
      complexity: pageComplexity,
      resolve: async ({ modelId }, args, { gateway }) =>
        toConnection(
          await gateway.samplingDefaults.history(
            toPageArgs(args),
            modelId === null ? undefined : { id: modelId },
          ),
          args,
        ),
    }),
  }),
});

const SamplingTypeEnum = builder.enumType("SamplingParameterType", {
  values: ["NUMBER", "INTEGER", "BOOLEAN", "STRINGS", "INTEGERS", "LOGIT_BIAS", "CONSTRAINT"] as const,
});

const SamplingParameterObject = builder.objectRef<SamplingParameter>("SamplingParameter").implement({
  description: "A sampling parameter as a form shows it.",
  fields: (t) => ({
    name: t.exposeString("name", { description: "As in SamplingInput." }),
    type: t.expose("type", { type: SamplingTypeEnum }),
    description: t.string({ resolve: ({ name }) => SAMPLING_DESCRIPTIONS[name] }),
    min: t.string({
      nullable: true,
      description: "Of the number, or of the numbers in a list, in decimal; null where nothing bounds it.",
      resolve: ({ min }) => toJsonText(min),
    }),
    max: t.string({ nullable: true, description: "As `min`.", resolve: ({ max }) => toJsonText(max) }),
    minExclusive: t.exposeBoolean("minExclusive", { description: "`min` itself is not allowed." }),
    maxItems: t.exposeInt("maxItems", { nullable: true, description: "Of a list." }),
    maxLength: t.exposeInt("maxLength", {
      nullable: true,
      description: "Of a list's strings, in characters.",
    }),
    default: t.string({
      nullable: true,
      description: "In force for requests that do not set it, as JSON text; null for none.",
      resolve: ({ value }) => toJsonText(value),
    }),
    origin: t.expose("origin", { type: SamplingOriginEnum, description: "Where the default comes from." }),
  }),
});

builder.queryFields((t) => ({
  samplingDefaults: t.field({
    type: SamplingDefaultsObject,
    description: "In force for a model, or gateway-wide.",
    args: { model: t.arg({ type: ModelRefInput }) },
    resolve: (_root, { model }, { gateway }) =>
      gateway.samplingDefaults.effective(model ? toModelRef(model) : undefined),
  }),
  samplingDefaultsAt: t.field({
    type: SamplingRevisionObject,
    nullable: true,
    description: "One revision of a model's own defaults, or of the gateway's.",
    args: { model: t.arg({ type: ModelRefInput }), revision: t.arg.int({ required: true }) },
    resolve: (_root, { model, revision }, { gateway }) =>
      gateway.samplingDefaults.at(revision, model ? toModelRef(model) : undefined),
  }),
  samplingParameters: t.field({
    type: [SamplingParameterObject],
    description: "Every parameter with its range and its default, for a model or gateway-wide.",
    args: { model: t.arg({ type: ModelRefInput }) },
    resolve: async (
      _root,
      { model },
      { gateway },
    ) => [...await gateway.samplingDefaults.parameters(model ? toModelRef(model) : undefined)],
  }),
}));

const UPDATE_ERRORS = ["CONFIG", "NOT_FOUND", "FORBIDDEN", "CONFLICT", "CAPACITY"] as const;
function revisionPayload(name: string) {
  return builder.objectRef<{
    readonly revision: SamplingRevision;
    readonly samplingDefaults: SamplingDefaults;
  }>(name).implement({
    fields: (t) => ({
      revision: t.expose("revision", { type: SamplingRevisionObject }),
      samplingDefaults: t.expose("samplingDefaults", {
        type: SamplingDefaultsObject,
        description: "In force from now on. Running generations keep theirs.",
      }),
    }),
  });
}
const UpdateSamplingDefaultsPayload = revisionPayload("UpdateSamplingDefaultsPayload");
const UpdateSamplingDefaultsResult = builder.unionType("UpdateSamplingDefaultsResult", {
  types: [UpdateSamplingDefaultsPayload, ...errorTypes(UPDATE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "UpdateSamplingDefaultsPayload"),
});
const RevertSamplingDefaultsPayload = revisionPayload("RevertSamplingDefaultsPayload");
const RevertSamplingDefaultsResult = builder.unionType("RevertSamplingDefaultsResult", {
  types: [RevertSamplingDefaultsPayload, ...errorTypes(UPDATE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "RevertSamplingDefaultsPayload"),
});

const EXPECTED =
  "The scope's newest revision as you know it, 0 for none: refused with ConflictError where it is another.";

const UpdateSamplingDefaultsInput = builder.inputType("UpdateSamplingDefaultsInput", {
  fields: (t) => ({
    model: t.field({ type: ModelRefInput, description: "Gateway-wide unless given." }),
    sampling: t.field({
      type: SamplingInputType,
      required: true,
      description: "Values given replace, null removes, what is left out stays.",
    }),
    reason: t.string({ required: true, description: "Kept with the revision." }),
    expectedRevision: t.int({ description: EXPECTED }),
  }),
});
const RevertSamplingDefaultsInput = builder.inputType("RevertSamplingDefaultsInput", {
  fields: (t) => ({
    model: t.field({ type: ModelRefInput, description: "Gateway-wide unless given." }),
    revision: t.int({
      required: true,
      description: "Number of the revision of this scope whose values come back; 0 removes them all.",
    }),
    reason: t.string({ required: true, description: "Kept with the new revision." }),
    expectedRevision: t.int({ description: EXPECTED }),
  }),
});

function expectation({ expectedRevision }: { readonly expectedRevision?: number | null | undefined }) {
  return expectedRevision == null ? {} : { expectedRevision };
}

async function withDefaults(
  gateway: Gateway,
  model: ModelRef | undefined,
  change: Promise<SamplingRevision>,
) {
  return { revision: await change, samplingDefaults: await gateway.samplingDefaults.effective(model) };
}

builder.mutationFields((t) => ({
  updateSamplingDefaults: t.field({
    type: UpdateSamplingDefaultsResult,
    description: "Admins. Writes a new revision of a model's or the gateway's defaults.",
    args: { input: t.arg({ type: UpdateSamplingDefaultsInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(UPDATE_ERRORS, () => {
        const model = input.model ? toModelRef(input.model) : undefined;
        const { sampling, reason } = input;
        const change = { ...(model ? { model } : {}), sampling, reason, ...expectation(input) };
        return withDefaults(gateway, model, gateway.samplingDefaults.update(principal, change));
      }),
  }),
  revertSamplingDefaults: t.field({
    type: RevertSamplingDefaultsResult,
    description: "Admins. Puts an earlier revision's values in force again, as a new revision.",
    args: { input: t.arg({ type: RevertSamplingDefaultsInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(UPDATE_ERRORS, () => {
        const model = input.model ? toModelRef(input.model) : undefined;
        const { revision, reason } = input;
        const change = { ...(model ? { model } : {}), revision, reason, ...expectation(input) };
        return withDefaults(gateway, model, gateway.samplingDefaults.revert(principal, change));
      }),
  }),
}));

/** Generations: a durable row and a job. Starting, cancelling and reading one; watching is in subscriptions.ts. */
import type {
  ConditionDifference,
  Generation,
  GenerationConditions,
  TrimmedContext,
} from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { ErrorInterface, errorTypes, expected, resultTypeName } from "./errors.ts";
import { FinishReasonEnum, ReproductionStatusEnum, TimingsObject, UsageObject } from "./generation_events.ts";
import {
  ContextPolicyEnum,
  DisconnectPolicyEnum,
  EditMessageInput,
  GenerateInputType,
  RegenerateInput,
  toGenerateInput,
  toGenerateOptions,
} from "./generate_input.ts";
import { encodeId, parseId, requireId } from "./ids.ts";
import { generationLoader, modelLoader, sessionLoader } from "./loaders.ts";
import { GenerationNode, ModelNode, SessionNode } from "./nodes.ts";
import { KvCacheFormatEnum, QuantizationEnum } from "./enums.ts";
import { SamplingParamsObject, SamplingValuesObject } from "./sampling.ts";
import { SamplingOriginsObject } from "./sampling_defaults.ts";

/** A whole prompt, or a log that is read to its end. */
const TOKEN_IDS = { field: 50, multiplier: 1 };

const GenerationStatusEnum = builder.enumType("GenerationStatus", {
  values: ["QUEUED", "LOADING", "PREFILL", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const,
});

const TrimmedContextObject = builder.objectRef<TrimmedContext>("TrimmedContext").implement({
  description: "How much of a conversation the model was not shown.",
  fields: (t) => ({
    droppedMessages: t.exposeInt("droppedMessages"),
    keptMessages: t.exposeInt("keptMessages", { description: "The new prompt's included." }),
  }),
});

const GenerationDeviceObject = builder.objectRef<NonNullable<GenerationConditions["device"]>>(
  "GenerationDevice",
).implement({
  fields: (t) => ({
    adapter: t.exposeString("adapter"),
    vendor: t.exposeString("vendor"),
    backend: t.exposeString("backend"),
    software: t.exposeBoolean("software", { description: "A software driver such as llvmpipe." }),
  }),
});

const ConditionsObject = builder.objectRef<GenerationConditions>("GenerationConditions").implement({
  description: "What the tokens depend on besides prompt, parameters and the files.",
  fields: (t) => ({
    quantization: t.expose("quantization", { type: QuantizationEnum }),
    precision: t.exposeString("precision", { description: "Of activations: f32 or f16." }),
    kvCacheFormat: t.expose("kvCacheFormat", { type: KvCacheFormatEnum }),
    accumulation: t.string({
      description:
        "What products of 8-bit weights and f16 activations are added in first: f32, or f16 in short chains.",
      resolve: ({ accumulation }) => accumulation ?? "f32",
    }),
    device: t.expose("device", {
      type: GenerationDeviceObject,
      nullable: true,
      description: "Null where it has not got to an engine.",
    }),
    kernelsSha256: t.field({
      type: "Sha256",
      nullable: true,
      description:
        "Of the text of all kernels and of the variants that are built in for the device; tuned forms change no bit, and count for nothing here.",
      resolve: ({ kernelsSha256 }) => kernelsSha256 ?? null,
    }),
    version: t.exposeString("version", { description: "Of Geodesic." }),
    deno: t.string({
      nullable: true,
      description: "Version of Deno, which brings WebGPU and its compiler of kernels.",
      resolve: ({ deno }) => deno ?? null,
    }),
  }),
});

const ConditionDifferenceObject = builder.objectRef<ConditionDifference>("ConditionDifference").implement({
  description: "A condition that two runs do not share.",
  fields: (t) => ({
    field: t.exposeString("field", {
      description: "Of `GenerationConditions`, such as `kernelsSha256` or `device.adapter`.",
    }),
    original: t.exposeString("original", { nullable: true, description: "Null: not known of this run." }),
    reproduction: t.exposeString("reproduction", {
      nullable: true,
      description: "Null: not known of this run.",
    }),
  }),
});

const ReproductionObject = builder.objectRef<NonNullable<Generation["reproduction"]>>("Reproduction")
  .implement({
    fields: (t) => ({
      status: t.expose("status", { type: ReproductionStatusEnum }),
      matches: t.boolean({
        nullable: true,
        description: "Null until it is known.",
        resolve: ({ status }) => status === "MATCHED" ? true : status === "DIFFERS" ? false : null,
      }),
      firstDifference: t.exposeInt("firstDifference", {
        nullable: true,
        description: "Position, from 0, of the first token that differs or that only one of the two has.",
      }),
      conditionDifferences: t.field({
        type: [ConditionDifferenceObject],
        nullable: true,
        description:
          "Conditions that the two runs do not share: other tokens may come of them. Empty: none is known, and tokens " +
          "that differ are a fault. Null where the conditions of one run are not known.",
        resolve: ({ differences }) => differences === null ? null : [...differences],
      }),
    }),
  });

builder.node(GenerationNode, {
  description:
    "One answer of a model, with everything that made it. Visible to who started it, to the owner of the session it is " +
    "part of, and to admins; whoever sees it may watch and cancel it. When an admin cancels, deletes or runs again what " +
    "somebody else has started, that is an entry of the audit log. It holds units, and counts as usage, of who started it.",
  id: { resolve: (generation) => generation.id },
  loadOne: (id, { gateway, principal }) => gateway.generations.get(principal, id),
  fields: (t) => ({
    status: t.expose("status", { type: GenerationStatusEnum }),
    finishReason: t.expose("finishReason", { type: FinishReasonEnum, nullable: true }),
    text: t.exposeString("text", { description: "As far as it has been generated." }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "Null once it is gone.",
      resolve: (generation, _args, context) => modelLoader(context).load(generation.modelId),
    }),
    artifactSha256: t.expose("artifactSha256", {
      type: "Sha256",
      nullable: true,
      description: "Manifest hash of the exact weights behind the answer.",
    }),
    session: t.field({
      type: SessionNode,
      nullable: true,
      resolve: ({ sessionId: id }, _args, context) => id === null ? null : sessionLoader(context).load(id),
    }),
    requestedSampling: t.expose("requestedSampling", {
      type: SamplingValuesObject,
      description: "What the request set.",
    }),
    effectiveSampling: t.expose("effectiveSampling", {
      type: SamplingParamsObject,
      description: "What was in force.",
    }),
    samplingRevisionIds: t.idList({
      description: "Revisions of the defaults in force when it was started.",
      resolve: ({ samplingRevisionIds }) => [...samplingRevisionIds],
    }),
    samplingOrigins: t.expose("samplingOrigins", {
      type: SamplingOriginsObject,
      nullable: true,
      description: "Where each effective value came from; null for generations older than this record.",
    }),
    promptTokenIds: t.intList({
      nullable: true,
      description: "The whole prompt as the model got it; null where it was not kept.",
      complexity: TOKEN_IDS,
      resolve: async ({ id }, _args, { gateway, principal }) => {
        const { prompt } = await gateway.generations.tokenIds(principal, id);
        return prompt === null ? null : [...prompt];
      },
    }),
    outputTokenIds: t.intList({
      description: "As far as they have been generated.",
      complexity: TOKEN_IDS,
      resolve: async (
        { id },
        _args,
        { gateway, principal },
      ) => [...(await gateway.generations.tokenIds(principal, id)).output],
    }),
    contextPolicy: t.expose("contextPolicy", { type: ContextPolicyEnum }),
    trimmed: t.expose("trimmed", {
      type: TrimmedContextObject,
      nullable: true,
      description: "Null where the whole conversation fitted.",
    }),
    priority: t.exposeInt("priority"),
    deadlineSeconds: t.exposeFloat("deadlineSeconds", { nullable: true }),
    conditions: t.expose("conditions", { type: ConditionsObject, nullable: true }),
    reproductionOf: t.field({
      type: GenerationNode,
      nullable: true,
      description: "The generation that this one runs again.",
      resolve: ({ reproductionOf: id }, _args, context) =>
        id === null ? null : generationLoader(context).load(id),
    }),
    reproduction: t.expose("reproduction", {
      type: ReproductionObject,
      nullable: true,
      description: "How it compares with that; null unless it is a reproduction.",
    }),
    usage: t.expose("usage", { type: UsageObject, nullable: true, description: "Null until it has ended." }),
    timings: t.expose("timings", { type: TimingsObject, nullable: true }),
    error: t.expose("error", { type: ErrorInterface, nullable: true, description: "Why it failed." }),
    onDisconnect: t.expose("onDisconnect", { type: DisconnectPolicyEnum }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true }),
  }),
});

builder.queryField("generation", (t) =>
  t.field({
    type: GenerationNode,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, { gateway, principal }) => {
      const id = parseId("Generation", args.id);
      return id === null ? null : gateway.generations.get(principal, id);
    },
  }));

const START_ERRORS = ["CONFIG", "FORMAT", "NOT_FOUND", "FORBIDDEN", "CAPACITY", "DEVICE_LOST"] as const;
const CANCEL_ERRORS = ["NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;

function generationPayload(name: string) {
  return builder.objectRef<{ readonly generation: Generation }>(name).implement({
    fields: (t) => ({ generation: t.expose("generation", { type: GenerationNode }) }),
  });
}
const StartGenerationPayload = generationPayload("StartGenerationPayload");
const StartGenerationResult = builder.unionType("StartGenerationResult", {
  types: [StartGenerationPayload, ...errorTypes(START_ERRORS)],
  resolveType: (value) => resultTypeName(value, "StartGenerationPayload"),
});
const CancelGenerationPayload = generationPayload("CancelGenerationPayload");
const CancelGenerationResult = builder.unionType("CancelGenerationResult", {
  types: [CancelGenerationPayload, ...errorTypes(CANCEL_ERRORS)],
  resolveType: (value) => resultTypeName(value, "CancelGenerationPayload"),
});
const REPRODUCE_ERRORS = [...START_ERRORS, "CONFLICT"] as const;
const DELETE_ERRORS = ["CONFIG", "NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;
const RegeneratePayload = generationPayload("RegeneratePayload");
const RegenerateResult = builder.unionType("RegenerateResult", {
  types: [RegeneratePayload, ...errorTypes(START_ERRORS)],
  resolveType: (value) => resultTypeName(value, "RegeneratePayload"),
});
const EditMessagePayload = generationPayload("EditMessagePayload");
const EditMessageResult = builder.unionType("EditMessageResult", {
  types: [EditMessagePayload, ...errorTypes(START_ERRORS)],
  resolveType: (value) => resultTypeName(value, "EditMessagePayload"),
});
const ReproduceGenerationPayload = generationPayload("ReproduceGenerationPayload");
const ReproduceGenerationResult = builder.unionType("ReproduceGenerationResult", {
  types: [ReproduceGenerationPayload, ...errorTypes(REPRODUCE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "ReproduceGenerationPayload"),
});
const DeleteGenerationPayload = builder.objectRef<{ readonly deletedId: string }>("DeleteGenerationPayload")
  .implement({ fields: (t) => ({ deletedId: t.exposeID("deletedId") }) });
const DeleteGenerationResult = builder.unionType("DeleteGenerationResult", {
  types: [DeleteGenerationPayload, ...errorTypes(DELETE_ERRORS)],
  resolveType: (value) => resultTypeName(value, "DeleteGenerationPayload"),
});
const ReproduceGenerationInput = builder.inputType("ReproduceGenerationInput", {
  fields: (t) => ({
    id: t.id({ required: true }),
    idempotencyKey: t.string(),
    onDisconnect: t.field({ type: DisconnectPolicyEnum }),
  }),
});
const DeleteGenerationInput = builder.inputType("DeleteGenerationInput", {
  fields: (t) => ({ id: t.id({ required: true }) }),
});
const CancelGenerationInput = builder.inputType("CancelGenerationInput", {
  fields: (t) => ({ id: t.id({ required: true }) }),
});

builder.mutationFields((t) => ({
  startGeneration: t.field({
    type: StartGenerationResult,
    description: "Starts a generation and answers at once; watch it with `generationEvents`.",
    args: { input: t.arg({ type: GenerateInputType, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(START_ERRORS, async () => ({
        generation: await gateway.generations.start(principal, toGenerateInput(input, "CONTINUE")),
      })),
  }),
  regenerate: t.field({
    type: RegenerateResult,
    description: "Asks a question of a session again, in a branch of its own; as `prompt: {messageId}` does.",
    args: { input: t.arg({ type: RegenerateInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(START_ERRORS, async () => ({
        generation: await gateway.generations.regenerate(principal, {
          messageId: input.messageId,
          ...toGenerateOptions(input),
        }),
      })),
  }),
  editMessage: t.field({
    type: EditMessageResult,
    description: "Asks something else in the place of a question, in a branch of its own; the old one stays.",
    args: { input: t.arg({ type: EditMessageInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(START_ERRORS, async () => ({
        generation: await gateway.generations.editMessage(principal, {
          messageId: input.messageId,
          content: input.content,
          ...toGenerateOptions(input),
        }),
      })),
  }),
  reproduceGeneration: t.field({
    type: ReproduceGenerationResult,
    description:
      "Runs a generation again with the same prompt tokens, parameters and seed, on the same files held in the same " +
      "way, and compares the tokens. What it starts is watched with `generationEvents`; see `reproduction`, which names " +
      "the conditions (device, kernels, versions) that are others by now.",
    args: { input: t.arg({ type: ReproduceGenerationInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(REPRODUCE_ERRORS, async () => ({
        generation: await gateway.generations.reproduce(principal, {
          id: requireId("Generation", input.id),
          ...(input.idempotencyKey != null ? { idempotencyKey: input.idempotencyKey } : {}),
          ...(input.onDisconnect != null ? { onDisconnect: input.onDisconnect } : {}),
        }),
      })),
  }),
  deleteGeneration: t.field({
    type: DeleteGenerationResult,
    description:
      "For one without a session: deletes it with what it was asked and said and its events, and those that ran it again. " +
      "Cancels it first.",
    args: { input: t.arg({ type: DeleteGenerationInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(DELETE_ERRORS, async () => {
        const id = requireId("Generation", input.id);
        await gateway.generations.delete(principal, id);
        return { deletedId: encodeId("Generation", id) };
      }),
  }),
  cancelGeneration: t.field({
    type: CancelGenerationResult,
    description: "Idempotent; a generation that has ended stays as it is.",
    args: { input: t.arg({ type: CancelGenerationInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(CANCEL_ERRORS, async () => ({
        generation: await gateway.generations.cancel(principal, requireId("Generation", input.id)),
      })),
  }),
}));

/** Generations: a durable row and a job. Starting, cancelling and reading one; watching is in subscriptions.ts. */
import type { Generation } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { ErrorInterface, errorTypes, expected, resultTypeName } from "./errors.ts";
import { FinishReasonEnum, TimingsObject, UsageObject } from "./generation_events.ts";
import { DisconnectPolicyEnum, GenerateInputType, toGenerateInput } from "./generate_input.ts";
import { parseId, requireId } from "./ids.ts";
import { modelLoader } from "./loaders.ts";
import { ModelNode } from "./models.ts";
import { SamplingParamsObject, SamplingValuesObject } from "./sampling.ts";
import { SessionNode } from "./sessions.ts";

const GenerationStatusEnum = builder.enumType("GenerationStatus", {
  values: ["QUEUED", "LOADING", "PREFILL", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const,
});

export const GenerationNode = builder.objectRef<Generation>("Generation");
builder.node(GenerationNode, {
  description: "One answer of a model, with everything that made it. Visible to its owner only.",
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
      resolve: (generation, _args, { gateway, principal }) =>
        generation.sessionId === null ? null : gateway.sessions.get(principal, generation.sessionId),
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

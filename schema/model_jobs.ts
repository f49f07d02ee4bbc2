/** Pulls and verifications: starting and cancelling them (admins), what has come of them, and their events. */
import type { Mismatch } from "../src/merge/verify/mismatch.ts";
import type { ModelJob, ModelJobEvent, ModelJobEventBody, ModelVerification } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { FORWARD_ARGS, pageComplexity, toConnection, toPageArgs } from "./connections.ts";
import { ErrorInterface, errorTypes, expected, resultTypeName } from "./errors.ts";
import { encodeId, parseId, requireId } from "./ids.ts";
import { ModelNode } from "./nodes.ts";
import { ModelRefInput, toModelRef } from "./model_ref.ts";

const ModelJobKindEnum = builder.enumType("ModelJobKind", {
  values: {
    PULL: { description: "Fetches a model from the hub and registers it." },
    VERIFY: {
      description: "Holds a model's files to what was registered, and a merge to its record and its parents.",
    },
  } as const,
});
const ModelJobStatusEnum = builder.enumType("ModelJobStatus", {
  values: ["RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const,
});

const MismatchKindEnum = builder.enumType("MismatchKind", {
  values: {
    FILE_HASH: { description: "A file's bytes are not those that were recorded." },
    FILE_MISSING: {},
    FILE_EXTRA: {},
    MANIFEST_HASH: {
      description:
        "The recorded manifest hash (or size) of the artifact or of a parent is not that of its recorded files.",
    },
    CONFIGURATION: {
      description: "The recorded configuration is not the one that was hashed, or not the folder's.",
    },
    UNREADABLE: { description: "A file cannot be read as what it should be; `found` says why." },
    TENSOR_MISSING: {},
    TENSOR_EXTRA: {},
    TENSOR_HASH: { description: "A tensor's bytes are not those that were recorded." },
    TENSOR_RECOMPUTED: { description: "Merging the parents again gives other bytes." },
    PARAMETER: { description: "The record's t, filter, … is not what its configuration means." },
    ARITHMETIC: {
      description:
        "It was computed by an edition of the method's arithmetic that this program does not have: nothing was merged again.",
    },
    SOURCE_HASH: { description: "A parent is not the one that was merged." },
  } as const,
});

const MismatchObject = builder.objectRef<Mismatch>("Mismatch").implement({
  fields: (t) => ({
    kind: t.expose("kind", { type: MismatchKindEnum }),
    subject: t.exposeString("subject", {
      description: "The file, tensor, model or part of the record in question.",
    }),
    field: t.exposeString("field", {
      nullable: true,
      description: 'What of it; "registered" where a file is held to the registry.',
    }),
    expected: t.exposeString("expected", {
      nullable: true,
      description: "Null where there should be nothing.",
    }),
    found: t.exposeString("found", { nullable: true, description: "Null where there is nothing." }),
    stage: t.string({
      nullable: true,
      description: "The document before the output that it is about.",
      resolve: ({ stage }) => stage ?? null,
    }),
  }),
});

const SourceStateEnum = builder.enumType("VerifiedSourceState", {
  values: {
    MATCHES: {},
    DIFFERS: {},
    ABSENT: { description: "Nobody knows where it lies, so nothing was merged again from it." },
  } as const,
});
const VerifiedSourceObject = builder.objectRef<ModelVerification["sources"][number]>("VerifiedSource")
  .implement({
    description: "A parent of a verified merge.",
    fields: (t) => ({
      name: t.exposeString("name"),
      state: t.field({
        type: SourceStateEnum,
        resolve: ({ state }) => state as "MATCHES" | "DIFFERS" | "ABSENT",
      }),
    }),
  });

const ModelVerificationObject = builder.objectRef<ModelVerification>("ModelVerification").implement({
  description: "What a verification has found.",
  fields: (t) => ({
    ok: t.exposeBoolean("ok", { description: "Nothing differs." }),
    mismatchCount: t.exposeInt("mismatchCount"),
    mismatches: t.expose("mismatches", { type: [MismatchObject], description: "The first 500 of them." }),
    manifestSha256: t.expose("manifestSha256", {
      type: "Sha256",
      description: "Of the folder as it was found.",
    }),
    files: t.exposeInt("files", { description: "Hashed." }),
    sources: t.expose("sources", { type: [VerifiedSourceObject], description: "Of a merge." }),
    totalTensors: t.exposeInt("totalTensors", { description: "Of a merge." }),
    hashedTensors: t.exposeInt("hashedTensors"),
    recomputedTensors: t.exposeInt("recomputedTensors", { description: "Merged again from the parents." }),
  }),
});

export const ModelJobNode = builder.objectRef<ModelJob>("ModelJob");
builder.node(ModelJobNode, {
  description: "Work on a model that takes a while and survives a restart of the gateway.",
  id: { resolve: (job) => job.id },
  loadOne: (id, { gateway }) => gateway.modelJobs.get(id),
  fields: (t) => ({
    kind: t.expose("kind", { type: ModelJobKindEnum }),
    status: t.expose("status", { type: ModelJobStatusEnum }),
    modelName: t.exposeString("modelName", {
      description: "Of the model it is about, which a pull has yet to bring.",
    }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "The model of this name, if there is one now.",
      resolve: ({ modelName }, _args, { gateway }) => gateway.models.get({ name: modelName }),
    }),
    repository: t.exposeString("repository", { nullable: true, description: "Of a pull, on the hub." }),
    revision: t.exposeString("revision", { nullable: true, description: "Of a pull, as it was asked for." }),
    verification: t.expose("verification", { type: ModelVerificationObject, nullable: true }),
    error: t.expose("error", { type: ErrorInterface, nullable: true, description: "Why it failed." }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    finishedAt: t.expose("finishedAt", { type: "DateTime", nullable: true }),
  }),
});

const ModelJobConnection = builder.connectionObject({ type: ModelJobNode, name: "ModelJobConnection" }, {
  name: "ModelJobEdge",
});
const ModelJobFilterInput = builder.inputType("ModelJobFilter", {
  description: "All conditions must hold. One that is null is none.",
  fields: (t) => ({
    kind: t.field({ type: ModelJobKindEnum }),
    status: t.field({ type: ModelJobStatusEnum }),
    nameContains: t.string({ description: "Part of the model's name." }),
  }),
});

builder.queryFields((t) => ({
  modelJob: t.field({
    type: ModelJobNode,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, args, { gateway }) => {
      const id = parseId("ModelJob", args.id);
      return id === null ? null : gateway.modelJobs.get(id);
    },
  }),
  modelJobs: t.field({
    type: ModelJobConnection,
    description: "The latest first.",
    args: { ...FORWARD_ARGS, where: t.arg({ type: ModelJobFilterInput }) },
    complexity: pageComplexity,
    resolve: async (_root, args, { gateway }) => {
      const where = Object.fromEntries(Object.entries(args.where ?? {}).filter(([, value]) => value != null));
      return toConnection(await gateway.modelJobs.list(toPageArgs(args), where), args);
    },
  }),
}));

type EventOf<K extends ModelJobEventBody["kind"]> = Extract<ModelJobEvent, { readonly kind: K }>;
/** Stands in no log. */
interface ModelJobHeartbeat {
  readonly kind: "heartbeat";
  /** Of the last event before it. */
  readonly seq: number;
  readonly jobId: string;
  readonly at: Date;
}
export type WatchedModelJobEvent = ModelJobEvent | ModelJobHeartbeat;
const TYPE_NAMES: Readonly<Record<WatchedModelJobEvent["kind"], string>> = {
  heartbeat: "ModelJobHeartbeat",
  started: "ModelJobStarted",
  progress: "ModelJobProgress",
  finished: "ModelJobFinished",
  failed: "ModelJobFailed",
  cancelled: "ModelJobCancelled",
};

export const ModelJobEventInterface = builder.interfaceRef<WatchedModelJobEvent>("ModelJobEvent").implement({
  description: "Something that happened to a model job. Without gaps, from 1.",
  fields: (t) => ({
    seq: t.exposeInt("seq", { description: "Pass as `afterSeq` to continue behind this event." }),
    jobId: t.id({ resolve: ({ jobId }) => encodeId("ModelJob", jobId) }),
    at: t.expose("at", { type: "DateTime" }),
  }),
  resolveType: ({ kind }) => TYPE_NAMES[kind],
});
function eventRef<K extends ModelJobEventBody["kind"]>(kind: K) {
  return builder.objectRef<EventOf<K>>(TYPE_NAMES[kind]);
}
const interfaces = [ModelJobEventInterface];

builder.objectRef<ModelJobHeartbeat>(TYPE_NAMES.heartbeat).implement({
  description:
    "Nothing has happened for a while, and the stream is alive. Only where `heartbeatSeconds` asks for it; " +
    "`seq` is that of the last event.",
  interfaces,
});

eventRef("started").implement({
  description: "It runs. Sent again when a restarted gateway takes it up.",
  interfaces,
});
eventRef("progress").implement({
  description: "How far it is.",
  interfaces,
  fields: (t) => ({
    stage: t.exposeString("stage", {
      description:
        'Of a pull "pulling" and "registering"; of a verification "hashing", "parents", "documents", "tensors" and ' +
        '"registered".',
    }),
    doneBytes: t.expose("doneBytes", { type: "BigInt", description: "Of this stage." }),
    totalBytes: t.expose("totalBytes", { type: "BigInt" }),
    doneItems: t.exposeInt("doneItems", { description: "Files of a pull, tensors of a verification." }),
    totalItems: t.exposeInt("totalItems"),
    bytesPerSecond: t.exposeFloat("bytesPerSecond", {
      nullable: true,
      description: "Null while it is too early to tell.",
    }),
    secondsLeft: t.exposeFloat("secondsLeft", { nullable: true, description: "Of this stage." }),
  }),
});
eventRef("finished").implement({
  description: "It is done. Last event.",
  interfaces,
  fields: (t) => ({
    job: t.field({
      type: ModelJobNode,
      nullable: true,
      resolve: ({ jobId }, _args, { gateway }) => gateway.modelJobs.get(jobId),
    }),
  }),
});
eventRef("failed").implement({
  description: "It failed. What a pull has fetched is kept for the next one, for a week. Last event.",
  interfaces,
  fields: (t) => ({
    code: t.exposeString("code", { description: "Stable and machine-readable." }),
    message: t.exposeString("message"),
  }),
});
eventRef("cancelled").implement({
  description:
    "It was cancelled. What a pull has fetched is kept for the next one, for a week, unless it is discarded. Last event.",
  interfaces,
});

const PULL_ERRORS = ["CONFIG", "FORBIDDEN", "CAPACITY"] as const;
const VERIFY_ERRORS = ["CONFIG", "NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;
const CANCEL_ERRORS = ["NOT_FOUND", "FORBIDDEN", "CAPACITY"] as const;
function jobPayload(name: string) {
  return builder.objectRef<{ readonly job: ModelJob }>(name).implement({
    fields: (t) => ({ job: t.expose("job", { type: ModelJobNode }) }),
  });
}
const PullModelPayload = jobPayload("PullModelPayload");
const PullModelResult = builder.unionType("PullModelResult", {
  types: [PullModelPayload, ...errorTypes(PULL_ERRORS)],
  resolveType: (value) => resultTypeName(value, "PullModelPayload"),
});
const VerifyModelPayload = jobPayload("VerifyModelPayload");
const VerifyModelResult = builder.unionType("VerifyModelResult", {
  types: [VerifyModelPayload, ...errorTypes(VERIFY_ERRORS)],
  resolveType: (value) => resultTypeName(value, "VerifyModelPayload"),
});
const CancelModelJobPayload = jobPayload("CancelModelJobPayload");
const CancelModelJobResult = builder.unionType("CancelModelJobResult", {
  types: [CancelModelJobPayload, ...errorTypes(CANCEL_ERRORS)],
  resolveType: (value) => resultTypeName(value, "CancelModelJobPayload"),
});

const PullModelInput = builder.inputType("PullModelInput", {
  fields: (t) => ({
    repository: t.string({
      required: true,
      description: "owner/name on the hub (HF_ENDPOINT of the gateway).",
    }),
    revision: t.string({ description: "Branch, tag or commit; the main branch unless given." }),
    name: t.string({ description: "What it is to be called here; as on the hub unless given." }),
  }),
});
const VerifyModelInput = builder.inputType("VerifyModelInput", {
  fields: (t) => ({ model: t.field({ type: ModelRefInput, required: true }) }),
});
const CancelModelJobInput = builder.inputType("CancelModelJobInput", {
  fields: (t) => ({
    id: t.id({ required: true }),
    discard: t.boolean({
      description:
        "Also remove what a pull has fetched, from the library of the gateway that is asked; of one that has failed or " +
        "was cancelled before, too. Otherwise it is kept for a week, for the next pull to go on from. Files of a " +
        "registered model stay, as long as it is registered. It means nothing for a pull that has succeeded, nor for any " +
        "other job.",
    }),
  }),
});

builder.mutationFields((t) => ({
  pullModel: t.field({
    type: PullModelResult,
    description:
      "Admins. Fetches a model from the hub, checks every hash, and registers it. Answers at once; watch it with " +
      "`modelJobEvents`. What an interruption leaves the next pull of the same name takes up.",
    args: { input: t.arg({ type: PullModelInput, required: true }) },
    resolve: (_root, { input: { repository, revision, name } }, { gateway, principal }) =>
      expected(PULL_ERRORS, async () => ({
        job: await gateway.modelJobs.pull(principal, {
          repository,
          ...(revision != null ? { revision } : {}),
          ...(name != null ? { name } : {}),
        }),
      })),
  }),
  verifyModel: t.field({
    type: VerifyModelResult,
    description:
      "Admins. Hashes a model's files and, where it was merged, holds it to its record and merges it again from what " +
      "parents are here. Answers at once; the job's `verification` has the findings.",
    args: { input: t.arg({ type: VerifyModelInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(VERIFY_ERRORS, async () => ({
        job: await gateway.modelJobs.verify(principal, toModelRef(input.model)),
      })),
  }),
  cancelModelJob: t.field({
    type: CancelModelJobResult,
    description:
      "Admins. Idempotent; the record of a job that has ended stays as it is, whatever `discard` removes.",
    args: { input: t.arg({ type: CancelModelJobInput, required: true }) },
    resolve: (_root, { input }, { gateway, principal }) =>
      expected(CANCEL_ERRORS, async () => ({
        job: await gateway.modelJobs.cancel(principal, requireId("ModelJob", input.id), {
          discard: input.discard ?? false,
        }),
      })),
  }),
}));

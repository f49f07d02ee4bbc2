/** The events of a merge, as they stand in its log. `seq` is the cursor to continue from. */
import type { MergeEvent, MergeEventBody } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { encodeId } from "./ids.ts";
import { modelLoader } from "./loaders.ts";
import { ModelNode } from "./nodes.ts";

type EventOf<K extends MergeEventBody["kind"]> = Extract<MergeEvent, { readonly kind: K }>;

/** Made for a watcher; it stands in no log. */
export interface MergeHeartbeat {
  readonly kind: "heartbeat";
  readonly seq: number;
  readonly mergeId: string;
  readonly at: Date;
}
export type WatchedMergeEvent = MergeEvent | MergeHeartbeat;

const TYPE_NAMES: Readonly<Record<WatchedMergeEvent["kind"], string>> = {
  heartbeat: "MergeHeartbeat",
  queued: "MergeQueued",
  progress: "MergeProgress",
  finished: "MergeFinished",
  failed: "MergeFailed",
  cancelled: "MergeCancelled",
};

export const MergeEventInterface = builder.interfaceRef<WatchedMergeEvent>("MergeEvent").implement({
  description: "Something that happened to a merge. Without gaps, from 1.",
  fields: (t) => ({
    seq: t.exposeInt("seq", { description: "Pass as `afterSeq` to continue behind this event." }),
    mergeId: t.id({ resolve: ({ mergeId }) => encodeId("Merge", mergeId) }),
    at: t.expose("at", { type: "DateTime" }),
  }),
  resolveType: ({ kind }) => TYPE_NAMES[kind],
});

function eventRef<K extends MergeEventBody["kind"]>(kind: K) {
  return builder.objectRef<EventOf<K>>(TYPE_NAMES[kind]);
}
const interfaces = [MergeEventInterface];

builder.objectRef<MergeHeartbeat>(TYPE_NAMES.heartbeat).implement({
  description:
    "Nothing has happened for a while, and the stream is alive. Only where `heartbeatSeconds` asks for it; " +
    "`seq` is that of the last event.",
  interfaces,
});

eventRef("queued").implement({
  description: "Waiting for its turn: one merge runs at a time. Sent again when the position changes.",
  interfaces,
  fields: (t) => ({ position: t.exposeInt("position", { description: "1 is next." }) }),
});

const MergeStageEnum = builder.enumType("MergeStage", {
  values: {
    HASHING: { value: "hashing", description: "What an earlier, killed run has left is checked." },
    MERGING: {
      value: "merging",
      description: "The parents are read and hashed, the result's tensors computed and written.",
    },
  } as const,
});

eventRef("progress").implement({
  description: "How far it is, in the figures that the command line shows.",
  interfaces,
  fields: (t) => ({
    stage: t.field({
      type: MergeStageEnum,
      resolve: ({ stage }) => stage === "hashing" ? "hashing" : "merging",
    }),
    doneTensors: t.exposeInt("doneTensors", { description: "Written." }),
    totalTensors: t.exposeInt("totalTensors"),
    doneBytes: t.expose("doneBytes", {
      type: "BigInt",
      description: "Of this stage; every document of a configuration has stages of its own.",
    }),
    totalBytes: t.expose("totalBytes", { type: "BigInt" }),
    bytesPerSecond: t.exposeFloat("bytesPerSecond", {
      nullable: true,
      description: "Null while it is too early to tell.",
    }),
    secondsLeft: t.exposeFloat("secondsLeft", { nullable: true, description: "Of this stage." }),
  }),
});

eventRef("finished").implement({
  description: "The result is registered and can be served. Last event.",
  interfaces,
  fields: (t) => ({
    artifactSha256: t.expose("artifactSha256", {
      type: "Sha256",
      description: "Manifest hash of the result.",
    }),
    model: t.field({
      type: ModelNode,
      nullable: true,
      description: "The result; null once it is gone.",
      resolve: async ({ mergeId }, _args, context) => {
        const modelId = (await context.gateway.merges.get(mergeId))?.modelId ?? null;
        return modelId === null ? null : await modelLoader(context).load(modelId);
      },
    }),
  }),
});

eventRef("failed").implement({
  description: "The merge failed, and nothing half-written is left. Last event.",
  interfaces,
  fields: (t) => ({
    code: t.exposeString("code", { description: "Stable and machine-readable." }),
    message: t.exposeString("message"),
  }),
});

eventRef("cancelled").implement({ description: "The merge was cancelled. Last event.", interfaces });

/** The events of a generation, as they stand in its log. `seq` is the cursor to continue from. */
import type { RequestTimings } from "../src/engine/protocol.ts";
import type { EventToken, GenerationEvent, GenerationEventBody, Usage } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { encodeId } from "./ids.ts";

type EventOf<K extends GenerationEventBody["kind"]> = Extract<GenerationEvent, { readonly kind: K }>;

/** Made for a watcher; it stands in no log. */
export interface GenerationHeartbeat {
  readonly kind: "heartbeat";
  readonly seq: number;
  readonly generationId: string;
  readonly at: Date;
}
export type WatchedGenerationEvent = GenerationEvent | GenerationHeartbeat;

const TYPE_NAMES: Readonly<Record<WatchedGenerationEvent["kind"], string>> = {
  heartbeat: "GenerationHeartbeat",
  queued: "GenerationQueued",
  contextTrimmed: "ContextTrimmed",
  loading: "GenerationLoading",
  promptProcessed: "PromptProcessed",
  tokens: "TokensGenerated",
  reproduced: "GenerationReproduced",
  finished: "GenerationFinished",
  failed: "GenerationFailed",
  cancelled: "GenerationCancelled",
};

export const FinishReasonEnum = builder.enumType("FinishReason", {
  values: {
    STOP: { description: "End of sequence, or a stop token." },
    STOP_STRING: { description: "A stop string; it is not part of the text." },
    LENGTH: { description: "`maxTokens` were generated." },
    CONTEXT_FULL: { description: "The context is used up." },
    CANCELLED: {},
    ERROR: {},
  } as const,
});

export const UsageObject = builder.objectRef<Usage>("Usage").implement({
  fields: (t) => ({
    promptTokens: t.exposeInt("promptTokens"),
    cachedTokens: t.exposeInt("cachedTokens", { description: "Of the prompt, taken from the KV cache." }),
    completionTokens: t.exposeInt("completionTokens"),
  }),
});

export const TimingsObject = builder.objectRef<RequestTimings>("Timings").implement({
  description: "What a generation took, in counts and milliseconds.",
  fields: (t) => ({
    steps: t.exposeInt("steps", { description: "Forward steps it took part in." }),
    dispatchesPerStep: t.exposeFloat("dispatchesPerStep", { description: "Mean over its decode steps." }),
    submitsPerStep: t.exposeFloat("submitsPerStep", { description: "Mean over its decode steps." }),
    readbackBytesPerStep: t.exposeFloat("readbackBytesPerStep", {
      description: "Mean over its decode steps.",
    }),
    ttftMs: t.exposeFloat("ttftMs", { description: "Time to the first token." }),
    queueMs: t.exposeFloat("queueMs"),
    prefillMs: t.exposeFloat("prefillMs"),
    decodeMs: t.exposeFloat("decodeMs"),
    decodeTokensPerSecond: t.exposeFloat("decodeTokensPerSecond", {
      description: "0 with fewer than two tokens.",
    }),
  }),
});

/** Every event says it, and there are as many generations at a time as run. */
const globalIds = new Map<string, string>();
const MAX_GLOBAL_IDS = 256;

function globalIdOf(generationId: string): string {
  let globalId = globalIds.get(generationId);
  if (globalId === undefined) {
    globalId = encodeId("Generation", generationId);
    if (globalIds.size >= MAX_GLOBAL_IDS) globalIds.clear();
    globalIds.set(generationId, globalId);
  }
  return globalId;
}

export const GenerationEventInterface = builder.interfaceRef<WatchedGenerationEvent>("GenerationEvent")
  .implement({
    description:
      "Something that happened to a generation. `seq` begins at 1 and rises by 1, except for a client that has fallen " +
      "behind: it gets several `TokensGenerated` as one, with the `seq` of the last.",
    fields: (t) => ({
      seq: t.exposeInt("seq", { description: "Pass as `afterSeq` to continue behind this event." }),
      generationId: t.id({ resolve: ({ generationId }) => globalIdOf(generationId) }),
      at: t.expose("at", { type: "DateTime" }),
    }),
    resolveType: ({ kind }) => TYPE_NAMES[kind],
  });

function eventRef<K extends GenerationEventBody["kind"]>(kind: K) {
  return builder.objectRef<EventOf<K>>(TYPE_NAMES[kind]);
}
const interfaces = [GenerationEventInterface];

builder.objectRef<GenerationHeartbeat>(TYPE_NAMES.heartbeat).implement({
  description:
    "Nothing has happened for a while, and the stream is alive. Only where `heartbeatSeconds` asks for it; " +
    "`seq` is that of the last event.",
  interfaces,
});

eventRef("queued").implement({
  description: "Waiting for its turn. Sent again when the position changes.",
  interfaces,
  fields: (t) => ({
    position: t.exposeInt("position", { description: "1 is next." }),
    estimateMs: t.int({
      nullable: true,
      description: "A guess of how long, by how long generations took of late. Null: nothing to guess from.",
      resolve: ({ estimateMs }) => estimateMs ?? null,
    }),
  }),
});

eventRef("contextTrimmed").implement({
  description: "The conversation is longer than the context: its oldest turns are not part of this prompt.",
  interfaces,
  fields: (t) => ({
    droppedMessages: t.exposeInt("droppedMessages"),
    keptMessages: t.exposeInt("keptMessages", { description: "The new prompt's included." }),
    promptTokens: t.exposeInt("promptTokens"),
  }),
});

export const ReproductionStatusEnum = builder.enumType("ReproductionStatus", {
  values: {
    PENDING: { description: "It is still running." },
    MATCHED: { description: "The same tokens." },
    DIFFERS: { description: "Other tokens." },
    INCOMPLETE: { description: "It did not come to its own end, and agrees as far as it got." },
  } as const,
});

eventRef("reproduced").implement({
  description: "How a reproduction compares with what it reproduces. The last event follows.",
  interfaces,
  fields: (t) => ({
    status: t.expose("status", { type: ReproductionStatusEnum }),
    firstDifference: t.exposeInt("firstDifference", {
      nullable: true,
      description: "Position, from 0, of the first token that differs or that only one of the two has.",
    }),
  }),
});

eventRef("loading").implement({
  description: "The model's weights are on their way to the device.",
  interfaces,
  fields: (t) => ({
    stage: t.exposeString("stage"),
    fraction: t.exposeFloat("fraction", { description: "0 to 1 over the whole load." }),
    loadedBytes: t.field({
      type: "BigInt",
      nullable: true,
      description: "Of the weights as they lie on disk; null where the log does not say.",
      resolve: ({ loadedBytes }) => loadedBytes ?? null,
    }),
    totalBytes: t.field({ type: "BigInt", nullable: true, resolve: ({ totalBytes }) => totalBytes ?? null }),
    bytesPerSecond: t.float({
      nullable: true,
      description: "Mean of this load so far; 0 before the first bytes.",
      resolve: ({ bytesPerSecond }) => bytesPerSecond ?? null,
    }),
  }),
});

eventRef("promptProcessed").implement({
  description: "The whole prompt is in the KV cache; tokens follow.",
  interfaces,
  fields: (t) => ({
    promptTokens: t.exposeInt("promptTokens"),
    cachedTokens: t.exposeInt("cachedTokens"),
  }),
});

/**
 * Complexity is checked when a field is answered, which is after `generate` has started something. Events are small,
 * so their lists count once: what passes the limit of fields never fails this one.
 */
const EVENT_LIST = { field: 1, multiplier: 1 } as const;

const AlternativeObject = builder.objectRef<EventToken["top"][number]>("TokenAlternative").implement({
  fields: (t) => ({
    id: t.exposeInt("id"),
    text: t.exposeString("text"),
    logprob: t.exposeFloat("logprob"),
  }),
});

const TokenObject = builder.objectRef<EventToken>("Token").implement({
  fields: (t) => ({
    id: t.exposeInt("id", { description: "In the model's vocabulary." }),
    text: t.exposeString("text", {
      description: "What it added; may be empty while a character is incomplete.",
    }),
    logprob: t.exposeFloat("logprob", {
      nullable: true,
      description: "Under the model's own distribution; null unless asked for.",
    }),
    top: t.expose("top", {
      type: [AlternativeObject],
      description: "The most likely tokens here, best first.",
    }),
  }),
});

eventRef("tokens").implement({
  description: "The next tokens.",
  interfaces,
  fields: (t) => ({
    text: t.exposeString("text", { description: "Append it to what came before." }),
    tokens: t.expose("tokens", { type: [TokenObject], complexity: EVENT_LIST }),
  }),
});

eventRef("finished").implement({
  description: "The generation is complete. Last event.",
  interfaces,
  fields: (t) => ({
    finishReason: t.expose("finishReason", { type: FinishReasonEnum }),
    text: t.exposeString("text", { description: "The whole answer." }),
    usage: t.expose("usage", { type: UsageObject }),
    timings: t.expose("timings", { type: TimingsObject }),
  }),
});

eventRef("failed").implement({
  description: "The generation failed. Last event. Tokens that came before it stay.",
  interfaces,
  fields: (t) => ({
    code: t.exposeString("code", {
      description:
        "Stable and machine-readable. `DEADLINE`: its time was up. `CAPACITY`: there was no room for it. " +
        "`NOT_FINITE`: the model's activations left the range of its numbers, as they will again. `DEVICE_LOST`: the GPU is " +
        "gone, ask again. `INTERRUPTED`: its gateway stopped, ask again. `CONFIG`: it asks for what cannot be. " +
        "`NOT_FOUND`, `FORMAT`: the model's files are gone, or damaged. `INTERNAL`: the log of the server has the details. " +
        "Others may come.",
    }),
    message: t.exposeString("message"),
  }),
});

eventRef("cancelled").implement({
  description: "The generation was cancelled. Last event.",
  interfaces,
  fields: (t) => ({ usage: t.expose("usage", { type: UsageObject }) }),
});

/** The device and what runs on it, as counts. */
import type { RuntimeInfo } from "../src/app/types.ts";
import type { DeviceInfo, EngineMetrics, EngineStatus } from "../src/engine/protocol.ts";
import { builder } from "./builder.ts";
import { KvCacheFormatEnum } from "./enums.ts";

const DeviceLimitObject = builder.objectRef<readonly [name: string, value: number]>("DeviceLimit").implement({
  fields: (t) => ({
    name: t.string({ resolve: ([name]) => name }),
    value: t.field({ type: "BigInt", resolve: ([, value]) => value }),
  }),
});

const DeviceObject = builder.objectRef<DeviceInfo>("Device").implement({
  description: "The WebGPU device that models run on.",
  fields: (t) => ({
    adapter: t.exposeString("adapter"),
    vendor: t.exposeString("vendor"),
    backend: t.exposeString("backend"),
    memoryBandwidth: t.exposeFloat("memoryBandwidth", {
      nullable: true,
      description:
        "Bytes a second that a kernel which only reads has reached when the engine started; null where nobody has measured it, as of a software driver.",
    }),
    software: t.exposeBoolean("software", { description: "A software driver: correct, but slow." }),
    features: t.stringList({ resolve: ({ features }) => [...features] }),
    limits: t.field({ type: [DeviceLimitObject], resolve: ({ limits }) => Object.entries(limits) }),
  }),
});

const RuntimeModelObject = builder.objectRef<EngineMetrics["models"][number]>("RuntimeModel").implement({
  description: "A model on the device.",
  fields: (t) => ({
    key: t.exposeString("modelKey", { description: "Its name inside the runtime." }),
    running: t.exposeInt("running", { description: "Sequences in the batch." }),
    waiting: t.exposeInt("waiting", { description: "Sequences in the queue." }),
    kvBlocksUsed: t.exposeInt("usedBlocks", { description: "Blocks of the KV cache in use." }),
    kvBlocksCached: t.exposeInt("cachedBlocks", {
      description: "Blocks that are unused, but kept for the prompt tokens in them until they are needed.",
    }),
    kvBlocksTotal: t.exposeInt("totalBlocks"),
    prefixCacheQueries: t.expose("prefixCacheQueries", {
      type: "BigInt",
      description: "Prompt tokens of all requests that have started.",
    }),
    prefixCacheHits: t.expose("prefixCacheHits", {
      type: "BigInt",
      description: "Of these, tokens that were in the KV cache already.",
    }),
    preemptions: t.exposeInt("preemptions", {
      description: "Sequences that lost their blocks to others and were computed anew.",
    }),
    draftedTokens: t.expose("draftedTokens", {
      type: "BigInt",
      description: "Next tokens that were guessed and checked in one step.",
    }),
    acceptedTokens: t.expose("acceptedTokens", {
      type: "BigInt",
      description: "Of these, guesses that were right: each saved a step.",
    }),
    weightBytes: t.expose("weightBytes", { type: "BigInt" }),
    kvCacheBytes: t.expose("kvCacheBytes", { type: "BigInt" }),
    kvCacheFormat: t.expose("kvCacheFormat", { type: KvCacheFormatEnum }),
    accumulation: t.exposeString("accumulation", {
      description:
        "What products of 8-bit weights and f16 activations are added in first: f32, or f16 in short chains.",
    }),
    isTuned: t.exposeBoolean("isTuned", {
      description:
        "Whether it runs by forms of the kernels that `geodesic tune` has found quickest on this device. They change no bit.",
    }),
  }),
});

const EngineStateEnum = builder.enumType("EngineState", {
  values: {
    STARTING: { description: "For the first time." },
    READY: {},
    RESTARTING: { description: "It died; generations go on when it is back." },
    FAILED: { description: "It died too often, or there is no device." },
  } as const,
});

const EngineObject = builder.objectRef<EngineStatus>("Engine").implement({
  description: "What computes: it has a process of its own, which is replaced when it dies.",
  fields: (t) => ({
    state: t.field({ type: EngineStateEnum, resolve: ({ state }) => state }),
    restarts: t.exposeInt("restarts", { description: "Since the gateway's start." }),
    attempt: t.int({
      nullable: true,
      description: "While it is being restarted: which try this is.",
      resolve: (status) => status.state === "RESTARTING" ? status.attempt : null,
    }),
    retryAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "When it is tried again; null while that is under way, and where it is not.",
      resolve: (status) => "retryAt" in status ? status.retryAt : null,
    }),
    reason: t.string({
      nullable: true,
      description: "Why it is not running.",
      resolve: (status) => "error" in status ? status.error.message : null,
    }),
  }),
});

type Counts = EngineMetrics["models"][number];

/** A count over all resident models; 0 without an engine. */
function total(key: "running" | "waiting" | "usedBlocks" | "totalBlocks") {
  return ({ engine }: RuntimeInfo): number =>
    (engine?.models ?? []).reduce((sum: number, model: Counts) => sum + model[key], 0);
}

function bandwidthShare({ device, engine }: RuntimeInfo): number | null {
  const bandwidth = device?.memoryBandwidth ?? null;
  return bandwidth === null ? null : (engine?.readBytesPerSecond ?? 0) / bandwidth;
}

const RuntimeObject = builder.objectRef<RuntimeInfo>("Runtime").implement({
  description: "The state of the runtime at this moment.",
  fields: (t) => ({
    device: t.expose("device", {
      type: DeviceObject,
      nullable: true,
      description: "Null where there is none.",
    }),
    engine: t.field({ type: EngineObject, resolve: ({ status }) => status }),
    models: t.field({
      type: [RuntimeModelObject],
      resolve: ({ engine }) => [...engine?.models ?? []],
    }),
    running: t.int({ description: "Sequences in the batch, over all models.", resolve: total("running") }),
    waiting: t.int({ description: "Sequences in the queue, over all models.", resolve: total("waiting") }),
    kvBlocksUsed: t.int({ description: "Blocks of the KV cache in use.", resolve: total("usedBlocks") }),
    kvBlocksTotal: t.int({ resolve: total("totalBlocks") }),
    batchSize: t.int({
      description: "Sequences in the last submitted step.",
      resolve: ({ engine }) => engine?.lastBatchSize ?? 0,
    }),
    steps: t.field({
      type: "BigInt",
      description: "Forward steps since the start.",
      resolve: ({ engine }) => engine?.steps ?? 0,
    }),
    submits: t.field({
      type: "BigInt",
      description: "Submissions to the device since the start.",
      resolve: ({ engine }) => engine?.submits ?? 0,
    }),
    stepsPerSubmit: t.float({
      description: "Over all submissions so far; 0 before the first.",
      resolve: ({ engine }) => engine?.stepsPerSubmit ?? 0,
    }),
    generatedTokens: t.field({
      type: "BigInt",
      description: "Since the start.",
      resolve: ({ engine }) => engine?.generatedTokens ?? 0,
    }),
    dispatchesPerStep: t.float({ resolve: ({ engine }) => engine?.dispatchesPerStep ?? 0 }),
    tokensPerSecond: t.float({
      description: "Over the last few seconds of activity; 0 when idle.",
      resolve: ({ engine }) => engine?.tokensPerSecond ?? 0,
    }),
    readBytesPerSecond: t.float({
      description:
        "Bytes of weights, keys and values that steps have to read from memory, over the last few seconds of activity; 0 when idle.",
      resolve: ({ engine }) => engine?.readBytesPerSecond ?? 0,
    }),
    bandwidthShare: t.float({
      nullable: true,
      description: "The same as a share of the device's `memoryBandwidth`; null where that is not known.",
      resolve: bandwidthShare,
    }),
  }),
});

builder.queryField(
  "runtime",
  (t) => t.field({ type: RuntimeObject, resolve: (_root, _args, { gateway }) => gateway.runtime() }),
);

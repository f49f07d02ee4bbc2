/**
 * Watching generations, merges, models and their jobs. Who may watch is decided at subscribe, before the first event. A
 * watcher that goes away ends its reading; what that means for the generation is the generation's own `onDisconnect`.
 */
import type { RequestContext } from "../src/app/request.ts";
import { NotFoundError } from "../src/errors.ts";
import type { ModelRef, SamplingDefaults } from "../src/app/types.ts";
import { builder } from "./builder.ts";
import { toGraphQLError } from "./errors.ts";
import { SubscriptionSource } from "./subscription_source.ts";
import { GenerateInputType, toGenerateInput } from "./generate_input.ts";
import { GenerationEventInterface, type WatchedGenerationEvent } from "./generation_events.ts";
import { heartbeatMs, Heartbeats } from "./heartbeat.ts";
import { notFound, requireId } from "./ids.ts";
import { MergeEventInterface, type WatchedMergeEvent } from "./merge_events.ts";
import { ModelEventObject, type WatchedModelEvent } from "./model_events.ts";
import { ModelJobEventInterface, type WatchedModelJobEvent } from "./model_jobs.ts";
import { ModelRefInput, toModelRef } from "./model_ref.ts";
import { SamplingDefaultsObject } from "./nodes.ts";

interface WatchOptions {
  readonly id: string;
  readonly afterSeq: number;
  /** Of silence before a heartbeat; null for none. */
  readonly heartbeatMs: number | null;
}

function watchMerge(context: RequestContext, place: Disposable, options: WatchOptions) {
  const { id, afterSeq } = options;
  return source<WatchedMergeEvent>(
    context,
    place,
    (signal) => context.gateway.merges.events(id, { afterSeq, signal }),
    options.heartbeatMs,
    (last) => ({ kind: "heartbeat", seq: last?.seq ?? afterSeq, mergeId: id, at: new Date() }),
  );
}

function watch(context: RequestContext, place: Disposable, options: WatchOptions) {
  const { id, afterSeq } = options;
  const { gateway, principal } = context;
  return source<WatchedGenerationEvent>(
    context,
    place,
    (signal) => gateway.generations.events(principal, id, { afterSeq, signal, coalesce: true }),
    options.heartbeatMs,
    (last) => ({ kind: "heartbeat", seq: last?.seq ?? afterSeq, generationId: id, at: new Date() }),
  );
}

function watchJob(context: RequestContext, place: Disposable, options: WatchOptions) {
  const { id, afterSeq } = options;
  return source<WatchedModelJobEvent>(
    context,
    place,
    (signal) => context.gateway.modelJobs.events(id, { afterSeq, signal }),
    options.heartbeatMs,
    (last) => ({ kind: "heartbeat", seq: last?.seq ?? afterSeq, jobId: id, at: new Date() }),
  );
}

function watchModels(
  context: RequestContext,
  place: Disposable,
  { ref, heartbeatMs }: { readonly ref: ModelRef | null; readonly heartbeatMs: number | null },
) {
  const { models } = context.gateway;
  return source<WatchedModelEvent>(
    context,
    place,
    (signal) => models.events(ref, { signal }),
    heartbeatMs,
    (last) => {
      const modelId = last?.modelId ?? "";
      return { news: "HEARTBEAT", modelId, residency: models.residency(modelId), at: new Date() };
    },
  );
}

/** Events, and what `beat` makes of the last one in between; no heartbeats for null. */
function source<E>(
  context: RequestContext,
  place: Disposable,
  open: (signal: AbortSignal) => AsyncIterable<E>,
  heartbeatMs: number | null,
  beat: (last: E | undefined) => E,
): SubscriptionSource<E> {
  const opened = heartbeatMs === null
    ? open
    : (signal: AbortSignal) => new Heartbeats<E>(open(signal), heartbeatMs, beat);
  return new SubscriptionSource<E>(opened, {
    signal: context.signal,
    place,
    mapError: (error) => toGraphQLError(error, context),
  });
}

/** Opens a place for the stream and gives it back if the stream does not come to be. */
async function withPlace<T>(context: RequestContext, open: (place: Disposable) => Promise<T>): Promise<T> {
  const place = context.openStream();
  try {
    return await open(place);
  } catch (error) {
    place[Symbol.dispose]();
    throw error;
  }
}

const HEARTBEAT_DESCRIPTION =
  "Send a heartbeat after so many seconds without an event, 1 to 300; none unless asked for. 15 suits most.";

builder.subscriptionFields((t) => ({
  generate: t.field({
    type: GenerationEventInterface,
    description:
      "Starts a generation and watches it. Every event names it: after a lost connection, continue " +
      "with `generationEvents` (and start with `onDisconnect: CONTINUE`).",
    args: {
      input: t.arg({ type: GenerateInputType, required: true }),
      heartbeatSeconds: t.arg.int({ description: HEARTBEAT_DESCRIPTION }),
    },
    subscribe: (_root, { input, heartbeatSeconds }, context) =>
      withPlace(context, async (place) => {
        const silenceMs = heartbeatMs(heartbeatSeconds);
        const generation = await context.gateway.generations.start(
          context.principal,
          toGenerateInput(input, "CANCEL"),
        );
        return watch(context, place, { id: generation.id, afterSeq: 0, heartbeatMs: silenceMs });
      }),
    resolve: (event) => event,
  }),
  generationEvents: t.field({
    type: GenerationEventInterface,
    description: "Watches a generation: replays its events after a cursor, then follows it to its end.",
    args: {
      id: t.arg.id({ required: true }),
      afterSeq: t.arg.int({ defaultValue: 0, description: "`seq` of the last event you have; 0 for all." }),
      heartbeatSeconds: t.arg.int({ description: HEARTBEAT_DESCRIPTION }),
    },
    subscribe: (_root, args, context) =>
      withPlace(context, async (place) => {
        const id = requireId("Generation", args.id);
        const silenceMs = heartbeatMs(args.heartbeatSeconds);
        const generation = await context.gateway.generations.get(context.principal, id);
        if (generation === null) throw notFound("Generation", args.id);
        return watch(context, place, { id, afterSeq: args.afterSeq ?? 0, heartbeatMs: silenceMs });
      }),
    resolve: (event) => event,
  }),
  samplingDefaultsChanged: t.field({
    type: SamplingDefaultsObject,
    description:
      "What is in force for a model, or gateway-wide, now and after every change, at whichever gateway. Changes that " +
      "come faster than they are read become one.",
    args: { model: t.arg({ type: ModelRefInput }) },
    subscribe: (_root, { model }, context) =>
      withPlace(context, async (place) => {
        const { gateway, signal } = context;
        const ref = model ? toModelRef(model) : undefined;
        // Refused before the stream begins, not within it.
        await gateway.samplingDefaults.effective(ref);
        return new SubscriptionSource<SamplingDefaults>(
          (signal) => gateway.samplingDefaults.watch(ref, signal),
          { signal, place, mapError: (error) => toGraphQLError(error, context) },
        );
      }),
    resolve: (defaults) => defaults,
  }),
  mergeEvents: t.field({
    type: MergeEventInterface,
    description: "Watches a merge: replays its events after a cursor, then follows it to its end.",
    args: {
      id: t.arg.id({ required: true }),
      afterSeq: t.arg.int({ defaultValue: 0, description: "`seq` of the last event you have; 0 for all." }),
      heartbeatSeconds: t.arg.int({ description: HEARTBEAT_DESCRIPTION }),
    },
    subscribe: (_root, args, context) =>
      withPlace(context, async (place) => {
        const id = requireId("Merge", args.id);
        const silenceMs = heartbeatMs(args.heartbeatSeconds);
        if (await context.gateway.merges.get(id) === null) throw notFound("Merge", args.id);
        return watchMerge(context, place, { id, afterSeq: args.afterSeq ?? 0, heartbeatMs: silenceMs });
      }),
    resolve: (event) => event,
  }),
  modelJobEvents: t.field({
    type: ModelJobEventInterface,
    description:
      "Watches a pull or a verification: replays its events after a cursor, then follows it to its end.",
    args: {
      id: t.arg.id({ required: true }),
      afterSeq: t.arg.int({ defaultValue: 0, description: "`seq` of the last event you have; 0 for all." }),
      heartbeatSeconds: t.arg.int({ description: HEARTBEAT_DESCRIPTION }),
    },
    subscribe: (_root, args, context) =>
      withPlace(context, async (place) => {
        const id = requireId("ModelJob", args.id);
        const silenceMs = heartbeatMs(args.heartbeatSeconds);
        if (await context.gateway.modelJobs.get(id) === null) throw notFound("ModelJob", args.id);
        return watchJob(context, place, { id, afterSeq: args.afterSeq ?? 0, heartbeatMs: silenceMs });
      }),
    resolve: (event) => event,
  }),
  modelEvents: t.field({
    type: ModelEventObject,
    description:
      "Watches one model, or all: first each as it is, then what changes, load progress included. No log: whoever reads " +
      "slowly gets the latest of each model. Goes on until you leave.",
    args: {
      ref: t.arg({ type: ModelRefInput }),
      heartbeatSeconds: t.arg.int({ description: HEARTBEAT_DESCRIPTION }),
    },
    subscribe: (_root, args, context) =>
      withPlace(context, async (place) => {
        const ref = args.ref == null ? null : toModelRef(args.ref);
        const silenceMs = heartbeatMs(args.heartbeatSeconds);
        if (ref !== null && await context.gateway.models.get(ref) === null) {
          throw new NotFoundError("There is no such model to watch", { ...ref });
        }
        return watchModels(context, place, { ref, heartbeatMs: silenceMs });
      }),
    resolve: (event) => event,
  }),
}));

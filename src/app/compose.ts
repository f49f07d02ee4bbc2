/**
 * Puts the use cases together over a database, an engine and a data folder. Everything with a life of its own comes from
 * outside: the caller owns database and engine, and tests bring their own clock and engine. Making a gateway takes the
 * data folder's lock and ends what a dead process left open; disposing it ends what still runs and lets go of the folder.
 */
import { join } from "node:path";
import type { Constraint } from "../constraint/constraint.ts";
import { ConstraintService } from "../constraint/service.ts";
import { BYTE_TOKENS } from "../constraint/token_table.ts";
import { randomBytes } from "node:crypto";
import { toErrorRecord } from "../errors.ts";
import type { EngineClient, EngineMetrics, Speculation } from "../engine/protocol.ts";
import type { Hub } from "../hub/hub.ts";
import { parseHub } from "../hub/settings.ts";
import { DEFAULT_WEIGHT_CACHE_BYTES, tidyFolder } from "../model/cache_folder.ts";
import type { Accumulation, KvCacheDtype, Precision, Quantization } from "../model/runner.ts";
import type { Db } from "../store/database.ts";
import { appendEvents, isEventWritten } from "../store/generation_events.ts";
import { allModels, findManifest, findModel, findModelByManifest } from "../store/models.ts";
import { mergeLogStates, releaseQueuedMerges } from "../store/merges.ts";
import { modelJobLogStates } from "../store/model_jobs.ts";
import { lockDataDir } from "../store/ownership.ts";
import { createAccess } from "./access.ts";
import { createAudit } from "./audit.ts";
import { Admission, type AdmissionLimits } from "./admission.ts";
import { readCatalogue, seedCatalogue } from "./catalogue.ts";
import { type Clock, systemClock } from "./clock.ts";
import { ActiveJobs } from "./generate/active_jobs.ts";
import { EventHub } from "./events/event_hub.ts";
import { LogPoller } from "./events/log_poller.ts";
import { createLookout } from "./lookout.ts";
import { Membership } from "./membership.ts";
import { createUsage } from "./usage.ts";
import { generationLogStates } from "../store/generations.ts";
import { LogWriter } from "./events/log_writer.ts";
import { endInterruptedGenerations, INTERRUPTED } from "./generate/recovery.ts";
import { RemoteWatchers } from "./generate/remote_watchers.ts";
import { ServedTexts } from "./generate/served_text.ts";
import { createGenerations } from "./generations.ts";
import { type Ids, uuidV7 } from "./ids.ts";
import { tidyLeftovers } from "./jobs/leftovers.ts";
import { ModelLoader } from "./loading.ts";
import { ModelJobs } from "./model_jobs.ts";
import { settingsOf } from "./model_changes.ts";
import { createModels, toModel } from "./models.ts";
import { type Log, logUnexpected } from "./request.ts";
import { ResidencyBoard } from "./residency.ts";
import { createSamplingDefaults } from "./sampling_defaults.ts";
import { SamplingChanges } from "./sampling_watch.ts";
import { createSessions } from "./sessions.ts";
import { MergeQueue } from "./merge/queue.ts";
import type { RunMergeInput } from "./merge/run_merge.ts";
import { interruption, type MergeRunOptions, recoverMerges, runMerge } from "./merge/start.ts";
import { createMerges } from "./merges.ts";
import { prepareDemo, type PrepareDemoInput } from "./demo.ts";
import type { GenerationObserver } from "./telemetry.ts";
import type { Gateway, GenerationEvent, MergeEvent, Model, ModelJobEvent, Principal } from "./types.ts";
import { checkWeights, findMissingWeights } from "./weights.ts";

export interface GatewayOptions {
  /** Migrated, as `openStore` gives it. */
  readonly db: Db;
  /**
   * The same database for what keeps going what has begun (lease, logs, turns): so many requests as will, they do not hold
   * it up where its connections are others. `db` unless given.
   */
  readonly workDb?: Db;
  readonly engine: EngineClient;
  /** Locked while the gateway lives. */
  readonly dataDir: string;
  /** Callers without a key are let in: only when nobody but this machine can connect. */
  readonly allowAnonymous: boolean;
  /** How newly registered models are held on the device. */
  readonly quantization?: Quantization;
  readonly precision?: Precision;
  /** How the KV caches of all models are stored. */
  readonly kvCacheDtype?: KvCacheDtype;
  /** What products of all models are added in, where there is a choice. */
  readonly accumulation?: Accumulation;
  /** Longest sequence to serve, prompt and answer together; a model with a shorter context serves its own. */
  readonly maxContextLength?: number;
  /** Upper bound of sequences in one batch of a model. */
  readonly maxSequences?: number;
  /** Models on the device at once. */
  readonly maxWarmModels?: number;
  /** How long a model that nobody uses stays on the device, unless the model says otherwise; -1: for ever. */
  readonly keepAliveSeconds?: number;
  /** What all models together may take of the device; the device itself says when it is full without. */
  readonly memoryBytes?: number;
  /** What the KV cache of a model may take; the engine decides without. */
  readonly kvCacheBytes?: number;
  /** What quantized weights may take on disk, least recently used ones going first; 0: none are kept. */
  readonly weightCacheBytes?: number;
  /** Whether the engine guesses next tokens where that pays; answers are the same. `auto` unless given. */
  readonly speculation?: Speculation;
  readonly admission?: AdmissionLimits;
  /** How long a generation with CANCEL waits for a watcher to come, or to come back, unless its request says. */
  readonly disconnectGraceMs?: number;
  /** Folders besides the data folder's models whose checkpoints may be merged over the API. */
  readonly modelDirs?: readonly string[];
  /** Where models are pulled from; the public hub, without a token, unless given. */
  readonly hub?: Hub;
  /** Models that are known before their weights are here, see catalogue.ts; none unless given. */
  readonly catalogueDir?: string;
  readonly clock?: Clock;
  readonly ids?: Ids;
  readonly drawSeed?: () => bigint;
  /** Who counts and traces generations. */
  readonly observers?: readonly GenerationObserver[];
  /** Of what happens by itself. */
  readonly log?: Log;
  /** Told of errors that nobody expected, with their stacks; clients only learn INTERNAL. The log unless given. */
  readonly reportError?: (error: unknown) => void;
}

/** Where quantized weights lie in a data folder. */
export function cacheDirOf(dataDir: string): string {
  return join(dataDir, "cache");
}

/** Where a data folder keeps what `geodesic tune` has found. */
export function tunedDirOf(dataDir: string): string {
  return join(dataDir, "tuned");
}

/** What `serve` uses unless told otherwise. */
export const GATEWAY_DEFAULTS = Object.freeze(
  {
    quantization: "fp8",
    precision: "f32",
    kvCacheDtype: "auto",
    accumulation: "f32",
    maxContextLength: 8192,
    maxSequences: 8,
    maxWarmModels: 3,
    speculation: "auto",
    keepAliveSeconds: 5 * 60,
    weightCacheBytes: DEFAULT_WEIGHT_CACHE_BYTES,
    modelDirs: [] as readonly string[],
    // A page that is reloaded is back by then; what nobody comes back for has not run on for long.
    disconnectGraceMs: 5_000,
    admission: Object.freeze({ totalUnits: 64, unitsPerPrincipal: 32 }),
  } satisfies Partial<GatewayOptions>,
);

/** The use cases, and what only the program itself may start. */
export interface GatewayHandle extends Gateway, AsyncDisposable {
  /** Merges into the library and registers parents and result; see src/app/merge/. */
  runMerge(
    principal: Principal,
    input: RunMergeInput & { readonly signal?: AbortSignal },
  ): Promise<Model>;
  /** The first run; see src/app/demo.ts. */
  prepareDemo(input: PrepareDemoInput): Promise<{ readonly merged: boolean; readonly model: Model }>;
  /** Ends what runs as interrupted and takes nothing new; whoever watches can still read the end. Idempotent. */
  stop(): Promise<void>;
}

/** Throws ConfigError when another gateway serves this data folder. */
export async function createGateway(given: GatewayOptions): Promise<GatewayHandle> {
  const options = { ...GATEWAY_DEFAULTS, ...given };
  const { db, workDb = db, engine, dataDir, clock = systemClock } = options;
  const ids = options.ids ?? uuidV7(clock);
  const log = options.log ?? (() => {});
  const reportError = options.reportError ??
    (options.log === undefined
      ? console.error
      : (error: unknown) => logUnexpected(log, "unexpected error beside the requests", error, {}));
  const lock = await lockDataDir(dataDir);
  const running = new AsyncDisposableStack(); // last begun, first ended
  running.use(lock);
  try {
    const membership = await Membership.join(workDb, clock, ids());
    running.defer(() => membership.leave());
    const remoteWatchers = running.use(new RemoteWatchers({ db: workDb, ids, membership, reportError }));
    const isWatchedElsewhere = membership.isShared ? (id: string) => remoteWatchers.areAny(id) : null;
    const jobs = new ActiveJobs({ clock, isWatchedElsewhere, reportError });
    await endInterruptedGenerations({ db: workDb, clock, membership, jobs, reportError });
    const board = new ResidencyBoard(clock);
    if (options.catalogueDir !== undefined) {
      const { maxContextLength } = options;
      await seedCatalogue({ db, clock, ids, maxContextLength }, await readCatalogue(options.catalogueDir));
    }
    await noteMissingWeights(db, board);
    const cacheDir = cacheDirOf(dataDir);
    await tidyFolder(cacheDir, {
      maxBytes: options.weightCacheBytes,
      exists: async (manifest) => await findModelByManifest(db, manifest) !== undefined,
    }).catch(reportError); // a folder that cannot be tidied is no reason not to serve
    const loader = new ModelLoader({
      clock,
      keepAliveSeconds: options.keepAliveSeconds,
      engine,
      board,
      loadsWith: {
        precision: options.precision,
        kvCacheDtype: options.kvCacheDtype,
        accumulation: options.accumulation,
        maxSequences: options.maxSequences,
        speculation: options.speculation,
        tunedDir: tunedDirOf(dataDir),
        ...options.memoryBytes !== undefined && { memoryBytes: options.memoryBytes },
        ...options.kvCacheBytes !== undefined && { kvCacheBytes: options.kvCacheBytes },
      },
      maxWarmModels: options.maxWarmModels,
      weightCache: options.weightCacheBytes === 0
        ? null
        : { cacheDir, cacheMaxBytes: options.weightCacheBytes },
      findManifest: (model) => findManifest(db, model.artifact_id),
      findSettings: async (id) => {
        const row = await findModel(db, { id });
        return row && settingsOf(row);
      },
      checkWeights: (model, signal) => checkWeights(db, model, signal),
    });
    running.defer(() => loader.close());
    const common = { db, clock, ids, membership };
    const texts = new ServedTexts(db);
    // Only tries; the engine compiles for the tokens of its models. Starts a thread when first needed.
    const constraints = running.use(new ConstraintService(BYTE_TOKENS));
    const checkConstraint = (constraint: Constraint) => constraints.check(constraint);
    const { quantization, maxContextLength } = options;
    const registering = { ...common, board, loader, dataDir, cacheDir, quantization, maxContextLength };
    const mergeHub = new EventHub<MergeEvent>();
    const queue = new MergeQueue((id) => mergeHub.close(id));
    const merging: MergeRunOptions = {
      ...registering,
      workDb,
      queue,
      hub: mergeHub,
      modelDirs: options.modelDirs,
      reportError,
    };
    await recoverMerges(merging);
    const access = running.use(
      createAccess({ ...common, allowAnonymous: options.allowAnonymous, reportError }),
    );
    const admission = new Admission({
      ...{ db: workDb, clock, reportError, limits: options.admission },
      ...{ gatewayId: membership.id, isShared: membership.isShared },
    });
    running.defer(() => admission.idle());
    running.use(admission);
    const remote = {
      generations: running.use(
        new LogPoller<GenerationEvent>({
          clock,
          reportError,
          read: (ids) => generationLogStates(workDb, ids),
        }),
      ),
      modelJobs: running.use(
        new LogPoller<ModelJobEvent>({ clock, reportError, read: (ids) => modelJobLogStates(workDb, ids) }),
      ),
      merges: running.use(
        new LogPoller<MergeEvent>({ clock, reportError, read: (ids) => mergeLogStates(workDb, ids) }),
      ),
    };
    const modelJobs = new ModelJobs({
      ...registering,
      workDb,
      hub: options.hub ?? parseHub(),
      modelDirs: options.modelDirs,
      membership,
      remoteLogs: remote.modelJobs,
      ...{ log, reportError },
    });
    const tidyLibrary = () => tidyLeftovers({ db, clock, dataDir, log });
    await tidyLibrary().catch(reportError); // as with the folder of weights
    await modelJobs.recover();
    running.use(
      createLookout({
        db: workDb,
        membership,
        jobs,
        remoteWatchers,
        admission,
        merging,
        modelJobs,
        tidyLibrary,
      }),
    );
    const changes = running.use(new SamplingChanges({ db, clock, reportError }));
    const stop = async () => {
      await Promise.all([jobs.close(INTERRUPTED), queue.close(interruption()), modelJobs.close()]);
      await releaseQueuedMerges(workDb, membership.id);
    };
    return {
      models: createModels({ ...registering, log, reportError }),
      modelJobs,
      merges: createMerges({ ...merging, remoteLogs: remote.merges }),
      sessions: createSessions({ ...common, texts, jobs }),
      generations: createGenerations({
        ...common,
        engine,
        loader,
        jobs,
        hub: new EventHub(),
        writer: new LogWriter(workDb, { insert: appendEvents, isWritten: isEventWritten }),
        disconnectGraceMs: options.disconnectGraceMs,
        admission,
        remoteLogs: remote.generations,
        remoteWatchers,
        texts,
        drawSeed: options.drawSeed ?? drawSeed,
        precision: options.precision,
        kvCacheFormat: options.kvCacheDtype === "fp8" ? "fp8" : options.precision,
        accumulation: options.accumulation,
        checkConstraint,
        observers: options.observers ?? [],
        reportError,
      }),
      samplingDefaults: createSamplingDefaults({ ...common, texts, checkConstraint, changes }),
      access,
      audit: createAudit(common),
      usage: createUsage(common),
      engineStatus: () => engine.status(),
      runtime: runtimeOf(engine),
      runMerge: async (principal, input) => toModel(await runMerge(merging, principal, input)),
      prepareDemo: (input) => prepareDemo(merging, input),
      stop,
      async [Symbol.asyncDispose]() {
        if (running.disposed) return;
        try {
          await stop();
        } finally {
          await running.disposeAsync();
        }
      },
    };
  } catch (error) {
    await running.disposeAsync();
    throw error;
  }
}

/** Before anything is served: models whose folders have gone are shown as such. */
async function noteMissingWeights(db: Db, board: ResidencyBoard): Promise<void> {
  for (const model of await allModels(db)) {
    const error = await findMissingWeights(model);
    if (error !== null) board.set(model.id, { state: "MISSING_WEIGHTS", error: toErrorRecord(error) });
  }
}

/** A thread that is in the middle of a long step answers after it; nobody is kept waiting longer than this for counts. */
const METRICS_PATIENCE_MS = 2_000;

/** Until the device is known, and after it is lost, there is none; counts are left out where the engine is slow to tell. */
function runtimeOf(engine: EngineClient): Gateway["runtime"] {
  // One question at a time, whoever asks: answers that are late must not pile up.
  let asked: Promise<EngineMetrics | null> | null = null;
  return async () => {
    const status = engine.status();
    if (status.state !== "READY") return { status, device: null, engine: null };
    asked ??= engine.metrics().catch(() => null).finally(() => asked = null);
    const { promise: late, resolve } = Promise.withResolvers<null>();
    const timer = setTimeout(() => resolve(null), METRICS_PATIENCE_MS);
    try {
      return { status, device: status.device, engine: await Promise.race([asked, late]) };
    } finally {
      clearTimeout(timer);
    }
  };
}

function drawSeed(): bigint {
  return randomBytes(8).readBigUInt64LE();
}

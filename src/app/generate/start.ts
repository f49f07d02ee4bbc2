/**
 * Accepts a generation: everything that can be wrong with a request is found out here, before its row is written; then
 * row, session messages and the first event are written together, and its job runs on its own.
 */
import { CapacityError, ConfigError, toErrorRecord } from "../../errors.ts";
import type { SamplingParams } from "../../model/sampling.ts";
import { fromTime, toJson } from "../../store/codec.ts";
import { findGenerationByKey, type GenerationRow, openGenerationOfSession } from "../../store/generations.ts";
import type { ModelRow } from "../../store/models.ts";
import type { SessionRow } from "../../store/sessions.ts";
import { StopMatcher } from "../../tokenizer/stop_strings.ts";
import { EventLog } from "../events/event_log.ts";
import { requireModel } from "../models.ts";
import { requireRole } from "../roles.ts";
import { parseSampling, resolveSampling } from "../sampling.ts";
import { samplingLayers } from "../sampling_defaults.ts";
import { requireSession } from "../sessions.ts";
import type { ContextPolicy, GenerateInput, Principal } from "../types.ts";
import type { GenerationListener } from "../telemetry.ts";
import { findPlace, refusePlaceWithoutSession } from "./branch.ts";
import { roomForAnswer } from "./context.ts";
import { toEventRow } from "./event_rows.ts";
import { withHistory } from "./history.ts";
import { GenerationJob } from "./job.ts";
import { OutputText } from "./output_text.ts";
import { endInterrupted } from "./recovery.ts";
import { buildPrompt, type Prompt } from "./prompt.ts";
import { checkDeadline, checkPriority } from "./request_limits.ts";
import type { ServedText } from "./served_text.ts";
import type { Accepted, StartOptions } from "./start_types.ts";
import { busySession, conditionsOf, keepAnswer, writeRows, type Written } from "./write_rows.ts";

const MAX_KEY_LENGTH = 200;
const MAX_GRACE_MS = 3_600_000;

/** The new row, or the earlier one of the same idempotency key. Throws what is wrong with the request. */
export async function startGeneration(
  options: StartOptions,
  principal: Principal,
  input: GenerateInput,
): Promise<GenerationRow> {
  requireRole(principal, "GENERATOR", "generate");
  const requested = parseSampling(input.sampling ?? {});
  const isSame = async (row: GenerationRow) =>
    row.reproduction_of === null && row.session_id === (input.sessionId ?? null) &&
    row.prompt === toJson(input.prompt) && row.requested_sampling === toJson(requested) &&
    row.model_id === (await requireModel(options.db, input.model)).id;
  return await once(options, principal, { key: input.idempotencyKey, isSame }, async () => {
    checkGrace(input.disconnectGraceMs);
    const limits = {
      priority: checkPriority(principal, input.priority),
      deadlineMs: checkDeadline(input.deadlineSeconds),
    };
    const model = await requireModel(options.db, input.model);
    const session = await findOwnSession(options, principal, input, model);
    return await admit(
      options,
      () => accept(options, { principal, input, model, session, requested, ...limits }),
    );
  });
}

/**
 * Starts what has not been started under this key. ConfigError where that was something else: what was asked is not what
 * would be answered. `isSame` is not asked of what has been deleted.
 */
export async function once(
  options: StartOptions,
  principal: Principal,
  { key, isSame }: {
    readonly key: string | undefined;
    readonly isSame: (row: GenerationRow) => boolean | Promise<boolean>;
  },
  start: () => Promise<GenerationRow>,
): Promise<GenerationRow> {
  const row = await startOrFind(options, principal, checkKey(key), start);
  if (key === undefined) return row;
  if (row.deleted_at !== null || await isSame(row)) {
    options.jobs.ownerCalled(row.id);
    return row;
  }
  throw new ConfigError(
    "Invalid idempotencyKey: it stands for an earlier request, which asked something else",
    {
      field: "idempotencyKey",
      generationId: row.id,
    },
  );
}

async function startOrFind(
  { db }: StartOptions,
  principal: Principal,
  key: string | undefined,
  start: () => Promise<GenerationRow>,
): Promise<GenerationRow> {
  const findEarlier = async () =>
    key === undefined ? undefined : await findGenerationByKey(db, principal.id, key);
  const earlier = await findEarlier();
  if (earlier !== undefined) return earlier;
  try {
    return await start();
  } catch (error) {
    // What is in its way (a busy session, a full gateway) may be the same request, sent a moment before.
    const earlier = error instanceof CapacityError ? await findEarlier() : undefined;
    if (earlier === undefined) throw error;
    return earlier;
  }
}

/** Checks the request, writes its rows and its claim of units, and lets it run. */
export async function admit(
  options: StartOptions,
  accept: () => Promise<Accepted>,
): Promise<GenerationRow> {
  const accepted = await accept();
  const written = await writeRows(options, accepted);
  if (written.entered !== null) {
    written.entered.settle();
    run(options, accepted, written);
  }
  return written.row;
}

async function accept(
  { db, texts, drawSeed, checkConstraint }: StartOptions,
  request: Pick<Accepted, "principal" | "model" | "requested" | "priority" | "deadlineMs"> & {
    readonly input: GenerateInput;
    readonly session: SessionRow | null;
  },
): Promise<Accepted> {
  const { input, model, session, requested } = request;
  const contextLength = model.served_context_length;
  const { layers, revisions } = await samplingLayers(db, model);
  const served = await texts.open(model);
  const limits = { contextLength, vocabSize: served.vocabSize, drawSeed };
  const { values: effective, origins } = resolveSampling(requested, layers, limits);
  if (effective.stop.length > 0 && served.tokenizer === null) {
    throw new ConfigError("Cannot stop at strings: the model has no tokenizer", { field: "stop" });
  }
  if (effective.constraint !== null) {
    if (served.tokenizer === null) {
      const details = { field: "constraint" };
      throw new ConfigError("Cannot constrain the output: the model has no tokenizer", details);
    }
    await checkConstraint(effective.constraint);
  }
  if (session === null) refusePlaceWithoutSession(input);
  const place = session === null ? null : await findPlace(db, session, input);
  const contextPolicy = input.contextPolicy ?? session?.context_policy as ContextPolicy ?? "REFUSE";
  const source = "messageId" in input.prompt ? null : input.prompt;
  const dropOldestFor = contextPolicy === "REFUSE"
    ? undefined
    : roomForAnswer(effective.maxTokens, contextLength);
  const lengths = { contextLength, nativeContextLength: model.native_context_length };
  const prompt = await withHistory(db, place, {
    contextLength,
    use: (history, { mayReadMore }) =>
      buildPrompt(served, source, { history, mayReadMore, ...lengths, dropOldestFor }),
  });
  return {
    ...request,
    source: input.prompt,
    place,
    contextPolicy,
    served,
    prompt,
    effective,
    origins,
    revisionIds: revisions.map((revision) => revision.id),
    reproduction: null,
  };
}

async function findOwnSession(
  options: StartOptions,
  principal: Principal,
  input: GenerateInput,
  model: ModelRow,
): Promise<SessionRow | null> {
  const { db, jobs, membership } = options;
  if (input.sessionId === undefined) return null;
  const session = await requireSession(db, principal, input.sessionId);
  if (session.model_id !== model.id) {
    throw new ConfigError(`Session "${session.id}" talks to another model than "${model.name}"`, {
      field: "model",
      sessionModelId: session.model_id,
    });
  }
  const open = await openGenerationOfSession(db, session.id);
  if (open !== undefined) {
    const runs = jobs.has(open.id) || await membership.isSibling(open.gateway_id);
    if (runs) throw busySession(session.id, open.id);
    await endInterrupted(options, open); // its end could not be written
  }
  return session;
}

function run(
  options: StartOptions,
  accepted: Accepted,
  { row, entered, lastSeq, activeMessageId }: Written,
): void {
  const { writer, clock, engine, loader, jobs, hub, admission } = options;
  const place = entered?.place ?? null;
  const { model, prompt, effective, served, principal, deadlineMs } = accepted;
  const tell = observe(options, accepted, row);
  const job = new GenerationJob({
    id: row.id,
    principalId: principal.id,
    model,
    promptTokenIds: prompt.tokenIds,
    eosTokenIds: served.eosTokenIds,
    sampling: effective,
    priority: accepted.priority,
    deadlineAtMs: deadlineMs === null ? null : fromTime(row.created_at).getTime() + deadlineMs,
    // What one principal has asked is nobody else's to find out.
    cacheSalt: principal.id,
    reproduction: accepted.reproduction?.check ?? null,
    output: outputText(served, prompt, effective),
    log: new EventLog({
      ...{ writer, clock, hub, subjectId: row.id, lastSeq },
      toRow: ({ seq, at, body }) => toEventRow(row.id, seq, at, body),
      toEvent: ({ seq, at, body }) => ({ ...body, seq, at, generationId: row.id }),
      onAppended: tell,
    }),
    engine,
    loader,
    clock,
    units: {
      granted: (waiting) => admission.granted(row.id, { ...waiting, place }),
      release: (trx) => admission.release(trx, row.id),
      ended: () => admission.ended(row.id),
    },
    conditions: () => conditionsOf(options, accepted),
    keepAnswer: (trx, text, at) => keepAnswer(options, trx, { row, text, at, activeMessageId }),
    reportError: options.reportError,
    onBroken: (error) => {
      options.reportError(error);
      const { code, message } = toErrorRecord(error);
      tell(clock.now(), [{ kind: "failed", code, message }]);
      jobs.remove(row.id);
      hub.close(row.id, error);
    },
  });
  jobs.start(row.id, job);
  void job.run().then(() => {
    jobs.remove(row.id);
    hub.close(row.id);
  });
}

/** One listener for all who listen. */
function observe({ observers }: StartOptions, { model }: Accepted, row: GenerationRow): GenerationListener {
  const facts = {
    generationId: row.id,
    modelName: model.name,
    artifactSha256: row.artifact_sha256,
    startedAt: fromTime(row.created_at),
  };
  const listeners = observers.map((observer) => observer.started(facts));
  return (at, events) => listeners.forEach((listener) => listener(at, events));
}

function outputText({ tokenizer }: ServedText, prompt: Prompt, sampling: SamplingParams): OutputText {
  return new OutputText({
    decoder: tokenizer?.streamDecoder({ afterPrompt: prompt.continuesText }) ?? NO_TEXT,
    stops: sampling.stop.length === 0 ? null : new StopMatcher(sampling.stop),
    minTokens: sampling.minTokens,
    textOf: (id) => {
      if (tokenizer === null || id >= tokenizer.vocabSize) return "";
      const decoder = tokenizer.streamDecoder({ afterPrompt: true });
      return decoder.push(id) + decoder.flush();
    },
  });
}

const NO_TEXT = { push: () => "", flush: () => "" };

function checkGrace(ms: number | undefined): void {
  if (ms === undefined || (ms >= 0 && ms <= MAX_GRACE_MS)) return;
  throw new ConfigError(`Invalid disconnectGraceMs: found ${ms}, expected 0 … ${MAX_GRACE_MS}`, {
    field: "disconnectGraceMs",
  });
}

function checkKey(key: string | undefined): string | undefined {
  if (key === undefined || (key.length >= 1 && key.length <= MAX_KEY_LENGTH)) return key;
  throw new ConfigError(`Invalid idempotencyKey: ${key.length} characters, expected 1 … ${MAX_KEY_LENGTH}`, {
    field: "idempotencyKey",
  });
}

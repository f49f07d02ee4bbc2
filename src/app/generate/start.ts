/**
 * Accepts a generation: everything that can be wrong with a request is found out here, before its row is written; then
 * row, session messages and the first event are written together, and its job runs on its own.
 */
import type { Constraint } from "../../constraint/constraint.ts";
import { CapacityError, ConfigError, NotFoundError } from "../../errors.ts";
import type { EngineClient } from "../../engine/protocol.ts";
import type { SamplingParams } from "../../model/sampling.ts";
import { fromTime, toJson, toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { appendEvents } from "../../store/generation_events.ts";
import {
  findGenerationByKey,
  type GenerationRow,
  insertGeneration,
  openGenerationOfSession,
} from "../../store/generations.ts";
import { findManifest, type ModelRow } from "../../store/models.ts";
import {
  appendMessages,
  conversation,
  findSession,
  lastOrdinal,
  type SessionRow,
} from "../../store/sessions.ts";
import { StopMatcher } from "../../tokenizer/stop_strings.ts";
import type { Admission, Permit } from "../admission.ts";
import type { Clock } from "../clock.ts";
import type { EventHub } from "../events/event_hub.ts";
import { EventLog } from "../events/event_log.ts";
import type { Ids } from "../ids.ts";
import type { ModelLoader } from "../loading.ts";
import { requireModel } from "../models.ts";
import { requireRole } from "../roles.ts";
import { parseSampling, resolveSampling } from "../sampling.ts";
import { samplingLayers } from "../sampling_defaults.ts";
import { requireSession } from "../sessions.ts";
import type {
  ChatMessage,
  GenerateInput,
  GenerationEvent,
  MessageRole,
  Principal,
  SamplingInput,
} from "../types.ts";
import type { GenerationListener, GenerationObserver } from "../telemetry.ts";
import type { ActiveJobs } from "./active_jobs.ts";
import { toEventRow } from "./event_rows.ts";
import { GenerationJob } from "./job.ts";
import { OutputText } from "./output_text.ts";
import { endInterrupted } from "./recovery.ts";
import { buildPrompt, type Prompt } from "./prompt.ts";
import type { ServedText, ServedTexts } from "./served_text.ts";

export interface StartOptions {
  readonly db: Db;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly engine: EngineClient;
  readonly loader: ModelLoader;
  readonly admission: Admission;
  readonly texts: ServedTexts;
  readonly jobs: ActiveJobs;
  readonly hub: EventHub<GenerationEvent>;
  /** 64 random bits, for generations whose seed nobody chose. */
  readonly drawSeed: () => bigint;
  /** Throws where the constraint is none that could be compiled. */
  readonly checkConstraint: (constraint: Constraint) => Promise<void>;
  /** Who counts and traces. */
  readonly observers: readonly GenerationObserver[];
  /** Told of errors that nobody expected. */
  readonly reportError: (error: unknown) => void;
}

/** A request that has passed every check. */
interface Accepted {
  readonly principal: Principal;
  readonly input: GenerateInput;
  readonly model: ModelRow;
  readonly session: SessionRow | null;
  /** Of the session's newest message when the prompt was built; 0 without a session. */
  readonly seenOrdinal: number;
  readonly served: ServedText;
  readonly prompt: Prompt;
  readonly requested: SamplingInput;
  readonly effective: SamplingParams;
  readonly revisionIds: readonly string[];
}

const MAX_KEY_LENGTH = 200;
const RETRY_AFTER_MS = 500;

/** The new row, or the earlier one of the same idempotency key. Throws what is wrong with the request. */
export async function startGeneration(
  options: StartOptions,
  principal: Principal,
  input: GenerateInput,
): Promise<GenerationRow> {
  requireRole(principal, "GENERATOR", "generate");
  const { db } = options;
  const key = checkKey(input.idempotencyKey);
  const findEarlier = async () =>
    key === undefined ? undefined : await findGenerationByKey(db, principal.id, key);
  const earlier = await findEarlier();
  if (earlier !== undefined) return earlier;
  try {
    return await startNew(options, principal, input);
  } catch (error) {
    // What is in its way (a busy session, a full gateway) may be the same request, sent a moment before.
    const earlier = error instanceof CapacityError ? await findEarlier() : undefined;
    if (earlier === undefined) throw error;
    return earlier;
  }
}

async function startNew(
  options: StartOptions,
  principal: Principal,
  input: GenerateInput,
): Promise<GenerationRow> {
  const { db, admission } = options;
  const requested = parseSampling(input.sampling ?? {});
  const model = await requireModel(db, input.model);
  const session = await findOwnSession(options, principal, input, model);
  const permit = admission.acquire(principal.id, model.concurrency_cost);
  let running = false;
  try {
    const accepted = await accept(options, { principal, input, model, session, requested });
    const { row, isNew } = await writeRows(options, accepted);
    if (isNew) {
      run(options, accepted, row, permit);
      running = true;
    }
    return row;
  } finally {
    if (!running) permit[Symbol.dispose]();
  }
}

async function accept(
  { db, texts, drawSeed, checkConstraint }: StartOptions,
  request: Pick<Accepted, "principal" | "input" | "model" | "session" | "requested">,
): Promise<Accepted> {
  const { input, model, session, requested } = request;
  const contextLength = model.served_context_length;
  const { layers, revisions } = await samplingLayers(db, model);
  const effective = resolveSampling(requested, layers, { contextLength, drawSeed });
  const served = await texts.open(model);
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
  const seenOrdinal = session === null ? 0 : await lastOrdinal(db, session.id);
  const history = session === null ? null : (await conversation(db, session.id)).map(
    (row): ChatMessage => ({ role: row.role as MessageRole, content: row.content }),
  );
  const prompt = buildPrompt(served, input.prompt, { history, contextLength });
  return {
    ...request,
    seenOrdinal,
    served,
    prompt,
    effective,
    revisionIds: revisions.map((revision) => revision.id),
  };
}

async function findOwnSession(
  { db, jobs, clock }: StartOptions,
  principal: Principal,
  input: GenerateInput,
  model: ModelRow,
): Promise<SessionRow | null> {
  if (input.sessionId === undefined) return null;
  const session = await requireSession(db, principal, input.sessionId);
  if (session.model_id !== model.id) {
    throw new ConfigError(`Session "${session.id}" talks to another model than "${model.name}"`, {
      field: "model",
      sessionModelId: session.model_id,
    });
  }
  const open = await openGenerationOfSession(db, session.id);
  // Nobody runs it any more: its end could not be written.
  if (open !== undefined && !jobs.has(open.id)) await endInterrupted(db, clock, open.id);
  else if (open !== undefined) throw busySession(session.id, open.id);
  return session;
}

/** One question at a time: the next one continues from the answer. */
function busySession(sessionId: string, generationId: string): CapacityError {
  return new CapacityError("The session is still answering: wait for that generation's end, or cancel it", {
    sessionId,
    generationId,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

async function writeRows(
  options: StartOptions,
  accepted: Accepted,
): Promise<{ readonly row: GenerationRow; readonly isNew: boolean }> {
  const { db, clock, ids, jobs } = options;
  const { principal, input, model, session, prompt } = accepted;
  const manifestSha256 = await findManifest(db, model.artifact_id);
  const at = clock.now();
  const row: GenerationRow = {
    id: ids(),
    principal_id: principal.id,
    model_id: model.id,
    artifact_sha256: manifestSha256 ?? null,
    session_id: session?.id ?? null,
    status: "QUEUED",
    finish_reason: null,
    prompt: toJson(input.prompt),
    text: "",
    requested_sampling: toJson(accepted.requested),
    effective_sampling: toJson(accepted.effective),
    sampling_revision_ids: toJson(accepted.revisionIds),
    usage: null,
    timings: null,
    error: null,
    on_disconnect: input.onDisconnect ?? "CONTINUE",
    idempotency_key: input.idempotencyKey ?? null,
    created_at: toTime(at),
    finished_at: null,
  };
  const write = async (trx: Db) => {
    // Both were looked at before, but other requests have run since.
    const earlier = row.idempotency_key === null
      ? undefined
      : await findGenerationByKey(trx, principal.id, row.idempotency_key);
    if (earlier !== undefined) return { row: earlier, isNew: false };
    if (session !== null) await requireUnchanged(trx, session.id, accepted.seenOrdinal);
    jobs.reserve(row.id, { modelId: model.id, onDisconnect: input.onDisconnect ?? "CONTINUE" });
    await insertGeneration(trx, row);
    await appendEvents(trx, [
      toEventRow(row.id, 1, at, { kind: "queued", position: jobs.waitingFor(model.id) }),
    ]);
    if (session !== null) await appendMessages(trx, session.id, messageRows(options, row, prompt.messages));
    return { row, isNew: true };
  };
  try {
    return await db.transaction().execute(write);
  } catch (error) {
    jobs.remove(row.id);
    throw error;
  }
}

/** The prompt was built from the session as it was. */
async function requireUnchanged(trx: Db, sessionId: string, seenOrdinal: number): Promise<void> {
  const open = await openGenerationOfSession(trx, sessionId);
  if (open !== undefined) throw busySession(sessionId, open.id);
  if (await findSession(trx, sessionId) === undefined) {
    throw new NotFoundError(`No session "${sessionId}"`, { id: sessionId });
  }
  if (await lastOrdinal(trx, sessionId) === seenOrdinal) return;
  throw new CapacityError("The session has changed meanwhile", {
    sessionId,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

function run(options: StartOptions, accepted: Accepted, row: GenerationRow, permit: Permit): void {
  const { db, clock, engine, loader, jobs, hub } = options;
  const { model, prompt, effective, served } = accepted;
  const job = new GenerationJob({
    id: row.id,
    model,
    promptTokenIds: prompt.tokenIds,
    eosTokenIds: served.eosTokenIds,
    sampling: effective,
    output: outputText(served, prompt, effective),
    log: new EventLog({
      ...{ db, clock, hub, subjectId: row.id, lastSeq: 1 },
      insert: (trx, entries) =>
        appendEvents(trx, entries.map(({ seq, at, body }) => toEventRow(row.id, seq, at, body))),
      toEvent: ({ seq, at, body }) => ({ ...body, seq, at, generationId: row.id }),
      onAppended: observe(options, accepted, row),
    }),
    engine,
    loader,
    clock,
    permit,
    keepAnswer: (trx, text, at) => keepAnswer(options, trx, row, text, at),
    reportError: options.reportError,
    onBroken: (error) => {
      options.reportError(error);
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

/** The assistant's message, unless the session was deleted meanwhile. */
async function keepAnswer(
  options: StartOptions,
  trx: Db,
  row: GenerationRow,
  text: string,
  at: Date,
): Promise<void> {
  if (row.session_id === null || await findSession(trx, row.session_id) === undefined) return;
  const answer: ChatMessage = { role: "ASSISTANT", content: text };
  await appendMessages(trx, row.session_id, messageRows(options, row, [answer], at));
}

function messageRows(
  { ids }: StartOptions,
  row: GenerationRow,
  messages: readonly ChatMessage[],
  at?: Date,
) {
  const createdAt = at === undefined ? row.created_at : toTime(at);
  return messages.map(({ role, content }) => ({
    id: ids(),
    role,
    content,
    generation_id: row.id,
    created_at: createdAt,
  }));
}

function checkKey(key: string | undefined): string | undefined {
  if (key === undefined || (key.length >= 1 && key.length <= MAX_KEY_LENGTH)) return key;
  throw new ConfigError(`Invalid idempotencyKey: ${key.length} characters, expected 1 … ${MAX_KEY_LENGTH}`, {
    field: "idempotencyKey",
  });
}

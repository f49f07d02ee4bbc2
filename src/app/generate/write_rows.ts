/**
 * The rows of a generation in its session: what is written when it is accepted, in one transaction with the first events,
 * and the answer when it ends.
 */
import { CapacityError, NotFoundError } from "../../errors.ts";
import { fromTime, toJson, toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { appendEvents } from "../../store/generation_events.ts";
import {
  findGenerationByKey,
  type GenerationRow,
  insertGeneration,
  lockGeneration,
  openGenerationOfSession,
} from "../../store/generations.ts";
import { findManifest } from "../../store/models.ts";
import {
  appendMessages,
  findSession,
  lastOrdinal,
  lockSession,
  type NewMessage,
  type SessionRow,
  updateSession,
} from "../../store/sessions.ts";
import { packTokenIds } from "../../store/token_ids.ts";
import type { Entered, QueuePlace } from "../admission.ts";
import { requireModel } from "../models.ts";
import { titleOf } from "../session_title.ts";
import type { ChatMessage, GenerationConditions, GenerationEventBody } from "../types.ts";
import { oneActAtATime, recordActOnOthers } from "../audit.ts";
import type { Place } from "./branch.ts";
import { deviceConditions } from "./conditions.ts";
import { toEventRow } from "./event_rows.ts";
import type { Prompt } from "./prompt.ts";
import type { Accepted, StartOptions } from "./start_types.ts";

const RETRY_AFTER_MS = 500;

/** One question at a time: the next one continues from the answer. */
export function busySession(sessionId: string, generationId: string): CapacityError {
  return new CapacityError("The session is still answering: wait for that generation's end, or cancel it", {
    sessionId,
    generationId,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/** What was written, and what the session's current branch ends with if so. */
export interface Written {
  readonly row: GenerationRow;
  /** Its claim of units; null for an earlier generation of the same key. */
  readonly entered: Entered | null;
  readonly lastSeq: number;
  readonly activeMessageId: string | null;
}

/** The new row, or the earlier one of the same key. Throws CapacityError where the session has gone on. */
export async function writeRows(options: StartOptions, accepted: Accepted): Promise<Written> {
  const { db, clock, ids, jobs, admission, membership } = options;
  const { principal, input, model, place, prompt } = accepted;
  const id = ids();
  const at = clock.now();
  const messages = place === null ? [] : messageRows(options, id, prompt.messages, at);
  const row: GenerationRow = {
    id,
    principal_id: principal.id,
    model_id: model.id,
    artifact_sha256: await findManifest(db, model.artifact_id) ?? null,
    session_id: place?.session.id ?? null,
    status: "QUEUED",
    finish_reason: null,
    prompt: toJson(accepted.source),
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
    prompt_token_ids: packTokenIds(prompt.tokenIds),
    sampling_origins: toJson(accepted.origins),
    parent_message_id: messages.at(-1)?.id ?? place?.parentId ?? null,
    context_policy: accepted.contextPolicy,
    trimmed: prompt.trimmed === undefined ? null : toJson(prompt.trimmed),
    priority: accepted.priority,
    deadline_ms: accepted.deadlineMs,
    conditions: toJson(conditionsOf(options, accepted)),
    reproduction_of: accepted.reproduction?.of ?? null,
    reproduction: accepted.reproduction === null
      ? null
      : toJson({ status: "PENDING", firstDifference: null }),
    deleted_at: null,
    gateway_id: membership.id,
    cancel_requested_at: null,
  };
  const found = (earlier: GenerationRow): Written => {
    return { row: earlier, entered: null, lastSeq: 0, activeMessageId: null };
  };
  const write = async (trx: Db): Promise<Written> => {
    // Both were looked at before, but other requests have run since.
    const earlier = row.idempotency_key === null
      ? undefined
      : await findGenerationByKey(trx, principal.id, row.idempotency_key);
    if (earlier !== undefined) return found(earlier);
    // What is going to be recorded waits here, before any row is held that another act may be waiting for.
    if (actsOnOthers(accepted)) await oneActAtATime(trx);
    const session = place === null ? null : await requireUnchanged(trx, place);
    await requireOriginal(trx, accepted);
    const graceMs = input.disconnectGraceMs ?? options.disconnectGraceMs;
    jobs.reserve(id, { modelId: model.id, onDisconnect: input.onDisconnect ?? "CONTINUE", graceMs });
    if (!await insertGeneration(trx, row)) return found(row); // another gateway was first with this key
    // The row refers to the model, so a removal of that either waits for us or is to be seen now.
    await requireModel(trx, { id: model.id });
    const entered = await admission.enter(trx, {
      generationId: id,
      principalId: principal.id,
      units: model.concurrency_cost,
      priority: accepted.priority,
    });
    const queued = entered.place ?? { position: jobs.waitingFor(model.id), estimateMs: null };
    const events = firstEvents(prompt, queued);
    await appendEvents(trx, events.map((event, index) => toEventRow(id, index + 1, at, event)));
    const activeMessageId = place === null || session === null
      ? null
      : place.asksAgain
      ? session.active_message_id
      : await goOn(trx, { session, place, prompt, messages });
    await recordStart(trx, accepted, row);
    return { row, entered, lastSeq: events.length, activeMessageId };
  };
  try {
    const written = await db.transaction().execute(write);
    if (written.entered !== null) return written;
    jobs.remove(id);
    if (written.row !== row) return written;
    return found(await findGenerationByKey(db, principal.id, row.idempotency_key ?? "") ?? row);
  } catch (error) {
    jobs.remove(id);
    throw error;
  }
}

/** Puts the question into the session; the leaf of its current branch. */
async function goOn(
  trx: Db,
  { session, place, prompt, messages }: {
    readonly session: SessionRow;
    readonly place: Place;
    readonly prompt: Prompt;
    readonly messages: readonly NewMessage[];
  },
): Promise<string | null> {
  const leaf = await appendMessages(trx, session.id, place.parentId, messages);
  await updateSession(trx, session.id, {
    active_message_id: leaf,
    title: session.title ?? titleOf(prompt.messages.find(({ role }) => role === "USER")?.content ?? ""),
  });
  return leaf;
}

function actsOnOthers({ principal: { id }, place, reproduction }: Accepted): boolean {
  return [place?.session.principal_id, reproduction?.ownerId].some((owner) =>
    owner !== undefined && owner !== id
  );
}

/** An admin who goes on in somebody else's session, or runs somebody else's generation again. */
async function recordStart(
  trx: Db,
  { principal: actor, place, reproduction }: Accepted,
  { id: target, created_at: at }: GenerationRow,
): Promise<void> {
  const act = { actor, at: fromTime(at), target };
  if (place !== null) {
    const { id: sessionId, principal_id: ownerId } = place.session;
    await recordActOnOthers(trx, { ...act, ownerId, action: "generation.start", details: { sessionId } });
  }
  if (reproduction !== null) {
    const { of, ownerId } = reproduction;
    await recordActOnOthers(trx, { ...act, ownerId, action: "generation.reproduce", details: { of } });
  }
}

function firstEvents({ tokenIds, trimmed }: Prompt, place: QueuePlace): readonly GenerationEventBody[] {
  const queued = { kind: "queued", ...place } as const;
  if (trimmed === undefined) return [queued];
  return [queued, { kind: "contextTrimmed", ...trimmed, promptTokens: tokenIds.length }];
}

/** What the tokens depend on besides prompt, parameters and the artifact, as far as it is known by now. */
export function conditionsOf(
  { engine, loader, precision, kvCacheFormat, accumulation }: StartOptions,
  { model, prompt }: Pick<Accepted, "model" | "prompt">,
): GenerationConditions {
  return {
    quantization: model.served_quantization as GenerationConditions["quantization"],
    precision,
    kvCacheFormat,
    accumulation: loader.accumulationOf(model.id) ?? accumulation,
    ...deviceConditions(engine),
    continuesText: prompt.continuesText,
  };
}

/** What is run again may have been deleted meanwhile: its prompt must not live on in a copy. */
async function requireOriginal(trx: Db, { reproduction }: Accepted): Promise<void> {
  if (reproduction === null || await lockGeneration(trx, reproduction.of) !== undefined) return;
  throw new NotFoundError(`No generation "${reproduction.of}"`, { id: reproduction.of });
}

/** The prompt was built from the session as it was. */
async function requireUnchanged(trx: Db, { session: { id }, seenOrdinal }: Place): Promise<SessionRow> {
  await lockSession(trx, id);
  const open = await openGenerationOfSession(trx, id);
  if (open !== undefined) throw busySession(id, open.id);
  const session = await findSession(trx, id);
  if (session === undefined) throw new NotFoundError(`No session "${id}"`, { id });
  if (await lastOrdinal(trx, id) === seenOrdinal) return session;
  throw new CapacityError("The session has changed meanwhile", {
    sessionId: id,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/**
 * The assistant's message, unless the session was deleted meanwhile. It is on the current branch, unless another one was
 * selected meanwhile.
 */
export async function keepAnswer(
  options: StartOptions,
  trx: Db,
  { row, text, at, activeMessageId }: {
    readonly row: GenerationRow;
    readonly text: string;
    readonly at: Date;
    readonly activeMessageId: string | null;
  },
): Promise<void> {
  if (row.session_id === null) return;
  await lockSession(trx, row.session_id); // what is selected at this moment either waits for us or is to be seen now
  const session = await findSession(trx, row.session_id);
  if (session === undefined) return;
  const [answer] = messageRows(options, row.id, [{ role: "ASSISTANT", content: text }], at);
  const leaf = await appendMessages(trx, session.id, row.parent_message_id, [{ ...answer!, is_answer: 1 }]);
  if (session.active_message_id !== activeMessageId) return;
  await updateSession(trx, session.id, { active_message_id: leaf });
}

function messageRows(
  { ids }: StartOptions,
  generationId: string,
  messages: readonly ChatMessage[],
  at: Date,
) {
  return messages.map(({ role, content }) => ({
    id: ids(),
    role,
    content,
    generation_id: generationId,
    created_at: toTime(at),
  }));
}

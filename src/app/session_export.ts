/**
 * A session as a file: as JSON with everything that is known of it (all branches, what every answer was made with, on
 * which weights, and what it cost), or its current branch as Markdown, to read.
 */
import { CapacityError } from "../errors.ts";
import { fromJson, fromJsonOrNull } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import { type GenerationRow, generationsOfSession } from "../store/generations.ts";
import { findModel } from "../store/models.ts";
import { allMessages, type MessageRow, type SessionRow, wholePath } from "../store/sessions.ts";
import { unpackTokenIds } from "../store/token_ids.ts";
import type { ExportedSession, ExportFormat } from "./types.ts";

/** Names the layout of the JSON; it changes when that does. */
const FORMAT = "geodesic.session/1";
/** Of all messages together: what one answer of the API can carry. */
const MAX_CHARACTERS = 32_000_000;

/** Throws CapacityError for a session that is too long for one file. */
export async function exportSession(
  db: Db,
  session: SessionRow,
  options: { readonly format: ExportFormat; readonly at: Date },
): Promise<ExportedSession> {
  const messages = await allMessages(db, session.id);
  const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
  if (characters > MAX_CHARACTERS) {
    throw new CapacityError(`Cannot export a session of ${characters} characters in one file`, {
      found: characters,
      allowed: MAX_CHARACTERS,
    });
  }
  const generations = await generationsOfSession(db, session.id);
  const model = await findModel(db, { id: session.model_id });
  const all = { session, messages, generations, modelName: model?.name ?? null, at: options.at };
  const name = `session-${session.id}`;
  if (options.format === "JSON") {
    return { fileName: `${name}.json`, mediaType: "application/json", content: toJsonFile(all) };
  }
  const path = session.active_message_id === null ? [] : await wholePath(db, session.active_message_id);
  return { fileName: `${name}.md`, mediaType: "text/markdown", content: toMarkdown({ ...all, path }) };
}

interface Exported {
  readonly session: SessionRow;
  readonly messages: readonly MessageRow[];
  readonly generations: readonly GenerationRow[];
  readonly modelName: string | null;
  readonly at: Date;
}

function toJsonFile({ session, messages, generations, modelName, at }: Exported): string {
  const file = {
    format: FORMAT,
    exportedAt: at.toISOString(),
    session: {
      id: session.id,
      title: session.title,
      model: { id: session.model_id, name: modelName },
      contextPolicy: session.context_policy,
      activeMessageId: session.active_message_id,
      createdAt: session.created_at,
      updatedAt: session.updated_at,
    },
    messages: messages.map((row) => ({
      id: row.id,
      parentId: row.parent_id,
      role: row.role,
      content: row.content,
      isAnswer: row.is_answer === 1,
      generationId: row.generation_id,
      createdAt: row.created_at,
    })),
    generations: generations.map((row) => ({
      id: row.id,
      status: row.status,
      finishReason: row.finish_reason,
      modelId: row.model_id,
      artifactSha256: row.artifact_sha256,
      conditions: fromJsonOrNull(row.conditions),
      parentMessageId: row.parent_message_id,
      prompt: fromJson(row.prompt),
      promptTokenIds: row.prompt_token_ids === null ? null : unpackTokenIds(row.prompt_token_ids),
      text: row.text,
      requestedSampling: fromJson(row.requested_sampling),
      effectiveSampling: fromJson(row.effective_sampling),
      samplingOrigins: fromJsonOrNull(row.sampling_origins),
      samplingRevisionIds: fromJson(row.sampling_revision_ids),
      contextPolicy: row.context_policy,
      trimmed: fromJsonOrNull(row.trimmed),
      usage: fromJsonOrNull(row.usage),
      timings: fromJsonOrNull(row.timings),
      error: fromJsonOrNull(row.error),
      createdAt: row.created_at,
      finishedAt: row.finished_at,
    })),
  };
  // Seeds are beyond what a JSON number holds.
  const decimal = (_key: string, value: unknown) => typeof value === "bigint" ? String(value) : value;
  return `${JSON.stringify(file, decimal, 2)}\n`;
}

const HEADINGS: Readonly<Record<string, string>> = { SYSTEM: "System", USER: "User", ASSISTANT: "Assistant" };

function toMarkdown(
  { session, messages, generations, modelName, path, at }: Exported & {
    readonly path: readonly MessageRow[];
  },
): string {
  const artifacts = [
    ...new Set(generations.flatMap(({ artifact_sha256: hash }) => hash === null ? [] : [hash])),
  ];
  const elsewhere = messages.length - path.length;
  const facts = [
    `- Model: ${modelName ?? session.model_id}`,
    ...artifacts.map((hash) => `- Weights: \`${hash}\``),
    `- Begun: ${session.created_at}`,
    `- Exported: ${at.toISOString()}`,
    ...elsewhere === 0 ? [] : [`- On other branches: ${elsewhere} more message(s)`],
  ];
  const turns = path.map(({ role, content }) => `## ${HEADINGS[role] ?? role}\n\n${content}`);
  return `${[`# ${session.title ?? "Untitled session"}`, facts.join("\n"), ...turns].join("\n\n")}\n`;
}

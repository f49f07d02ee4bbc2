/**
 * A session as a file: as JSON with everything that is known of it (all branches, what every answer was made with, on
 * which weights, and what it cost), or its current branch as Markdown, to read.
 */
import { formatBytesApart } from "../byte_size.ts";
import { CapacityError } from "../errors.ts";
import { fromJson, fromJsonOrNull } from "../store/codec.ts";
import type { Db } from "../store/database.ts";
import {
  artifactsOfSession,
  generationBytes,
  type GenerationRow,
  generationsOfSession,
} from "../store/generations.ts";
import { findModel } from "../store/models.ts";
import { allMessages, messageBytes, type MessageRow, type SessionRow } from "../store/sessions.ts";
import { unpackTokenIds } from "../store/token_ids.ts";
import type { ExportedSession, ExportFormat } from "./types.ts";

/** Names the layout of the JSON; it changes when that does. */
const FORMAT = "geodesic.session/1";
/** Of all texts together: what one answer of the API can carry. */
const MAX_BYTES = 32_000_000;
/** What a packed character of token ids becomes in the file. */
const BYTES_PER_PACKED = 5;

/** Throws CapacityError, before anything is read, for a session that is too long for one file. */
export async function exportSession(
  db: Db,
  session: SessionRow,
  options: { readonly format: ExportFormat; readonly at: Date },
): Promise<ExportedSession> {
  const isJson = options.format === "JSON";
  const generationTexts = isJson ? await generationBytes(db, session.id) : { texts: 0, packedIds: 0 };
  const bytes = await messageBytes(db, session.id) + generationTexts.texts +
    generationTexts.packedIds * BYTES_PER_PACKED;
  if (bytes > MAX_BYTES) {
    const [found, most] = formatBytesApart(bytes, MAX_BYTES);
    throw new CapacityError(`Cannot export a session of ${found} in one file: at most ${most}`, {
      found: bytes,
      allowed: MAX_BYTES,
    });
  }
  const messages = await allMessages(db, session.id);
  const model = await findModel(db, { id: session.model_id });
  const all = { session, messages, modelName: model?.name ?? null, at: options.at };
  const name = `session-${session.id}`;
  if (isJson) {
    const generations = await generationsOfSession(db, session.id);
    const content = toJsonFile({ ...all, generations });
    return { fileName: `${name}.json`, mediaType: "application/json", content };
  }
  const path = pathOf(messages, session.active_message_id);
  const content = toMarkdown({ ...all, path, artifacts: await artifactsOfSession(db, session.id) });
  return { fileName: `${name}.md`, mediaType: "text/markdown", content };
}

/** From the root to this message, in a list of all. */
function pathOf(messages: readonly MessageRow[], leafId: string | null): readonly MessageRow[] {
  const byId = new Map(messages.map((message) => [message.id, message]));
  const path: MessageRow[] = [];
  for (let next = byId.get(leafId ?? ""); next !== undefined; next = byId.get(next.parent_id ?? "")) {
    path.push(next);
  }
  return path.reverse();
}

interface Exported {
  readonly session: SessionRow;
  readonly messages: readonly MessageRow[];
  readonly modelName: string | null;
  readonly at: Date;
}

function toJsonFile(
  { session, messages, generations, modelName, at }: Exported & {
    readonly generations: readonly GenerationRow[];
  },
): string {
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
  { session, messages, modelName, path, artifacts, at }: Exported & {
    readonly path: readonly MessageRow[];
    /** Hashes of manifests. */
    readonly artifacts: readonly string[];
  },
): string {
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

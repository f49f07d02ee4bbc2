/** Events of a generation as rows of its log, and back. */
import { fromJson, fromTime, toJson, toTime } from "../../store/codec.ts";
import type { Db } from "../../store/database.ts";
import { type GenerationEventRow, readEvents } from "../../store/generation_events.ts";
import type { EventToken, GenerationEvent, GenerationEventBody } from "../types.ts";

type TokensBody = Extract<GenerationEventBody, { readonly kind: "tokens" }>;

export function toEventRow(
  generationId: string,
  seq: number,
  at: Date,
  { kind, ...payload }: GenerationEventBody,
): GenerationEventRow {
  const text = "tokens" in payload ? tokensToJson(payload) : toJson(payload);
  return { generation_id: generationId, seq, at: toTime(at), kind, payload: text };
}

export function toEvent(row: GenerationEventRow): GenerationEvent {
  const payload = fromJson<object>(row.payload);
  const whole = row.kind === "tokens" ? withAllFields(payload as StoredTokens) : payload;
  const body = { kind: row.kind, ...whole } as GenerationEventBody;
  return { ...body, seq: row.seq, generationId: row.generation_id, at: fromTime(row.at) };
}

/** Log probabilities are rarely asked for, and most of an event's text where they stand for nothing. */
interface StoredTokens {
  readonly text: string;
  readonly tokens: readonly (Pick<EventToken, "id" | "text"> & Partial<EventToken>)[];
}

/** Nothing here is a bigint, so the general way, which looks at every value, is not needed. */
function tokensToJson({ text, tokens }: Pick<TokensBody, "text" | "tokens">): string {
  const stored: StoredTokens = {
    text,
    tokens: tokens.map((token) =>
      token.logprob === null && token.top.length === 0 ? { id: token.id, text: token.text } : token
    ),
  };
  return JSON.stringify(stored);
}

function withAllFields({ text, tokens }: StoredTokens): Pick<TokensBody, "text" | "tokens"> {
  return { text, tokens: tokens.map((token) => ({ logprob: null, top: [], ...token })) };
}

/** Events of one read. */
const BATCH = 256;

/** The whole log as it is now, in order. */
export async function* allEvents(db: Db, generationId: string): AsyncGenerator<GenerationEvent> {
  let rows = await readEvents(db, generationId, 0, BATCH);
  while (rows.length > 0) {
    yield* rows.map(toEvent);
    rows = await readEvents(db, generationId, rows.at(-1)!.seq, BATCH);
  }
}

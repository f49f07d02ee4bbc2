/**
 * What of a branch goes into the next prompt. Only what can matter is read: the newest messages, up to a size that a
 * context may hold, and of a long past the system prompt and how many messages it has.
 */
import type { Db } from "../../store/database.ts";
import { readOutline, readTail } from "../../store/message_paths.ts";
import type { MessageRow } from "../../store/sessions.ts";
import type { ChatMessage, MessageRole } from "../types.ts";
import type { Place } from "./branch.ts";

export interface History {
  /** The system prompt, then whole turns, oldest first. */
  readonly messages: readonly ChatMessage[];
  /** How many messages of the conversation between these two were not read. */
  readonly omitted: number;
}

/** Text for every token of a context that is read at first; most languages have four bytes or fewer. */
const BYTES_PER_TOKEN = 8;
/** More is read by this factor where all of it fits. */
const GROWTH = 4;
/** No more than this: for what takes no tokens, such as white space that a template strips. */
const MAX_BYTES = 2 ** 28;

/**
 * Calls `use` with ever more of the branch (null: there is none) until it gives an answer. Where `mayReadMore` is true, it
 * may answer null instead: all of this fits, and there is more.
 */
export async function withHistory<T>(
  db: Db,
  place: Pick<Place, "parentId" | "asksAgain"> | null,
  { contextLength, use }: {
    readonly contextLength: number;
    readonly use: (history: History | null, options: { readonly mayReadMore: boolean }) => T | null;
  },
): Promise<T> {
  for (let bytes = contextLength * BYTES_PER_TOKEN;; bytes = Math.min(bytes * GROWTH, MAX_BYTES)) {
    const read = place === null ? null : await readHistory(db, place, bytes);
    const mayReadMore = read !== null && read.omitted > 0 && bytes < MAX_BYTES;
    if (mayReadMore && read.turns === 0) continue; // no question, and so no conversation
    const used = use(read, { mayReadMore });
    if (used !== null) return used;
    if (!mayReadMore) throw new Error("There is no more of the history to read");
  }
}

async function readHistory(
  db: Db,
  place: Pick<Place, "parentId" | "asksAgain">,
  bytes: number,
): Promise<History & { readonly turns: number }> {
  const { parentId: leafId } = place;
  if (leafId === null) return { messages: [], omitted: 0, turns: 0 };
  const tail = await readTail(db, leafId, bytes);
  const newest = shownRows(tail, place);
  if (tail[0]?.parent_id === null) {
    return { messages: newest.map(toChat), omitted: 0, turns: newest.length };
  }
  const { head, shown } = await readOutline(db, leafId, place);
  const headIds = new Set(head.map(({ id }) => id));
  // What stands before the first question belongs to a turn that was cut.
  const first = newest.findIndex(({ id, role }) => role === "USER" && !headIds.has(id));
  const turns = first < 0 ? [] : newest.slice(first);
  return {
    messages: [...head, ...turns].map(toChat),
    omitted: shown - head.length - turns.length,
    turns: turns.length,
  };
}

/**
 * What the model is shown of a branch: what was written without a generation (the system prompt), and prompts with the
 * answer behind them. A prompt that got no answer stays in the branch but is not shown, so that turns keep alternating;
 * with `asksAgain`, the last one is what is asked.
 */
export function shownRows(
  path: readonly MessageRow[],
  options: { readonly asksAgain: boolean },
): readonly MessageRow[] {
  const shown: MessageRow[] = [];
  let prompt: MessageRow[] = [];
  for (const row of path) {
    if (row.is_answer === 1 || row.generation_id === null) {
      // What stands before a message without generation got no answer either.
      if (row.is_answer === 1) shown.push(...prompt);
      shown.push(row);
      prompt = [];
    } else {
      if (prompt[0]?.generation_id !== row.generation_id) prompt = [];
      prompt.push(row);
    }
  }
  if (options.asksAgain) shown.push(...prompt);
  return shown;
}

function toChat({ role, content }: MessageRow): ChatMessage {
  return { role: role as MessageRole, content };
}

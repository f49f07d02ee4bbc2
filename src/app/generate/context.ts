/**
 * Which part of a conversation the model is shown where the policy is DROP_OLDEST: as many of the newest turns as leave
 * room for the answer. A turn is a user's message and what follows it; the system prompt and the last turn are never
 * left out.
 */
import type { ChatMessage } from "../types.ts";

export interface FitOptions {
  /** Token ids of a conversation; more of it never gives fewer. */
  readonly encode: (messages: readonly ChatMessage[]) => readonly number[];
  /** Most tokens of a prompt. */
  readonly limit: number;
}

/** More characters than this for every token that fits are not worth encoding to see that they do not. */
const MAX_CHARACTERS_PER_TOKEN = 16;

/**
 * Leaves out as many of the oldest turns as it takes to stay within `limit`, and no more; the last turn stays even
 * if that is too much. Encodes a number of times that grows with the logarithm of the turns.
 */
export function fitTurns(
  messages: readonly ChatMessage[],
  { encode, limit }: FitOptions,
): { readonly tokenIds: readonly number[]; readonly dropped: number } {
  const first = messages.findIndex(({ role }) => role !== "SYSTEM");
  const system = first < 0 ? messages.length : first;
  const starts = [
    system,
    ...messages.flatMap(({ role }, index) => index > system && role === "USER" ? [index] : []),
  ];
  const kept = (turn: number) => [...messages.slice(0, system), ...messages.slice(starts[turn])];
  const last = starts.length - 1;
  const characters = messages.reduce((sum, { content }) => sum + content.length, 0);
  let tooMany = -1;
  if (last === 0 || characters <= limit * MAX_CHARACTERS_PER_TOKEN) {
    const tokenIds = encode(messages);
    if (last === 0 || tokenIds.length <= limit) return { tokenIds, dropped: 0 };
    tooMany = 0;
  }
  // From the newest turn back in growing steps, so that a long past is never encoded; then between the last two.
  let best = { turn: last, tokenIds: encode(kept(last)) };
  for (let step = 1; best.turn - tooMany > 1 && best.tokenIds.length <= limit; step *= 2) {
    const turn = tooMany < 0 ? Math.max(0, last - step) : Math.floor((best.turn + tooMany) / 2);
    const tokenIds = encode(kept(turn));
    if (tokenIds.length <= limit) best = { turn, tokenIds };
    else tooMany = turn;
  }
  return { tokenIds: best.tokenIds, dropped: starts[best.turn]! - system };
}

/** Of the context, what DROP_OLDEST leaves for the answer: all it may have, but at most half. */
export function roomForAnswer(maxTokens: number, contextLength: number): number {
  return Math.min(maxTokens, Math.floor(contextLength / 2));
}

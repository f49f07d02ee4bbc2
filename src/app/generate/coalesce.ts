/** Token events for a watcher that has fallen behind: as few as hold the same. */
import type { GenerationEvent } from "../types.ts";

/**
 * Neighbouring token events as one, with time and `seq` of the last, so that a watcher who continues behind any `seq` it
 * has seen still gets every token once. Other events stay as and where they are.
 */
export function coalesceTokens(events: readonly GenerationEvent[]): readonly GenerationEvent[] {
  const merged: GenerationEvent[] = [];
  for (let index = 0; index < events.length; index++) {
    const run: (GenerationEvent & { readonly kind: "tokens" })[] = [];
    for (let event = events[index]; event?.kind === "tokens"; event = events[++index]) run.push(event);
    const last = run.at(-1);
    if (last !== undefined) {
      const text = run.map((event) => event.text).join("");
      merged.push({ ...last, text, tokens: run.flatMap(({ tokens }) => tokens) });
    }
    if (index < events.length) merged.push(events[index]!);
  }
  return merged;
}

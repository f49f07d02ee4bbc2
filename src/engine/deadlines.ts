/**
 * When requests must have ended. The engine's loop looks between steps; while it sleeps, because everybody who could run
 * waits for a grammar, an alarm wakes it at the nearest deadline.
 */
import { CapacityError } from "../errors.ts";
import type { Sequence } from "./sequence.ts";

/** Calls back once, so many milliseconds from now, unless the returned function is called before. */
export type SetTimer = (callback: () => void, ms: number) => () => void;

/** More than this a timer does not hold; an alarm that is early is set again. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const systemTimer: SetTimer = (callback, ms) => {
  const timer = setTimeout(callback, ms);
  return () => clearTimeout(timer);
};

interface Open {
  readonly sequence: Sequence;
}

/** Those whose time is over, and the error that each ends with. */
export function overdue<T extends Open>(open: Iterable<T>, nowMs: number): (readonly [T, CapacityError])[] {
  return [...open].flatMap((request) => {
    const { deadlineMs, completionTokens } = request.sequence;
    if (deadlineMs === null || nowMs < deadlineMs) return [];
    const message = `The deadline passed after ${completionTokens} tokens`;
    return [[request, new CapacityError(message, { reason: "DEADLINE", completionTokens })] as const];
  });
}

export class Alarm {
  readonly #ring: () => void;
  readonly #now: () => number;
  readonly #setTimer: SetTimer;
  #clear: () => void = () => {};

  constructor(
    ring: () => void,
    { now, setTimer = systemTimer }: { readonly now: () => number; readonly setTimer?: SetTimer },
  ) {
    this.#ring = ring;
    this.#now = now;
    this.#setTimer = setTimer;
  }

  /** For the nearest deadline of those given, in place of what was set before. */
  set(open: Iterable<Open>): void {
    this.clear();
    const nearestMs = Math.min(...[...open].map(({ sequence }) => sequence.deadlineMs ?? Infinity));
    if (nearestMs === Infinity) return;
    const ms = Math.ceil(Math.min(Math.max(0, nearestMs - this.#now()), MAX_TIMER_MS));
    this.#clear = this.#setTimer(this.#ring, ms);
  }

  clear(): void {
    this.#clear();
    this.#clear = () => {};
  }
}

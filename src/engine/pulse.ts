/**
 * The pulse of an engine that runs elsewhere: a ping every now and then, and a verdict when none is answered. Rounds are
 * counted, not milliseconds: after the machine slept, or this process was stopped, one late round is no silence.
 */
import { DeviceLostError, type GeodesicError } from "../errors.ts";
import type { Pong } from "./protocol.ts";

export interface Pulse {
  /** Between two pings. */
  readonly intervalMs?: number;
  /** Rounds without an answer after which it hangs. It is a thread that does nothing but answer. */
  readonly maxSilentRounds?: number;
  /** The same before its first answer: the program has to be read and started, maybe on a machine that is busy. */
  readonly maxStartRounds?: number;
  /** How long the thread of the GPU may go without looking up: one step, or one piece of a load, on a slow device. */
  readonly maxThreadSilentMs?: number;
}

export interface PulseOptions extends Pulse {
  readonly ping: () => void;
  /** Takes whoever is to hear of answers. */
  readonly onPong: (listener: (pong: Pong) => void) => void;
  /** Called once, at most. */
  readonly onSilent: (error: GeodesicError) => void;
}

const DEFAULTS = {
  intervalMs: 2_000,
  maxSilentRounds: 10,
  maxStartRounds: 60,
  maxThreadSilentMs: 600_000,
} as const satisfies Required<Pulse>;

/** Pings until it is disposed or has called `onSilent`. */
export function startPulse(options: PulseOptions): Disposable {
  const { ping, onPong, onSilent } = options;
  const intervalMs = options.intervalMs ?? DEFAULTS.intervalMs;
  const maxSilentRounds = options.maxSilentRounds ?? DEFAULTS.maxSilentRounds;
  const maxThreadSilentMs = options.maxThreadSilentMs ?? DEFAULTS.maxThreadSilentMs;
  let maxRounds = options.maxStartRounds ?? DEFAULTS.maxStartRounds;
  let silentRounds = 0;
  let stopped = false;
  const stop = () => {
    stopped = true;
    clearInterval(timer);
  };
  const timer = setInterval(() => {
    if (silentRounds >= maxRounds) {
      stop();
      return onSilent(
        new DeviceLostError(`The engine's process hangs: no answer for ${silentRounds * intervalMs} ms`),
      );
    }
    silentRounds++;
    ping();
  }, intervalMs);
  onPong(({ silentMs }) => {
    silentRounds = 0;
    maxRounds = maxSilentRounds;
    if (stopped || silentMs <= maxThreadSilentMs) return;
    stop();
    onSilent(
      new DeviceLostError(`The engine's thread hangs: no answer for ${Math.round(silentMs)} ms`, {
        silentMs,
      }),
    );
  });
  return { [Symbol.dispose]: stop };
}

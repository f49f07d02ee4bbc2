/** Time as the use cases take it: injected, so that tests decide when a moment passes. */

export interface Clock {
  now(): Date;
  /** Calls back once, unless disposed before. */
  after(ms: number, callback: () => void): Disposable;
}

/** The machine's own time. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => new Date(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** A start that takes long, or does not succeed, can be interrupted. */

/** Settles as `work`, or rejects with the signal's reason; `onLate` then gets what comes of the work after all. */
export async function unlessAborted<T>(
  work: Promise<T>,
  signal: AbortSignal,
  onLate: (result: T) => unknown = () => {},
): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => {
    work.then(onLate).catch(() => {}); // nobody waits for it any more
    reject(signal.reason);
  };
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

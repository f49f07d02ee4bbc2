/** What a progress report of a merge means in figures, the same for a terminal and for the API. */

/** Of a stage that has run this long; null while it is too early for a rate that means anything. */
export function paceOf(
  { doneBytes, totalBytes, elapsedMs }: {
    readonly doneBytes: number;
    readonly totalBytes: number;
    readonly elapsedMs: number;
  },
): { readonly bytesPerSecond: number; readonly secondsLeft: number } | null {
  if (elapsedMs < MIN_ELAPSED_MS || doneBytes === 0) return null;
  const bytesPerSecond = doneBytes / (elapsedMs / 1000);
  return { bytesPerSecond, secondsLeft: Math.max(0, totalBytes - doneBytes) / bytesPerSecond };
}

const MIN_ELAPSED_MS = 500;

/** Tensors that are complete: the one being written counts once its last byte is out. */
export function completeTensors(
  progress: {
    readonly stage: string;
    readonly doneBytes: number;
    readonly totalBytes: number;
    readonly doneTensors: number;
    readonly totalTensors: number;
  },
): number {
  const { stage, doneBytes, totalBytes, doneTensors, totalTensors } = progress;
  return stage === "merging" && doneBytes === totalBytes ? totalTensors : doneTensors;
}

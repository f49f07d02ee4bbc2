/** How far a load is, as watchers see it. */
import type { LoadProgress } from "../engine/protocol.ts";
import type { LoadFigures } from "./types.ts";

/** Before the engine has begun: whether the files are those that were registered. */
export const CHECKING: LoadFigures = Object.freeze(
  { stage: "CHECKING", fraction: 0, loadedBytes: 0, totalBytes: 0, bytesPerSecond: 0 },
);

export function toFigures(
  { stage, fraction, loadedBytes, totalBytes, bytesPerSecond }: LoadProgress,
): LoadFigures {
  return { stage, fraction, loadedBytes, totalBytes, bytesPerSecond };
}

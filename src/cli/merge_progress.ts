/** A merge's progress in words and on the bar. */
import { completeTensors } from "../merge/progress.ts";
import type { MergeProgress } from "../merge/run.ts";
import { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

const STAGES: Readonly<Record<MergeProgress["stage"], string>> = {
  hashing: "Checking what was finished",
  merging: "Merging",
};

/** `update` is what runMerge reports to. */
export function mergeProgress(
  terminal: Terminal,
): Disposable & { readonly update: (progress: MergeProgress) => void } {
  const bar = new Progress(terminal);
  return {
    update(progress) {
      const { stage, doneBytes, totalBytes, totalTensors } = progress;
      const count = stage === "merging"
        ? { count: `${completeTensors(progress)}/${totalTensors} tensors` }
        : {};
      bar.update({ stage: STAGES[stage], doneBytes, totalBytes, ...count });
    },
    [Symbol.dispose]: () => bar[Symbol.dispose](),
  };
}

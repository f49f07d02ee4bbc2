/** A merge's progress in words and on the bar. */
import type { MergeProgress } from "../merge/run.ts";
import { Progress } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

const STAGES: Readonly<Record<MergeProgress["stage"], string>> = {
  hashing: "Hashing the parents",
  merging: "Merging",
};

/** `update` is what runMerge reports to. */
export function mergeProgress(
  terminal: Terminal,
): Disposable & { readonly update: (progress: MergeProgress) => void } {
  const bar = new Progress(terminal);
  return {
    update({ stage, doneBytes, totalBytes, doneTensors, totalTensors }) {
      // The tensor being written counts once its last byte is out.
      const written = stage === "merging" && doneBytes === totalBytes ? totalTensors : doneTensors;
      const count = stage === "merging" ? { count: `${written}/${totalTensors} tensors` } : {};
      bar.update({ stage: STAGES[stage], doneBytes, totalBytes, ...count });
    },
    [Symbol.dispose]: () => bar[Symbol.dispose](),
  };
}

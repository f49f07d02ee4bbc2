/**
 * Declares the first half of sampling: statistics of every 64 ids, spread over the device. One workgroup alone would take
 * several microseconds for each pass over a vocabulary; with the statistics at hand the second half looks at little else.
 */
import { defineKernel } from "../gpu/kernel.ts";

/** Consecutive ids to a group. */
const GROUP = 64;
/** Ids to a lane. */
const LOADS = 4;

export const sampleGroups = defineKernel({
  name: "sample_groups",
  bindings: {
    logits: "read",
    rows: "read",
    slots: "read",
    counts: "read",
    controls: "read",
    tokens: "read",
    groups: "write",
  },
  params: { vocabSize: "u32", rowCount: "u32" },
  overrides: { workgroupSize: 256 },
  libs: { values: ["sample_values"], order: ["float_order"] },
  grid: (
    { vocabSize, rowCount },
    { workgroupSize },
  ) => [Math.ceil(vocabSize / (LOADS * workgroupSize)), rowCount],
});

/** Bytes of the statistics of one row: of its values and of its logits, four words a group. */
export function groupBytes(vocabSize: number): number {
  return 2 * Math.ceil(vocabSize / GROUP) * 16;
}

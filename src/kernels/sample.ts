/**
 * Declares the second half of sampling: penalties, truncation, draw and log-probabilities of one token per row.
 *
 * Order of operations, and why: bias first, then penalties, on raw logits. vLLM (min tokens, logit bias, penalties) and
 * Hugging Face (SequenceBias, then repetition penalty) agree in that, so a bias decides by which sign the repetition penalty
 * goes. Log-probabilities are reported of the logits before all of it, as vLLM's raw_logprobs. Temperature next, as in
 * vLLM and Hugging Face: the masses that top-p, typical-p and min-p speak of are those of the distribution that is drawn
 * from. (llama.cpp applies it last by default, so its min-p and top-p see the untempered one.) Then top-k, typical-p,
 * top-p, min-p, each on what the one before left, in llama.cpp's order: the cheap bound on the number first, and min-p,
 * which has no notion of mass, as the final floor. Hugging Face applies the same four with typical-p last; with at most
 * one of top-p and typical-p in use, as is usual, the two orders differ only in what min-p compares with.
 *
 * The draw runs through what is left in order of id, so a seed's tokens do not depend on the size of a workgroup.
 * Equal logits rank by lower id in every cut, so top-k keeps exactly k where Hugging Face and vLLM keep all that tie.
 */
import { defineKernel } from "../gpu/kernel.ts";

export const sample = defineKernel({
  name: "sample",
  bindings: {
    logits: "read",
    rows: "read",
    slots: "read",
    counts: "read_write",
    controls: "read",
    groups: "read",
    tokens: "read_write",
    results: "write",
  },
  params: { vocabSize: "u32", recordWords: "u32", rowCount: "u32" },
  overrides: { workgroupSize: 256, listCapacity: 512 },
  libs: {
    values: ["sample_values"],
    order: ["float_order"],
    reduce: ["lane_reduce"],
    bound: ["sample_bound"],
    list: ["sample_list"],
    search: ["sample_search"],
    random: ["philox"],
  },
  grid: ({ rowCount }) => [rowCount],
});

/** Workgroup memory: what the lanes reduce with, and 28 bytes for each token of the list. */
export function sampleBytes(listCapacity: number, workgroupSize = sample.overrides.workgroupSize): number {
  return workgroupSize * 48 + 16 + listCapacity * 28;
}

/** The longest list that the device has room for. A short one sends more requests the long way, which is as exact. */
export function sampleListCapacity(memoryBytes: number): number {
  const { listCapacity } = sample.overrides;
  return sampleBytes(listCapacity) <= memoryBytes ? listCapacity : SHORT_LIST;
}

/** Fits what WebGPU guarantees, 16,384 bytes. */
const SHORT_LIST = 128;

/** Whether a real model's shape fits a device that binds as little as lavapipe does, worked out without allocating it. */
import { expect } from "@std/expect";
import { parseModelConfig } from "../../src/formats/config.ts";
import { linearGrid, type WeightFormat } from "../../src/kernels/linear.ts";
import { portableTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { layOut } from "../../src/model/packed_matrix.ts";
import { planSizes } from "../../src/model/sizes.ts";
import { MISTRAL_7B_SHAPE, TINY_CONFIG } from "../support/checkpoint_generator.ts";
import { everyTuning } from "./harness.ts";

const LEAST = 128 * 2 ** 20;
const config = parseModelConfig({ ...TINY_CONFIG, ...MISTRAL_7B_SHAPE }, "config.json");
const { hiddenSize, intermediateSize, vocabSize, headDim, queryHeads, kvHeads, layers } = config;

/** Inputs and row pairs of each matrix of a layer and of the head. */
const MATRICES: Readonly<Record<string, readonly [inputs: number, pairs: number]>> = {
  qkv: [hiddenSize, (queryHeads + 2 * kvHeads) * headDim / 2],
  output: [queryHeads * headDim, hiddenSize / 2],
  gateUp: [hiddenSize, intermediateSize],
  down: [intermediateSize, hiddenSize / 2],
  lmHead: [hiddenSize, vocabSize / 2],
};

const SLICES: Readonly<Record<string, Partial<Record<WeightFormat, number>>>> = {
  qkv: { fp8: 1, bf16: 1, f32: 1 },
  output: { fp8: 1, bf16: 1, f32: 1 },
  gateUp: { fp8: 1, bf16: 2, f32: 4 },
  down: { fp8: 1, bf16: 1, f32: 2 },
  lmHead: { fp8: 1, bf16: 2, f32: 4 },
};

for (const [name, [inputs, pairs]] of Object.entries(MATRICES)) {
  Deno.test(`layOut() cuts Mistral 7B's ${name} to 128 MiB bindings without gap or overlap`, () => {
    for (const [format, count] of Object.entries(SLICES[name]!) as [WeightFormat, number][]) {
      const { pairBytes, slices } = layOut({ inputs, pairs, format, maxBindableBytes: LEAST });
      expect(slices.length).toBe(count);
      let next = 0;
      for (const slice of slices) {
        expect(slice.firstPair).toBe(next);
        expect(slice.pairs * pairBytes).toBeLessThanOrEqual(LEAST);
        for (const tunables of everyTuning()) {
          expect(linearGrid({ rows: 1, pairs: slice.pairs }, tunables)[0]).toBeLessThanOrEqual(65_535);
        }
        next += slice.pairs;
      }
      expect(next).toBe(pairs);
    }
  });
}

Deno.test("planSizes() keeps every buffer of Mistral 7B within 128 MiB bindings", () => {
  for (const tuning of [portableTuning(true), subgroupTuning(32)]) {
    for (const precision of ["f32", "f16"] as const) {
      const request = { precision, maxContext: 8192, maxSequences: 8, maxBindableBytes: LEAST, tuning };
      const sizes = planSizes(config, request);
      const { limits, maxRows, hiddenStride, queryStride, innerStride, cacheLayerBytes, parts } = sizes;
      const largest = Math.max(
        cacheLayerBytes,
        maxRows * hiddenStride * 4,
        maxRows * queryStride * sizes.activationBytes,
        maxRows * innerStride * sizes.activationBytes,
        limits.maxSequences * vocabSize * 4,
        limits.maxContext * headDim * 4,
        parts.partRows * parts.maxSplits * queryHeads * headDim * 4,
      );
      expect(largest).toBeLessThanOrEqual(LEAST);
      expect(limits).toMatchObject({ maxContext: 8192, maxPromptTokens: 512 });
      expect(limits.blockCount * limits.blockSize).toBeGreaterThanOrEqual(8192);
      expect(cacheLayerBytes * layers).toBeLessThanOrEqual(4 * 2 ** 30);
    }
  }
});

Deno.test("planSizes() has room for the parts of many replayed rows, however few sequences run at once", () => {
  expect(
    planSizes(config, {
      precision: "f16",
      maxContext: 8192,
      maxSequences: 8,
      maxBindableBytes: 2 ** 31,
      tuning: subgroupTuning(32),
    }).parts.maxSplits,
  ).toBe(16);
  for (const maxSequences of [1, 2, 8, 64]) {
    const request = { precision: "f16", maxContext: 8192, maxSequences, maxBindableBytes: 2 ** 31 } as const;
    const { maxRows, parts } = planSizes(config, { ...request, tuning: subgroupTuning(32) });
    expect(Math.ceil(maxRows / parts.partRows)).toBeLessThanOrEqual(9);
    expect(parts.partRows).toBeLessThanOrEqual(maxRows);
  }
});

Deno.test("planSizes() refuses a context whose angles, or one row's parts, cannot be bound", () => {
  const one = { ...config, kvHeads: 1, maxPositionEmbeddings: 2 ** 20 };
  const request = {
    precision: "f16",
    maxSequences: 1,
    maxBindableBytes: LEAST,
    cacheBytes: 2 ** 40,
  } as const;
  const angles = {
    ...request,
    kvCacheDtype: "fp8",
    maxContext: 400_000,
    tuning: portableTuning(true),
  } as const;
  expect(() => planSizes(one, angles)).toThrow(
    "Cannot serve a context of 400000 tokens: it takes a buffer of 205 MB, the device binds 134 MB",
  );
  planSizes(one, { ...angles, maxContext: 2 ** 18 });
  const tuned = subgroupTuning(32);
  const tuning = { ...tuned, attention: { ...tuned.attention!, splitKeys: 16, maxSplits: 2 ** 14 } };
  const parts = { ...request, maxContext: 200_000, tuning };
  expect(() => planSizes(one, parts)).toThrow("it takes a buffer of 205 MB");
  planSizes(one, { ...parts, maxContext: 2 ** 17 });
});

Deno.test("planSizes() says how long a context the cache can hold when it cannot hold the one asked for", () => {
  const tuning = portableTuning(true);
  const request = {
    precision: "f32",
    maxContext: 32_768,
    maxSequences: 1,
    maxBindableBytes: LEAST,
    tuning,
  } as const;
  expect(() => planSizes(config, request)).toThrow(
    "Cannot serve a context of 32768 tokens: the KV cache holds 16384",
  );
});

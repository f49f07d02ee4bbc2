/** What a step costs and what a model takes, from shapes alone: the budget of a 7B model, and the truth of the count. */
import { expect } from "@std/expect";
import { CapacityError } from "../../src/errors.ts";
import { parseModelConfig } from "../../src/formats/config.ts";
import type { WeightFormat } from "../../src/kernels/linear.ts";
import { type DeviceTuning, joinsParts, portableTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { promptDispatches } from "../../src/model/attention_parts.ts";
import { decodeCost, uniformFormats, weightBytes } from "../../src/model/cost.ts";
import { loadModel } from "../../src/model/load.ts";
import { fitModel } from "../../src/model/memory.ts";
import type { BlockId, ModelRunner, Slot, StepCost } from "../../src/model/runner.ts";
import { planSizes } from "../../src/model/sizes.ts";
import { gpuTest } from "../gpu/device.ts";
import { MISTRAL_7B_SHAPE, TINY_CONFIG, writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";
import { GREEDY, LOAD } from "./harness.ts";

/** For subgroups of 32. */
function tunedTo(joins: boolean): DeviceTuning {
  const { attention, ...tuning } = subgroupTuning(32);
  return { ...tuning, attention: { ...attention!, joins } };
}

const config = parseModelConfig({ ...TINY_CONFIG, ...MISTRAL_7B_SHAPE }, "config.json");
const formats = uniformFormats(config, { embedding: "bf16", weights: "fp8" });
const tuning = tunedTo(true);
const maxBindableBytes = 2 ** 31 - 4;
const request = { precision: "f16", maxContext: 8192, maxSequences: 8, maxBindableBytes, tuning } as const;
const shape = { config, formats, maxBindableBytes };

Deno.test("decodeCost() of Mistral 7B in FP8: at most 170 dispatches and 7.2 GB read a step", () => {
  const sizes = planSizes(config, request);
  const short = decodeCost({ ...shape, sizes, tuning }, { rows: 1, context: 100 });
  // Embedding, layers, head, and two to sample.
  expect(short.dispatches).toBe(1 + 32 * 5 + 1 + 2);
  expect(short.dispatches).toBeLessThanOrEqual(170);
  const { hiddenSize: h, intermediateSize: inner, layers } = config;
  const weights = layers * (h * (h + 2048) + h * h + 3 * h * inner) + 32_000 * h;
  expect(short.weightBytes).toBeGreaterThan(weights);
  expect(short.weightBytes + short.cacheBytes).toBeLessThan(7.2e9);
  expect(short.cacheBytes).toBe(100 * 131_072);
  // Keys and values in several parts take no dispatch more, weights are read once for all rows.
  const long = decodeCost({ ...shape, sizes, tuning }, { rows: 8, context: 1000 });
  expect(long.dispatches).toBe(164);
  expect(long.cacheBytes).toBe(8 * 1000 * 131_072);
  expect(long.weightBytes - short.weightBytes).toBe(7 * h * 2);
  // Where the last workgroup may not join them, a second dispatch a layer does, from the second part on.
  const apart = [128, 129, 1000].map((context) =>
    decodeCost({ ...shape, sizes, tuning: tunedTo(false) }, { rows: 8, context }).dispatches
  );
  expect(apart).toEqual([164, 196, 196]);
});

Deno.test("promptDispatches() of Mistral 7B: one a layer for short prompts, as many turns as parts have room for", () => {
  const dispatches = (maxContext: number) => {
    const sizes = planSizes(config, { ...request, maxContext, cacheBytes: 2 ** 40 });
    return promptDispatches(config, sizes, tuning.attention!);
  };
  // 512 rows of 1, 2, 8, 16 and 16 parts, where 2,048 have room.
  expect([512, 513, 4096, 8192, 32_768].map(dispatches)).toEqual([1, 2, 4, 8, 8]);
});

Deno.test("decodeCost() counts the norms of several rows in pairs of f16, and not of a head that has none", () => {
  const dispatches = (head: WeightFormat | null, rows = 2) => {
    const formats = { ...uniformFormats(config, { embedding: "bf16", weights: "fp8" }), head };
    const sizes = planSizes(config, { ...request, formats });
    expect(sizes.halves).toBe(true);
    return decodeCost({ ...shape, formats, sizes, tuning }, { rows, context: 100 }).dispatches;
  };
  // The budget of a step for one sequence: no norm has a dispatch of its own.
  expect(dispatches("fp8", 1)).toBe(1 + 32 * 5 + 1 + 2);
  expect(dispatches("fp8", 1)).toBeLessThanOrEqual(170);
  expect(dispatches("fp8")).toBe(1 + 32 * 7 + 2 + 2);
  expect(dispatches("bf16")).toBe(1 + 32 * 7 + 1 + 2);
  expect(dispatches(null)).toBe(1 + 32 * 7 + 1 + 2);
});

Deno.test("planSizes() has inputs in half order only where every matrix of every layer is FP8, and activations f16", () => {
  const halves = (change: Partial<Parameters<typeof planSizes>[1]>) =>
    planSizes(config, { ...request, formats, ...change }).halves;
  expect(halves({})).toBe(true);
  expect(halves({ precision: "f32" })).toBe(false);
  expect(halves({ tuning: portableTuning(false) })).toBe(false);
  expect(halves({ formats: undefined })).toBe(false);
  const [first, ...others] = formats.layers;
  expect(halves({ formats: { ...formats, layers: [{ ...first!, down: "bf16" }, ...others] } })).toBe(false);
});

Deno.test("a KV cache in FP8 takes 132 bytes a head instead of 256, and a dispatch a layer", () => {
  const sizes = planSizes(config, { ...request, kvCacheDtype: "fp8" });
  const cost = decodeCost({ ...shape, sizes, tuning }, { rows: 1, context: 100 });
  expect(cost.dispatches).toBe(1 + 32 * 6 + 1 + 2);
  expect(cost.cacheBytes).toBe(100 * 32 * 2 * 8 * 132);
  // The same budget holds 1.94 times as many tokens.
  const full = planSizes(config, { ...request, cacheBytes: 2 ** 30 });
  const fp8 = planSizes(config, { ...request, kvCacheDtype: "fp8", cacheBytes: 2 ** 30 });
  expect(fp8.limits.blockCount / full.limits.blockCount).toBeCloseTo(256 / 132, 2);
  const { memory } = fitModel(config, { ...request, kvCacheDtype: "fp8", formats });
  expect(memory.kvCacheBytes).toBe(Math.floor(4 * 2 ** 30 / (16 * 67_584)) * 16 * 67_584);
});

Deno.test("decodeCost() counts every slice of a device that binds little", () => {
  const small = { ...shape, maxBindableBytes: 128 * 2 ** 20, tuning };
  const sizes = planSizes(config, { ...request, maxBindableBytes: small.maxBindableBytes });
  // The embedding in bf16 is 262 MB; every other matrix fits.
  expect(decodeCost({ ...small, sizes }, { rows: 1, context: 1 }).dispatches).toBe(2 + 32 * 5 + 1 + 2);
});

Deno.test("weightBytes() of Mistral 7B", () => {
  // FP8, the embedding in bf16, eight bytes a row for scales and biases, and the gains.
  expect(weightBytes(shape)).toBe(
    7_110_393_856 + 262_144_000 + (32 * (6144 + 4096 + 28_672 + 4096) + 64_000) * 8 + 65 * 16_384,
  );
});

Deno.test("fitModel() shrinks the KV cache to the budget, and refuses with figures what still does not fit", () => {
  const free = fitModel(config, { ...request, formats });
  expect(free.memory.kvCacheBytes).toBe(4 * 2 ** 30);
  const { weightBytes, workBytes, totalBytes } = free.memory;
  expect(totalBytes).toBe(weightBytes + workBytes + 4 * 2 ** 30);
  expect(fitModel(config, { ...request, formats, memoryBytes: totalBytes }).sizes).toEqual(free.sizes);

  const memoryBytes = weightBytes + workBytes + 1.5 * 2 ** 30;
  const tight = fitModel(config, { ...request, formats, memoryBytes });
  expect(tight.memory.totalBytes).toBeLessThanOrEqual(memoryBytes);
  expect(memoryBytes - tight.memory.totalBytes).toBeLessThan(16 * 131_072);
  expect(tight.sizes.limits).toEqual({ ...free.sizes.limits, blockCount: 1.5 * 2 ** 30 / (16 * 131_072) });

  const least = weightBytes + workBytes + 2 ** 30;
  expect(fitModel(config, { ...request, formats, memoryBytes: least }).memory.totalBytes).toBe(least);
  const refuse = () => fitModel(config, { ...request, formats, memoryBytes: least - 1 });
  expect(refuse).toThrow(CapacityError);
  const [whole, left] = [least, least - 1].map((bytes) => `${(bytes / 1e9).toFixed(9)} GB`);
  expect(refuse).toThrow(
    `it takes 7.4 GB of weights, ${
      (workBytes / 1e6).toFixed(1)
    } MB of activations and at least 1.1 GB of KV cache ` +
      `for a context of 8192 tokens, together ${whole}; ${left} are left`,
  );
  const told = {
    weightBytes,
    workBytes,
    kvCacheBytes: 2 ** 30,
    totalBytes,
    found: least - 1,
    expected: least,
    lacksMemory: true,
  };
  expect(refuse).toThrow(expect.objectContaining({ details: told }));
});

Deno.test("fitModel() has a KV cache for one sequence of the whole context, however long, where there is room", () => {
  const long = { ...config, maxPositionEmbeddings: 131_072 };
  const asked = { ...request, maxContext: 131_072, formats };
  const { sizes, memory } = fitModel(long, { ...asked, memoryBytes: 75e9 });
  expect(memory.kvCacheBytes).toBe(131_072 * 131_072);
  expect(sizes.limits).toMatchObject({ maxContext: 131_072, blockCount: 131_072 / 16 });
  expect(fitModel(long, asked).sizes).toEqual(sizes);
  expect(() => fitModel(long, { ...asked, memoryBytes: 20e9 })).toThrow(
    "at least 17.2 GB of KV cache for a context of 131072 tokens, together 24.7 GB; 20.0 GB are left",
  );
});

/** How a model is run: anywhere, with subgroups, or with those and products in pairs of f16. */
type Way = "portable" | "subgroups" | "pairs of f16";

interface Shape {
  readonly config: Readonly<Record<string, unknown>>;
  /** By quantization. Loading warms up, and each way has kernels of its own, so none goes through what another shows. */
  readonly ways: { readonly none: readonly Way[]; readonly fp8: readonly Way[] };
}

const SHAPES: Readonly<Record<string, Shape>> = {
  "small sizes": {
    config: {},
    ways: { none: ["portable", "subgroups"], fp8: ["portable", "subgroups"] },
  },
  "heads that subgroups share": {
    config: { head_dim: 64 },
    ways: { none: ["subgroups"], fp8: ["subgroups", "pairs of f16"] },
  },
  "tied embeddings": {
    config: { tie_word_embeddings: true },
    ways: { none: ["portable", "subgroups"], fp8: ["portable"] },
  },
  "heads that are normed": {
    config: { architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 64 },
    ways: { none: ["portable"], fp8: ["pairs of f16"] },
  },
  "a vocabulary and widths of some size": {
    config: {
      vocab_size: 4000,
      hidden_size: 260,
      intermediate_size: 700,
      head_dim: 32,
      num_attention_heads: 8,
    },
    ways: { none: ["portable", "subgroups"], fp8: ["pairs of f16"] },
  },
};

for (const [name, { config: own, ways }] of Object.entries(SHAPES)) {
  for (const quantization of ["none", "fp8"] as const) {
    gpuTest(
      `memory and dispatches come out as worked out: ${name}, weights and cache ${quantization}`,
      async (device) => {
        await using dir = await tempDir();
        await writeCheckpoint(dir.path, { config: { max_position_embeddings: 600, ...own } });
        let made = 0;
        const createBuffer = device.handle.createBuffer.bind(device.handle);
        device.handle.createBuffer = (descriptor) => {
          made += descriptor.size;
          return createBuffer(descriptor);
        };
        const kvCacheDtype = quantization === "fp8" ? "fp8" : "auto";
        const { attention, ...others } = subgroupTuning(device.info.subgroupSize!);
        const subgroups = { ...others, attention: { ...attention!, joins: joinsParts(device.info) } };
        for (const way of ways[quantization]) {
          if (way === "pairs of f16" && !device.has("shader-f16")) continue;
          const tuning = way === "portable" ? portableTuning(true) : subgroups;
          const precision = way === "pairs of f16" ? "f16" : "f32";
          made = 0;
          const options = { ...LOAD, quantization, precision, kvCacheDtype, tuning } as const;
          using runner = await loadModel(device, dir.path, options);
          expect(runner.kvCacheFormat).toBe(quantization === "fp8" ? "fp8" : precision);
          const { totalBytes, weightBytes, kvCacheBytes } = runner.memory;
          // What the sampler takes is allowed for, not counted.
          expect(totalBytes - made).toBeLessThan(LOAD.maxSequences * 16 * 1024 + 4096);
          expect(totalBytes).toBeGreaterThan(weightBytes + kvCacheBytes);

          const { maxBindableBytes } = device;
          const config = parseModelConfig(
            JSON.parse(await Deno.readTextFile(`${dir.path}/config.json`)),
            "config.json",
          );
          const weights = quantization === "fp8" ? "fp8" : "bf16";
          const formats = uniformFormats(config, { embedding: "bf16", weights });
          const request = { ...LOAD, precision, kvCacheDtype, maxBindableBytes, tuning, formats } as const;
          const sizes = planSizes(config, request);
          expect(sizes.halves).toBe(quantization === "fp8" && precision === "f16");
          for (const context of [1, 64, 65, 600]) {
            const [step] = await costOf(runner, context);
            const cost = decodeCost(
              { config, formats, maxBindableBytes, sizes, tuning },
              { rows: 1, context },
            );
            expect(step!.dispatches).toBe(cost.dispatches);
            expect(step!.readBytes).toBe(cost.weightBytes + cost.cacheBytes);
          }
        }
      },
    );
  }
}

async function costOf(runner: ModelRunner, context: number): Promise<readonly StepCost[]> {
  const slot = 0 as Slot;
  runner.initSlot(slot, GREEDY);
  const blockTable = Array.from(
    { length: Math.ceil(context / runner.limits.blockSize) },
    (_, i) => i as BlockId,
  );
  const step = runner.prepare([{ prompts: [], decodes: [{ slot, position: context - 1, blockTable }] }]);
  await step.submit().collect();
  return step.costs;
}

gpuTest("loadModel() refuses what does not fit the budget before it creates a buffer", async (device) => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.path);
  const createBuffer = device.handle.createBuffer;
  device.handle.createBuffer = () => {
    throw new Error("No buffer may be made");
  };
  await expect(loadModel(device, dir.path, { ...LOAD, memoryBytes: 50_000 })).rejects.toBeInstanceOf(
    CapacityError,
  );
  device.handle.createBuffer = createBuffer;
});

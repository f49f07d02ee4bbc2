/** What is chosen for a device runs on it: nobody else checks the workgroup's memory, and a grid fails late. */
import { expect } from "@std/expect";
import { flashBundle, flashBytes } from "../../src/kernels/attention_flash.ts";
import { COHERENT } from "../../src/gpu/device.ts";
import { formKey, neighbours } from "../../src/kernels/forms.ts";
import { linearGrid, type LinearTuning, withDefaults } from "../../src/kernels/linear.ts";
import { shaderText } from "../../src/gpu/shader.ts";
import { sampleBytes, sampleListCapacity } from "../../src/kernels/sample.ts";
import { Sampler } from "../../src/model/sampler.ts";
import { gpuTest } from "../gpu/device.ts";
import {
  addingIn,
  chooseTuning,
  HALF_TILES,
  portableTuning,
  promptVariantFor,
  subgroupTuning,
  variantFor,
} from "../../src/kernels/tuning.ts";

const device = (subgroupSize: number, invocations: number, memory: number) => ({
  software: false,
  subgroupSize,
  backend: "vulkan",
  features: [] as string[],
  limits: { maxComputeInvocationsPerWorkgroup: invocations, maxComputeWorkgroupStorageSize: memory },
});

/**
 * Of core_tile's two arrays: 32 inputs of every weight row and every token, in f32. Of core_tile_f16's: STEP inputs in f16,
 * apart by 32 bytes at least; and, of several lanes, a pair of sums of every output and lane.
 */
const tileBytes = (
  { core, WORKGROUP, LANES = 1, PAIRS = 1, TEAMS = 1, TOKENS = 1, STEP = 32 }: LinearTuning,
) => {
  if (core === "core_tile") return 32 * (32 * PAIRS + TEAMS * TOKENS) * 4;
  const [rows, tokens] = [WORKGROUP / (TEAMS * LANES) * 2 * PAIRS, TEAMS * TOKENS];
  const apart = STEP / 16 * Math.max(1, 8 * 16 / STEP) * 2 * 16;
  return STEP * (rows + tokens) * 2 + apart + (LANES === 1 ? 0 : LANES * rows * tokens * 4);
};

for (const size of [8, 16, 32, 64]) {
  for (
    const [invocations, memory] of [[128, 16_384], [256, 16_384], [512, 32_768], [1024, 49_152]] as const
  ) {
    Deno.test(`chooseTuning() keeps subgroups of ${size} within ${invocations} invocations, ${memory} bytes`, () => {
      const { matrices, halves, attention } = chooseTuning(device(size, invocations, memory));
      for (const { decode, prompt } of [...Object.values(matrices), ...Object.values(halves ?? {})]) {
        expect(decode.length).toBeGreaterThan(0);
        for (const { WORKGROUP, LANES = 1 } of [...decode, ...prompt]) {
          expect(WORKGROUP).toBeLessThanOrEqual(invocations);
          expect(WORKGROUP % LANES).toBe(0);
        }
        for (const tuning of prompt) expect(tileBytes(tuning)).toBeLessThanOrEqual(memory);
      }
      expect(attention?.WORKGROUP ?? 0).toBeLessThanOrEqual(invocations);
    });
  }
}

Deno.test("chooseTuning() leaves nothing out on a device that runs everything", () => {
  expect(chooseTuning(device(32, 1024, 49_152))).toEqual(subgroupTuning(32));
});

Deno.test("addingIn() leaves products in pairs of f16 to those who ask for them", () => {
  const tuning = chooseTuning(device(32, 1024, 49_152));
  expect(tuning.halves).toBeDefined();
  expect(addingIn("f16", tuning)).toEqual(tuning);
  const { halves: _, ...f32 } = tuning;
  expect(addingIn("f32", tuning)).toEqual(f32);
  const portable = portableTuning(true);
  for (const accumulation of ["f32", "f16"] as const) {
    expect(addingIn(accumulation, portable)).toEqual(portable);
  }
});

Deno.test("chooseTuning() lets workgroups join their parts on Vulkan, with coherent storage, only", () => {
  const plain = device(32, 1024, 49_152);
  const joins = (changed: Partial<typeof plain>) => chooseTuning({ ...plain, ...changed }).attention?.joins;
  expect(joins({ features: [COHERENT] })).toBe(true);
  expect(joins({})).toBe(false);
  for (const backend of ["metal", "dx12"]) expect(joins({ features: [COHERENT], backend })).toBe(false);
});

Deno.test("chooseTuning() splits sums alike in all variants of a family, however narrow they are", () => {
  const { matrices, halves } = chooseTuning(device(64, 256, 16_384));
  // Either core for pairs of f16 makes the same sums where a product is one subgroup's.
  for (const { decode } of Object.values(halves!)) {
    for (const { LANES, SPLIT = 1 } of decode) expect([LANES, SPLIT]).toEqual([64, 1]);
  }
  for (const { decode } of Object.values(matrices)) {
    expect(new Set(decode.map(({ core, LANES, SPLIT }) => `${core} ${LANES} ${SPLIT}`)).size).toBe(1);
  }
});

Deno.test("chooseTuning() leaves out the tiles that a device has no room or no invocations for", () => {
  const tiles = (invocations: number, memory: number) =>
    chooseTuning(device(32, invocations, memory)).halves!.down.prompt.map((tile) => HALF_TILES.indexOf(tile));
  expect(tiles(1024, 49_152)).toEqual([0, 1, 2, 3, 4]);
  expect(tiles(256, 49_152)).toEqual([0, 1, 2, 3]);
  expect(tiles(1024, 32_768)).toEqual([0, 3]);
  expect(tiles(1024, 16_384)).toEqual([]);
});

Deno.test("flashBundle() takes as many heads as workgroup memory has room for", () => {
  const shape = { queryHeads: 32, kvHeads: 8 };
  expect(flashBundle({ ...shape, headDim: 128 }, 32_768)).toBe(4);
  expect(flashBundle({ ...shape, headDim: 256 }, 49_152)).toBe(4);
  expect(flashBundle({ ...shape, headDim: 256 }, 32_768)).toBe(2);
  expect(flashBundle({ ...shape, headDim: 128 }, 16_384)).toBe(2);
  expect(flashBundle({ ...shape, headDim: 256 }, 16_384)).toBe(1);
  for (let headDim = 32; headDim <= 256; headDim += 32) {
    for (const memory of [16_384, 32_768]) {
      expect(flashBytes(flashBundle({ ...shape, headDim }, memory), headDim)).toBeLessThanOrEqual(memory);
    }
  }
});

Deno.test("sampleListCapacity() fits the workgroup memory that WebGPU guarantees, and takes more where there is more", () => {
  expect([16_384, 26_639, 26_640, 49_152].map(sampleListCapacity)).toEqual([128, 128, 512, 512]);
  expect(sampleBytes(128)).toBeLessThanOrEqual(16_384);
  // As the shader declares it: arrays by the workgroup, arrays by the list, two counters and what was drawn.
  const text = ["sample", "lib/sample_list", "lib/sample_bound", "lib/sample_search"].map(shaderText).join(
    "\n",
  );
  const sizes: Record<string, number> = { u32: 4, f32: 4, "vec2<u32>": 8, "vec4<f32>": 16, "atomic<u32>": 4 };
  const sum = [...text.matchAll(/^var<workgroup> \w+: (?:array<([\w<>]+), ([^>]+)>|([\w<>]+));/gm)].reduce(
    (bytes, [, element, count, alone]) => {
      if (alone !== undefined) return bytes + sizes[alone]!;
      const counts: Record<string, number> = {
        workgroupSize: 256,
        "workgroupSize * 2u": 512,
        listCapacity: 128,
      };
      return bytes + sizes[element!]! * counts[count!]!;
    },
    0,
  );
  expect(sampleBytes(128)).toBe(sum);
});

gpuTest("Sampler takes the short list on a device with little workgroup memory", async (device) => {
  const { limits } = device;
  const lists: number[] = [];
  const compile = device.compile.bind(device);
  device.compile = (kernel, variant) => {
    if (kernel.name === "sample") lists.push((variant?.overrides as Record<string, number>)["listCapacity"]!);
    return compile(kernel, variant);
  };
  for (const maxComputeWorkgroupStorageSize of [16_384, 32_768]) {
    const value = {
      maxBufferSize: limits.maxBufferSize,
      maxComputeWorkgroupStorageSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    };
    Object.defineProperty(device, "limits", { value, configurable: true });
    using logits = device.createBuffer({ label: "logits", bytes: 256 });
    using tokens = device.createBuffer({ label: "tokens", bytes: 4 });
    using _sampler = await Sampler.create(device, {
      logits,
      tokens,
      maxSequences: 1,
      maxSamples: 1,
      vocabSize: 64,
    });
  }
  expect(lists).toEqual([128, 512]);
});

Deno.test("variantFor() makes no more than 65,535 workgroups of the largest slice, whatever the rows", () => {
  for (const size of [8, 16, 32, 64]) {
    const { decode } = subgroupTuning(size).matrices.head;
    // Vocabularies of Mistral Nemo, of Gemma, and the largest slice of a matrix.
    for (const pairs of [65_536, 131_072, 4 * 65_535]) {
      for (let rows = 1; rows <= 64; rows++) {
        const variant = decode[variantFor(decode, { rows, pairs })]!;
        const [x, y] = linearGrid({ rows, pairs }, withDefaults(variant));
        expect({ size, pairs, rows, fits: x <= 65_535 && y <= 65_535 })
          .toEqual({ size, pairs, rows, fits: true });
      }
    }
  }
});

Deno.test("variantFor() takes the rows at once where the grid allows it", () => {
  const { decode } = subgroupTuning(32).matrices.head;
  const tokens = (rows: number) => decode[variantFor(decode, { rows, pairs: 16_384 })]!.TOKENS;
  expect([1, 2, 3, 8, 9].map(tokens)).toEqual([1, 2, 4, 8, 8]);
});

Deno.test("forms keep to the grid and the memory that a device has, however far from the table", () => {
  const [pairs, memoryBytes] = [65_536, 16_384]; // Mistral Nemo's vocabulary; what WebGPU guarantees
  const limits = { maxInvocations: 1024, memoryBytes, pairs };
  const tunings = [portableTuning(false), ...[8, 16, 32, 64].map(subgroupTuning)];
  let found = 0;
  for (const { matrices, halves } of tunings) {
    for (const base of [...matrices.head.decode, ...halves?.head.decode ?? []]) {
      const forms = new Map([[formKey(base), base]]);
      for (const form of forms.values()) {
        if (forms.size < 300) { for (const one of neighbours(form, limits)) forms.set(formKey(one), one); }
        if (form === base) continue;
        const [x] = linearGrid({ rows: 1, pairs }, withDefaults(form));
        const { WORKGROUP, LANES, SPLIT, TOKENS, PAIRS } = withDefaults(form);
        const sums = form.core === "core_subgroup" ? 2 * PAIRS + 1 : 2 * PAIRS;
        const bytes = form.core === "core_lanes" ? 48 * WORKGROUP : SPLIT > 1 ? 32 * TOKENS * sums * 4 : 0;
        expect({ form, fits: x <= 65_535 && (LANES === 1 || bytes <= memoryBytes) }).toEqual({
          form,
          fits: true,
        });
        found++;
      }
    }
  }
  expect(found).toBeGreaterThan(500);
});

Deno.test("promptVariantFor() takes what was measured for about as many rows, as far as it can be dispatched", () => {
  const { prompt } = subgroupTuning(32).matrices.gateUp;
  const shape = (rows: number, pairs = 14_336) => ({ rows, pairs });
  const tiles = [{ rows: 16, tile: 3 }, { rows: 64, tile: 0 }, { rows: 512, tile: 9 }];
  const matrix = { decode: [], prompt, tiles };
  expect([1, 16, 33, 64].map((rows) => promptVariantFor(matrix, shape(rows)))).toEqual([3, 3, 0, 0]);
  // Too few to be told from 64 of them, more than any that were measured, a tile that is not there, and a grid that is none.
  for (const rows of [17, 32, 65, 256, 512, 513]) {
    expect(promptVariantFor(matrix, shape(rows))).toBe(variantFor(prompt, shape(rows)));
  }
  const small = { ...matrix, tiles: tiles.slice(0, 1) };
  expect(promptVariantFor(small, shape(512))).toBe(variantFor(prompt, shape(512)));
  const wide = shape(64, 2 ** 23);
  expect(promptVariantFor(matrix, wide)).toBe(variantFor(prompt, wide));
  expect(promptVariantFor({ decode: [], prompt }, shape(16))).toBe(variantFor(prompt, shape(16)));
});

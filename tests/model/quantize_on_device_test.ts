/** Quantizing on the device: the bytes that the host would have left there, whatever the checkpoint; bounded; clean ends. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { CapacityError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { loadModel } from "../../src/model/load.ts";
import { RowQuantizer } from "../../src/model/row_quantizer.ts";
import { type CacheJob, writeCacheEntry } from "../../src/model/weight_cache.ts";
import { gpuTest } from "../gpu/device.ts";
import { TINY_CONFIG, writeCheckpoint } from "../support/checkpoint_generator.ts";
import { runs } from "../support/properties.ts";
import { tempDir } from "../support/temp.ts";
import { demoParent, fixture, generate, LOAD, uploadWeights, weightHashes } from "./harness.ts";

interface Way {
  readonly quantizeOn: "device" | "host";
  readonly threads?: number;
  readonly maxBindableBytes?: number;
}

async function hashesOf(device: GpuDevice, dir: string, way: Way): Promise<string[]> {
  using checkpoint = await openCheckpoint(dir);
  using owned = new DisposableStack();
  const weights = await uploadWeights(device, checkpoint, { owned, quantization: "fp8", ...way });
  return await weightHashes(device, weights);
}

/** How often the kernel runs while `work` does; none means the host did it after all. */
async function countDispatches<T>(device: GpuDevice, work: () => Promise<T>): Promise<[T, number]> {
  let dispatches = 0;
  const compile = device.compile;
  device.compile = async function (declaration, variant) {
    const compiled = await compile.call(device, declaration, variant);
    if (declaration.name !== "quantize_rows") return compiled as never;
    const bind = compiled.bind.bind(compiled);
    compiled.bind = (buffers) => {
      const bound = bind(buffers);
      return { ...bound, grid: (params) => (dispatches++, bound.grid(params)) };
    };
    return compiled as never;
  };
  const result = await work();
  device.compile = compile;
  return [result, dispatches];
}

const CHECKPOINTS: Readonly<Record<string, Parameters<typeof writeCheckpoint>[1]>> = {
  bfloat16: {},
  "binary16, odd sizes": {
    dtype: "F16",
    config: {
      hidden_size: 21,
      intermediate_size: 37,
      num_attention_heads: 5,
      num_key_value_heads: 1,
      head_dim: 12,
      vocab_size: 33,
    },
  },
  "float32 with biases": { dtype: "F32", config: { attention_bias: true, mlp_bias: true } },
  "tied embeddings": { config: { tie_word_embeddings: true } },
  "dtypes that differ within a matrix": { dtypeOf: (name) => name.includes("k_proj") ? "F32" : "BF16" },
};

for (const [name, options] of Object.entries(CHECKPOINTS)) {
  gpuTest(`the device quantizes to the bytes of the host: ${name}`, async (device) => {
    await using dir = await tempDir();
    await writeCheckpoint(dir.path, options);
    const expected = await hashesOf(device, dir.path, { quantizeOn: "host" });
    const load = () => hashesOf(device, dir.path, { quantizeOn: "device" });
    const [found, dispatches] = await countDispatches(device, load);
    expect(found).toEqual(expected);
    // Four matrices in each of two layers, and the head; of mixed dtypes the host keeps qkv.
    expect(dispatches).toBe(name.startsWith("dtypes") ? 7 : 9);
    expect(await hashesOf(device, dir.path, { quantizeOn: "device", threads: 2 })).toEqual(expected);
  });
}

gpuTest("the device quantizes slices and small uploads to the bytes of the host", async (device) => {
  await using dir = await tempDir();
  const config = { hidden_size: 200, intermediate_size: 301, vocab_size: 101, head_dim: 20 };
  await writeCheckpoint(dir.path, { config: { ...config, num_hidden_layers: 1, mlp_bias: true } });
  // Slices begin inside heads, and an upload takes a few rows; of the second size the host takes qkv, whose heads must
  // be read as a whole.
  for (const [maxBindableBytes, atLeast] of [[20_000, 15], [7_000, 40]] as const) {
    const expected = await hashesOf(device, dir.path, { quantizeOn: "host", maxBindableBytes });
    const load = () => hashesOf(device, dir.path, { quantizeOn: "device", threads: 1, maxBindableBytes });
    const [found, dispatches] = await countDispatches(device, load);
    expect(found).toEqual(expected);
    expect(dispatches).toBeGreaterThan(atLeast);
  }
});

gpuTest("the device quantizes any shape to the bytes of the host", async (device) => {
  const shape = fc.record({
    hidden_size: fc.integer({ min: 1, max: 70 }),
    intermediate_size: fc.integer({ min: 1, max: 70 }),
    vocab_size: fc.integer({ min: 1, max: 70 }),
    head_dim: fc.constantFrom(4, 12),
    num_key_value_heads: fc.integer({ min: 1, max: 3 }),
    attention_bias: fc.boolean(),
  });
  const dtype = fc.constantFrom("BF16" as const, "F16" as const, "F32" as const);
  await fc.assert(
    fc.asyncProperty(shape, dtype, fc.integer(), async (shape, dtype, seed) => {
      await using dir = await tempDir();
      const config = { ...shape, num_attention_heads: shape.num_key_value_heads * 2, num_hidden_layers: 1 };
      await writeCheckpoint(dir.path, { config, dtype, seed });
      const expected = await hashesOf(device, dir.path, { quantizeOn: "host" });
      expect(await hashesOf(device, dir.path, { quantizeOn: "device" })).toEqual(expected);
    }),
    { numRuns: runs(8) },
  );
});

gpuTest("weights that are no numbers, subnormal, zero or the largest there are", async (device) => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.path, { dtype: "F32" });
  const columns = TINY_CONFIG.hidden_size;
  const rows = [[NaN, 1], [Infinity, 2], [-0, 0], [2 ** -149, 3 * 2 ** -149], [3.4e38, -3.4e38], [-0, NaN]];
  {
    using checkpoint = await openCheckpoint(dir.path);
    for (const name of ["lm_head.weight", "model.layers.1.mlp.up_proj.weight"]) {
      const { file, offset } = checkpoint.tensor(name);
      using handle = await Deno.open(`${dir.path}/${file}`, { write: true });
      await handle.seek(offset + 3 * columns * 4, Deno.SeekMode.Start);
      const values = rows.map((row) => Array.from({ length: columns }, (_, i) => row[i % 2]!));
      await handle.write(new Uint8Array(Float32Array.from(values.flat()).buffer));
    }
  }
  const expected = await hashesOf(device, dir.path, { quantizeOn: "host" });
  expect(await hashesOf(device, dir.path, { quantizeOn: "device" })).toEqual(expected);
});

gpuTest("the demo model answers alike wherever it was quantized, and from the cache", async (device) => {
  const model = demoParent("helper");
  const expected = await hashesOf(device, model, { quantizeOn: "host" });
  expect(await hashesOf(device, model, { quantizeOn: "device", threads: 2 })).toEqual(expected);
  await using dir = await tempDir();
  const jobs: CacheJob[] = [];
  const cache = {
    dir: dir.path,
    manifestSha256: "a".repeat(64),
    maxBytes: 1e9,
    write: (job: CacheJob) => jobs.push(job),
    log: (line: string) => expect(line).toBe(""),
  };
  const init = { prompt: [1, 300, 20, 7], count: 12, slot: 0, firstBlock: 0 };
  const answers: unknown[] = [];
  for (const quantizeOn of ["host", "device", "cache"] as const) {
    const how = quantizeOn === "cache"
      ? { cache }
      : quantizeOn === "device"
      ? { quantizeOn, cache }
      : { quantizeOn };
    using runner = await loadModel(device, model, { ...LOAD, quantization: "fp8", ...how });
    answers.push(await generate(runner, [init]));
    if (quantizeOn === "device") await writeCacheEntry(jobs.pop()!);
  }
  expect(jobs).toEqual([]);
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
});

gpuTest("RowQuantizer takes whole runs of rows that fit an upload and a dispatch", async (device) => {
  using quantizer = await RowQuantizer.create(device, { maxBindableBytes: 64 * 1024 });
  const tensor = (dtype: "BF16" | "F32" | "F8_E4M3") => ({ name: "t", dtype, path: "", offset: 0 });
  const plain = { kind: "plain", rows: 1000 } as const;
  const heads = { kind: "heads", queryHeads: 4, kvHeads: 2, headDim: 16 } as const;
  const take = (
    tensors: Parameters<typeof quantizer.pairsAtATime>[0]["tensors"],
    inputs: number,
    layout = plain,
  ) => quantizer.pairsAtATime({ tensors, inputs, layout });
  expect(take([tensor("BF16")], 100)).toBe(163); // of 400 bytes
  expect(take([tensor("F32")], 9000)).toBe(null); // two rows are 72,000
  expect(take([tensor("F8_E4M3")], 100)).toBe(null);
  expect(take([tensor("BF16"), tensor("F32")], 100)).toBe(null);
  const three = [tensor("BF16"), tensor("BF16"), tensor("BF16")];
  expect(quantizer.pairsAtATime({ tensors: three, inputs: 100, layout: heads })).toBe(160); // in whole heads
  expect(quantizer.pairsAtATime({ tensors: three, inputs: 2048, layout: heads })).toBe(null);
  expect(take([tensor("BF16")], 1)).toBe(16_383);
  using large = await RowQuantizer.create(device, device);
  // One workgroup a row, at most 65,535.
  expect(large.pairsAtATime({ tensors: [tensor("BF16")], inputs: 1, layout: plain })).toBe(32_767);
});

gpuTest(
  "loadModel() aborts, fails and runs out of memory with nothing left on the device",
  async (device) => {
    const options = { ...LOAD, quantization: "fp8", quantizeOn: "device" } as const;
    const before = liveBufferCount();
    const controller = new AbortController();
    const reason = new Error("enough");
    const onProgress = ({ loadedBytes }: { loadedBytes: number }) => {
      if (loadedBytes > 0) controller.abort(reason);
    };
    const aborted = loadModel(device, fixture("gqa"), { ...options, signal: controller.signal, onProgress });
    await expect(aborted).rejects.toBe(reason);
    expect(liveBufferCount()).toBe(before);
    const { handle } = device;
    const createBuffer = handle.createBuffer.bind(handle);
    handle.createBuffer = (descriptor) =>
      createBuffer(descriptor.label === "raw rows 2" ? { ...descriptor, size: 2 ** 40 } : descriptor);
    const failure = await loadModel(device, fixture("gqa"), options).catch((error) => error);
    expect(failure).toBeInstanceOf(Error);
    if (failure instanceof CapacityError) expect(failure.message).toContain("uploads");
    expect(liveBufferCount()).toBe(before);
    handle.createBuffer = createBuffer;
    using runner = await loadModel(device, fixture("gqa"), options);
    expect(runner.memory.weightBytes).toBeGreaterThan(0);
  },
);

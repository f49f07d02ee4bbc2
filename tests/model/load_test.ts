/** Checkpoints onto the device: exact bytes, any slicing, every variation of a config, and clean failure. */
import { expect } from "@std/expect";
import { CapacityError, FormatError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { linearGrid, withDefaults } from "../../src/kernels/linear.ts";
import { portableTuning, subgroupTuning, variantFor } from "../../src/kernels/tuning.ts";
import { loadModel, type LoadOptions, type LoadProgress } from "../../src/model/load.ts";
import { gpuTest } from "../gpu/device.ts";
import { readCheckpoint, readSafetensors, toNumbers } from "../oracle/checkpoint.ts";
import { forward, loadOracle } from "../oracle/forward.ts";
import { TINY_CONFIG, writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";
import { fixture, generate, golden, LOAD, readBuffer, TestModel, uploadWeights, worst } from "./harness.ts";

const TOLERANCE = 1e-3;
const IDS = [1, 5, 31, 0, 17, 9, 9, 2, 30];
const LLAMA = { architectures: ["LlamaForCausalLM"], model_type: "llama" };

gpuTest("loadWeights() in FP8 holds exactly the golden bytes and scales", async (device) => {
  using checkpoint = await openCheckpoint(fixture("gqa"));
  using owned = new DisposableStack();
  const { layers: [layer] } = await uploadWeights(device, checkpoint, { owned, quantization: "fp8" });
  const expected = await readSafetensors(`${fixture("gqa")}/fp8-weights-layer0.safetensors`);
  const headDim = 8;
  const heads = (rows: number) => (row: number) => {
    // Row of the projection → packed row: halves of a head in turn.
    const element = row % headDim;
    const half = headDim / 2;
    return rows + row - element + (element % half) * 2 + (element < half ? 0 : 1);
  };
  const places: Record<string, ["qkv" | "output" | "gateUp" | "down", (row: number) => number]> = {
    "self_attn.q_proj": ["qkv", heads(0)],
    "self_attn.k_proj": ["qkv", heads(64)],
    "self_attn.v_proj": ["qkv", heads(80)],
    "self_attn.o_proj": ["output", (row) => row],
    "mlp.gate_proj": ["gateUp", (row) => row * 2],
    "mlp.up_proj": ["gateUp", (row) => row * 2 + 1],
    "mlp.down_proj": ["down", (row) => row],
  };
  for (const [name, [matrix, place]] of Object.entries(places)) {
    const tensor = expected.get(`model.layers.0.${name}.weight`)!;
    const scales = toNumbers(expected.get(`model.layers.0.${name}.weight_scale`)!);
    const [rows, columns] = tensor.shape as [number, number];
    const [slice] = layer![matrix].slices;
    const codes = await readBuffer(device, slice!.weights);
    const channels = new Float32Array((await readBuffer(device, slice!.channels)).buffer);
    for (let row = 0; row < rows; row++) {
      const at = place(row) * columns; // all of them multiples of sixteen
      expect(codes.slice(at, at + columns)).toEqual(
        tensor.bytes.slice(row * columns, (row + 1) * columns),
      );
      expect(channels[place(row) * 2]).toBe(scales[row]! * 256);
    }
  }
});

for (const quantization of ["none", "fp8"] as const) {
  gpuTest(`slices of a matrix give the same bits as the whole, weights ${quantization}`, async (device) => {
    const { input_ids } = await golden("head-dim");
    using whole = await TestModel.load(device, fixture("head-dim"), { quantization });
    // A few pairs of rows per slice; the first row of a slice often falls inside a head.
    using sliced = await TestModel.load(device, fixture("head-dim"), {
      quantization,
      maxBindableBytes: 4000,
    });
    expect(await sliced.runPrompt(input_ids)).toEqual(await whole.runPrompt(input_ids));
  });
}

const VARIATIONS: Record<string, Parameters<typeof writeCheckpoint>[1]> = {
  "f32 weights": { dtype: "F32" },
  "f16 weights": { dtype: "F16" },
  "tied embeddings": { config: { tie_word_embeddings: true } },
  "sizes off every tile": {
    config: {
      hidden_size: 20,
      intermediate_size: 37,
      num_attention_heads: 5,
      num_key_value_heads: 1,
      vocab_size: 33,
    },
  },
  "one head": { config: { num_attention_heads: 1, num_key_value_heads: 1 } },
  "explicit head_dim and a window": { config: { head_dim: 12, sliding_window: 3 } },
  "a Llama": { config: { ...LLAMA, rope_theta: 500000 } },
  "a Llama 3.1": {
    config: {
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      head_dim: 16,
      rope_theta: 500,
      rope_scaling: {
        rope_type: "llama3",
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 64,
      },
    },
  },
  "a Qwen 3": {
    config: { architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 12, rms_norm_eps: 1e-3 },
  },
  "a Qwen 2": {
    config: { architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", tie_word_embeddings: true },
  },
};

for (const [name, options] of Object.entries(VARIATIONS)) {
  for (const quantization of ["none", "fp8"] as const) {
    gpuTest(`Forward equals the oracle with ${name}, weights ${quantization}`, async (device) => {
      await using dir = await tempDir();
      await writeCheckpoint(dir.path, { seed: 7, ...options });
      using model = await TestModel.load(device, dir.path, { quantization, maxContext: 64 });
      const expected = forward(await loadOracle(dir.path, { fp8: quantization === "fp8" }), IDS);
      expect(worst(await model.runPrompt(IDS), expected.data).error).toBeLessThan(TOLERANCE);
    });
  }
}

/** Writes a checkpoint with other dtypes here and there, biases where the config asks for them, and a head of its own. */
async function writeMixed(dir: string): Promise<void> {
  await writeCheckpoint(dir, { seed: 3 });
  const tensors = await readCheckpoint(dir);
  const parts: { name: string; dtype: string; shape: readonly number[]; bytes: Uint8Array }[] = [];
  for (const [name, tensor] of tensors) {
    const wide = name.includes("k_proj") || name.includes("up_proj") || name.includes("input_layernorm");
    const bytes = wide ? new Uint8Array(Float32Array.from(toNumbers(tensor)).buffer) : tensor.bytes;
    parts.push({ name, dtype: wide ? "F32" : tensor.dtype, shape: tensor.shape, bytes });
    if (/(self_attn|mlp)\..*weight$/.test(name)) {
      const values = Float32Array.from({ length: tensor.shape[0]! }, (_, i) => Math.sin(i + name.length) / 4);
      const bias = { name: name.replace(/weight$/, "bias"), dtype: "F32", shape: [tensor.shape[0]!] };
      parts.push({ ...bias, bytes: new Uint8Array(values.buffer) });
    }
  }
  let offset = 0;
  const header = Object.fromEntries(parts.map(({ name, dtype, shape, bytes }) => {
    const start = offset;
    offset += bytes.byteLength;
    return [name, { dtype, shape, data_offsets: [start, offset] }];
  }));
  const json = new TextEncoder().encode(JSON.stringify(header));
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(json.byteLength), true);
  const file = new Blob([prefix, json, ...parts.map(({ bytes }) => bytes as Uint8Array<ArrayBuffer>)]);
  await Deno.writeFile(`${dir}/model.safetensors`, file.stream());
  const config = {
    ...{ ...TINY_CONFIG, ...LLAMA, attention_bias: true, mlp_bias: true },
    tie_word_embeddings: true, // Not so where the head is another.
  };
  await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(config));
}

for (const quantization of ["none", "fp8"] as const) {
  gpuTest(
    `Forward equals the oracle with biases, mixed dtypes and a head that is not tied, weights ${quantization}`,
    async (device) => {
      await using dir = await tempDir();
      await writeMixed(dir.path);
      using model = await TestModel.load(device, dir.path, { quantization, maxContext: 64 });
      const expected = forward(await loadOracle(dir.path, { fp8: quantization === "fp8" }), IDS);
      expect(worst(await model.runPrompt(IDS), expected.data).error).toBeLessThan(TOLERANCE);
    },
  );
}

gpuTest("a NaN weight makes its channel NaN and no other, quantized or not", async (device) => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.path, { dtype: "F32" });
  const row = 11;
  {
    using checkpoint = await openCheckpoint(dir.path);
    const { file, offset } = checkpoint.tensor("lm_head.weight");
    using handle = await Deno.open(`${dir.path}/${file}`, { write: true });
    await handle.seek(offset + (row * TINY_CONFIG.hidden_size + 5) * 4, Deno.SeekMode.Start);
    await handle.write(new Uint8Array(Float32Array.of(NaN).buffer));
  }
  for (const quantization of ["none", "fp8"] as const) {
    using model = await TestModel.load(device, dir.path, { quantization, maxContext: 64 });
    const logits = await model.runPrompt([1]);
    const notNumbers = [...logits.keys()].filter((id) => Number.isNaN(logits[id]));
    expect(notNumbers).toEqual([row]);
  }
});

gpuTest("loadModel() reports progress that never falls and ends complete", async (device) => {
  for (const quantization of ["none", "fp8"] as const) {
    const seen: LoadProgress[] = [];
    using runner = await loadModel(device, fixture("head-dim"), {
      ...LOAD,
      quantization,
      onProgress: (progress) => seen.push(progress),
    });
    expect(runner.limits.vocabSize).toBe(300);
    expect(seen[0]).toEqual({
      stage: "READING",
      loadedBytes: 0,
      totalBytes: seen[0]!.totalBytes,
      bytesPerSecond: 0,
    });
    expect(seen.at(-1)).toEqual({
      stage: "WARMING_UP",
      loadedBytes: seen[0]!.totalBytes,
      totalBytes: seen[0]!.totalBytes,
      bytesPerSecond: seen.at(-2)!.bytesPerSecond,
    });
    expect(seen.at(-1)!.bytesPerSecond).toBeGreaterThan(0);
    const working = seen.slice(1, -1).map(({ stage }) => stage);
    expect(new Set(working)).toEqual(new Set([quantization === "fp8" ? "QUANTIZING" : "UPLOADING"]));
    seen.reduce((last, { loadedBytes }) => {
      expect(loadedBytes).toBeGreaterThanOrEqual(last);
      return loadedBytes;
    }, 0);
  }
});

gpuTest("loadModel() cuts the context to the checkpoint's own", async (device) => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.path);
  using runner = await loadModel(device, dir.path, { ...LOAD, maxContext: 100_000 });
  expect(runner.limits.maxContext).toBe(TINY_CONFIG.max_position_embeddings);
  const count = runner.limits.maxContext - 3;
  const [tokens] = await generate(runner, [{ prompt: [1, 2, 3], count, slot: 0, firstBlock: 0 }]);
  expect(tokens!.length).toBe(count);
});

/** Runs a load that must fail, and checks that nothing of it stays on the device. */
async function failedLoad(
  device: GpuDevice,
  dir: string,
  options: Partial<LoadOptions> = {},
): Promise<unknown> {
  const before = liveBufferCount();
  const failure = await loadModel(device, dir, { ...LOAD, ...options }).then(() => null, (error) => error);
  expect(liveBufferCount()).toBe(before);
  device.assertHealthy();
  return failure;
}

gpuTest("loadModel() aborts between chunks and frees what it uploaded", async (device) => {
  for (const stage of ["READING", "UPLOADING", "WARMING_UP"]) {
    const controller = new AbortController();
    const reason = new Error(`stopped at ${stage}`);
    const onProgress = (progress: LoadProgress) => {
      if (progress.stage === stage) controller.abort(reason);
    };
    expect(await failedLoad(device, fixture("gqa"), { signal: controller.signal, onProgress })).toBe(reason);
  }
});

const REFUSED: Record<
  string,
  { options?: Parameters<typeof writeCheckpoint>[1]; config?: object; message: string }
> = {
  "a shape the config does not imply": { config: { intermediate_size: 25 }, message: "mlp.gate_proj.weight" },
  "missing layers": { config: { num_hidden_layers: 3 }, message: "model.layers.2" },
  "rotary embedding scaled by what is asked": {
    config: { rope_scaling: { type: "dynamic", factor: 2 } },
    message: "rope_scaling",
  },
  "rotary embedding of a part of each head": {
    config: { rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } },
    message: "partial_rotary_factor",
  },
  "windows in some layers": {
    options: { config: { architectures: ["Qwen2ForCausalLM"], model_type: "qwen2" } },
    config: { use_sliding_window: true, sliding_window: 8, max_window_layers: 1 },
    message: "max_window_layers",
  },
  "another activation": { config: { hidden_act: "gelu" }, message: "hidden_act" },
  "a head that is no multiple of four": { options: { config: { head_dim: 6 } }, message: "head_dim" },
  "biases that are not there": { config: { ...LLAMA, attention_bias: true }, message: "q_proj.bias" },
  "biases that the reference does not read": { config: { attention_bias: true }, message: "attention_bias" },
};

for (const [name, { options, config, message }] of Object.entries(REFUSED)) {
  gpuTest(`loadModel() refuses ${name}`, async (device) => {
    await using dir = await tempDir();
    await writeCheckpoint(dir.path, options);
    const json = JSON.parse(await Deno.readTextFile(`${dir.path}/config.json`));
    await Deno.writeTextFile(`${dir.path}/config.json`, JSON.stringify({ ...json, ...config }));
    const failure = await failedLoad(device, dir.path);
    expect(failure).toBeInstanceOf(FormatError);
    expect((failure as Error).message).toContain(message);
  });
}

gpuTest("loadModel() says what does not fit", async (device) => {
  const gqa = fixture("gqa");
  expect(await failedLoad(device, gqa, { cacheBytes: 1000 })).toBeInstanceOf(CapacityError);
  expect(await failedLoad(device, gqa, { maxBindableBytes: 100 })).toBeInstanceOf(CapacityError);
  expect(await failedLoad(device, gqa, { maxSequences: 1e6 })).toBeInstanceOf(CapacityError);
});

gpuTest("loadModel() refuses f16 where shaders have none", async (device) => {
  device.has = () => false;
  const failure = await failedLoad(device, fixture("gqa"), { precision: "f16" });
  expect(failure).toBeInstanceOf(CapacityError);
  expect((failure as CapacityError).details).toMatchObject({ expected: "shader-f16" });
});

for (
  const label of ["lm_head.weight", "model.norm.weight", "cache 1", "sample counts", "params", "readback 1"]
) {
  gpuTest(`loadModel() survives a device that has no room for "${label}"`, async (device) => {
    const { handle } = device;
    const createBuffer = handle.createBuffer.bind(handle);
    const beyond = device.limits.maxBufferSize + 4;
    handle.createBuffer = (options) =>
      createBuffer(options.label === label ? { ...options, size: beyond } : options);
    expect(await failedLoad(device, fixture("head-dim"))).toMatchObject({
      message: expect.stringMatching(/\d+/),
    });
  });
}

gpuTest(
  "loadWeights() slices a matrix that would take more workgroups than a dispatch may have",
  async (device) => {
    await using dir = await tempDir();
    await writeCheckpoint(dir.path, {
      config: { vocab_size: 524_300, num_hidden_layers: 1, hidden_size: 4 },
    });
    using checkpoint = await openCheckpoint(dir.path);
    using owned = new DisposableStack();
    const { slices } = (await uploadWeights(device, checkpoint, { owned, quantization: "fp8" })).lmHead;
    for (const { matrices } of [portableTuning(true), portableTuning(false), subgroupTuning(32)]) {
      const { decode } = matrices.head;
      for (const { pairs } of slices) {
        for (const rows of [1, 2, 4, 8, 64]) {
          const variant = decode[variantFor(decode, { rows, pairs })]!;
          expect(linearGrid({ rows, pairs }, withDefaults(variant))[0]).toBeLessThanOrEqual(65_535);
        }
      }
    }
    expect(slices.reduce((sum, { pairs }) => sum + pairs, 0)).toBe(262_150);
  },
);

import { expect } from "@std/expect";
import fc from "fast-check";
import { FormatError } from "../../src/errors.ts";
import { expectedTensors } from "../../src/formats/architecture.ts";
import { parseModelConfig } from "../../src/formats/config.ts";
import { parseGenerationConfig } from "../../src/formats/generation_config.ts";
import { runs } from "../support/properties.ts";

const MISTRAL = {
  architectures: ["MistralForCausalLM"],
  bos_token_id: 1,
  eos_token_id: 2,
  hidden_size: 4096,
  intermediate_size: 14336,
  max_position_embeddings: 32768,
  model_type: "mistral",
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 1e6,
  sliding_window: null,
  tie_word_embeddings: false,
  torch_dtype: "bfloat16",
  vocab_size: 32000,
};

const LLAMA = { architectures: ["LlamaForCausalLM"], model_type: "llama" };

Deno.test("parseModelConfig() reads Mistral 7B Instruct v0.2", () => {
  expect(parseModelConfig(MISTRAL, "config.json")).toEqual({
    architecture: "MistralForCausalLM",
    modelType: "mistral",
    hiddenSize: 4096,
    intermediateSize: 14336,
    layers: 32,
    queryHeads: 32,
    kvHeads: 8,
    headDim: 128,
    vocabSize: 32000,
    maxPositionEmbeddings: 32768,
    ropeTheta: 1e6,
    ropeScaling: null,
    rmsNormEps: 1e-5,
    slidingWindow: null,
    tieWordEmbeddings: false,
    attentionBias: "none",
    mlpBias: false,
    headNorms: false,
    bosTokenId: 1,
    eosTokenIds: [2],
    padTokenId: null,
    dtype: "bfloat16",
    deviation: null,
  });
});

Deno.test("parseModelConfig() takes the defaults of the architecture for absent fields", () => {
  const { sliding_window: _w, rope_theta: _t, ...mistral } = MISTRAL;
  expect(parseModelConfig(mistral, "c")).toMatchObject({ slidingWindow: 4096, ropeTheta: 10000 });
  const { num_key_value_heads: _k, ...rest } = mistral;
  expect(parseModelConfig(rest, "c").kvHeads).toBe(8);
  expect(parseModelConfig({ ...rest, num_key_value_heads: null }, "c").kvHeads).toBe(32);
  expect(parseModelConfig({ ...rest, ...LLAMA }, "c")).toMatchObject({ slidingWindow: null, kvHeads: 32 });
});

Deno.test("parseModelConfig() reads a Qwen 2: biases of q, k and v, and a window only where it is used", () => {
  const { rope_theta: _t, sliding_window: _w, ...rest } = MISTRAL;
  const qwen = { ...rest, architectures: ["Qwen2ForCausalLM"], model_type: "qwen2", sliding_window: 64 };
  expect(parseModelConfig(qwen, "c")).toMatchObject({
    architecture: "Qwen2ForCausalLM",
    attentionBias: "inputs",
    mlpBias: false,
    slidingWindow: null,
    ropeTheta: 10000,
  });
  const used = { ...qwen, use_sliding_window: true };
  const full = "full_attention";
  const slid = "sliding_attention";
  const cases: readonly (readonly [object, number | null, string | null])[] = [
    [{}, 64, "max_window_layers"], // the last four of 32
    [{ max_window_layers: 0 }, 64, null],
    [{ max_window_layers: 32 }, null, null],
    [{ max_window_layers: 31, sliding_window: null }, null, null],
    [{ layer_types: Array(32).fill(slid), max_window_layers: 32 }, 64, null],
    [{ layer_types: [full, ...Array(31).fill(slid)] }, 64, "layer_types"],
    [{ layer_types: Array(32).fill(full) }, null, null],
    [{ layer_types: Array(31).fill(slid) }, 64, "layer_types"],
  ];
  for (const [more, window, against] of cases) {
    const { slidingWindow, deviation } = parseModelConfig({ ...used, ...more }, "c");
    expect([slidingWindow, deviation?.field ?? null]).toEqual([window, against]);
  }
});

Deno.test("parseModelConfig() reads a Qwen 3: norms of heads of 128, biases where it says so", () => {
  const sizes = { num_attention_heads: 40, hidden_size: 100 };
  const qwen = { ...MISTRAL, architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", ...sizes };
  expect(parseModelConfig(qwen, "c")).toMatchObject({ headNorms: true, headDim: 128, attentionBias: "none" });
  expect(parseModelConfig({ ...qwen, attention_bias: true, head_dim: 64 }, "c"))
    .toMatchObject({ headDim: 64, attentionBias: "all" });
  const tensors = expectedTensors(parseModelConfig(qwen, "c"));
  expect(tensors.get("model.layers.31.self_attn.k_norm.weight")).toEqual([128]);
  expect(tensors.size).toBe(3 + 32 * 11);
});

Deno.test("expectedTensors() has the biases that the configuration asks for", () => {
  const biases = (more: object) =>
    [...expectedTensors(parseModelConfig({ ...MISTRAL, num_hidden_layers: 1, ...more }, "c"))]
      .filter(([name]) => name.endsWith(".bias")).map(([name, [rows]]) => [name.split(".").at(-2), rows]);
  const inputs = [["q_proj", 4096], ["k_proj", 1024], ["v_proj", 1024]];
  expect(biases({})).toEqual([]);
  expect(biases({ attention_bias: true })).toEqual([...inputs, ["o_proj", 4096]]);
  expect(biases({ mlp_bias: true })).toEqual([["gate_proj", 14336], ["up_proj", 14336], ["down_proj", 4096]]);
  expect(biases({ architectures: ["Qwen2ForCausalLM"], mlp_bias: true })).toEqual(inputs);
});

Deno.test("parseModelConfig() gives a Llama no window, as the reference does", () => {
  expect(parseModelConfig({ ...MISTRAL, ...LLAMA, sliding_window: 4096 }, "c").slidingWindow).toBe(null);
});

Deno.test("parseModelConfig() reads newer spellings", () => {
  const { rope_theta: _t, torch_dtype: _d, ...rest } = MISTRAL;
  expect(parseModelConfig({
    ...rest,
    dtype: "float16",
    head_dim: 96,
    eos_token_id: [2, 32000],
    pad_token_id: -1,
    rope_parameters: { rope_type: "default", rope_theta: 5e5 },
  }, "c")).toMatchObject({
    dtype: "float16",
    headDim: 96,
    eosTokenIds: [2, 32000],
    padTokenId: null,
    ropeTheta: 5e5,
    deviation: null,
  });
});

Deno.test("parseModelConfig() reads scaled rotary embeddings", () => {
  const scaling = (written: object, more: object = {}) =>
    parseModelConfig({ ...MISTRAL, ...more, rope_scaling: written }, "c").ropeScaling;
  expect(scaling({ type: "linear", factor: 2 })).toEqual({ type: "linear", factor: 2 });
  const llama3 = { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  const found = { type: "llama3", factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4 };
  expect(scaling(llama3)).toEqual({ ...found, originalPositions: 32768 });
  expect(scaling({ ...llama3, original_max_position_embeddings: 64 })).toEqual({
    ...found,
    originalPositions: 64,
  });
  expect(
    scaling({ ...llama3, original_max_position_embeddings: 64 }, { original_max_position_embeddings: 32 }),
  )
    .toEqual({ ...found, originalPositions: 32 });
  const yarn = {
    type: "yarn",
    betaFast: 32,
    betaSlow: 1,
    truncate: true,
    originalPositions: 8192,
    factor: 4,
  };
  expect(scaling({ type: "yarn", original_max_position_embeddings: 8192 })).toEqual({
    ...yarn,
    amplitude: 0.1 * Math.log(4) + 1,
  });
  expect(scaling({
    type: "yarn",
    factor: 4,
    original_max_position_embeddings: 8192,
    beta_fast: 16,
    beta_slow: 2,
    truncate: false,
    attention_factor: 1.5,
  })).toEqual({ ...yarn, betaFast: 16, betaSlow: 2, truncate: false, amplitude: 1.5 });
  expect(scaling({ rope_type: "dynamic", factor: 2 })).toBe(null);
  const refused: readonly (readonly [object, string])[] = [
    [{ type: "linear" }, "factor"],
    [{ type: "linear", factor: 0 }, "factor"],
    [{ ...llama3, low_freq_factor: 4 }, "high_freq_factor"],
    [{ ...llama3, original_max_position_embeddings: 0 }, "original_max_position_embeddings"],
    [{ type: "yarn", factor: "4" }, "factor"],
    [{ type: "yarn", factor: 4, truncate: 1 }, "truncate"],
    [{ type: "yarn", factor: 4, mscale: -1 }, "mscale"],
    [{ type: "yarn", factor: 4, rope_theta: 1 }, "rope_theta"],
  ];
  for (const [written, field] of refused) expect(() => scaling(written)).toThrow(`"${field}"`);
});

Deno.test("parseModelConfig() lets rope_scaling replace rope_parameters, as the reference does", () => {
  const theta = (change: object) => parseModelConfig({ ...MISTRAL, ...change }, "c").ropeTheta;
  const rope_parameters = { rope_type: "default", rope_theta: 5e5 };
  expect(theta({ rope_parameters, rope_scaling: {} })).toBe(5e5);
  expect(theta({ rope_parameters, rope_scaling: { type: "default" } })).toBe(1e6);
  expect(theta({ rope_parameters, rope_scaling: { type: "default", rope_theta: 3 } })).toBe(3);
});

const RUNS: Readonly<Record<string, object>> = {
  "rotary embedding of the default type": { rope_scaling: { type: "default" }, partial_rotary_factor: 1 },
  "layers that are all of its kind": { layer_types: Array(32).fill("full_attention") },
  "layers with a window": { layer_types: Array(32).fill("sliding_attention"), sliding_window: 9 },
  "biases that are denied": { attention_bias: false, mlp_bias: null },
  "biases of a Llama": { ...LLAMA, attention_bias: true, mlp_bias: true },
  "FP8 by compressed-tensors": {
    quantization_config: { quant_method: "compressed-tensors", transform_config: {} },
  },
};
for (const [name, change] of Object.entries(RUNS)) {
  Deno.test(`parseModelConfig() finds nothing against running ${name}`, () => {
    expect(parseModelConfig({ ...MISTRAL, ...change }, "c").deviation).toBe(null);
  });
}

const DEVIATES: readonly [field: string, change: object][] = [
  ["model_type", { model_type: "mixtral" }],
  ["model_type", { ...LLAMA, model_type: "mistral" }],
  ["hidden_act", { hidden_act: "gelu" }],
  ["is_causal", { is_causal: false }],
  ["rope_scaling", { rope_scaling: { type: "dynamic", factor: 2 } }],
  ["rope_scaling", { rope_scaling: { type: "dynamic" }, rope_parameters: { rope_type: "default" } }],
  ["rope_parameters", { rope_parameters: { rope_type: "longrope", long_factor: [1] } }],
  ["rope_parameters.full_attention", { rope_parameters: { full_attention: { rope_theta: 10 } } }],
  ["rope_parameters.partial_rotary_factor", { rope_parameters: { partial_rotary_factor: 0.5 } }],
  ["partial_rotary_factor", { partial_rotary_factor: 0.5 }],
  ["attention_bias", { attention_bias: true }],
  ["mlp_bias", { mlp_bias: true }],
  ["layer_types", { layer_types: ["full_attention", "sliding_attention"] }],
  ["layer_types", { layer_types: ["full_attention"], sliding_window: 9 }],
  ["layer_types", { ...LLAMA, layer_types: ["chunked_attention"] }],
  ["layer_types", { layer_types: "full_attention" }],
  ["quantization_config", { quantization_config: 8 }],
  ["quantization_config.quant_method", { quantization_config: { bits: 4 } }],
  ["quantization_config.quant_method", { quantization_config: { quant_method: "gptq" } }],
  ["quantization_config.transform_config", {
    quantization_config: {
      quant_method: "compressed-tensors",
      transform_config: { config_groups: { R1: { type: "hadamard" } } },
    },
  }],
];
for (const [field, change] of DEVIATES) {
  Deno.test(`parseModelConfig() finds ${field} against running ${JSON.stringify(change)}`, () => {
    const { deviation } = parseModelConfig({ ...MISTRAL, ...change }, "c");
    expect(deviation).toMatchObject({ field, expected: expect.any(String) });
  });
}

const REFUSED: readonly [string, unknown][] = [
  ["architectures", ["GPT2LMHeadModel"]],
  ["architectures", "MistralForCausalLM"],
  ["hidden_size", "4096"],
  ["hidden_size", 0],
  ["hidden_size", 4096.5],
  ["hidden_size", 2 ** 40],
  ["num_attention_heads", -1],
  ["num_attention_heads", 24],
  ["num_key_value_heads", 5],
  ["num_hidden_layers", 1e9],
  ["vocab_size", undefined],
  ["vocab_size", 1e300],
  ["rms_norm_eps", -1],
  ["rope_theta", 0],
  ["rope_scaling", 3],
  ["sliding_window", 0],
  ["tie_word_embeddings", "no"],
  ["eos_token_id", [1, "2"]],
  ["head_dim", 1e6],
  ["torch_dtype", 16],
];
for (const [field, value] of REFUSED) {
  Deno.test(`parseModelConfig() refuses ${field} = ${JSON.stringify(value)}`, () => {
    try {
      parseModelConfig({ ...MISTRAL, [field]: value }, "dir/config.json");
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      expect((error as FormatError).details).toMatchObject({ file: "dir/config.json", field });
      return;
    }
    throw new Error("Expected a refusal");
  });
}

Deno.test("parseModelConfig() answers any field value with a FormatError or in-range numbers", () => {
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(MISTRAL)), fc.jsonValue(), (field, value) => {
      try {
        const config = parseModelConfig({ ...MISTRAL, [field]: value }, "c");
        expect(config.queryHeads % config.kvHeads).toBe(0);
        for (const size of [config.hiddenSize, config.headDim, config.vocabSize, config.layers]) {
          expect(Number.isSafeInteger(size) && size > 0).toBe(true);
        }
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }),
    { numRuns: runs(2000) },
  );
});

Deno.test("parseGenerationConfig() keeps absent apart from given, and refuses what cannot be", () => {
  expect(parseGenerationConfig({ temperature: 0.6, eos_token_id: 2, do_sample: true }, "g")).toMatchObject({
    temperature: 0.6,
    eosTokenIds: [2],
    doSample: true,
    topP: null,
    topK: null,
  });
  expect(parseGenerationConfig({ bos_token_id: 1, pad_token_id: -1 }, "g"))
    .toMatchObject({ bosTokenId: 1, padTokenId: null });
  for (
    const bad of [{ pad_token_id: -2 }, { temperature: -1 }, { top_p: 2 }, { top_k: 1.5 }, {
      eos_token_id: "x",
    }]
  ) {
    expect(() => parseGenerationConfig(bad, "g")).toThrow(FormatError);
  }
});

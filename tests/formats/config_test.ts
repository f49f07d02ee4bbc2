import { expect } from "@std/expect";
import fc from "fast-check";
import { FormatError } from "../../src/errors.ts";
import { parseModelConfig } from "../../src/formats/config.ts";
import { parseGenerationConfig } from "../../src/formats/generation_config.ts";

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
    rmsNormEps: 1e-5,
    slidingWindow: null,
    tieWordEmbeddings: false,
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

Deno.test("parseModelConfig() lets rope_scaling replace rope_parameters, as the reference does", () => {
  const theta = (change: object) => parseModelConfig({ ...MISTRAL, ...change }, "c").ropeTheta;
  const rope_parameters = { rope_type: "default", rope_theta: 5e5 };
  expect(theta({ rope_parameters, rope_scaling: {} })).toBe(5e5);
  expect(theta({ rope_parameters, rope_scaling: { type: "default" } })).toBe(1e6);
  expect(theta({ rope_parameters, rope_scaling: { type: "default", rope_theta: 3 } })).toBe(3);
});

const RUNS: Readonly<Record<string, object>> = {
  "rotary embedding of the default type": { rope_scaling: { type: "default" }, partial_rotary_factor: 1 },
  "layers that are all of its kind": { layer_types: ["full_attention"] },
  "layers with a window": { layer_types: ["sliding_attention"], sliding_window: 9 },
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
  ["rope_scaling", { rope_scaling: { type: "linear", factor: 2 } }],
  ["rope_scaling", { rope_scaling: { type: "linear" }, rope_parameters: { rope_type: "default" } }],
  ["rope_parameters", { rope_parameters: { rope_type: "yarn", factor: 2 } }],
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
    { numRuns: 2000 },
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

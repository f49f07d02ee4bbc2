/** The one validator of sampling parameters, and which layer's value counts. */
import { expect } from "@std/expect";
import fc from "fast-check";
import {
  BUILT_IN_SAMPLING,
  layerSampling,
  parseSampling,
  resolveSampling,
  SAMPLING_KEYS,
  samplingOfCheckpoint,
} from "../../src/app/sampling.ts";
import { ConfigError } from "../../src/errors.ts";
import type { GenerationConfig } from "../../src/formats/generation_config.ts";
import { SAMPLING_LIMITS } from "../../src/model/sampling.ts";

const BIASES = "at most 300 pairs of a token id and a bias, -100 … 100, each id once";
const SEED_MAX = (1n << 64n) - 1n;

function refusal(input: unknown): ConfigError | null {
  try {
    parseSampling(input);
    return null;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

Deno.test("parseSampling() takes both ends of every range", () => {
  const table: Record<string, readonly unknown[]> = {
    temperature: [0, 2],
    topK: [0, 1_000_000],
    topP: [Number.MIN_VALUE, 1],
    minP: [0, 1],
    typicalP: [Number.MIN_VALUE, 1],
    repetitionPenalty: [Number.MIN_VALUE, 2],
    presencePenalty: [-2, 2],
    frequencyPenalty: [-2, 2],
    logitBias: [[], [{ tokenId: 0, bias: -100 }, { tokenId: 2 ** 31 - 1, bias: 100 }]],
    constraint: [{ regex: "a" }, { choice: ["a", "b"] }, { jsonSchema: "true" }],
    maxTokens: [1, 1_048_576],
    minTokens: [0, 1_048_576],
    stop: [[], ["x".repeat(64)], Array(8).fill("é"), ["🍕".repeat(64)]],
    stopTokenIds: [[], Array(64).fill(7)],
    ignoreEos: [true, false],
    seed: [0n, SEED_MAX],
    logprobs: [0, 20],
  };
  expect(Object.keys(table).sort()).toEqual([...SAMPLING_KEYS].sort());
  for (const [field, values] of Object.entries(table)) {
    for (const value of [...values, null]) {
      expect(parseSampling({ [field]: value })).toEqual({ [field]: value });
    }
  }
});

Deno.test("parseSampling() names field, found and allowed of what it refuses", () => {
  const table: readonly (readonly [string, unknown, string, string])[] = [
    ["temperature", -0.1, "-0.1", "0 … 2"],
    ["temperature", 2.01, "2.01", "0 … 2"],
    ["temperature", NaN, "NaN", "0 … 2"],
    ["temperature", Infinity, "Infinity", "0 … 2"],
    ["temperature", "hot", '"hot"', "0 … 2"],
    ["topK", 1.5, "1.5", "an integer, 0 … 1000000"],
    ["topK", -1, "-1", "0 … 1000000"],
    ["topP", 0, "0", "more than 0, at most 1"],
    ["topP", 1.0001, "1.0001", "more than 0, at most 1"],
    ["minP", -Infinity, "-Infinity", "0 … 1"],
    ["typicalP", 0, "0", "more than 0, at most 1"],
    ["repetitionPenalty", 0, "0", "more than 0, at most 2"],
    ["presencePenalty", 2.5, "2.5", "-2 … 2"],
    ["frequencyPenalty", -2.5, "-2.5", "-2 … 2"],
    ["maxTokens", 0, "0", "1 … 1048576"],
    ["maxTokens", 2 ** 53, "9007199254740992", "1 … 1048576"],
    ["minTokens", -1, "-1", "0 … 1048576"],
    ["stop", "###", '"###"', "at most 8 strings of 1 … 64 characters"],
    ["stop", Array(9).fill("a"), "a list of 9", "at most 8 strings of 1 … 64 characters"],
    ["stop[1]", ["a", ""], '""', "at most 8 strings of 1 … 64 characters"],
    ["stop[0]", ["x".repeat(65)], `"${"x".repeat(40)}…"`, "at most 8 strings of 1 … 64 characters"],
    ["stopTokenIds", Array(65).fill(1), "a list of 65", "at most 64 token ids"],
    ["stopTokenIds[0]", [-1], "-1", "at most 64 token ids"],
    ["stopTokenIds[1]", [1, 0.5], "0.5", "at most 64 token ids"],
    ["logitBias", { 5: 1 }, "an object", BIASES],
    ["logitBias", Array(301).fill({ tokenId: 1, bias: 0 }), "a list of 301", BIASES],
    ["logitBias[0]", [[5, 1]], "a list of 2", BIASES],
    ["logitBias[0].tokenId", [{ tokenId: -1, bias: 0 }], "-1", BIASES],
    ["logitBias[1].tokenId", [{ tokenId: 1, bias: 0 }, { tokenId: 1, bias: 1 }], "1", BIASES],
    ["logitBias[0].bias", [{ tokenId: 1, bias: 100.5 }], "100.5", BIASES],
    ["logitBias[0].bias", [{ tokenId: 1, bias: NaN }], "NaN", BIASES],
    ["ignoreEos", "yes", '"yes"', "true or false"],
    ["seed", -1n, "-1", `an integer, 0 … ${SEED_MAX}`],
    ["seed", SEED_MAX + 1n, String(SEED_MAX + 1n), `an integer, 0 … ${SEED_MAX}`],
    ["seed", 2 ** 53, "9007199254740992", `an integer, 0 … ${SEED_MAX}`],
    ["seed", NaN, "NaN", `an integer, 0 … ${SEED_MAX}`],
    ["logprobs", 21, "21", "0 … 20"],
    ["logprobs", true, "true", "an integer, 0 … 20"],
    ["tempreature", 1, "1", `one of ${SAMPLING_KEYS.join(", ")}`],
    ["__proto__", 1, "1", `one of ${SAMPLING_KEYS.join(", ")}`],
  ];
  for (const [field, value, found, allowed] of table) {
    const key = field.replace(/\[.*/, "");
    const error = refusal(Object.fromEntries([[key, value]]));
    expect({ field, details: error?.details }).toEqual({ field, details: { field, found, allowed } });
    expect(error?.message).toContain(`"${field}"`);
  }
  for (const input of [null, [], "x", 7]) expect(refusal(input)?.details["field"]).toBe("sampling");
});

Deno.test("parseSampling() lets nothing but limits through", () => {
  const number = fc.oneof(fc.double(), fc.integer());
  fc.assert(
    fc.property(
      fc.constantFrom("temperature", "topP", "minP", "repetitionPenalty"),
      number,
      (field, value) => {
        const range: { min?: number; minExclusive?: number; max: number } =
          SAMPLING_LIMITS[field as "temperature"];
        const inside = value <= range.max &&
          (range.minExclusive === undefined ? value >= range.min! : value > range.minExclusive);
        expect(refusal({ [field]: value }) === null).toBe(inside);
      },
    ),
  );
});

Deno.test("layerSampling() takes the first layer that sets a value, and says which", () => {
  const layers = [
    { origin: "MODEL", values: { temperature: 0, topK: null } },
    { origin: "GATEWAY", values: { temperature: 0.5, topK: 40, stop: ["###"] } },
    { origin: "CHECKPOINT", values: { topK: 50, topP: 0.9, maxTokens: undefined } },
  ] as const;
  const { values, origins } = layerSampling(layers);
  expect(values).toEqual({ ...BUILT_IN_SAMPLING, temperature: 0, topK: 40, stop: ["###"], topP: 0.9 });
  expect(origins).toMatchObject({
    temperature: "MODEL",
    topK: "GATEWAY",
    stop: "GATEWAY",
    topP: "CHECKPOINT",
    maxTokens: "BUILT_IN",
  });
});

Deno.test("resolveSampling() cuts defaults to the model, holds requests to it, draws a seed only when none is given", () => {
  const options = { contextLength: 100, vocabSize: 9, drawSeed: () => 7n };
  const gateway = [{ origin: "GATEWAY", values: { maxTokens: 5000, minTokens: 300 } }] as const;
  expect(resolveSampling({}, gateway, options).values).toMatchObject({
    maxTokens: 100,
    minTokens: 100,
    seed: 7n,
  });
  expect(resolveSampling({ seed: 0n }, [], options).values.seed).toBe(0n);
  expect(resolveSampling({}, [{ origin: "MODEL", values: { seed: 3n } }], options).values.seed).toBe(3n);
  expect(() => resolveSampling({ maxTokens: 101 }, [], options)).toThrow(/maxTokens.*100 tokens/);
  expect(() => resolveSampling({ maxTokens: 5, minTokens: 6 }, [], options)).toThrow(/minTokens.*maxTokens/);
  const ids = {
    stopTokenIds: [8, 9],
    logitBias: [{ tokenId: 9, bias: 1 }, { tokenId: 0, bias: 2 }],
  };
  expect(resolveSampling({}, [{ origin: "GATEWAY", values: ids }], options).values).toMatchObject({
    stopTokenIds: [8],
    logitBias: [{ tokenId: 0, bias: 2 }],
  });
  expect(() => resolveSampling({ stopTokenIds: ids.stopTokenIds }, [], options)).toThrow(
    'Invalid sampling parameter "stopTokenIds[1]": found 9, expected a token id, 0 … 8',
  );
  expect(() => resolveSampling({ logitBias: ids.logitBias }, [], options)).toThrow(
    /"logitBias\[0\]": found 9/,
  );
});

Deno.test("samplingOfCheckpoint() takes recommendations within our ranges and leaves the others", () => {
  const config: GenerationConfig = {
    bosTokenId: 1,
    eosTokenIds: [2],
    padTokenId: null,
    doSample: true,
    temperature: 0.6,
    topK: 50,
    topP: 0, // ours is above 0
    minP: null,
    repetitionPenalty: 30,
    maxNewTokens: 256,
  };
  expect(samplingOfCheckpoint(config)).toEqual({ temperature: 0.6, topK: 50, maxTokens: 256 });
  expect(samplingOfCheckpoint({ ...config, doSample: false })).toMatchObject({ temperature: 0 });
  expect(samplingOfCheckpoint(null)).toEqual({});
});

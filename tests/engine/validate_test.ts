/** The engine's boundary: each hostile or impossible request is refused with its field, found and expected. */
import { expect } from "@std/expect";
import { validateRequest } from "../../src/engine/validate.ts";
import { GeodesicError } from "../../src/errors.ts";
import type { SubmitCommand } from "../../src/engine/protocol.ts";
import { submitCommand } from "../support/fake_engine.ts";
import { FAKE_LIMITS } from "../support/fake_runner.ts";

const SAMPLING_CASES: readonly [field: string, value: unknown][] = [
  ["temperature", NaN],
  ["temperature", -0.1],
  ["temperature", Infinity],
  ["temperature", "1"],
  ["topK", 1.5],
  ["topK", -1],
  ["topP", 0],
  ["topP", 1.01],
  ["minP", -1],
  ["typicalP", 0],
  ["repetitionPenalty", 0],
  ["repetitionPenalty", 2.5],
  ["presencePenalty", -3],
  ["frequencyPenalty", NaN],
  ["maxTokens", 0],
  ["maxTokens", 2 ** 40],
  ["minTokens", -1],
  ["logprobs", 21],
  ["logprobs", -2],
  ["seed", "-1"],
  ["seed", "18446744073709551616"],
  ["seed", "0x10"],
  ["seed", "9".repeat(1_000_000)],
  ["stopTokenIds[1]", [1, 64]],
  ["stopTokenIds", Array(65).fill(1)],
  ["constraint.regex", { regex: "" }],
  ["logitBias[0]", [{ tokenId: 64, bias: 0 }]],
  ["logitBias[0]", [{ tokenId: 1, bias: -101 }]],
  ["logitBias", Array(301).fill({ tokenId: 1, bias: 0 })],
];

function refusal(command: SubmitCommand): GeodesicError {
  try {
    validateRequest(command, FAKE_LIMITS);
  } catch (error) {
    if (error instanceof GeodesicError) return error;
    throw error;
  }
  throw new Error("The request was accepted");
}

for (const [field, value] of SAMPLING_CASES) {
  Deno.test(`validateRequest() refuses ${field} = ${String(value).slice(0, 24)}`, () => {
    const key = field.split(/[.[]/)[0]!;
    const error = refusal(submitCommand("r", [1], { [key]: value }));
    expect(error.code).toBe("CONFIG");
    expect(error.details).toMatchObject({ field });
    expect(error.message).toContain(field);
    expect(error.message.length).toBeLessThan(200);
  });
}

for (const ids of [[-1], [64], [0.5], [NaN], [1, 2 ** 32]]) {
  Deno.test(`validateRequest() refuses prompt ids ${ids}`, () => {
    const error = refusal(submitCommand("r", ids));
    expect(error.code).toBe("CONFIG");
    expect(error.details).toMatchObject({ field: `promptTokenIds[${ids.length - 1}]` });
  });
}

Deno.test("validateRequest() refuses an empty prompt", () => {
  expect(refusal(submitCommand("r", [])).message).toBe("Cannot generate: the prompt has no tokens");
});

for (const length of [48, 49, 1_000_000]) {
  Deno.test(`validateRequest() refuses a prompt of ${length} tokens in a context of 48`, () => {
    const error = refusal(submitCommand("r", Array(length).fill(1)));
    expect(error.code).toBe("CAPACITY");
    expect(error.details).toMatchObject({ promptTokens: length, maxContext: 48 });
  });
}

Deno.test("validateRequest() keeps the whole range of seeds and merges the ids that end a generation", () => {
  const sampling = { seed: "18446744073709551615", stopTokenIds: [3, 2] };
  const request = validateRequest(
    submitCommand("r", [1], sampling, { eosTokenIds: [2, 64, -1] }),
    FAKE_LIMITS,
  );
  expect(request.sampling.seed).toBe((1n << 64n) - 1n);
  expect(request.stopTokenIds).toEqual([2, 3]);
  const ignoring = submitCommand("r", [1], { ...sampling, ignoreEos: true }, { eosTokenIds: [2] });
  expect(validateRequest(ignoring, FAKE_LIMITS).stopTokenIds).toEqual([3, 2]);
});

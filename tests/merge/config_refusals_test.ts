import { expect } from "@std/expect";
import { ConfigError } from "../../src/errors.ts";
import { refusal, SLERP } from "../support/merge_config.ts";
import { warningsOf } from "../support/warnings.ts";

const slice = (range: string) =>
  `merge_method: slerp\nbase_model: a\nslices:\n  - sources:\n      - model: a\n        layer_range: ${range}\nparameters: {t: 1}\n`;

// text, line, column, message
const REFUSED: readonly [string, string, number, number, RegExp][] = [
  ["an empty text", "", 1, 1, /is missing, expected a mapping/],
  ["a list", "- a\n- b\n", 1, 1, /expected a mapping/],
  ["broken YAML", "a: [1\nb: 2", 2, 1, /./],
  ["two documents without a name", SLERP + "---\n" + SLERP, 9, 1, /multiple documents without a name/],
  ["a key twice", SLERP + "base_model: b\n", 8, 1, /unique/],
  [
    "two merges of mappings",
    "x: &x {t: 1}\nparameters:\n  <<: *x\n  <<: *x\n",
    4,
    3,
    /key "<<" is not unique/,
  ],
  ["an unknown tag", SLERP.replace("t: 0.5", "t: !!python/name:os.system x"), 7, 6, /tag/i],
  ["an unknown key", SLERP + "merge_metod: slerp\n", 8, 1, /unknown key "merge_metod"/],
  [
    "an unknown key in a source",
    SLERP.replace("- model: b", "- model: b\n    lora: c"),
    6,
    5,
    /unknown key "lora"/,
  ],
  ["modules", SLERP + "modules: {}\n", 8, 1, /"modules" is not supported/],
  [
    "tokenizer beside tokenizer_source",
    SLERP + "tokenizer: {}\ntokenizer_source: base\n",
    9,
    19,
    /exclude each other/,
  ],
  ["an unknown key of tokenizer", SLERP + "tokenizer: {sauce: base}\n", 8, 13, /unknown key "sauce"/],
  ["a pad_to_multiple_of of 0", SLERP + "tokenizer: {pad_to_multiple_of: 0}\n", 8, 33, /an integer from 1/],
  [
    "a token without a source",
    SLERP + "tokenizer: {tokens: {x: {force: true}}}\n",
    8,
    22,
    /source is missing/,
  ],
  [
    "a token of a stranger",
    SLERP + "tokenizer: {tokens: {x: {source: c}}}\n",
    8,
    34,
    /model "c" takes no part in the merge, expected one of a, b/,
  ],
  [
    "a token source of an unknown kind",
    SLERP + "tokenizer: {tokens: {x: {source: {kind: one}}}}\n",
    8,
    41,
    /expected model_token or zero/,
  ],
  [
    "a token source of two tokens",
    SLERP + "tokenizer: {tokens: {x: {source: {kind: model_token, model: a, token: y, token_id: 1}}}}\n",
    8,
    26,
    /exactly one of "token" and "token_id"/,
  ],
  [
    "a chat_template that is none",
    SLERP + "chat_template: chatml2\n",
    8,
    16,
    /expected auto, alpaca, chatml/,
  ],
  [
    "an adapter",
    SLERP.replace("model: b", "model: b+c"),
    5,
    12,
    /adapter "c" on "b", and "lora" is not supported/,
  ],
  [
    "an adapter by key",
    SLERP.replace("model: b", "model: {model: b, lora: c}"),
    5,
    29,
    /"lora" is not supported/,
  ],
  [
    "another architecture",
    SLERP.replace("model: b", "model: {model: b, override_architecture: X}"),
    5,
    46,
    /"override_architecture" is not supported/,
  ],
  ["two revisions", SLERP.replace("model: b", "model: b@c@d"), 5, 12, /more than one revision/],
  [
    "residual_weight",
    "merge_method: slerp\nslices:\n  - sources: [{model: a, layer_range: [0, 1]}]\n    residual_weight: 1\n",
    4,
    22,
    /"residual_weight" is not supported/,
  ],
  ["a name twice", `name: x\n${SLERP}---\nname: x\n${SLERP}`, 10, 7, /has the name "x" of an earlier one/],
  ["a document that nobody needs", `name: x\n${SLERP}---\n${SLERP}`, 1, 7, /the output does not need "x"/],
  [
    "documents that need each other",
    `name: x\n${SLERP.replace("model: b", "model: y")}---\nname: y\n${SLERP.replace("model: b", "model: x")}`,
    6,
    12,
    /"y" needs itself/,
  ],
  [
    "neither slices nor models",
    "merge_method: slerp\nbase_model: a\n",
    1,
    1,
    /exactly one of "slices" and "models"/,
  ],
  ["no method", SLERP.replace("merge_method: slerp\n", ""), 1, 1, /merge_method is missing/],
  [
    "an unknown method",
    SLERP.replace("slerp", "frobnicate"),
    1,
    15,
    /"frobnicate" is not supported, expected one of: slerp/,
  ],
  [
    "a model that is a number",
    SLERP.replace("model: b", "model: 7"),
    5,
    12,
    /models\[1\]\.model is 7, expected a string/,
  ],
  ["an empty list of models", "merge_method: slerp\nmodels: []\n", 2, 9, /list that is not empty/],
  ["an unknown dtype", SLERP + "dtype: float8\n", 8, 8, /dtype is "float8", expected one of bfloat16/],
  ["a t that is not a number", SLERP.replace("0.5", ".nan"), 7, 6, /parameters\.t is NaN, expected a finite/],
  [
    "a t that is infinite",
    SLERP.replace("0.5", "[0, -.inf]"),
    7,
    10,
    /parameters\.t\[1\] is -Infinity, expected/,
  ],
  [
    "a value too large",
    SLERP.replace("0.5", "[{value: 1e400}]"),
    7,
    15,
    /t\[0\]\.value is Infinity, expected/,
  ],
  ["a t in words", SLERP.replace("0.5", "half"), 7, 6, /parameters\.t is "half"/],
  ["a quoted t", SLERP.replace("0.5", '"0.5"'), 7, 6, /parameters\.t is "0\.5"/],
  ["a t that is true", SLERP.replace("0.5", "true"), 7, 6, /holds true, expected a number/],
  ["an empty gradient", SLERP.replace("0.5", "[]"), 7, 6, /expected/],
  ["no value at all", SLERP.replace("0.5", "~"), 7, 6, /parameters\.t is missing/],
  [
    "a single bare condition",
    SLERP.replace("0.5", "{filter: mlp, value: 1}"),
    7,
    3,
    /expected a number, a list/,
  ],
  [
    "numbers mixed with conditions",
    SLERP.replace("0.5", "[0.5, {value: 1}]"),
    7,
    7,
    /t\[0\] is 0\.5, expected a mapping/,
  ],
  ["a condition without a value", SLERP.replace("0.5", "[{filter: mlp}]"), 7, 7, /value is missing/],
  [
    "conditions in a condition",
    SLERP.replace("0.5", "[{value: [{value: 1}]}]"),
    7,
    15,
    /expected a number or a list of numbers/,
  ],
  [
    "a parameter that no method has",
    SLERP + "  wieght: 1\n",
    8,
    11,
    /no parameter "wieght" here, expected: t/,
  ],
  [
    "a t beside a source",
    SLERP.replace("model: b", "model: b\n    parameters: {t: 1}"),
    6,
    21,
    /no parameter "t" here/,
  ],
  [
    "three models",
    SLERP.replace("  - model: b", "  - model: b\n  - model: c"),
    4,
    3,
    /takes two models, found 3/,
  ],
  [
    "a base model beside two models",
    SLERP.replace("base_model: a", "base_model: c"),
    4,
    3,
    /takes two models, found 3/,
  ],
  ["no base model", SLERP.replace("base_model: a\n", ""), 3, 3, /needs a base_model/],
  ["a model twice", SLERP.replace("model: b", "model: a"), 4, 3, /each model once/],
  [
    "a source without layer_range",
    "merge_method: slerp\nslices:\n  - sources:\n      - model: a\n",
    4,
    9,
    /layer_range is missing/,
  ],
  ["a reversed layer_range", slice("[3, 1]"), 6, 22, /0 <= first < end/],
  ["an empty layer_range", slice("[2, 2]"), 6, 22, /layer_range/],
  ["a fractional layer_range", slice("[0, 1.5]"), 6, 22, /layer_range/],
  ["a negative layer_range", slice("[-1, 1]"), 6, 22, /layer_range/],
  ["an endless layer_range", slice("[0, .inf]"), 6, 22, /layer_range is \[0,"Infinity"\], expected/],
  [
    "a filter longer than a record holds",
    SLERP.replace("0.5", `[{filter: ${"x".repeat(1001)}, value: 1}]`),
    7,
    16,
    /filter is "x+…, expected a part of tensor names, of at most 1000 characters/,
  ],
  [
    "a gradient longer than a record holds",
    SLERP.replace("0.5", `[${Array(10_001).fill(1)}]`),
    7,
    6,
    /parameters\.t is .*, expected at most 10000 numbers/,
  ],
  [
    "a model of a name longer than a record holds",
    SLERP.replace("model: b", `model: ${"b".repeat(1001)}`),
    5,
    12,
    /expected a name of at most 1000 characters/,
  ],
  [
    "more models than a record holds",
    `merge_method: linear\nmodels: [${Array.from({ length: 101 }, (_, i) => `{model: m${i}}`)}]\n`,
    2,
    9,
    /models has 101 models, expected at most 100/,
  ],
  [
    "a name longer than a record holds",
    `name: ${"x".repeat(1001)}\n${SLERP}`,
    1,
    7,
    /name is "x+…, expected a name of at most 1000 characters/,
  ],
  [
    "more parameters than a record holds, at one place and another",
    `${SLERP.replace("0.5", `[${Array(6000).fill("{value: 1}")}]`)}  weight: [${
      Array(6000).fill("{value: 1}")
    }]\n`,
    1,
    1,
    /the configuration has 12000 parameters, expected at most 10000/,
  ],
  [
    "more models than a record holds, in all slices together",
    `merge_method: linear\nslices: [${
      Array.from({ length: 1001 }, (_, i) => `{sources: [{model: m${i}, layer_range: [0, 1]}]}`)
    }]\n`,
    1,
    1,
    /the configuration has 1001 models, expected at most 1000/,
  ],
  ["a layer_range of three", slice("[0, 1, 2]"), 6, 22, /layer_range/],
];
for (const [what, text, line, column, message] of REFUSED) {
  Deno.test(`parseMergeConfig() refuses ${what}, with its place`, () => {
    const error = refusal(text);
    expect(error.message).toMatch(message);
    expect([error.details.line, error.details.column]).toEqual([line, column]);
    expect(error.message).toContain(`m.yml:${line}:${column}: `);
  });
}

Deno.test("parseMergeConfig() refuses alias bombs, endless texts and bottomless nesting quickly", () => {
  let bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (let i = 0; i < 8; i++) {
    const [from, to] = ["abcdefghi"[i]!, "bcdefghij"[i]!];
    bomb += `${to}: &${to} [${Array(9).fill(`*${from}`).join(", ")}]\n`;
  }
  expect(refusal(bomb).message).toMatch(/alias/i);
  expect(refusal("x".repeat(2 ** 20 + 1)).message).toMatch(/at most/);
  expect(refusal("[".repeat(100_000))).toBeInstanceOf(ConfigError);
  const keys = Array.from({ length: 80_000 }, (_, i) => `k${i}:`); // minutes, where each is compared with each
  expect(refusal(keys.join("\n")).message).toMatch(/unknown key "k0"/);
  expect(refusal(SLERP.replace("t: 0.5", "t: &a [*a]")).message).toBe(
    'm.yml:7:10: alias "*a" stands within its own anchor',
  );
  expect(refusal("- &a x\n" + "- *a\n".repeat(1001)).message).toMatch(
    /m\.yml:1002:3: more than 1000 aliases/,
  );
});

Deno.test("parseMergeConfig() leaves stderr to errors, whatever the keys of a mapping are", async () => {
  expect(await warningsOf(() => refusal("merge_method: slerp\n? [a]\n: 1\n"))).toEqual([]);
});

import { expect } from "@std/expect";
import fc from "fast-check";
import { ConfigError } from "../../src/errors.ts";
import { parseMergeConfig } from "../../src/merge/config.ts";
import { evaluateSetting } from "../../src/merge/parameters.ts";
import { ignoredParameters } from "../../src/merge/step_parameters.ts";
import { parse, refusal, SLERP } from "../support/merge_config.ts";
import { runs } from "../support/properties.ts";

Deno.test("ignoredParameters() names what only other methods look at, with its place", () => {
  const config = parseMergeConfig(
    "models: [{model: a, parameters: {weight: 1}}, {model: b}]\nmerge_method: slerp\nbase_model: a\n" +
      "parameters: {t: 0.5, int8_mask: true}\n",
    "config.yml",
  );
  expect(ignoredParameters(config)).toEqual([
    'config.yml:1:42: merge method "slerp" does not look at "weight" here',
    'config.yml:4:33: merge method "slerp" does not look at "int8_mask" here',
  ]);
});

Deno.test("parseMergeConfig() reads the recipe for Mistral 7B Instruct", async () => {
  const path = new URL("../../recipes/mistral-instruct-slerp.yml", import.meta.url);
  const config = parse(await Deno.readTextFile(path));
  expect(config).toMatchObject({
    method: "slerp",
    baseModel: "mistralai/Mistral-7B-Instruct-v0.2",
    dtype: "BF16",
    outDtype: null,
  });
  expect(config.slices[0]!.sources.map((source) => [source.model, source.layerRange])).toEqual([
    ["mistralai/Mistral-7B-Instruct-v0.1", [0, 32]],
    ["mistralai/Mistral-7B-Instruct-v0.2", [0, 32]],
  ]);
  expect(config.parameters.settings.get("t")).toEqual({
    kind: "filtered",
    entries: [
      { filter: "self_attn", value: [0, 0.5, 0.3, 0.7, 1] },
      { filter: "mlp", value: [1, 0.5, 0.7, 0.3, 0] },
      { filter: null, value: 0.5 },
    ],
  });
});

Deno.test("parseMergeConfig() takes a t outside of 0 … 1, anchors, and a torch prefix", () => {
  const config = parse(
    SLERP.replace("t: 0.5", "t: &x [-0.5, 1.5]").replace("base_model", "dtype: torch.float16\nbase_model"),
  );
  expect(config.parameters.settings.get("t")).toEqual({ kind: "plain", value: [-0.5, 1.5] });
  expect(config.dtype).toBe("F16");
});

Deno.test("parseMergeConfig() takes an empty filter, which is a part of every name, and no number as one", () => {
  const config = parse(SLERP.replace("t: 0.5", 't: [{filter: "", value: 0.25}]'));
  const setting = config.parameters.settings.get("t")!;
  expect(evaluateSetting(setting, "model.norm.weight", 0)).toEqual({ value: 0.25, filter: "" });
  expect(refusal(SLERP.replace("t: 0.5", "t: [{filter: 7, value: 0.25}]")).message)
    .toMatch(/t\[0\]\.filter is 7, expected a part of tensor names/);
});

Deno.test("parseMergeConfig() reads references to models in all of their forms", () => {
  const models =
    "[a, b@main, {model: c}, {model: {path: d, revision: v1}}, {model: {path: e+f}}, {model: g@h}]";
  const config = parseMergeConfig(
    `merge_method: linear\nmodels: [${
      models.slice(1, -1).split(/, (?![^{]*})/).map((m) => `{model: ${m}}`)
    }]\n`,
    "m.yml",
  );
  expect(config.slices[0]!.sources.map((source) => source.model))
    .toEqual(["a", "b@main", "c", "d@v1", "e+f", "g@h"]);
});

Deno.test("parseMergeConfig() reads both forms of asking for a vocabulary", () => {
  const tokenizer = (text: string) => parse(SLERP + text).tokenizer;
  expect(tokenizer("")).toBeNull();
  for (const source of ["base", "union"] as const) {
    expect(tokenizer(`tokenizer_source: ${source}\n`)).toMatchObject({ source, tokens: [], multipleOf: 1 });
  }
  expect(tokenizer("tokenizer_source: model:x/y\n")).toMatchObject({ source: { model: "x/y" } });
  expect(tokenizer("tokenizer: {}\n")).toMatchObject({ source: "union" });
  expect(tokenizer(`tokenizer:
  source: b
  pad_to_multiple_of: 64
  tokens:
    <x>: {source: a}
    <y>: {source: {kind: model_token, model: b, token_id: 7}, force: true}
    <z>: {source: {kind: zero}}
`)).toMatchObject({
    source: { model: "b" },
    multipleOf: 64,
    tokens: [
      { token: "<x>", origin: { kind: "model", model: "a" }, force: false },
      { token: "<y>", origin: { kind: "id", model: "b", id: 7 }, force: true },
      { token: "<z>", origin: { kind: "zero" }, force: false },
    ],
  });
});

Deno.test("parseMergeConfig() puts documents in the order in which they need each other", () => {
  const merge = (name: string | null, a: string, b: string) =>
    `${
      name === null ? "" : `name: ${name}\n`
    }merge_method: slerp\nbase_model: ${a}\nmodels: [{model: ${a}}, {model: ${b}}]\n` +
    "parameters: {t: 0.5}\n";
  const stages = (...documents: string[]) => {
    const config = parseMergeConfig(documents.join("---\n"), "m.yml");
    return [...config.before, config].map((stage) => stage.name);
  };
  expect(stages(merge(null, "second", "x"), merge("second", "first", "x"), merge("first", "x", "y")))
    .toEqual(["first", "second", null]);
  expect(stages(merge("first", "x", "y"), merge("last", "first", "y"))).toEqual(["first", "last"]);
  expect(stages(merge("alone", "x", "y"))).toEqual(["alone"]);
});

Deno.test("parseMergeConfig() answers any edit of a sound text with a config or a ConfigError", () => {
  const edit = fc.record({
    at: fc.nat({ max: SLERP.length }),
    cut: fc.nat({ max: 4 }),
    text: fc.string({ unit: fc.constantFrom(..."&*[]{}:-!|>\"'#? \n0.ax~"), maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 3 }), (edits) => {
      let text = SLERP;
      for (const { at, cut, text: added } of edits) text = text.slice(0, at) + added + text.slice(at + cut);
      try {
        parse(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
      }
    }),
    { numRuns: runs(2000) },
  );
});

const RICH = `name: first
merge_method: slerp
base_model: {model: {path: a, revision: main}}
slices:
  - sources:
      - {model: a@main, layer_range: [0, 2]}
      - {model: b, layer_range: [1, 3]}
    parameters: {t: [0, 1]}
tokenizer:
  source: union
  pad_to_multiple_of: 8
  tokens: {<x>: {source: {kind: model_token, model: b, token: y}, force: true}}
chat_template: chatml
---
merge_method: slerp
base_model: first
models: [{model: first}, {model: c}]
parameters: {t: [{filter: mlp, value: [0, 0.5]}, {value: 1}]}
out_dtype: float16
`;

Deno.test("parseMergeConfig() answers any exchange of values in a rich text with a config or a ConfigError", () => {
  parse(RICH);
  const lines = RICH.split("\n");
  const atoms = [
    "~",
    "[]",
    "{}",
    "a",
    "first",
    "7",
    "-1",
    "1e999",
    "true",
    "---",
    "[a, {b: c}]",
    "{model: {path: a}}",
    "!!set {a}",
  ];
  const change = fc.record({
    line: fc.nat({ max: lines.length - 1 }),
    word: fc.nat({ max: 12 }),
    atom: fc.constantFrom(...atoms),
    whole: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const text = [...lines];
      for (const { line, word, atom, whole } of changes) {
        const words = text[line]!.split(/(?<=[\s,{[:])/);
        text[line] = whole ? atom : words.with(word % words.length, `${atom} `).join("");
      }
      try {
        parse(text.join("\n"));
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError);
        expect((error as ConfigError).message).toMatch(/m\.yml/);
      }
    }),
    { numRuns: runs(1500) },
  );
});

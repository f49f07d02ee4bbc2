import { expect } from "@std/expect";
import { didYouMean, nearest } from "../../src/app/suggest.ts";

const COMMANDS = ["start", "serve", "merge", "generate", "tokenize", "inspect", "verify", "keys"];
const MODELS = ["geodesic/demo-slerp", "geodesic/demo-helper", "mistralai/Mistral-7B-Instruct-v0.1"];

Deno.test("nearest() finds what differs by a slip or two, and nothing else", () => {
  const cases = [
    ["generat", ["generate"]],
    ["mreg", []],
    ["mereg", ["merge"]],
    ["KEYS", ["keys"]],
    ["stert", ["start"]],
    ["fly", []],
    ["x", []],
    ["", []],
    ["generate".repeat(100), []],
  ] as const;
  expect(cases.map(([word]) => [word, nearest(word, COMMANDS)])).toEqual(cases);
});

Deno.test("nearest() finds a part of a name where asked to", () => {
  const partly = { partly: true };
  expect(nearest("mistrl", MODELS, partly)).toEqual(["mistralai/Mistral-7B-Instruct-v0.1"]);
  expect(nearest("demo-slerp", MODELS, partly)).toEqual(["geodesic/demo-slerp"]);
  expect(nearest("geodesic/demo-helpr", MODELS, partly)).toEqual(["geodesic/demo-helper"]);
  expect(nearest("qwen", MODELS, partly)).toEqual([]);
  expect(nearest("demo-slerp", MODELS)).toEqual([]);
});

Deno.test("didYouMean() names the nearest, and nothing where there is none", () => {
  expect(didYouMean(nearest("geodesic/demo", MODELS, { partly: true })))
    .toBe('; did you mean "geodesic/demo-helper" or "geodesic/demo-slerp"?');
  expect(didYouMean(nearest("fly", COMMANDS))).toBe("");
});

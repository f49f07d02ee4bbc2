/**
 * What it takes to hold an output to a schema, with as many tokens as Mistral's: to compile it, and for each token. The
 * output is valid, and its last character the last that fits, before anything is timed.
 */
import { parseConstraint } from "../src/constraint/constraint.ts";
import { ConstraintService } from "../src/constraint/service.ts";
import { BYTE_TOKENS, type TokenTable } from "../src/constraint/token_table.ts";
import { type Figure, quantile } from "./figure.ts";

const VOCABULARY = 32_000;
/** By how often English has them, roughly. */
const LETTERS = "etaoinshrdlucmfgypwbvkxjqz0123456789-_.:/ETAOINĠ";
const COMPILE_MS = 60_000;

const address = { type: "string", format: "email", pattern: "^[a-z.]+@[a-z.]+$" };
const CASES: readonly (readonly [name: string, schema: object, text: string])[] = [
  ["any string", { type: "string" }, "a".repeat(200)],
  ["at most 100 characters", { type: "string", maxLength: 100 }, "a".repeat(100)],
  [
    "at most 100, in the grammar",
    { anyOf: [{ type: "string", maxLength: 100 }, { const: "" }] },
    "a".repeat(100),
  ],
  ["at most 1000 characters", { type: "string", maxLength: 1000 }, "a".repeat(1000)],
  ["format and pattern", address, "a.b@c.de"],
  ["pattern and 100 characters", { type: "string", pattern: "^[a-z]+$", maxLength: 100 }, "a".repeat(100)],
];

export async function benchConstraints(): Promise<readonly Figure[]> {
  const table = vocabulary();
  const figures: Figure[] = [];
  for (const [name, schema, text] of CASES) {
    const constraint = parseConstraint("bench", { jsonSchema: JSON.stringify(schema) });
    // Each round has threads of its own, where nothing is compiled yet: one compiles for the other to try.
    const compileMs: number[] = [];
    const tokenMs: number[] = [];
    for (let round = 0; round < 3; round++) {
      using service = new ConstraintService(table, { compileMs: COMPILE_MS, budgetMs: COMPILE_MS });
      await service.open({ choice: ["warm"] }).then((matcher) => matcher[Symbol.dispose]());
      const startMs = performance.now();
      using matcher = await service.open(constraint);
      compileMs.push(performance.now() - startMs);
      let { mask } = matcher;
      for (const character of `"${text}"`) {
        const id = character.codePointAt(0)!;
        const isAllowed = mask !== null && (mask[id >>> 5]! >>> (id & 31) & 1) === 1;
        if (!isAllowed) throw new Error(`${name}: ${JSON.stringify(character)} is not let through`);
        const tokenStartMs = performance.now();
        mask = await matcher.accept(id);
        tokenMs.push(performance.now() - tokenStartMs);
      }
      const eos = table.stopTokenIds[0]!;
      const isComplete = mask !== null && (mask[eos >>> 5]! >>> (eos & 31) & 1) === 1;
      if (!isComplete) throw new Error(`${name}: the output may not end`);
    }
    figures.push(
      {
        ...{ name: `${name}: compiling`, value: Math.min(...compileMs), unit: "ms" },
        note: "on two threads, one after the other",
      },
      { name: `${name}: a token, p50`, value: quantile(tokenMs, 0.5), unit: "ms" },
      { name: `${name}: a token, p99`, value: quantile(tokenMs, 0.99), unit: "ms" },
    );
  }
  const compiling = (name: string) =>
    figures.find((figure) => figure.name.startsWith(`${name}: comp`))!.value!;
  return [...figures, {
    name: "counted in the grammar, against beside it",
    value: compiling("at most 100, in the grammar") / compiling("at most 100 characters"),
    unit: "×",
    note: "time to compile",
  }];
}

/** All bytes, the end, and made up words, the same ones each time. */
function vocabulary(): TokenTable {
  let state = 1;
  const below = (count: number) => {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    return Math.floor(state / 2 ** 32 * count);
  };
  const tokens = new Set(BYTE_TOKENS.tokens);
  while (tokens.size < VOCABULARY) {
    const letters = Array.from({ length: 1 + below(8) }, () => LETTERS[below(LETTERS.length)]);
    tokens.add(`${below(3) > 0 ? "Ġ" : ""}${letters.join("")}`);
  }
  return { tokens: [...tokens], vocabSize: VOCABULARY, stopTokenIds: BYTE_TOKENS.stopTokenIds };
}

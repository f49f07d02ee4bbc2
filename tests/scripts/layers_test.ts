import { expect } from "@std/expect";
import { circles, layerOf, LAYERS, violations } from "../../scripts/layers.ts";

Deno.test("layerOf() tells a folder from another with the same beginning", () => {
  expect(layerOf("src/gpu/device.ts")).toBe(LAYERS.indexOf("src/gpu"));
  expect(layerOf("src/gpufoo/device.ts")).toBe(-1);
  expect(layerOf("src/errors.ts")).toBe(0);
});

const cases: readonly [string, string, string, RegExp | null][] = [
  ["an import from a layer above", "src/app/a.ts", `import { b } from "../store/b.ts";`, null],
  ["an import from its own layer", "src/app/a.ts", `import { b } from "./b.ts";`, null],
  ["a package", "src/app/a.ts", `import { z } from "zod";`, null],
  [
    "the composition root importing the schema",
    "src/main.ts",
    `import { s } from "../schema/index.ts";`,
    null,
  ],
  [
    "an import from a layer below",
    "src/store/a.ts",
    `import { b } from "../app/b.ts";`,
    /lies above src\/app/,
  ],
  [
    "a type import from below",
    "src/gpu/a.ts",
    `import type { M } from "../model/m.ts";`,
    /lies above src\/model/,
  ],
  ["a re-export from below", "src/gpu/a.ts", `export * from "../model/m.ts";`, /lies above/],
  ["a dynamic import from below", "src/gpu/a.ts", `await import("../engine/e.ts")`, /lies above/],
  ["a worker from below", "src/model/a.ts", `new Worker(new URL("../engine/worker.ts", u))`, /lies above/],
  [
    "the server importing the schema",
    "src/server/a.ts",
    `import "../../schema/index.ts";`,
    /only src\/main.ts/,
  ],
  ["source importing a test", "src/app/a.ts", `import "../../tests/a.ts";`, /belongs to no layer/],
  ["a file in no layer", "src/utils/a.ts", ``, /belongs to no layer/],
  ["a file of 401 lines", "src/app/a.ts", "\n".repeat(401), /has 401 lines/],
];
for (const [name, path, source, expected] of cases) {
  Deno.test(`violations() ${expected === null ? "allows" : "names"} ${name}`, () => {
    const found = violations(path, source);
    if (expected === null) expect(found).toEqual([]);
    else expect(found.join("\n")).toMatch(expected);
  });
}

Deno.test("circles() names the import that closes one, and no other", () => {
  const sources = new Map([
    ["src/app/a.ts", `import { b } from "./b.ts";\nimport { c } from "./c.ts";`],
    ["src/app/b.ts", `import { c } from "./c.ts";`],
    ["src/app/c.ts", `import { z } from "zod";\nimport type { A } from "./a.ts";`],
    ["src/app/d.ts", `import { a } from "./a.ts";`],
  ]);
  expect(circles(sources)).toEqual([
    "src/app/c.ts:2: closes a circle of imports: src/app/a.ts → src/app/b.ts → src/app/c.ts → src/app/a.ts",
  ]);
  sources.set("src/app/c.ts", "");
  expect(circles(sources)).toEqual([]);
});

import { expect } from "@std/expect";
import type { Gateway } from "../../src/app/types.ts";
import { hasNoWeights, welcome } from "../../src/cli/welcome.ts";

const FACTS = {
  origin: "http://127.0.0.1:8000",
  adminKey: null,
  model: "geodesic/demo-slerp",
  allowAnonymous: true,
  onlyKnown: null,
  nothingServed: false,
} as const;

Deno.test("welcome() shows a line that works for who pastes it", () => {
  const header = (facts: Partial<Parameters<typeof welcome>[0]>) =>
    / -H 'authorization: (.*)'$/.exec(welcome({ ...FACTS, ...facts }))?.[1];
  const onlyKnown = { persistedFile: undefined };
  expect(header({})).toBe(undefined);
  expect(header({ allowAnonymous: false })).toBe("Bearer KEY");
  // The line sends a document, which nobody else may then.
  expect(header({ onlyKnown })).toBe("Bearer ADMIN_KEY");
  expect(header({ onlyKnown, allowAnonymous: false })).toBe("Bearer ADMIN_KEY");
});

Deno.test("welcome() says what --persisted-only lets in", () => {
  expect(welcome(FACTS)).not.toContain("--persisted-only");
  expect(welcome({ ...FACTS, onlyKnown: { persistedFile: undefined } }))
    .toMatch(
      /^--persisted-only without --persisted FILE: .* only the console's own operations .* admins send$/m,
    );
  expect(welcome({ ...FACTS, onlyKnown: { persistedFile: "ops.json" } }))
    .toMatch(/^--persisted-only: .* only the operations of "ops\.json" and the console's .* admins send$/m);
});

Deno.test("hasNoWeights() does not miss models that are on their way to the device", async () => {
  const models = (states: readonly string[]) => ({
    list: ((_page, where) => {
      const found = states.filter((state) => where?.state === undefined || where.state === state);
      return Promise.resolve({ totalCount: found.length });
    }) as Gateway["models"]["list"],
  });
  expect(await hasNoWeights(models([]))).toBe(true);
  expect(await hasNoWeights(models(["MISSING_WEIGHTS"]))).toBe(true);
  for (const state of ["COLD", "LOADING", "WARM", "UNLOADING", "FAILED"]) {
    expect([state, await hasNoWeights(models(["MISSING_WEIGHTS", state]))]).toEqual([state, false]);
  }
});

import { expect } from "@std/expect";
import { welcome } from "../../src/cli/welcome.ts";

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

/** Page sizes and cursors at their edges. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { ConfigError } from "../../src/errors.ts";
import { MAX_PAGE_SIZE, numberKeyset, parsePage, textKeyset, toPage } from "../../src/app/paging.ts";
import type { PageArgs } from "../../src/app/types.ts";

const NAMES = textKeyset("names");
const SEQS = numberKeyset("seqs");

/** The field that is refused; null: none. */
function refused(parse: () => unknown): unknown {
  try {
    parse();
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).details["field"];
  }
}

function cursorOf(key: string): string {
  const rows = { rows: [key], hasNextPage: false, totalCount: 1 };
  return toPage(NAMES, rows, (row) => row, (row) => row).edges[0]!.cursor;
}

/** Whoever builds one, it is read as one that we gave. */
function forged(value: unknown): string {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

Deno.test("parsePage() takes 1 to 100 rows, 20 unless told otherwise", () => {
  expect(parsePage(NAMES, {})).toEqual({ first: 20 });
  for (const first of [1, MAX_PAGE_SIZE]) expect(parsePage(NAMES, { first })).toEqual({ first });
  for (const first of [0, -1, MAX_PAGE_SIZE + 1, 1.5, NaN, Infinity, 2 ** 31]) {
    expect(refused(() => parsePage(NAMES, { first }))).toBe("first");
  }
});

Deno.test("parsePage() reads every cursor that toPage() writes", () => {
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (key) => {
    expect(parsePage(NAMES, { after: cursorOf(key) })).toEqual({ first: 20, after: key });
  }));
});

Deno.test("parsePage() refuses what is no cursor of the list", () => {
  const bad: readonly PageArgs["after"][] = [
    ...["", "x", "é", "WyJ", cursorOf("a").slice(1), `${cursorOf("a")}=`, `${cursorOf("a")} x`],
    ...[
      forged("names"),
      forged(["names"]),
      forged(["names", "a", 1]),
      forged({ 0: "names", 1: "a", length: 2 }),
    ],
    ...[forged(["others", "a"]), forged(["names", 1]), forged(["names", null]), forged(["names", ["a"]])],
  ];
  for (const after of bad) {
    expect([after, refused(() => parsePage(NAMES, { after: after! }))]).toEqual([after, "after"]);
  }
  for (const key of [1.5, "1", null, 2 ** 53]) {
    expect(refused(() => parsePage(SEQS, { after: forged(["seqs", key]) }))).toBe("after");
  }
  fc.assert(
    fc.property(fc.string(), (after) => expect(refused(() => parsePage(NAMES, { after }))).toBe("after")),
  );
});

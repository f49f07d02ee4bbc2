/** Text is stranger than SQL: what comes back is what went in, and what is searched for is literal. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { sql } from "kysely";
import { openStore } from "../../src/store/open.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("openStore() keeps every character of a text, U+0000 included", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  const strange = fc.string({ unit: fc.constantFrom("a", "\0", "\x1a", "0", "1", "é", "🦙") });
  await fc.assert(fc.asyncProperty(strange, strange, async (text, other) => {
    const { rows: [row] } = await sql<{ text: string; same: number }>`
      select ${text} as text, ${text} = ${other} as same`.execute(db);
    expect(row).toEqual({ text, same: text === other ? 1 : 0 });
  }));
  await db.destroy();
});

/** Text is stranger than SQL: what comes back is what went in, and what is searched for is literal. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { sql } from "kysely";
import { contains } from "../../src/store/page.ts";
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

Deno.test("contains() finds text literally, and refuses one that no name can hold", async () => {
  await using dir = await tempDir();
  const db = await openStore(dir.path);
  const found = async (name: string, text: string) => {
    const { rows: [row] } = await sql<{ found: number }>`select ${contains(sql.val(name), text)} as found`
      .execute(db);
    return row?.found === 1;
  };
  expect(await found("owner/Ärger_50%", "RGER_50%")).toBe(true);
  expect(await found("owner/Ärger_50%", "Ärger")).toBe(true);
  expect(await found("owner/name", "%")).toBe(false);
  expect(await found("owner/name", "own_r")).toBe(false);
  expect(await found("owner\\name", "r\\n")).toBe(true);
  await expect(found("name", "x".repeat(60_000))).rejects.toMatchObject({ code: "CONFIG" });
  await db.destroy();
});

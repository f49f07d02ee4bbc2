/** Text is stranger than SQL: what comes back is what went in, and what is searched for is literal. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { sql } from "kysely";
import { contains } from "../../src/store/page.ts";
import { storeTest } from "../support/dialects.ts";

storeTest("a store keeps every character of a text, U+0000 included", async (db) => {
  const strange = fc.string({ unit: fc.constantFrom("a", "\0", "\x1a", "0", "1", "é", "🦙") });
  await fc.assert(fc.asyncProperty(strange, strange, async (text, other) => {
    const same = sql<number>`case when ${text} = ${other} then 1 else 0 end`;
    const { rows: [row] } = await sql<{ text: string; same: number }>`
      select cast(${text} as text) as text, ${same} as same`.execute(db);
    expect(row).toEqual({ text, same: text === other ? 1 : 0 });
  }));
});

storeTest("contains() finds text literally, and refuses one that no name can hold", async (db, dialect) => {
  const found = async (name: string, text: string) => {
    const given = sql<string>`cast(${name} as text)`;
    // As migrations make every column.
    const column = dialect === "SQLite" ? given : sql<string>`${given} collate "C"`;
    const { rows: [row] } = await sql<{ found: number }>`
      select case when ${contains(column, text)} then 1 else 0 end as found`.execute(db);
    return row?.found === 1;
  };
  expect(await found("owner/Ärger_50%", "RGER_50%")).toBe(true);
  expect(await found("owner/Ärger_50%", "Ärger")).toBe(true);
  expect(await found("owner/name", "%")).toBe(false);
  expect(await found("owner/name", "own_r")).toBe(false);
  expect(await found("owner\\name", "r\\n")).toBe(true);
  await expect(found("name", "x".repeat(60_000))).rejects.toMatchObject({ code: "CONFIG" });
});

/** The audit log: what gets into it, and that nothing can be done to it unseen. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { recordAct } from "../../src/app/audit.ts";
import { canonicalJson } from "../../src/app/canonical_json.ts";
import type { Db } from "../../src/store/database.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, HELPER, TestGateway } from "../support/gateway.ts";

/** Runs `spoil` on a log of five entries and tells what `verify` then finds. */
async function afterwards(spoil: (db: Db) => Promise<unknown>) {
  await using test = await TestGateway.make();
  const { access, audit } = test.gateway;
  for (const label of ["a", "b", "c", "d"]) await access.createKey(ADMIN, { role: "VIEWER", label });
  expect(await audit.verify(ADMIN)).toMatchObject({ isIntact: true, entries: 5, brokenSeq: null });
  await spoil(test.db);
  const { isIntact, brokenSeq } = await audit.verify(ADMIN);
  return { isIntact, brokenSeq };
}
const broken = (brokenSeq: number) => ({ isIntact: false, brokenSeq });

Deno.test("every act of an admin is in the log, by whom and upon what, in the act's own transaction", async () => {
  await using test = await TestGateway.make();
  const { access, audit, models, samplingDefaults } = test.gateway;
  const { key, secret } = await access.createKey(ADMIN, { role: "ADMIN", label: "operator" });
  const operator = await access.authenticate(`Bearer ${secret}`);
  await samplingDefaults.update(operator, { sampling: { topK: 3 }, reason: "because" });
  await samplingDefaults.revert(operator, { revision: 0, reason: "back" });
  const { id } = await models.load(operator, HELPER);
  await models.unload(operator, HELPER);
  await models.update(operator, HELPER, { isPinned: true });
  await access.revokeKey(operator, key.id);
  // What is refused is no act.
  await failure(access.revokeKey(operator, key.id));
  await failure(samplingDefaults.update(operator, { sampling: { topK: -3 }, reason: "because" }));
  await failure(access.createKey(ALICE, { role: "ADMIN", label: "mine" }));
  const page = await audit.list(ADMIN, { first: 100 });
  const acts = page.edges.map(({ node }) => [node.actorId, node.actorLabel, node.action, node.target]);
  expect(acts.toReversed()).toEqual([
    ["local", null, "model.register", id],
    ["local", null, "key.create", key.id],
    [key.id, "operator", "samplingDefaults.update", "gateway"],
    [key.id, "operator", "samplingDefaults.revert", "gateway"],
    [key.id, "operator", "model.load", id],
    [key.id, "operator", "model.unload", id],
    [key.id, "operator", "model.update", id],
    [key.id, "operator", "key.revoke", key.id],
  ]);
  expect(JSON.stringify(page)).not.toContain(secret.slice(-48));
  expect((await audit.list(ADMIN, {}, { action: "key.create" })).totalCount).toBe(1);
  expect((await audit.list(ADMIN, {}, { actorId: key.id, target: "gateway" })).totalCount).toBe(2);
  const first = await audit.list(ADMIN, { first: 5 });
  const rest = await audit.list(ADMIN, { first: 5, after: first.edges.at(-1)!.cursor });
  expect([...first.edges, ...rest.edges].map(({ node }) => node.seq)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
});

Deno.test("an act that is not recorded does not happen", async () => {
  await using test = await TestGateway.make();
  await test.db.deleteFrom("audit_head").execute();
  const { access } = test.gateway;
  await expect(access.createKey(ADMIN, { role: "VIEWER", label: "x" })).rejects.toThrow();
  expect(await access.listKeys(ADMIN)).toEqual([]);
});

for (
  const [column, value] of Object.entries({
    at: "2020-01-01T00:00:00.000Z",
    actor_id: "somebody",
    actor_label: "somebody",
    action: "key.revoke",
    target: null,
    details: "{}",
    previous_hash: "1".repeat(64),
    hash: "2".repeat(64),
  })
) {
  Deno.test(`audit.verify() finds an entry whose ${column} was changed`, async () => {
    const found = await afterwards((db) =>
      db.updateTable("audit_entries").set({ [column]: value }).where("seq", "=", 3).execute()
    );
    expect(found).toEqual(broken(3));
  });
}

Deno.test("audit.verify() finds white space in details, and details that are no JSON", async () => {
  for (const spoilt of ["{ }", "nonsense"]) {
    const found = await afterwards((db) =>
      db.updateTable("audit_entries").set({ details: spoilt }).where("seq", "=", 2).execute()
    );
    expect(found).toEqual(broken(2));
  }
});

Deno.test("audit.verify() finds entries that are gone, in the middle and at the end, and a lost end", async () => {
  const remove = (seq: number) => (db: Db) => db.deleteFrom("audit_entries").where("seq", "=", seq).execute();
  expect(await afterwards(remove(1))).toEqual(broken(1));
  expect(await afterwards(remove(3))).toEqual(broken(3));
  expect(await afterwards(remove(5))).toEqual(broken(5));
  expect(await afterwards((db) => db.deleteFrom("audit_head").execute())).toEqual(broken(0));
});

Deno.test("audit.verify() finds entries that were exchanged, and one that was added", async () => {
  const swapped = await afterwards(async (db) => {
    for (const [from, to] of [[3, 99], [4, 3], [99, 4]] as const) {
      await db.updateTable("audit_entries").set({ seq: to }).where("seq", "=", from).execute();
    }
  });
  expect(swapped).toEqual(broken(3));
  const added = await afterwards(async (db) => {
    const row = await db.selectFrom("audit_entries").selectAll().where("seq", "=", 5)
      .executeTakeFirstOrThrow();
    await db.insertInto("audit_entries")
      .values({ ...row, seq: 6, previous_hash: row.hash, hash: "f".repeat(64) }).execute();
  });
  expect(added).toEqual(broken(6));
});

Deno.test("audit.verify() comes to an end, however many entries stand behind the end of the chain", async () => {
  const found = await afterwards(async (db) => {
    await db.deleteFrom("audit_entries").where("seq", "=", 4).execute();
    const row = await db.selectFrom("audit_entries").selectAll().where("seq", "=", 5)
      .executeTakeFirstOrThrow();
    await db.deleteFrom("audit_entries").where("seq", "=", 5).execute();
    for (let seq = 6; seq < 606; seq++) {
      const hashes = { previous_hash: `before ${seq}`, hash: `hash ${seq}` };
      await db.insertInto("audit_entries").values({ ...row, seq, ...hashes }).execute();
    }
  });
  expect(found).toEqual(broken(4));
});

Deno.test("recordAct() replaces details beyond its bound by their hash", async () => {
  await using test = await TestGateway.make();
  const { audit } = test.gateway;
  const details = { long: "x".repeat(20_000) };
  await test.db.transaction().execute((trx) =>
    recordAct(trx, { actor: ADMIN, at: test.clock.now(), action: "test.long", target: null, details })
  );
  expect((await audit.list(ADMIN, { first: 1 })).edges[0]!.node.details.length).toBeLessThan(200);
  expect((await audit.verify(ADMIN)).isIntact).toBe(true);
});

Deno.test("audit is for admins", async () => {
  await using test = await TestGateway.make();
  expect((await failure(test.gateway.audit.list(ALICE, {}))).code).toBe("FORBIDDEN");
  expect((await failure(test.gateway.audit.verify(ALICE))).code).toBe("FORBIDDEN");
});

Deno.test("canonicalJson() is the same for the same content, and reads back as it", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    const text = canonicalJson(value);
    expect(canonicalJson(JSON.parse(text))).toBe(text);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
  }));
  expect(canonicalJson({ b: 1n, a: { d: undefined, c: [true] } })).toBe('{"a":{"c":[true]},"b":"1"}');
  expect(canonicalJson({ "9": 1, "10": new Date(0) })).toBe('{"10":"1970-01-01T00:00:00.000Z","9":1}');
});

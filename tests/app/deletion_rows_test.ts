/** What deletion leaves in the tables of each database: no word of a conversation, whatever happens beside it. */
import { expect } from "@std/expect";
import type { Db } from "../../src/store/database.ts";
import { answered, ask } from "../support/conversation.ts";
import { storeTest } from "../support/dialects.ts";
import { ADMIN, ALICE, HELPER, TestGateway } from "../support/gateway.ts";

const QUESTION = "Where does the platypus live?";
const ANSWER = "With the wombat.";
const WORDS = /platypus|wombat|secret/i;

/** Tables with a word of it in any column. */
async function tablesWithWords(db: Db): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { name } of await db.introspection.getTables()) {
    const rows = await db.selectFrom(name as "messages").selectAll().execute();
    if (WORDS.test(JSON.stringify(rows))) found.push(name);
  }
  return found.sort();
}

storeTest("sessions.delete() leaves no word in any table", async (db) => {
  await using test = await TestGateway.make({ db });
  const { sessions, generations } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER, title: "secret" });
  await ask(test, id, QUESTION, ANSWER, { sampling: { stop: ["secret"] }, idempotencyKey: "secret" });
  const { node } = (await sessions.messages(ALICE, id, {})).edges[0]!;
  await answered(
    test,
    () => generations.editMessage(ALICE, { messageId: node.id, content: QUESTION }),
    ANSWER,
  );
  await answered(test, () => generations.reproduce(ALICE, { id: node.generationId! }), ANSWER);
  await sessions.rename(ADMIN, id, "another secret");
  expect(await tablesWithWords(db)).toEqual(["generation_events", "generations", "messages", "sessions"]);
  await sessions.delete(ADMIN, id);
  expect(await tablesWithWords(db)).toEqual([]);
  for (const table of ["sessions", "messages", "generation_events", "unit_claims"] as const) {
    expect(await db.selectFrom(table).selectAll().execute()).toEqual([]);
  }
});

storeTest("deletion leaves no word to what begins at the same moment", async (db) => {
  await using test = await TestGateway.make({ db });
  const { sessions, generations } = test.gateway;
  for (let round = 0; round < 8; round++) {
    const { id: sessionId } = await sessions.create(ALICE, { model: HELPER });
    const input = { model: HELPER, sessionId, prompt: { text: QUESTION } };
    const alone = await answered(
      test,
      () => generations.start(ALICE, { model: HELPER, prompt: { text: QUESTION } }),
      "",
    );
    await Promise.allSettled([
      generations.start(ALICE, input),
      generations.reproduce(ALICE, { id: alone.id }),
      (async () => {
        for (let turn = 0; turn < round * 2; turn++) await db.selectFrom("models").select("id").execute();
        await Promise.all([sessions.delete(ALICE, sessionId), generations.delete(ALICE, alone.id)]);
      })(),
    ]);
    expect(await tablesWithWords(db)).toEqual([]);
  }
});

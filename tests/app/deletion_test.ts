/** Deletion that deletes: nothing of a text is left in any file, what runs is cancelled, and counts stay. */
import { expect } from "@std/expect";
import { join } from "node:path";
import { answered, ask, tokenizer } from "../support/conversation.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, TestGateway } from "../support/gateway.ts";

const QUESTION = "Where is the platypus hidden?";
const ANSWER = "Under the wombat.";
const STOP = "marsupial";

/** Files of the database that hold any of these texts. */
async function filesWith(test: TestGateway, ...texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isFile } of Deno.readDir(test.dir.path)) {
    if (!isFile) continue;
    const content = new TextDecoder("latin1").decode(await Deno.readFile(join(test.dir.path, name)));
    for (const text of texts) if (content.includes(text)) found.push(`${name}: ${text}`);
  }
  return found;
}

/** The texts are one token a piece in events, so look for a piece as well. */
const PIECES = ["platypus", "wombat", STOP, "secret-key"];

Deno.test("sessions.delete() leaves no text in the database file or its log, and keeps the counts", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER });
  const options = { sampling: { stop: [STOP] }, idempotencyKey: "secret-key" };
  await ask(test, id, QUESTION, ANSWER, options);
  const [message] = (await sessions.messages(ALICE, id, {})).edges;
  const generationId = message!.node.generationId!;
  // A copy goes with it, whoever made it.
  const { id: copy } = await generations.reproduce(ADMIN, { id: generationId });
  const request = await test.engine.request(1);
  for (const token of tokenizer.encode(ANSWER)) request.tokens(token);
  request.finish("STOP");
  await collect(generations.events(ADMIN, copy, {}));
  expect((await filesWith(test, ...PIECES)).length).toBeGreaterThan(0);

  expect((await failure(sessions.delete(BOB, id))).code).toBe("NOT_FOUND");
  await sessions.delete(ALICE, id);
  expect(await filesWith(test, QUESTION, ANSWER, ...PIECES)).toEqual([]);
  expect(await sessions.get(ALICE, id)).toBeNull();
  for (const gone of [generationId, copy]) {
    expect(await generations.get(ADMIN, gone)).toBeNull();
    expect((await failure(collect(generations.events(ADMIN, gone, {})))).code).toBe("NOT_FOUND");
  }
  expect(await test.db.selectFrom("messages").selectAll().execute()).toEqual([]);
  expect(await test.db.selectFrom("generation_events").selectAll().execute()).toEqual([]);
  const rows = await test.db.selectFrom("generations").selectAll().orderBy("id").execute();
  expect(rows).toMatchObject([
    { principal_id: "alice", status: "SUCCEEDED", text: "", prompt: "{}", prompt_token_ids: null },
    { principal_id: ADMIN.id, text: "" },
  ]);
  expect(JSON.parse(rows[0]!.usage!).completionTokens).toBe(tokenizer.encode(ANSWER).length);
});

Deno.test("sessions.delete() cancels what runs in the session first", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id: sessionId } = await sessions.create(ALICE, { model: HELPER });
  const { id } = await generations.start(ALICE, { model: HELPER, sessionId, prompt: { text: QUESTION } });
  const request = await test.engine.request(0);
  const watched = collect(generations.events(ALICE, id, {}));
  request.tokens(300);
  await sessions.delete(ALICE, sessionId);
  expect(request.cancelled).toBe(true);
  expect((await watched).at(-1)?.kind).toBe("cancelled");
  request.tokens(301);
  request.finish("STOP");
  expect(await generations.get(ALICE, id)).toBeNull();
  expect((await generations.concurrency(ALICE)).held).toBe(0);
  expect(await filesWith(test, QUESTION)).toEqual([]);
});

Deno.test("generations.delete() is for generations without a session", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const alone = { model: HELPER, prompt: { text: QUESTION } };
  const { id } = await answered(test, () => generations.start(ALICE, alone), ANSWER);
  expect((await failure(generations.delete(BOB, id))).code).toBe("NOT_FOUND");
  await generations.delete(ALICE, id);
  expect(await generations.get(ALICE, id)).toBeNull();
  expect((await failure(generations.delete(ALICE, id))).code).toBe("NOT_FOUND");
  expect(await filesWith(test, QUESTION, ANSWER, "platypus", "wombat")).toEqual([]);
  const { id: sessionId } = await sessions.create(ALICE, { model: HELPER });
  const inside = await answered(test, () => generations.start(ALICE, { ...alone, sessionId }), ANSWER);
  expect((await failure(generations.delete(ALICE, inside.id))).details).toMatchObject({
    field: "id",
    sessionId,
  });
});

Deno.test("generations.delete() leaves nothing to a reproduction that begins meanwhile", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  for (let turns = 0; turns < 60; turns += 3) {
    const start = () => generations.start(ALICE, { model: HELPER, prompt: { text: QUESTION } });
    const { id } = await answered(test, start, ANSWER);
    const again = generations.reproduce(ALICE, { id }).catch(({ code }) => code);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    await generations.delete(ALICE, id);
    const outcome = await again;
    if (typeof outcome === "string") expect(["NOT_FOUND", "CONFIG"]).toContain(outcome);
    const left = await test.db.selectFrom("generations").select("id").where("deleted_at", "is", null)
      .execute();
    expect(left).toEqual([]);
  }
});

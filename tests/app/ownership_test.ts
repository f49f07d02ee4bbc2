/** Whose a session and its generations are, and what an admin leaves behind who acts upon somebody else's. */
import { expect } from "@std/expect";
import { answered, ask, chat } from "../support/conversation.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, TestGateway } from "../support/gateway.ts";

async function acts(test: TestGateway) {
  const { edges } = await test.gateway.audit.list(ADMIN, { first: 100 });
  return edges.map(({ node }) => [node.action, node.target, JSON.parse(node.details)]).toReversed()
    .filter(([action]) => action !== "model.register");
}

Deno.test("what an admin does to somebody else's sessions and generations is recorded", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations, audit } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER });
  await ask(test, id, "A secret?", "Yes.");
  const first = (await sessions.messages(ALICE, id, {})).edges[1]!.node;
  const input = { model: HELPER, sessionId: id, prompt: { text: "More?" } };

  await sessions.rename(ADMIN, id, "A secret title");
  await sessions.setContextPolicy(ADMIN, id, "DROP_OLDEST");
  await sessions.selectBranch(ADMIN, first.id);
  await sessions.export(ADMIN, id, "JSON");
  const started = await answered(test, () => generations.start(ADMIN, input), "No.");
  const again = await answered(
    test,
    () => generations.regenerate(ADMIN, { messageId: first.id }),
    "Maybe.",
  );
  const copy = await generations.reproduce(ADMIN, { id: first.generationId! });
  (await test.engine.request(3)).finish("STOP");
  await collect(generations.events(ADMIN, copy.id, {}));
  const { id: running } = await generations.start(ALICE, { model: HELPER, prompt: { text: "Hi" } });
  await generations.cancel(ADMIN, running);
  await generations.cancel(ADMIN, running); // nothing is left to be done
  await generations.delete(ADMIN, running);
  const twice = await Promise.allSettled([sessions.delete(ADMIN, id), sessions.delete(ADMIN, id)]);
  expect(twice.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]); // and one entry of it
  const ownerId = "alice";
  expect(await acts(test)).toEqual([
    ["session.rename", id, { ownerId }],
    ["session.setContextPolicy", id, { ownerId }],
    ["session.selectBranch", id, { ownerId }],
    ["session.export", id, { ownerId, format: "JSON" }],
    ["generation.start", started.id, { ownerId, sessionId: id }],
    ["generation.start", again.id, { ownerId, sessionId: id }],
    ["generation.reproduce", copy.id, { ownerId, of: first.generationId }],
    ["generation.cancel", running, { ownerId }],
    ["generation.delete", running, { ownerId }],
    ["session.delete", id, { ownerId }],
  ]);
  expect(JSON.stringify(await acts(test))).not.toContain("secret");
  expect((await audit.verify(ADMIN)).isIntact).toBe(true);
});

Deno.test("what anybody does to what is theirs is not recorded, and what is refused neither", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  for (const principal of [ALICE, ADMIN]) {
    const { id } = await sessions.create(principal, { model: HELPER });
    await sessions.rename(principal, id, "Mine");
    await sessions.export(principal, id, "MARKDOWN");
    const { id: running } = await generations.start(principal, { model: HELPER, prompt: { text: "Hi" } });
    await generations.cancel(principal, running);
    await generations.delete(principal, running);
    await failure(sessions.rename(BOB, id, "Yours"));
    await sessions.delete(principal, id);
  }
  await failure(sessions.rename(ADMIN, "none", "Nobody's"));
  expect(await acts(test)).toEqual([]);
});

Deno.test("an act upon somebody else's session that cannot be recorded does not happen", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER, title: "Hers" });
  await test.db.deleteFrom("audit_head").execute();
  const input = { model: HELPER, sessionId: id, prompt: { text: "Hi" } };
  for (
    const act of [
      () => sessions.rename(ADMIN, id, "His"),
      () => sessions.delete(ADMIN, id),
      () => sessions.export(ADMIN, id, "JSON"),
      () => generations.start(ADMIN, input),
    ]
  ) await expect(act()).rejects.toThrow();
  expect(await sessions.get(ALICE, id)).toMatchObject({ title: "Hers", activeMessageId: null });
  expect((await generations.concurrency(ADMIN)).held).toBe(0);
});

Deno.test("what an admin starts in a session is the session's owner's to see, watch and cancel", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id: sessionId } = await sessions.create(ALICE, { model: HELPER });
  const input = { model: HELPER, sessionId, prompt: { text: "Hi" } };
  const { id } = await generations.start(ADMIN, { ...input, onDisconnect: "CANCEL" });
  expect((await generations.get(ALICE, id))?.principalId).toBe(ADMIN.id);
  expect(await generations.getMany(BOB, [id, id])).toEqual([null, null]);
  const hers = collect(generations.events(ALICE, id, {}));
  (await test.engine.request(0)).tokens(300);
  expect((await failure(generations.cancel(BOB, id))).code).toBe("NOT_FOUND");
  expect((await generations.cancel(ALICE, id)).status).toBe("CANCELLED");
  expect((await hers).at(-1)?.kind).toBe("cancelled");
  expect((await generations.tokenIds(ALICE, id)).prompt).toEqual(chat("Hi"));
  // It counts as the admin's all the same.
  expect(await test.db.selectFrom("usage_days").select("principal_id").execute()).toEqual([
    { principal_id: ADMIN.id },
  ]);
});

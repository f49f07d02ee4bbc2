/** Branches of a session: what is asked again or differently stands beside what was there. */
import { expect } from "@std/expect";
import { answered, ask, chat, contents } from "../support/conversation.ts";
import { failure } from "../support/failure.ts";
import { ALICE, BOB, collect, HELPER, TestGateway } from "../support/gateway.ts";

/** All that follow a message (null: that begin the session). */
async function after(test: TestGateway, sessionId: string, messageId: string | null) {
  return (await test.gateway.sessions.branches(ALICE, [{ sessionId, messageId }]))[0]!;
}

/** A session of two turns, and its messages. */
async function twoTurns(test: TestGateway) {
  const { sessions } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER });
  await ask(test, id, "France?", "Paris.");
  await ask(test, id, "Italy?", "Rome.");
  const page = await sessions.messages(ALICE, id, {});
  const [france, paris, italy, rome] = page.edges.map(({ node }) => node);
  return { id, france: france!, paris: paris!, italy: italy!, rome: rome! };
}

Deno.test("generations.regenerate() gives a question another answer and keeps the first", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id, italy, rome } = await twoTurns(test);
  for (const [messageId, answer] of [[rome.id, "Roma."], [italy.id, "The Eternal City."]] as const) {
    const again = await answered(test, () => generations.regenerate(ALICE, { messageId }), answer);
    expect(again.promptTokenIds).toEqual(chat("France?", "Paris.", "Italy?"));
    expect(contents(await sessions.messages(ALICE, id, {}))).toEqual(["France?", "Paris.", "Italy?", answer]);
  }
  const siblings = await after(test, id, italy.id);
  expect(siblings.map(({ content }) => content)).toEqual(["Rome.", "Roma.", "The Eternal City."]);
  expect(siblings.every(({ siblingIds }) => siblingIds.length === 3)).toBe(true);
  expect(await sessions.getMessages(ALICE, siblings.map(({ id }) => id))).toEqual(siblings);

  const session = await sessions.selectBranch(ALICE, rome.id);
  expect(session.activeMessageId).toBe(rome.id);
  expect(await ask(test, id, "Spain?", "Madrid.")).toEqual(
    chat("France?", "Paris.", "Italy?", "Rome.", "Spain?"),
  );
  // Selecting what lies above leads to what was written last below it.
  expect((await sessions.selectBranch(ALICE, italy.id)).activeMessageId).not.toBe(rome.id);
  expect(contents(await sessions.messages(ALICE, id, {})).at(-1)).toBe("Madrid.");
  const other = await sessions.messages(ALICE, id, { first: 2 }, siblings[1]!.id);
  expect([contents(other), other.totalCount, other.hasNextPage]).toEqual([["France?", "Paris."], 4, true]);
});

Deno.test("generations.editMessage() asks something else in a question's place", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id, france, italy } = await twoTurns(test);
  const edited = await answered(
    test,
    () => generations.editMessage(ALICE, { messageId: italy.id, content: "Greece?" }),
    "Athens.",
  );
  expect(edited.promptTokenIds).toEqual(chat("France?", "Paris.", "Greece?"));
  expect(contents(await sessions.messages(ALICE, id, {}))).toEqual([
    "France?",
    "Paris.",
    "Greece?",
    "Athens.",
  ]);
  const first = () => generations.editMessage(ALICE, { messageId: france.id, content: "Norway?" });
  expect((await answered(test, first, "Oslo.")).promptTokenIds).toEqual(chat("Norway?"));
  expect((await after(test, id, null)).map(({ content }) => content)).toEqual([
    "France?",
    "Norway?",
  ]);
  expect((await sessions.get(ALICE, id))?.title).toBe("France?");
});

Deno.test("generations.start() continues from an answer of another branch", async () => {
  await using test = await TestGateway.make();
  const { sessions } = test.gateway;
  const { id, paris } = await twoTurns(test);
  const prompt = await ask(test, id, "Peru?", "Lima.", { parentMessageId: paris.id });
  expect(prompt).toEqual(chat("France?", "Paris.", "Peru?"));
  expect(contents(await sessions.messages(ALICE, id, {}))).toEqual(["France?", "Paris.", "Peru?", "Lima."]);
});

Deno.test("a regenerated answer that never came leaves the branch as it was", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id, rome } = await twoTurns(test);
  const { id: lost } = await generations.regenerate(ALICE, { messageId: rome.id });
  expect((await generations.openOfSessions(ALICE, [id]))[0]?.id).toBe(lost);
  expect(await generations.openOfSessions(BOB, [id])).toEqual([null]);
  await generations.cancel(ALICE, lost);
  expect(await generations.openOfSessions(ALICE, [id])).toEqual([null]);
  expect((await sessions.get(ALICE, id))?.activeMessageId).toBe(rome.id);
  expect(await ask(test, id, "Spain?", "Madrid.")).toEqual(
    chat("France?", "Paris.", "Italy?", "Rome.", "Spain?"),
  );
});

Deno.test("an answer does not take over a branch that was selected while it was written", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id, paris, rome } = await twoTurns(test);
  const input = { model: HELPER, sessionId: id, prompt: { text: "Peru?" }, parentMessageId: paris.id };
  const { id: running } = await generations.start(ALICE, input);
  const request = await test.engine.request(2);
  expect((await sessions.selectBranch(ALICE, rome.id)).activeMessageId).toBe(rome.id);
  request.tokens(300);
  request.finish("STOP");
  await collect(generations.events(ALICE, running, {}));
  expect((await sessions.get(ALICE, id))?.activeMessageId).toBe(rome.id);
  expect((await after(test, id, paris.id)).map(({ content }) => content)).toEqual([
    "Italy?",
    "Peru?",
  ]);
});

Deno.test("generations.start() refuses places that cannot be meant", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id: sessionId, france, paris, rome } = await twoTurns(test);
  const other = await twoTurns(test);
  const text = { text: "Hi" };
  const refusal = async (rest: object) =>
    await failure(generations.start(ALICE, { model: HELPER, prompt: text, ...rest }));
  for (
    const [rest, field] of [
      [{ sessionId, parentMessageId: france.id }, "parentMessageId"],
      [{ sessionId, replacesMessageId: paris.id }, "replacesMessageId"],
      [{ sessionId, parentMessageId: paris.id, replacesMessageId: france.id }, "parentMessageId"],
      [{ sessionId, prompt: { messageId: rome.id }, parentMessageId: paris.id }, "parentMessageId"],
      [{ prompt: { messageId: rome.id } }, "sessionId"],
      [{ parentMessageId: rome.id }, "sessionId"],
    ] as const
  ) {
    const { code, details } = await refusal(rest);
    expect([rest, code, details["field"]]).toEqual([rest, "CONFIG", field]);
  }
  expect((await refusal({ sessionId, parentMessageId: other.paris.id })).code).toBe("NOT_FOUND");
  expect((await failure(generations.regenerate(BOB, { messageId: rome.id }))).code).toBe("NOT_FOUND");
  expect((await failure(test.gateway.sessions.selectBranch(BOB, rome.id))).code).toBe("NOT_FOUND");
  expect(await test.gateway.sessions.branches(BOB, [{ sessionId, messageId: null }])).toEqual([[]]);
  expect(await test.gateway.sessions.getMessages(BOB, [rome.id])).toEqual([null]);
});

Deno.test("generations.editMessage() refuses in the names of its own fields", async () => {
  await using test = await TestGateway.make();
  const { france, paris } = await twoTurns(test);
  const refusal = async (messageId: string, content: string) => {
    const { code, message, details } = await failure(
      test.gateway.generations.editMessage(ALICE, { messageId, content }),
    );
    return [code, message, details["field"]];
  };
  expect(await refusal(paris.id, "Norway?")).toEqual([
    "CONFIG",
    "Invalid messageId: only what was asked can be asked differently",
    "messageId",
  ]);
  expect(await refusal(france.id, "")).toEqual([
    "CONFIG",
    "Invalid content: expected at least one character",
    "content",
  ]);
});

Deno.test("sessions are named after their first question until somebody names them", async () => {
  await using test = await TestGateway.make();
  const { sessions } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER });
  await ask(
    test,
    id,
    "  What\u202e is\n\nthe capital of the country that lies between France and Germany?",
    "Hm.",
  );
  expect((await sessions.get(ALICE, id))?.title).toBe(
    "What is the capital of the country that lies between…",
  );
  expect((await sessions.rename(ALICE, id, " Borders ")).title).toBe("Borders");
  await ask(test, id, "And now?", "Hm.");
  const found = await sessions.list(ALICE, {}, { titleContains: "bORD" });
  expect(found.edges.map(({ node }) => node.id)).toEqual([id]);
  expect((await sessions.list(ALICE, {}, { titleContains: "capital" })).totalCount).toBe(0);
  expect((await sessions.rename(ALICE, id, "  ")).title).toMatch(/^What is/);
  expect((await failure(sessions.rename(BOB, id, "x"))).code).toBe("NOT_FOUND");
  expect((await failure(sessions.rename(ALICE, id, "x".repeat(201)))).details["field"]).toBe("title");
});

Deno.test("sessions.export() gives everything as JSON, and a branch as Markdown", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id, rome } = await twoTurns(test);
  await answered(test, () => generations.regenerate(ALICE, { messageId: rome.id }), "Roma.");
  const json = await sessions.export(ALICE, id, "JSON");
  const file = JSON.parse(json.content);
  expect([json.mediaType, file.format]).toEqual(["application/json", "geodesic.session/1"]);
  expect(file.messages.map((message: { content: string }) => message.content)).toEqual([
    "France?",
    "Paris.",
    "Italy?",
    "Rome.",
    "Roma.",
  ]);
  expect(file.generations.at(-1)).toMatchObject({
    status: "SUCCEEDED",
    text: "Roma.",
    artifactSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    effectiveSampling: { seed: "42", temperature: 1 },
    promptTokenIds: chat("France?", "Paris.", "Italy?"),
    usage: { completionTokens: expect.any(Number) },
    conditions: { quantization: "fp8", precision: "f32", device: { adapter: "fake" } },
  });
  const { content } = await sessions.export(ALICE, id, "MARKDOWN");
  expect(content).toMatch(/^# France\?\n/);
  expect(content).toContain("- On other branches: 1 more message(s)");
  expect(content).toContain("## User\n\nItaly?\n\n## Assistant\n\nRoma.\n");
  expect(content).not.toContain("Rome.");
  expect((await failure(sessions.export(BOB, id, "JSON"))).code).toBe("NOT_FOUND");
});

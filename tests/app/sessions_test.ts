/** Sessions: whose they are, their pages, and the conversation that the next prompt continues. */
import { expect } from "@std/expect";
import { join } from "node:path";
import type { Page, PageArgs, SessionMessage } from "../../src/app/types.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { failure } from "../support/failure.ts";
import {
  ADMIN,
  ALICE,
  BOB,
  collect,
  HELPER,
  HELPER_DIR,
  STORYTELLER_DIR,
  TestGateway,
  VIEWER,
} from "../support/gateway.ts";

const tokenizer = await openTokenizer(HELPER_DIR);

async function allPages<T>(read: (args: PageArgs) => Promise<Page<T>>, first: number): Promise<T[]> {
  const nodes: T[] = [];
  let page = await read({ first });
  for (;;) {
    nodes.push(...page.edges.map((edge) => edge.node));
    const after = page.edges.at(-1)?.cursor;
    if (!page.hasNextPage || after === undefined) return nodes;
    page = await read({ first, after });
  }
}

/** One turn: the engine answers with `answer`, or the generation ends as `ending` says. */
async function turn(
  test: TestGateway,
  sessionId: string,
  text: string,
  answer: string,
  ending: "finish" | "cancel" | "fail" = "finish",
): Promise<readonly number[]> {
  const { generations } = test.gateway;
  const index = test.engine.requests.length;
  const { id } = await generations.start(ALICE, { model: HELPER, sessionId, prompt: { text } });
  const request = await test.engine.request(index);
  for (const token of tokenizer.encode(answer)) request.tokens(token);
  if (ending === "finish") request.finish("STOP");
  if (ending === "cancel") await generations.cancel(ALICE, id);
  if (ending === "fail") test.engine.lose();
  await collect(generations.events(ALICE, id, {}));
  return request.command.promptTokenIds;
}

function chat(...contents: readonly string[]): readonly number[] {
  const roles = ["user", "assistant"];
  return tokenizer.encodeChat(contents.map((content, index) => ({ role: roles[index % 2]!, content }))).ids;
}

function shown(page: Page<SessionMessage>): string[] {
  return page.edges.map(({ node }) => `${node.role}: ${node.content}`);
}

Deno.test("generations.start() continues a session's conversation", async () => {
  await using test = await TestGateway.make();
  const { sessions } = test.gateway;
  const session = await sessions.create(ALICE, { model: HELPER, title: " Capitals " });
  expect(session).toMatchObject({ principalId: "alice", title: "Capitals" });
  expect(await turn(test, session.id, "France?", "Paris.")).toEqual(chat("France?"));
  expect(await turn(test, session.id, "Italy?", "Rome.")).toEqual(chat("France?", "Paris.", "Italy?"));
  const page = await sessions.messages(ALICE, session.id, {});
  expect(shown(page)).toEqual(["USER: France?", "ASSISTANT: Paris.", "USER: Italy?", "ASSISTANT: Rome."]);
  expect(page.edges.every(({ node }) => node.generationId !== null)).toBe(true);
});

Deno.test("generations.start() leaves unanswered prompts out of the conversation, but not out of the list", async () => {
  await using test = await TestGateway.make();
  const { sessions } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER });
  await turn(test, id, "First?", "One.");
  await turn(test, id, "Lost?", "Half an ans", "fail");
  await turn(test, id, "Never mind?", "", "cancel");
  expect(await turn(test, id, "Stopped?", "Enough", "cancel")).toEqual(chat("First?", "One.", "Stopped?"));
  expect(await turn(test, id, "Next?", "Two.")).toEqual(
    chat("First?", "One.", "Stopped?", "Enough", "Next?"),
  );
  expect(shown(await sessions.messages(ALICE, id, {}))).toEqual([
    "USER: First?",
    "ASSISTANT: One.",
    "USER: Lost?",
    "USER: Never mind?",
    "USER: Stopped?",
    "ASSISTANT: Enough",
    "USER: Next?",
    "ASSISTANT: Two.",
  ]);
});

Deno.test("generations.start() takes one prompt at a time in a session", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id: sessionId } = await sessions.create(ALICE, { model: HELPER });
  const input = { model: HELPER, sessionId, prompt: { text: "Hi" } };
  const outcomes = await Promise.allSettled([
    generations.start(ALICE, input),
    generations.start(ALICE, input),
  ]);
  expect(outcomes.map((outcome) => outcome.status).sort()).toEqual(["fulfilled", "rejected"]);
  const busy = await failure(generations.start(ALICE, input));
  expect([busy.code, busy.details["sessionId"]]).toEqual(["CAPACITY", sessionId]);
  expect((await sessions.messages(ALICE, sessionId, {})).totalCount).toBe(1);
});

Deno.test("generations.start() refuses another model, raw ids and a context that is full", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations, models } = test.gateway;
  await models.register(ADMIN, { path: STORYTELLER_DIR, name: "test/storyteller" });
  const { id: sessionId } = await sessions.create(ALICE, { model: HELPER });
  const other = { model: { name: "test/storyteller" }, sessionId, prompt: { text: "Hi" } };
  expect((await failure(generations.start(ALICE, other))).details["field"]).toBe("model");
  const ids = { model: HELPER, sessionId, prompt: { tokenIds: [1] } };
  expect((await failure(generations.start(ALICE, ids))).details["field"]).toBe("prompt.tokenIds");
  await turn(test, sessionId, "Long?", "word ".repeat(700));
  const long = { model: HELPER, sessionId, prompt: { text: "more ".repeat(700) } };
  const full = await failure(generations.start(ALICE, long));
  expect([full.code, full.details["contextLength"]]).toEqual(["CAPACITY", 1024]);
  expect(full.message).toMatch(/^The session is full: with this prompt it has \d+ tokens/);
});

/** The helper with another chat template, or (null) without one. */
async function registerWithTemplate(test: TestGateway, template: string | null): Promise<{ name: string }> {
  const path = join(test.dir.path, template === null ? "unchatty" : "polite");
  await copy(HELPER_DIR, path);
  const file = join(path, "tokenizer_config.json");
  const { chat_template: _, ...config } = JSON.parse(await Deno.readTextFile(file));
  const changed = template === null ? config : { ...config, chat_template: template };
  await Deno.writeTextFile(file, JSON.stringify(changed));
  const { name } = await test.gateway.models.register(ADMIN, { path });
  return { name };
}

async function copy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await Deno.copyFile(join(from, name), join(to, name));
}

Deno.test("sessions.create() keeps a system prompt as the first message", async () => {
  await using test = await TestGateway.make();
  const { sessions } = test.gateway;
  const model = await registerWithTemplate(
    test,
    "{% for message in messages %}{{ message.role + ': ' + message.content + '\n' }}{% endfor %}",
  );
  const { id } = await sessions.create(ALICE, { model, systemPrompt: "Be brief." });
  const page = await sessions.messages(ALICE, id, {});
  expect(shown(page)).toEqual(["SYSTEM: Be brief."]);
  expect(page.edges[0]?.node.generationId).toBeNull();
  const long = { model, systemPrompt: "word ".repeat(1100) };
  const tooLong = await failure(sessions.create(ALICE, long));
  expect(tooLong.code).toBe("CAPACITY");
  expect(tooLong.message).toMatch(
    /^With the session's system prompt, the prompt has .*: shorten one of them$/,
  );
});

Deno.test("sessions.create() refuses what the model's chat template would refuse later", async () => {
  await using test = await TestGateway.make();
  const { sessions } = test.gateway;
  const polite = await failure(sessions.create(ALICE, { model: HELPER, systemPrompt: "Be brief." }));
  expect([polite.code, polite.details["field"]]).toEqual(["CONFIG", "systemPrompt"]);
  expect(polite.message).toContain("This model takes no system prompt: Cannot render the chat template");
  const model = await registerWithTemplate(test, null);
  const unchatty = await failure(sessions.create(ALICE, { model }));
  expect([unchatty.code, unchatty.details["field"]]).toEqual(["CONFIG", "model"]);
  expect((await sessions.list(ALICE, {})).totalCount).toBe(0);
});

Deno.test("sessions belong to their principals; admins see all", async () => {
  await using test = await TestGateway.make();
  const { sessions } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER });
  await sessions.create(BOB, { model: HELPER });
  expect(await sessions.get(BOB, id)).toBeNull();
  expect((await failure(sessions.messages(BOB, id, {}))).code).toBe("NOT_FOUND");
  expect((await sessions.get(ADMIN, id))?.id).toBe(id);
  expect((await sessions.list(ALICE, {})).totalCount).toBe(1);
  expect((await sessions.list(ADMIN, {})).totalCount).toBe(2);
  expect((await failure(sessions.create(VIEWER, { model: HELPER }))).code).toBe("FORBIDDEN");
  const nobody = { model: { name: "nobody" } };
  expect((await failure(sessions.create(ALICE, nobody))).code).toBe("NOT_FOUND");
  const long = { model: HELPER, title: "x".repeat(201) };
  expect((await failure(sessions.create(ALICE, long))).details["field"]).toBe("title");
});

Deno.test("sessions.list() pages newest first, undisturbed by sessions made meanwhile", async () => {
  await using test = await TestGateway.make();
  const { sessions } = test.gateway;
  const made: string[] = [];
  for (let count = 0; count < 7; count++) made.unshift((await sessions.create(ALICE, { model: HELPER })).id);
  for (const first of [1, 3, 7, 100]) {
    const pages = await allPages((args) => sessions.list(ALICE, args), first);
    expect(pages.map((session) => session.id)).toEqual(made);
  }
  const page = await sessions.list(ALICE, { first: 3 });
  expect([page.hasNextPage, page.totalCount]).toEqual([true, 7]);
  await sessions.create(ALICE, { model: HELPER });
  const next = await sessions.list(ALICE, { first: 3, after: page.edges.at(-1)!.cursor });
  expect(next.edges.map(({ node }) => node.id)).toEqual(made.slice(3, 6));
});

Deno.test("sessions.list() refuses sizes and cursors that are none", async () => {
  await using test = await TestGateway.make();
  const { sessions } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER });
  await turn(test, id, "Hi", "Ho");
  for (const first of [0, -1, 101, 1.5, NaN]) {
    expect((await failure(sessions.list(ALICE, { first }))).details["field"]).toBe("first");
  }
  const foreign = (await sessions.messages(ALICE, id, {})).edges[0]!.cursor;
  for (const after of ["", "nonsense", "W10", foreign]) {
    expect((await failure(sessions.list(ALICE, { after }))).details["field"]).toBe("after");
  }
});

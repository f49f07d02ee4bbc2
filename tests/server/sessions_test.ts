/** Branches, reproductions and sampling defaults as a client of the API meets them, over the real use cases. */
import { expect } from "@std/expect";
import { ApiServer, type Json } from "../support/api_server.ts";
import { tokenizer } from "../support/conversation.ts";
import { ANONYMOUS } from "../../src/app/roles.ts";
import { encodeId } from "../../schema/ids.ts";
import { ADMIN, HELPER, TestGateway } from "../support/gateway.ts";

class Client implements AsyncDisposable {
  readonly test: TestGateway;
  readonly api: ApiServer;
  private constructor(test: TestGateway) {
    this.test = test;
    this.api = new ApiServer(test.gateway);
  }
  static async make(): Promise<Client> {
    return new Client(await TestGateway.make());
  }
  async ask(query: string, variables: Readonly<Record<string, unknown>> = {}): Promise<Json> {
    const { body } = await this.api.query(query, variables);
    expect(body.errors).toBeUndefined();
    return body.data;
  }
  /** Starts a generation by a mutation that is called `name`, and lets the engine answer it. */
  async generate(name: string, input: Json, answer: string): Promise<string> {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}`;
    const index = this.test.engine.requests.length;
    const data = await this.ask(
      `mutation ($input: ${
        type === "StartGeneration" ? "GenerateInput" : `${type}Input`
      }!) { ${name}(input: $input) {
        ... on Error { code message } ... on ${type}Payload { generation { id } } } }`,
      { input },
    );
    const request = await this.test.engine.request(index);
    request.tokens(...tokenizer.encode(answer));
    request.finish("STOP");
    const { id } = data[name].generation;
    const watch = `subscription ($id: ID!) { generationEvents(id: $id) { seq } }`;
    for await (const _ of this.api.subscribe(watch, { id }));
    return id;
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]();
    await this.test[Symbol.asyncDispose]();
  }
}

for (
  const [what, query] of Object.entries({
    "branches of branches": `{ session(id: "a") { activeBranch { siblings { siblings { id } } } } }`,
    "children of children": `{ session(id: "a") { activeBranch { children { children { id } } } } }`,
    "a page of prompts": `{ session(id: "a") { messages(first: 100) { edges { node {
      generation { promptTokenIds } } } } } }`,
    "a page of logs": `{ session(id: "a") { messages(first: 100) { edges { node {
      generation { outputTokenIds } } } } } }`,
    "many files": `{ ${
      ["a", "b", "c"].map((name) => `${name}: exportSession(id: "a", format: JSON) { content }`)
    } }`,
  })
) {
  Deno.test(`the API refuses to answer ${what} at once`, async () => {
    await using client = await Client.make();
    const { body } = await client.api.query(query);
    expect(body.errors[0].extensions.code).toBe("QUERY_TOO_COMPLEX");
  });
}

const SESSION = `query ($id: ID!, $branch: ID) { session(id: $id) {
  title contextPolicy openGeneration { id }
  activeBranch { content parentId branchIndex branchCount siblings { id content } children { id } }
  messages(branch: $branch) { totalCount edges { node { id content branchIndex branchCount } } }
} }`;

Deno.test("a session's branches are made, shown and selected over the API", async () => {
  await using client = await Client.make();
  const { createSession } = await client.ask(
    `mutation ($model: ModelRef!) { createSession(input: { model: $model, contextPolicy: DROP_OLDEST }) {
      ... on CreateSessionPayload { session { id } } } }`,
    { model: HELPER },
  );
  const { id } = createSession.session;
  await client.generate("startGeneration", { model: HELPER, sessionId: id, prompt: { text: "Hi?" } }, "One.");
  const before = (await client.ask(SESSION, { id })).session;
  const [question, one] = before.messages.edges.map(({ node }: Json) => node);
  await client.generate("regenerate", { messageId: one.id, priority: -1, deadlineSeconds: 60 }, "Two.");
  const again = { model: HELPER, sessionId: id, prompt: { messageId: question.id } };
  await client.generate("startGeneration", again, "Three.");
  await client.generate("editMessage", { messageId: question.id, content: "Ho?" }, "Four.");
  const edited = (await client.ask(SESSION, { id })).session;
  expect(edited.messages.edges.map(({ node }: Json) => [node.content, node.branchIndex, node.branchCount]))
    .toEqual([["Ho?", 1, 2], ["Four.", 0, 1]]);
  await client.ask(`mutation ($id: ID!) { selectBranch(input: { messageId: $id }) { __typename } }`, {
    id: question.id,
  });
  const { session } = await client.ask(SESSION, { id, branch: one.id });
  expect(session).toMatchObject({ title: "Hi?", contextPolicy: "DROP_OLDEST", openGeneration: null });
  expect(session.activeBranch).toMatchObject({
    ...{ content: "Three.", parentId: question.id, branchIndex: 2, branchCount: 3, children: [] },
    siblings: [{ id: one.id, content: "One." }, { content: "Two." }, { content: "Three." }],
  });
  expect(session.messages.edges.map(({ node }: Json) => node.content)).toEqual(["Hi?", "One."]);

  const { exportSession } = await client.ask(
    `query ($id: ID!) { exportSession(id: $id, format: JSON) { fileName mediaType content } }`,
    { id },
  );
  expect(JSON.parse(exportSession.content).messages).toHaveLength(6);
  const found = await client.ask(`{ sessions(where: { titleContains: "hi" }) { totalCount } }`);
  expect(found.sessions.totalCount).toBe(1);
  const renamed = await client.ask(
    `mutation ($id: ID!) { renameSession(input: { id: $id, title: "Greetings" }) {
      ... on RenameSessionPayload { session { title } } } }`,
    { id },
  );
  expect(renamed.renameSession.session.title).toBe("Greetings");
});

Deno.test("a generation without a session is reproduced, then deleted", async () => {
  await using client = await Client.make();
  const id = await client.generate("startGeneration", { model: HELPER, prompt: { text: "Hi?" } }, "One.");
  const copy = await client.generate("reproduceGeneration", { id }, "One more.");
  const { generation } = await client.ask(
    `query ($id: ID!) { generation(id: $id) {
      promptTokenIds outputTokenIds samplingOrigins { topK seed } trimmed { droppedMessages }
      conditions { quantization precision device { adapter } version }
      reproduction { status matches firstDifference } reproductionOf { id text outputTokenIds }
    } }`,
    { id: copy },
  );
  expect(generation).toMatchObject({
    samplingOrigins: { topK: "BUILT_IN", seed: "BUILT_IN" },
    trimmed: null,
    conditions: { quantization: "FP8_E4M3", precision: "f32", device: { adapter: "fake" } },
    reproduction: { status: "DIFFERS", matches: false, firstDifference: expect.any(Number) },
    reproductionOf: { id, text: "One.", outputTokenIds: tokenizer.encode("One.") },
  });
  const remove = `mutation ($id: ID!) { deleteGeneration(input: { id: $id }) {
    ... on Error { code } ... on DeleteGenerationPayload { deletedId } } }`;
  expect((await client.ask(remove, { id })).deleteGeneration).toEqual({ deletedId: id });
  expect((await client.ask(remove, { id: copy })).deleteGeneration.code).toBe("NOT_FOUND");
});

Deno.test("sampling defaults are described, watched, and not changed on a revision that is old", async () => {
  await using client = await Client.make();
  const { samplingDefaults } = client.test.gateway;
  const { samplingParameters } = await client.ask(
    `query ($model: ModelRef) { samplingParameters(model: $model) {
      name type description min max minExclusive maxItems maxLength default origin } }`,
    { model: HELPER },
  );
  const named = new Map(samplingParameters.map((parameter: Json) => [parameter.name, parameter]));
  expect(named.get("temperature")).toMatchObject({ type: "NUMBER", min: "0", max: "2", default: "1" });
  expect(named.get("seed")).toMatchObject({ max: "18446744073709551615", default: null });
  const stream = client.api.subscribe(
    `subscription ($model: ModelRef) { samplingDefaultsChanged(model: $model) { values { topK } } }`,
    { model: HELPER },
  );
  const next = async () => (await stream.next()).value.data.samplingDefaultsChanged.values.topK;
  expect(await next()).toBe(0);
  await samplingDefaults.update(ADMIN, { sampling: { topK: 7 }, reason: "r" });
  expect(await next()).toBe(7);
  await stream.return(undefined);
  const at = await client.ask(`{ samplingDefaultsAt(revision: 1) { changes { parameter before after } } }`);
  expect(at.samplingDefaultsAt.changes).toEqual([{ parameter: "topK", before: null, after: "7" }]);
  const late = await client.api.query(
    `mutation { updateSamplingDefaults(input: { sampling: { topK: 8 }, reason: "r", expectedRevision: 0 }) {
      __typename ... on Error { code } } }`,
    {},
    await adminKey(client.test),
  );
  expect(late.body.data.updateSamplingDefaults).toEqual({ __typename: "ConflictError", code: "CONFLICT" });
});

async function adminKey(test: TestGateway): Promise<string> {
  return (await test.gateway.access.createKey(ADMIN, { role: "ADMIN", label: "admin" })).secret;
}

Deno.test("a page of messages or sessions takes as many queries as a single one", async () => {
  await using client = await Client.make();
  const { test } = client;
  const count = async (query: string, variables: Json) => {
    test.queries.take();
    const data = await client.ask(query, variables);
    return { data, queries: test.queries.take() };
  };
  const messages = async (turns: number) => {
    const { id } = await test.gateway.sessions.create(ANONYMOUS, { model: HELPER });
    const sessionId = encodeId("Session", id);
    for (let turn = 0; turn < turns; turn++) {
      const input = { model: HELPER, sessionId, prompt: { text: `${turn}?` } };
      await client.generate("startGeneration", input, "Yes.");
    }
    const { data, queries } = await count(
      `query ($id: ID!) { session(id: $id) { messages(first: 8) { edges { node {
        content siblings { content } children { content }
        generation { session { id } model { name } reproductionOf { id } } } } } } }`,
      { id: sessionId },
    );
    expect(data.session.messages.edges).toHaveLength(2 * turns);
    return queries;
  };
  expect(await messages(4)).toBe(await messages(1));
  const sessions = async (first: number) => {
    const { data, queries } = await count(
      `query ($first: Int) { sessions(first: $first) { edges { node {
        model { name } openGeneration { id } activeBranch { content branchCount } } } } }`,
      { first },
    );
    expect(data.sessions.edges).toHaveLength(first);
    return queries;
  };
  expect(await sessions(2)).toBe(await sessions(1));
});

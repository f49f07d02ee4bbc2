/**
 * The API over the real use cases and a real database, with an engine that does what the test says: what clients see
 * of a generation, and what the engine sees of its clients.
 */
import { expect } from "@std/expect";
import { ADMIN, HELPER, HELPER_DIR, TestGateway } from "../support/gateway.ts";
import { ApiServer, type Json } from "../support/api_server.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";

const tokenizer = await openTokenizer(HELPER_DIR);
const FLUSH_MS = 1_000;
const EVENT = `__typename seq generationId
  ... on PromptProcessed { promptTokens }
  ... on TokensGenerated { text tokens { id } }
  ... on GenerationFinished { finishReason text usage { completionTokens } timings { submitsPerStep } }
  ... on GenerationCancelled { usage { completionTokens } }`;
const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) { ${EVENT} } }`;
const WATCH =
  `subscription ($id: ID!, $after: Int) { generationEvents(id: $id, afterSeq: $after) { ${EVENT} } }`;
const INPUT = { model: HELPER, prompt: { text: "What is the capital of France?" } };

class Setup implements AsyncDisposable {
  readonly test: TestGateway;
  readonly api: ApiServer;
  private constructor(test: TestGateway) {
    this.test = test;
    this.api = new ApiServer(test.gateway);
  }
  static async make(): Promise<Setup> {
    return new Setup(await TestGateway.make());
  }
  /** The engine's `index`-th request says these words. */
  async say(index: number, text: string): Promise<void> {
    const request = await this.test.engine.request(index);
    request.tokens(...tokenizer.encode(text));
    this.test.clock.advance(FLUSH_MS);
  }
  /** Lets the server do what it has to do. */
  async round(): Promise<void> {
    await (await fetch(`${this.api.server.origin}/livez`)).body?.cancel();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]();
    await this.test[Symbol.asyncDispose]();
  }
}

async function read(
  stream: AsyncGenerator<Json>,
  until: (event: Json) => boolean = () => false,
): Promise<Json[]> {
  const events: Json[] = [];
  for (let next = await stream.next(); !next.done; next = await stream.next()) {
    if (next.value.errors) throw new Error(JSON.stringify(next.value.errors));
    events.push(next.value.data.generate ?? next.value.data.generationEvents);
    if (until(events.at(-1))) break;
  }
  return events;
}
const ofType = (typename: string) => (event: Json) => event.__typename === typename;

Deno.test("a generation resumes over a new connection without losing or repeating an event", async () => {
  await using setup = await Setup.make();
  const { api, test } = setup;
  const stream = api.subscribe(GENERATE, { input: { ...INPUT, onDisconnect: "CONTINUE" } });
  const before = read(stream, ofType("TokensGenerated"));
  (await test.engine.request(0)).promptProcessed();
  await setup.say(0, "It is");
  const first = await before;
  await stream.return(undefined);
  const request = await test.engine.request(0);
  await setup.say(0, "Paris.");
  const { generationId: id, seq } = first.at(-1);
  const rest = api.subscribe(WATCH, { id, after: seq });
  const after = await read(rest, ofType("TokensGenerated"));
  request.tokens(2);
  request.finish("STOP");
  after.push(...await read(rest));
  const all = [...first, ...after];
  expect(all.map((event) => event.seq)).toEqual(all.map((_, index) => index + 1));
  expect(all.at(-1)).toMatchObject({
    __typename: "GenerationFinished",
    finishReason: "STOP",
    text: "It is Paris.",
  });
  expect(all.filter(ofType("TokensGenerated")).map(({ text }) => text).join("")).toBe("It is Paris.");
  const answer = await api.query(
    `query ($id: ID!) { generation(id: $id) {
      status text model { name } effectiveSampling { seed } usage { completionTokens } onDisconnect
    } }`,
    { id },
  );
  expect(answer.body.data.generation).toEqual({
    status: "SUCCEEDED",
    text: "It is Paris.",
    model: { name: HELPER.name },
    effectiveSampling: { seed: "42" },
    usage: { completionTokens: tokenizer.encode("It is").length + tokenizer.encode("Paris.").length + 1 },
    onDisconnect: "CONTINUE",
  });
});

Deno.test("cancelGeneration stops the engine's request and ends the stream", async () => {
  await using setup = await Setup.make();
  const { api, test } = setup;
  const stream = api.subscribe(GENERATE, { input: INPUT });
  const first = read(stream, ofType("TokensGenerated"));
  await setup.say(0, "Once");
  const { generationId: id } = (await first).at(-1);
  const rest = read(stream);
  const cancelled = api.query(
    `mutation ($id: ID!) { cancelGeneration(input: { id: $id }) {
      __typename ... on CancelGenerationPayload { generation { status } }
    } }`,
    { id },
  );
  const request = await test.engine.request(0);
  while (!request.cancelled) await setup.round();
  request.finish("CANCELLED");
  await cancelled;
  expect((await rest).at(-1).__typename).toBe("GenerationCancelled");
  expect(
    (await api.query(`query ($id: ID!) { generation(id: $id) { status } }`, { id })).body.data.generation,
  )
    .toEqual({ status: "CANCELLED" });
});

Deno.test("a client that goes away takes its generation along, unless told otherwise", async () => {
  await using setup = await Setup.make();
  const { api, test } = setup;
  for (const [index, onDisconnect] of ["CANCEL", "CONTINUE"].entries()) {
    const stream = api.subscribe(GENERATE, { input: { ...INPUT, onDisconnect } });
    const first = read(stream, ofType("TokensGenerated"));
    await setup.say(index, "Once");
    await first;
    await stream.return(undefined);
    while (api.server.liveStreams > 0) await setup.round();
    const request = await test.engine.request(index);
    expect(request.cancelled).toBe(onDisconnect === "CANCEL");
    request.finish(onDisconnect === "CANCEL" ? "CANCELLED" : "STOP");
  }
});

Deno.test("a session keeps its messages, and a second question while it answers is refused by type", async () => {
  await using setup = await Setup.make();
  const { api, test } = setup;
  const created = await api.query(
    `mutation ($input: CreateSessionInput!) { createSession(input: $input) {
      ... on CreateSessionPayload { session { id } } ... on Error { code message } } }`,
    { input: { model: HELPER } },
  );
  const sessionId = created.body.data.createSession.session.id;
  const start = `mutation ($input: GenerateInput!) { startGeneration(input: $input) {
    __typename ... on CapacityError { code retryAfterMs } ... on StartGenerationPayload { generation { id session { id } } }
  } }`;
  const input = { ...INPUT, sessionId };
  const started = (await api.query(start, { input })).body.data.startGeneration;

  expect(started.generation.session.id).toBe(sessionId);
  expect((await api.query(start, { input })).body.data.startGeneration)
    .toMatchObject({ __typename: "CapacityError", code: "CAPACITY", retryAfterMs: expect.any(Number) });
  const events = read(api.subscribe(WATCH, { id: started.generation.id }));
  await setup.say(0, "Paris.");
  (await test.engine.request(0)).finish("LENGTH");
  expect((await events).at(-1)).toMatchObject({ finishReason: "LENGTH", text: "Paris." });
  const session = await api.query(
    `query ($id: ID!) { session(id: $id) { messages(first: 1) {
      totalCount pageInfo { hasNextPage } edges { node { role content generation { id } } }
    } } }`,
    { id: sessionId },
  );
  expect(session.body.data.session.messages).toEqual({
    totalCount: 2,
    pageInfo: { hasNextPage: true },
    edges: [{
      node: { role: "USER", content: INPUT.prompt.text, generation: { id: started.generation.id } },
    }],
  });
});

Deno.test("an admin's key changes a default for the next generation; others get ForbiddenError, or 401", async () => {
  await using setup = await Setup.make();
  const { api, test } = setup;
  const key = async (role: "VIEWER" | "GENERATOR" | "ADMIN") =>
    (await test.gateway.access.createKey(ADMIN, { role, label: role })).secret;
  const update = `mutation ($input: UpdateSamplingDefaultsInput!) { updateSamplingDefaults(input: $input) {
    __typename ... on Error { code }
    ... on UpdateSamplingDefaultsPayload { samplingDefaults { values { topK } origins { topK } } }
  } }`;
  const input = { model: HELPER, sampling: { topK: 7 }, reason: "Narrower" };
  for (const secret of [undefined, await key("VIEWER"), await key("GENERATOR")]) {
    expect((await api.query(update, { input }, secret)).body.data.updateSamplingDefaults)
      .toEqual({ __typename: "ForbiddenError", code: "FORBIDDEN" });
  }
  const admin = await key("ADMIN");
  const wrong = `${admin.slice(0, -1)}${admin.endsWith("0") ? "1" : "0"}`;
  expect((await api.query(update, { input }, wrong)).status).toBe(401);
  expect((await api.query(update, { input }, admin)).body.data.updateSamplingDefaults).toEqual({
    __typename: "UpdateSamplingDefaultsPayload",
    samplingDefaults: { values: { topK: 7 }, origins: { topK: "MODEL" } },
  });
  const started = await api.query(
    `mutation ($input: GenerateInput!) { startGeneration(input: $input) {
      ... on StartGenerationPayload { generation { effectiveSampling { topK } samplingRevisionIds } } } }`,
    { input: INPUT },
  );
  expect(started.body.data.startGeneration.generation).toEqual({
    effectiveSampling: { topK: 7 },
    samplingRevisionIds: [expect.any(String)],
  });
});

Deno.test("an admin makes and revokes keys, and takes a default back; nobody else does", async () => {
  await using setup = await Setup.make();
  const { api, test } = setup;
  const { secret: admin } = await test.gateway.access.createKey(ADMIN, { role: "ADMIN", label: "a" });
  const create = `mutation { createApiKey(input: { role: GENERATOR, label: "Bob" }) { __typename
    ... on Error { code message } ... on CreateApiKeyPayload { secret apiKey { id role label revokedAt } } } }`;
  const revoke = `mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename
    ... on Error { code message } ... on RevokeApiKeyPayload { revokedId } } }`;
  const revert = `mutation ($revision: Int!) {
    revertSamplingDefaults(input: { revision: $revision, reason: "back" }) { __typename
      ... on Error { code message }
      ... on RevertSamplingDefaultsPayload { revision { revision values { topK } }
        samplingDefaults { values { topK } history { totalCount edges { node { revision changes { parameter before after } } } } } } } }`;
  const made = (await api.query(create, {}, admin)).body.data.createApiKey;
  expect(made.apiKey).toEqual({
    id: expect.any(String),
    role: "GENERATOR",
    label: "Bob",
    revokedAt: null,
  });
  const { id } = made.apiKey;
  const viewer = "{ viewer { id role concurrencyUnitsHeld concurrencyUnitsAllowed } }";
  expect((await api.query(viewer, {}, made.secret)).body.data.viewer).toEqual({
    id,
    role: "GENERATOR",
    concurrencyUnitsHeld: 0,
    concurrencyUnitsAllowed: 32,
  });
  const start = `mutation ($input: GenerateInput!) { startGeneration(input: $input) { __typename } }`;
  await api.query(start, { input: INPUT }, made.secret);
  expect((await api.query(viewer, {}, made.secret)).body.data.viewer.concurrencyUnitsHeld).toBe(1);

  for (const [mutation, variables] of [[create, {}], [revoke, { id }], [revert, { revision: 0 }]] as const) {
    const { data } = (await api.query(mutation, variables, made.secret)).body;
    expect(Object.values(data)).toEqual([
      { __typename: "ForbiddenError", code: "FORBIDDEN", message: expect.any(String) },
    ]);
  }
  expect((await api.query("{ apiKeys { id } }", {}, made.secret)).body.errors[0].extensions.code)
    .toBe("FORBIDDEN");
  expect((await api.query("{ apiKeys { id } }", {}, admin)).body.data.apiKeys.map((key: Json) => key.id))
    .toContain(id);
  expect((await api.query(revoke, { id }, admin)).body.data.revokeApiKey.revokedId).toBe(id);
  expect((await api.query(revoke, { id }, admin)).body.data.revokeApiKey.code).toBe("NOT_FOUND");
  expect((await api.query(viewer, {}, made.secret)).status).toBe(401);

  for (const topK of [7, 9]) {
    await test.gateway.samplingDefaults.update(ADMIN, { sampling: { topK }, reason: `to ${topK}` });
  }
  expect((await api.query(revert, { revision: 1 }, admin)).body.data.revertSamplingDefaults).toEqual({
    __typename: "RevertSamplingDefaultsPayload",
    revision: { revision: 3, values: { topK: 7 } },
    samplingDefaults: {
      values: { topK: 7 },
      history: {
        totalCount: 3,
        edges: [["9", "7"], ["7", "9"], [null, "7"]].map(([before, after], index) => ({
          node: { revision: 3 - index, changes: [{ parameter: "topK", before, after }] },
        })),
      },
    },
  });
  const none = (await api.query(revert, { revision: 0 }, admin)).body.data.revertSamplingDefaults;
  expect(none.revision.values).toEqual({ topK: null });
  for (const revision of [-1, 99]) {
    expect((await api.query(revert, { revision }, admin)).body.data.revertSamplingDefaults.code)
      .toBe("NOT_FOUND");
  }
  expect(api.log.join()).not.toContain(made.secret);
});

Deno.test("what the use cases refuse reaches the client by its code, with nothing started", async () => {
  await using setup = await Setup.make();
  const { api, test } = setup;
  const start =
    `mutation ($input: GenerateInput!) { startGeneration(input: $input) { __typename ... on Error { code } } }`;
  for (
    const [input, code] of [
      [{ sampling: { temperature: 3 } }, "CONFIG"],
      [{ sampling: { seed: "18446744073709551616" } }, "CONFIG"],
      [{ sampling: { stop: [""] } }, "CONFIG"],
      [{ prompt: { tokenIds: [] } }, "CONFIG"],
      [{ prompt: { tokenIds: [999_999] } }, "CONFIG"],
      [{ prompt: { text: "word ".repeat(40_000) } }, "CAPACITY"],
      [{ idempotencyKey: "" }, "CONFIG"],
      [{ model: { name: "no/such" } }, "NOT_FOUND"],
    ] as const
  ) {
    const answer = await api.query(start, { input: { ...INPUT, ...input } });
    expect({ input: JSON.stringify(input).slice(0, 60), code: answer.body.data?.startGeneration.code })
      .toEqual({ input: JSON.stringify(input).slice(0, 60), code });
  }
  expect(test.engine.requests).toEqual([]);
  expect(api.log).toEqual([]);
});

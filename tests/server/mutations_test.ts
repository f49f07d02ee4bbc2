/** Every mutation over real HTTP: its payload, and each kind of failure as a typed member of its result. */
import { expect } from "@std/expect";
import { CapacityError, DeviceLostError, FormatError } from "../../src/errors.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";

const ERROR = "... on Error { __typename code message }";
const START = `mutation ($input: GenerateInput!) { startGeneration(input: $input) { __typename ${ERROR}
  ... on CapacityError { retryAfterMs }
  ... on StartGenerationPayload { generation { id status onDisconnect requestedSampling { seed stop temperature } } }
} }`;
const UPDATE = `mutation ($input: UpdateSamplingDefaultsInput!) { updateSamplingDefaults(input: $input) {
  __typename ${ERROR}
  ... on UpdateSamplingDefaultsPayload {
    revision { revision author reason model { name } values { temperature topK seed } }
    samplingDefaults { revisions { id } }
  }
} }`;

Deno.test("Mutation.createSession and deleteSession keep a conversation and end it", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const created = await api.query(`mutation { createSession(input: {
    model: { name: "owner/merged" }, title: "Foxes", systemPrompt: "Be brief."
  }) { ... on CreateSessionPayload { session {
    id title model { name } createdAt messages { totalCount edges { node { role content generation { id } } } }
  } } } }`);
  const { id, ...session } = created.body.data.createSession.session;
  expect(session).toEqual({
    title: "Foxes",
    model: { name: "owner/merged" },
    createdAt: "2024-01-31T09:30:00.000Z",
    messages: {
      totalCount: 1,
      edges: [{ node: { role: "SYSTEM", content: "Be brief.", generation: null } }],
    },
  });
  expect((await api.query(`{ sessions { totalCount edges { node { id } } } }`)).body.data.sessions)
    .toEqual({ totalCount: 1, edges: [{ node: { id } }] });
  const remove = `mutation ($id: ID!) { deleteSession(input: { id: $id }) { __typename ${ERROR}
    ... on DeleteSessionPayload { deletedId } } }`;
  expect((await api.query(remove, { id })).body.data.deleteSession)
    .toEqual({ __typename: "DeleteSessionPayload", deletedId: id });
  expect((await api.query(remove, { id })).body.data.deleteSession)
    .toMatchObject({ __typename: "NotFoundError", code: "NOT_FOUND" });
  expect((await api.query(`query ($id: ID!) { session(id: $id) { id } }`, { id })).body.data.session)
    .toBeNull();
});

Deno.test("Mutation.startGeneration passes its input on and continues after a disconnect", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const seed = "18446744073709551615";
  const answer = await api.query(START, {
    input: {
      model: { name: "owner/merged" },
      prompt: { messages: [{ role: "USER", content: "Hello" }] },
      sampling: { seed, stop: ["\n"], temperature: null, logprobs: 2 },
      idempotencyKey: "once",
    },
  });
  expect(answer.body.data.startGeneration).toEqual({
    __typename: "StartGenerationPayload",
    generation: {
      id: expect.any(String),
      status: "QUEUED",
      onDisconnect: "CONTINUE",
      requestedSampling: { seed, stop: ["\n"], temperature: null },
    },
  });
  expect(fake.started[0]!.input).toEqual({
    model: { name: "owner/merged" },
    prompt: { messages: [{ role: "USER", content: "Hello" }] },
    sampling: { seed: 18446744073709551615n, stop: ["\n"], temperature: null, logprobs: 2 },
    idempotencyKey: "once",
    onDisconnect: "CONTINUE",
  });
});

Deno.test("Mutation.startGeneration answers each expected failure by its own type", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const input = { model: { name: "owner/merged" }, prompt: { tokenIds: [1, 2] } };
  for (
    const [error, expected] of [
      [new CapacityError("The queue is full", { retryAfterMs: 250 }), {
        __typename: "CapacityError",
        code: "CAPACITY",
        message: "The queue is full",
        retryAfterMs: 250,
      }],
      [new DeviceLostError("Gone"), { __typename: "DeviceLostError", code: "DEVICE_LOST", message: "Gone" }],
      [new FormatError("Torn"), { __typename: "FormatError", code: "FORMAT", message: "Torn" }],
    ] as const
  ) {
    fake.failWith = error;
    expect((await api.query(START, { input })).body.data.startGeneration).toEqual(expected);
  }
  for (const bad of [{ model: { name: "nope" } }, { model: { id: "nope" } }, { sessionId: "nope" }]) {
    expect((await api.query(START, { input: { ...input, ...bad } })).body.data.startGeneration.code)
      .toBe("NOT_FOUND");
  }
});

Deno.test("Mutation.cancelGeneration is idempotent and knows only one's own generations", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const input = { model: { name: "owner/merged" }, prompt: { text: "Hello" } };
  const id = (await api.query(START, { input }, "g")).body.data.startGeneration.generation.id;
  const cancel = `mutation ($id: ID!) { cancelGeneration(input: { id: $id }) { __typename ${ERROR}
    ... on CancelGenerationPayload { generation { id status finishReason } } } }`;
  expect((await api.query(cancel, { id })).body.data.cancelGeneration.code).toBe("NOT_FOUND");
  for (let time = 0; time < 2; time++) {
    expect((await api.query(cancel, { id }, "g")).body.data.cancelGeneration).toEqual({
      __typename: "CancelGenerationPayload",
      generation: { id, status: "CANCELLED", finishReason: "CANCELLED" },
    });
  }
  const read = `query ($id: ID!) { generation(id: $id) { status } }`;
  expect((await api.query(read, { id })).body.data.generation).toBeNull();
  expect((await api.query(read, { id }, "g")).body.data.generation).toEqual({ status: "CANCELLED" });
});

Deno.test("Mutation.updateSamplingDefaults writes a revision with its author and reason", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const input = {
    model: { name: "owner/left" },
    sampling: { temperature: 0.5, topK: null, seed: "9007199254740993" },
    reason: "Calmer",
  };
  expect((await api.query(UPDATE, { input }, "a")).body.data.updateSamplingDefaults).toEqual({
    __typename: "UpdateSamplingDefaultsPayload",
    revision: {
      revision: 1,
      author: "key-admin",
      reason: "Calmer",
      model: { name: "owner/left" },
      values: { temperature: 0.5, topK: null, seed: "9007199254740993" },
    },
    samplingDefaults: { revisions: [{ id: "r1" }] },
  });
  const hot = { sampling: { temperature: 3 }, reason: "Hotter" };
  expect((await api.query(UPDATE, { input: hot }, "a")).body.data.updateSamplingDefaults).toEqual({
    __typename: "ConfigError",
    code: "CONFIG",
    message: "Cannot use temperature 3: expected 0 to 2",
  });
});

Deno.test("Mutation.registerModel, loadModel and unloadModel answer with the model", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const answer = await api.query(
    `mutation {
      registerModel(input: { path: "/models/left" }) { ... on RegisterModelPayload { model { name } } }
      loadModel(input: { model: { name: "owner/left" } }) { ... on LoadModelPayload { model { name } } }
      unloadModel(input: { model: { name: "owner/left" } }) { ... on UnloadModelPayload { model { name } } }
    }`,
    {},
    "a",
  );
  const model = { model: { name: "owner/left" } };
  expect(answer.body).toEqual({ data: { registerModel: model, loadModel: model, unloadModel: model } });
  fake.failWith = new CapacityError("Too little memory");
  const full = await api.query(
    `mutation { loadModel(input: { model: { name: "owner/left" } }) { ${ERROR} } }`,
    {},
    "a",
  );
  expect(full.body.data.loadModel).toMatchObject({ __typename: "CapacityError", code: "CAPACITY" });
});

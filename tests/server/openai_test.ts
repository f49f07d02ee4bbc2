/** The OpenAI endpoints over real HTTP, driven by that API's own client. */
import { expect } from "@std/expect";
import OpenAI from "openai";
import { CapacityError, ConfigError, DeviceLostError, NotFiniteError } from "../../src/errors.ts";
import { ApiServer, type Json } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { finished, tokens } from "../support/fake_log.ts";
import { HASH } from "../support/fake_objects.ts";

const MODEL = "owner/merged";
const MESSAGES = [{ role: "user" as const, content: "Hello" }];
const CHAT = { model: MODEL, messages: MESSAGES };

function clientOf(api: ApiServer, apiKey = "none"): OpenAI {
  return new OpenAI({ baseURL: `${api.server.origin}/v1`, apiKey, maxRetries: 0 });
}

/** Writes into the log of the next generation as soon as there is one. */
async function answerWith(fake: FakeGateway, ...events: Parameters<FakeGateway["lastLog"]["push"]>) {
  while (fake.logs.size === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  fake.lastLog.push(...events);
}

async function post(api: ApiServer, path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${api.server.origin}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: await response.json() as Json };
}

async function untilNoStreams(api: ApiServer): Promise<void> {
  while (api.server.liveStreams > 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
}

Deno.test("POST /v1/chat/completions answers whole, and names the weights behind the answer", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const top = [{ id: 7, text: "é", logprob: -0.5 }];
  const answering = answerWith(
    fake,
    { kind: "tokens", text: "é", tokens: [{ id: 7, text: "é", logprob: -0.5, top }] },
    finished("é"),
  );
  const answer = await clientOf(api).chat.completions.create({ ...CHAT, logprobs: true, top_logprobs: 1 });
  await answering;
  const logprob = { token: "é", logprob: -0.5, bytes: [195, 169] };
  expect(answer).toMatchObject({
    id: "chatcmpl-g1",
    object: "chat.completion",
    model: MODEL,
    system_fingerprint: HASH,
    choices: [{
      index: 0,
      message: { role: "assistant", content: "é" },
      logprobs: { content: [{ ...logprob, top_logprobs: [logprob] }] },
      finish_reason: "stop",
    }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
  });
  expect(fake.started[0]).toEqual({
    principal: { id: "anonymous", role: "GENERATOR" },
    input: {
      model: { name: MODEL },
      prompt: { messages: [{ role: "USER", content: "Hello" }] },
      sampling: { logprobs: 1 },
      onDisconnect: "CANCEL",
      disconnectGraceMs: 0,
    },
  });
  await untilNoStreams(api);
});

Deno.test("POST /v1/chat/completions streams piece by piece, with its usage where asked", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const stream = await clientOf(api).chat.completions.create({
    ...CHAT,
    stream: true,
    stream_options: { include_usage: true },
  });
  fake.lastLog.push({ kind: "queued", position: 3 }, { kind: "loading", stage: "READING", fraction: 0.43 });
  fake.lastLog.push(tokens("a"));
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  // Each piece is written only once the client has the one before: nothing is held back on the way.
  for await (const chunk of stream) {
    chunks.push(chunk);
    if (chunk.choices[0]?.delta.content === "a") fake.lastLog.push(tokens("b"));
    if (chunk.choices[0]?.delta.content === "b") fake.lastLog.push(finished("ab"));
  }
  expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
    { role: "assistant", content: "", refusal: null },
    { content: "a" },
    { content: "b" },
    {},
    undefined,
  ]);
  expect(chunks.at(-2)!.choices[0]!.finish_reason).toBe("stop");
  expect(chunks.slice(0, -1).map(({ usage }) => usage)).toEqual([null, null, null, null]);
  expect(chunks.at(-1)!.usage).toMatchObject({ total_tokens: 5 });
  await untilNoStreams(api);
});

Deno.test("POST /v1/completions continues a text or token ids as they stand", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const answering = answerWith(
    fake,
    { kind: "tokens", text: " b", tokens: [{ id: 1, text: " b", logprob: -1, top: [] }] },
    { ...finished(" b"), finishReason: "LENGTH" } as ReturnType<typeof finished>,
  );
  const answer = await clientOf(api).completions.create({ model: MODEL, prompt: "a", logprobs: 0, seed: -1 });
  await answering;
  expect(answer).toMatchObject({
    id: "cmpl-g1",
    object: "text_completion",
    choices: [{
      text: " b",
      finish_reason: "length",
      logprobs: { tokens: [" b"], token_logprobs: [-1], top_logprobs: [{}], text_offset: [0] },
    }],
  });
  expect(fake.started[0]!.input).toMatchObject({
    prompt: { raw: "a" },
    sampling: { logprobs: 0, seed: 2n ** 64n - 1n },
  });
  const stream = await clientOf(api).completions.create({ model: MODEL, prompt: [1, 2], stream: true });
  fake.lastLog.push(tokens("c"), finished("c"));
  const texts: string[] = [];
  for await (const chunk of stream) texts.push(chunk.choices[0]!.text);
  expect(texts).toEqual(["c", ""]);
  expect(fake.started[1]!.input.prompt).toEqual({ tokenIds: [1, 2] });
  await untilNoStreams(api);
});

Deno.test("POST /v1/chat/completions takes every parameter under its usual name", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const body = {
    model: MODEL,
    messages: [
      { role: "developer", content: "Be brief" },
      { role: "user", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }] },
    ],
    temperature: 0.5,
    top_p: 0.9,
    top_k: 5,
    min_p: 0.1,
    typical_p: 0.8,
    presence_penalty: 1,
    frequency_penalty: -1,
    repetition_penalty: 1.1,
    max_tokens: 3,
    max_completion_tokens: 7,
    min_tokens: 2,
    stop: "x",
    stop_token_ids: [4],
    ignore_eos: true,
    seed: 9,
    logit_bias: { "42": -5 },
    response_format: { type: "json_schema", json_schema: { name: "n", schema: { type: "object" } } },
    user: "somebody",
    n: null,
    tools: [],
    tool_choice: "auto",
    modalities: ["text"],
    parallel_tool_calls: true,
  };
  const answering = answerWith(fake, finished(""));
  expect((await post(api, "/v1/chat/completions", body, { "idempotency-key": "k" })).status).toBe(200);
  await answering;
  expect(fake.started[0]!.input).toEqual({
    model: { name: MODEL },
    prompt: { messages: [{ role: "SYSTEM", content: "Be brief" }, { role: "USER", content: "ab" }] },
    sampling: {
      temperature: 0.5,
      topP: 0.9,
      topK: 5,
      minP: 0.1,
      typicalP: 0.8,
      presencePenalty: 1,
      frequencyPenalty: -1,
      repetitionPenalty: 1.1,
      maxTokens: 7,
      minTokens: 2,
      stop: ["x"],
      stopTokenIds: [4],
      ignoreEos: true,
      seed: 9n,
      logitBias: [{ tokenId: 42, bias: -5 }],
      constraint: { jsonSchema: '{"type":"object"}' },
    },
    idempotencyKey: "k",
    onDisconnect: "CANCEL",
  });
});

const REFUSED: readonly (readonly [what: string, body: Json, param: string | null])[] = [
  ["no object", [], null],
  ["no model", { messages: MESSAGES }, "model"],
  ["no messages", { model: MODEL }, "messages"],
  ["a foreign role", { ...CHAT, messages: [{ role: "poet", content: "x" }] }, "messages[0].role"],
  ["a tool's answer", { ...CHAT, messages: [{ role: "tool", content: "x" }] }, "messages[0].role"],
  [
    "calls of tools",
    { ...CHAT, messages: [...MESSAGES, { role: "assistant", content: "", tool_calls: [{ id: "a" }] }] },
    "messages[1].tool_calls",
  ],
  [
    "an image",
    { ...CHAT, messages: [{ role: "user", content: [{ type: "text", text: "" }, { type: "image_url" }] }] },
    "messages[0].content[1].type",
  ],
  [
    "a refusal",
    { ...CHAT, messages: [...MESSAGES, { role: "assistant", content: null, refusal: "No." }] },
    "messages[1].refusal",
  ],
  [
    "the beginning of an answer",
    { ...CHAT, messages: [...MESSAGES, { role: "assistant", content: "Once", prefix: true }] },
    "messages[1].prefix",
  ],
  ["no content", { ...CHAT, messages: [{ role: "user", content: null }] }, "messages[0].content"],
  ["speech", { ...CHAT, modalities: ["text", "audio"] }, "modalities"],
  ["a function", { ...CHAT, function_call: { name: "f" } }, "function_call"],
  ["several answers", { ...CHAT, n: 2 }, "n"],
  ["tools", { ...CHAT, tools: [{ type: "function" }] }, "tools"],
  ["a format nobody knows", { ...CHAT, response_format: { type: "xml" } }, "response_format.type"],
  ["top_logprobs alone", { ...CHAT, top_logprobs: 2 }, "top_logprobs"],
  ["a bias for a word", { ...CHAT, logit_bias: { hello: 1 } }, "logit_bias.hello"],
];
for (const [what, body, param] of REFUSED) {
  Deno.test(`POST /v1/chat/completions refuses ${what} and names the field`, async () => {
    const fake = new FakeGateway();
    await using api = new ApiServer(fake.gateway);
    const answer = await post(api, "/v1/chat/completions", body);
    expect(answer.status).toBe(400);
    expect(answer.body.error).toEqual({
      message: expect.any(String),
      type: "invalid_request_error",
      param,
      code: null,
    });
    expect(fake.started).toEqual([]);
  });
}

Deno.test("POST /v1/chat/completions tells each failure by the status that clients know", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const impossible = new CapacityError("Cannot start, however long it waits", { units: 9 });
  const same = new NotFiniteError("Its activations left the range of f16");
  const failing = async (error: unknown) => {
    fake.failWith = error;
    const { status, headers, body } = await post(api, "/v1/chat/completions", CHAT);
    expect(headers.get("x-should-retry")).toBe(error === impossible || error === same ? "false" : null);
    return [status, body.error.code, body.error.param, headers.get("retry-after")];
  };
  expect(await failing(new ConfigError("No", { field: "temperature" }))).toEqual([
    400,
    null,
    "temperature",
    null,
  ]);
  expect(await failing(new CapacityError("Full", { retryAfterMs: 1500 }))).toEqual([
    429,
    "rate_limit_exceeded",
    null,
    "2",
  ]);
  expect(await failing(new CapacityError("Long", { contextLength: 8 }))).toEqual([
    400,
    "context_length_exceeded",
    null,
    null,
  ]);
  expect(await failing(impossible)).toEqual([503, "capacity", null, null]);
  expect(await failing(new DeviceLostError("Gone"))).toEqual([503, "device_lost", null, null]);
  expect(await failing(same)).toEqual([500, "not_finite", null, null]);
  expect(await failing(new TypeError("secret"))).toEqual([500, null, null, null]);
  expect(api.log.join()).not.toContain("secret");
  const missing = await post(api, "/v1/chat/completions", { ...CHAT, model: "no/such" });
  expect([missing.status, missing.body.error.code]).toEqual([404, "model_not_found"]);
  expect((await post(api, "/v1/chat/completions", "{")).status).toBe(400);
  const nothing = await post(api, "/v1/nothing", {});
  expect([nothing.status, nothing.body.error]).toEqual([404, {
    ...{ message: "There is nothing at POST /v1/nothing", type: "invalid_request_error" },
    ...{ param: null, code: "unknown_url" },
  }]);
  const wrong = await post(api, "/v1/models", {});
  expect([wrong.status, wrong.body.error.code, wrong.headers.get("allow")]).toEqual([
    ...[405, "method_not_supported", "GET, HEAD"],
  ]);
  const large = await post(api, "/v1/chat/completions", { ...CHAT, user: "x".repeat(5_000_000) });
  expect([large.status, large.body.error.code]).toEqual([413, "request_too_large"]);
  const text = await post(api, "/v1/chat/completions", CHAT, { "content-type": "text/plain" });
  expect(text.status).toBe(400);
  const foreign = await post(api, "/v1/chat/completions", CHAT, { "sec-fetch-site": "cross-site" });
  expect([foreign.status, foreign.body.error.type]).toEqual([403, "permission_error"]);
  await untilNoStreams(api);
});

Deno.test("POST /v1/chat/completions tells a failure in mid-stream as its last event", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const stream = await clientOf(api).chat.completions.create({ ...CHAT, stream: true });
  fake.lastLog.push(tokens("a"), { kind: "failed", code: "DEVICE_LOST", message: "The GPU is gone" });
  const reading = (async () => {
    for await (const _chunk of stream);
  })();
  await expect(reading).rejects.toThrow("The GPU is gone");
  await untilNoStreams(api);
});

Deno.test("POST /v1/chat/completions is cancelled when its client goes", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const stream = await clientOf(api).chat.completions.create({ ...CHAT, stream: true });
  fake.lastLog.push(tokens("a"));
  for await (const chunk of stream) if (chunk.choices[0]?.delta.content === "a") break;
  await untilNoStreams(api);
  expect(fake.lastLog.events.at(-1)!.kind).toBe("cancelled");
});

Deno.test("GET /v1/models lists models, and finds one by its name", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const client = clientOf(api);
  const { data } = await client.models.list();
  expect(data.map(({ id }) => id)).toContain(MODEL);
  expect(await client.models.retrieve(MODEL)).toMatchObject({ id: MODEL, object: "model" });
  await expect(client.models.retrieve("no/such")).rejects.toThrow(
    'No model named "no/such": GET /v1/models lists them',
  );
  for (
    const [path, status] of [["models", 200], [`models/${MODEL}`, 200], ["models/no/such", 404]] as const
  ) {
    const head = await fetch(`${api.server.origin}/v1/${path}`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([status, ""]);
  }
});

Deno.test("The OpenAI endpoints let in whom GraphQL lets in", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  // A made-up key is no key, where none is needed; one of ours must be right.
  expect((await clientOf(api, "EMPTY").models.list()).data).not.toEqual([]);
  await expect(clientOf(api, "gsk_wrong").models.list()).rejects.toThrow("valid key");
  await expect(clientOf(api, "gsk_wrong").models.list()).rejects.toMatchObject({ status: 401 });
  fake.allowAnonymous = false;
  await expect(clientOf(api, "EMPTY").models.list()).rejects.toMatchObject({ status: 401 });
  expect((await clientOf(api, "v").models.list()).data).not.toEqual([]);
  await expect(clientOf(api, "v").chat.completions.create(CHAT)).rejects.toMatchObject({ status: 403 });
});

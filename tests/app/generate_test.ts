/** A generation from its request to its last event: order, endings, refusals. */
import { expect } from "@std/expect";
import { CapacityError } from "../../src/errors.ts";
import type { GenerateInput, GenerationEvent } from "../../src/app/types.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, HELPER_DIR, TestGateway, VIEWER } from "../support/gateway.ts";

const tokenizer = await openTokenizer(HELPER_DIR);
const EOS = 2;
const prompt = { text: "What is the capital of France?" };
const input: GenerateInput = { model: HELPER, prompt };

function kinds(events: readonly GenerationEvent[]): string[] {
  return events.map((event) => event.kind);
}
function textOf(events: readonly GenerationEvent[]): string {
  return events.map((event) => event.kind === "tokens" ? event.text : "").join("");
}

Deno.test("generations.start() runs from queued to finished, the same in row and log", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { generations } = test.gateway;
  const started = await generations.start(ALICE, input);
  expect(started.status).toBe("QUEUED");
  const watched = collect(generations.events(ALICE, started.id, {}));
  const load = await test.engine.loading(0);
  load.progress("READING", 0.5);
  load.progress("READING", 0.505); // too small a step to be worth a row
  load.progress("UPLOADING", 0.9);
  load.finish();
  const request = await test.engine.request(0);
  expect(request.command.promptTokenIds).toEqual(
    tokenizer.encodeChat([{ role: "user", content: prompt.text }]).ids,
  );
  expect(request.command.eosTokenIds).toEqual([EOS]);
  request.promptProcessed(3);
  for (const id of tokenizer.encode("It is Paris.")) request.tokens(id);
  request.tokens(EOS);
  request.finish("STOP");

  const log = await watched;
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
  expect(kinds(log).filter((kind) => kind !== "tokens")).toEqual([
    "queued",
    "loading",
    "loading",
    "loading",
    "promptProcessed",
    "finished",
  ]);
  expect(textOf(log)).toBe("It is Paris.");
  const completionTokens = tokenizer.encode("It is Paris.").length + 1;
  const usage = { promptTokens: request.command.promptTokenIds.length, cachedTokens: 3, completionTokens };
  expect(log.at(-1)).toMatchObject({ kind: "finished", finishReason: "STOP", text: "It is Paris.", usage });
  const row = await generations.get(ALICE, started.id);
  expect(row).toMatchObject({
    status: "SUCCEEDED",
    finishReason: "STOP",
    text: "It is Paris.",
    usage,
    error: null,
  });
  const model = await test.gateway.models.get(HELPER);
  const artifact = await test.gateway.models.artifact(model!.artifactId!);
  expect(row?.artifactSha256).toBe(artifact?.manifestSha256);
  expect(row?.effectiveSampling.seed).toBe(42n);
});

Deno.test("generations.start() writes the first token at once and the next in batches", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  const events = generations.events(ALICE, id, {})[Symbol.asyncIterator]();
  const next = async () => (await events.next()).value as GenerationEvent;
  request.promptProcessed();
  request.tokens(300);
  let event = await next();
  while (event.kind !== "tokens") event = await next();
  expect(event.tokens.map((token) => token.id)).toEqual([300]);

  request.tokens(301, 302);
  test.clock.advance(49);
  request.tokens(303);
  test.clock.advance(1); // 50 ms after the first that waited
  event = await next();
  expect(event.kind === "tokens" && event.tokens.map((token) => token.id)).toEqual([301, 302, 303]);

  request.tokens(...Array.from({ length: 16 }, (_, index) => 400 + index));
  event = await next();
  expect(event.kind === "tokens" && event.tokens.length).toBe(16);
  await events.return?.();
});

Deno.test("generations.start() tells place in line and status from queue to answer", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { generations } = test.gateway;
  await generations.start(BOB, input);
  const { id } = await generations.start(ALICE, input);
  const events = generations.events(ALICE, id, {})[Symbol.asyncIterator]();
  const next = async () => (await events.next()).value as GenerationEvent;
  const status = async () => (await generations.get(ALICE, id))?.status;
  expect(await next()).toMatchObject({ kind: "queued", position: 2 }); // Bob waits, too
  expect((await next()).kind).toBe("loading");
  expect(await status()).toBe("LOADING");
  (await test.engine.loading(0)).finish();
  const request = await test.engine.request(1);
  request.queued(3);
  request.queued(1);
  expect(await next()).toMatchObject({ kind: "queued", position: 3 });
  expect(await next()).toMatchObject({ kind: "queued", position: 1 });
  expect(await status()).toBe("QUEUED");
  request.promptProcessed();
  expect((await next()).kind).toBe("promptProcessed");
  expect(await status()).toBe("RUNNING");
  await events.return?.();
});

Deno.test("generations.start() reports logprobs with the text of alternatives", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, { ...input, sampling: { logprobs: 1 } });
  const request = await test.engine.request(0);
  expect(request.command.sampling.logprobs).toBe(1);
  const [word] = tokenizer.encode("Paris");
  request.tokens({ id: word!, logprob: -0.5, top: [{ id: word!, logprob: -0.5 }] });
  request.finish("LENGTH");
  const log = await collect(generations.events(ALICE, id, {}));
  const token = log.flatMap((event) => event.kind === "tokens" ? event.tokens : [])[0];
  expect(token).toMatchObject({ id: word, logprob: -0.5 });
  expect(token?.top[0]?.text.trim()).toBe(token?.text.trim());
});

Deno.test("generations.start() ends before a stop string that lies across tokens, and frees the engine", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, { ...input, sampling: { stop: ["not here", "is Paris"] } });
  const request = await test.engine.request(0);
  expect(Object.hasOwn(request.command.sampling, "stop")).toBe(false);
  for (const tokenId of tokenizer.encode("Well, it is Paris. And more.")) request.tokens(tokenId);
  const log = await collect(generations.events(ALICE, id, {}));
  expect(request.cancelled).toBe(true);
  expect(log.at(-1)).toMatchObject({ kind: "finished", finishReason: "STOP_STRING", text: "Well, it " });
  expect(textOf(log)).toBe("Well, it ");
  for (const event of log) {
    if (event.kind === "tokens") expect(event.tokens.map((token) => token.text).join("")).toBe(event.text);
  }
});

Deno.test("generations.start() gives out what only looked like a stop string", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, { ...input, sampling: { stop: ["Paris, Texas"] } });
  const request = await test.engine.request(0);
  for (const tokenId of tokenizer.encode("It is Paris")) request.tokens(tokenId);
  request.tokens(EOS);
  request.finish("STOP");
  const log = await collect(generations.events(ALICE, id, {}));
  expect(log.at(-1)).toMatchObject({ finishReason: "STOP", text: "It is Paris" });
  expect(textOf(log)).toBe("It is Paris");
});

Deno.test("generations.start() marks bytes of a character that never became complete", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  const [first, ...rest] = [0xf0, 0x9f, 0x8d, 0x95].map((byte) => 3 + byte); // byte tokens start at id 3
  request.tokens(first!, ...rest); // a pizza
  request.tokens(first!);
  request.finish("LENGTH");
  const log = await collect(generations.events(ALICE, id, {}));
  expect(textOf(log)).toBe("🍕\ufffd");
  expect(log.at(-1)).toMatchObject({ text: "🍕\ufffd" });
});

Deno.test("generations.start() passes failures of load and engine on as the failed event", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { generations, models } = test.gateway;
  const first = await generations.start(ALICE, input);
  (await test.engine.loading(0)).fail(new CapacityError("No memory for weights", {}));
  const log = await collect(generations.events(ALICE, first.id, {}));
  expect(log.at(-1)).toMatchObject({ kind: "failed", code: "CAPACITY", message: "No memory for weights" });
  const { id } = (await models.get(HELPER))!;
  expect(models.residency(id)).toMatchObject({ state: "FAILED", error: { code: "CAPACITY" } });

  test.engine.autoLoad = true;
  const second = await generations.start(ALICE, input);
  (await test.engine.request(0)).tokens(300);
  test.engine.lose();
  expect((await collect(generations.events(ALICE, second.id, {}))).at(-1)).toMatchObject({
    code: "DEVICE_LOST",
  });
  expect(await generations.get(ALICE, second.id)).toMatchObject({
    status: "FAILED",
    finishReason: "ERROR",
    error: { code: "DEVICE_LOST" },
  });
  expect(models.residency(id)).toMatchObject({ state: "FAILED", error: { code: "DEVICE_LOST" } });
});

Deno.test("generations.start() answers the same idempotency key with the first generation", async () => {
  await using test = await TestGateway.make();
  const { generations, models } = test.gateway;
  await models.register(ADMIN, { path: HELPER_DIR, name: "test/other" });
  const keyed = { ...input, idempotencyKey: "once" };
  const [first, second] = await Promise.all([
    generations.start(ALICE, keyed),
    generations.start(ALICE, keyed),
  ]);
  expect(second.id).toBe(first.id);
  (await test.engine.request(0)).finish("LENGTH");
  await collect(generations.events(ALICE, first.id, {}));
  expect((await generations.start(ALICE, keyed)).id).toBe(first.id);
  for (
    const changed of [
      { prompt: { text: "Something else" } },
      { sampling: { ...input.sampling, temperature: 0.123 } },
      { model: { name: "test/other" } },
      { sessionId: (await test.gateway.sessions.create(ALICE, { model: HELPER })).id },
    ]
  ) {
    expect(await failure(generations.start(ALICE, { ...keyed, ...changed }))).toMatchObject({
      code: "CONFIG",
      details: { field: "idempotencyKey", generationId: first.id },
    });
  }
  expect((await failure(generations.reproduce(ALICE, { id: first.id, idempotencyKey: "once" }))).code)
    .toBe("CONFIG");
  const other = await generations.start(BOB, keyed);
  expect(other.id).not.toBe(first.id);
  await test.engine.request(1);
  expect(test.engine.requests.length).toBe(2);
});

Deno.test("generations.start() refuses before anything is written", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const long = Array.from({ length: 1024 }, () => 300);
  const table: [string, GenerateInput, string, Record<string, unknown>?][] = [
    ["no such model", { ...input, model: { name: "nobody/nothing" } }, "NOT_FOUND"],
    ["no such session", { ...input, sessionId: "s" }, "NOT_FOUND"],
    ["a prompt as long as the context", { ...input, prompt: { tokenIds: long } }, "CAPACITY", {
      promptTokens: 1024,
      contextLength: 1024,
    }],
    ["no ids", { ...input, prompt: { tokenIds: [] } }, "CONFIG", { field: "prompt.tokenIds" }],
    ["an id that is none", { ...input, prompt: { tokenIds: [1, 2048] } }, "CONFIG", {
      field: "prompt.tokenIds[1]",
    }],
    ["an empty text", { ...input, prompt: { text: "" } }, "CONFIG", { field: "prompt.text" }],
    ["no messages", { ...input, prompt: { messages: [] } }, "CONFIG", { field: "prompt.messages" }],
    ["what the template refuses", {
      ...input,
      prompt: { messages: [{ role: "ASSISTANT", content: "Hi" }] },
    }, "CONFIG"],
    ["a bad parameter", { ...input, sampling: { topP: 0 } }, "CONFIG", { field: "topP" }],
    ["a constraint that does not compile", { ...input, sampling: { constraint: { regex: "(" } } }, "CONFIG", {
      field: "constraint.regex",
    }],
    ["more than the context", { ...input, sampling: { maxTokens: 5000 } }, "CONFIG", { field: "maxTokens" }],
    ["an empty key", { ...input, idempotencyKey: "" }, "CONFIG", { field: "idempotencyKey" }],
  ];
  for (const [name, wrong, code, details = {}] of table) {
    const error = await failure(generations.start(ALICE, wrong));
    expect([name, error.code, error.details]).toEqual([name, code, expect.objectContaining(details)]);
  }
  expect((await failure(generations.start(VIEWER, input))).code).toBe("FORBIDDEN");
  expect(await test.db.selectFrom("generations").selectAll().execute()).toEqual([]);
});

Deno.test("generations.start() gives back what a refused request had taken", async () => {
  await using test = await TestGateway.make({ admission: { totalUnits: 1, unitsPerPrincipal: 1 } });
  const { generations } = test.gateway;
  expect((await failure(generations.start(ALICE, { ...input, prompt: { text: "" } }))).code).toBe("CONFIG");
  const { id } = await generations.start(ALICE, input);
  (await test.engine.request(0)).finish("LENGTH");
  await collect(generations.events(ALICE, id, {}));
  await generations.start(ALICE, input);
});

Deno.test("generations.get() hides other people's generations from all but admins", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  expect(await generations.get(BOB, id)).toBeNull();
  expect((await generations.get(ADMIN, id))?.principalId).toBe("alice");
  expect((await failure(generations.cancel(BOB, id))).code).toBe("NOT_FOUND");
  expect((await failure(collect(generations.events(BOB, id, {})))).code).toBe("NOT_FOUND");
});

Deno.test("generations.get() shows the text so far", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  for (const tokenId of tokenizer.encode("It is")) request.tokens(tokenId);
  expect((await generations.get(ALICE, id))?.text).toBe("It is");
});

Deno.test("createGateway() continues an unchatty model's text where it has no tokenizer", async () => {
  await using test = await TestGateway.make();
  const dir = test.dir.path + "/bare";
  await Deno.mkdir(dir);
  for (const file of ["config.json", "model.safetensors"]) {
    await Deno.copyFile(`${HELPER_DIR}/${file}`, `${dir}/${file}`);
  }
  const model = await test.gateway.models.register(ADMIN, { path: dir });
  expect(model.name).toBe("bare");
  const { generations } = test.gateway;
  const bare = { model: { name: "bare" } };
  expect((await failure(generations.start(ALICE, { ...bare, prompt }))).code).toBe("CONFIG");
  const { id } = await generations.start(ALICE, { ...bare, prompt: { tokenIds: [1, 5, 6] } });
  const request = await test.engine.request(0);
  request.tokens(300, 301);
  request.finish("LENGTH");
  const log = await collect(generations.events(ALICE, id, {}));
  expect(log.flatMap((event) => event.kind === "tokens" ? event.tokens.map((token) => token.id) : []))
    .toEqual([
      300,
      301,
    ]);
  expect(log.at(-1)).toMatchObject({ kind: "finished", text: "" });
});

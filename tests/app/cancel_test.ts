/** Cancelling in every state, and what stops with it. */
import { expect } from "@std/expect";
import type { GenerationEvent } from "../../src/app/types.ts";
import { ALICE, BOB, collect, HELPER, TestGateway } from "../support/gateway.ts";

const input = { model: HELPER, prompt: { text: "Tell me." } };
const usage = { cachedTokens: 0, completionTokens: 0 };

function last(log: readonly GenerationEvent[]): GenerationEvent | undefined {
  return log.at(-1);
}

Deno.test("generations.cancel() while loading stops the load that nobody else waits for", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { generations, models } = test.gateway;
  const { id, modelId } = await generations.start(ALICE, input);
  const load = await test.engine.loading(0);
  const other = await generations.start(BOB, input);
  await generations.cancel(ALICE, id);
  expect(load.signal?.aborted).toBe(false); // Bob still waits
  const cancelled = await generations.cancel(BOB, other.id);
  expect(load.signal?.aborted).toBe(true);
  expect(cancelled).toMatchObject({ status: "CANCELLED", finishReason: "CANCELLED", usage });
  expect(last(await collect(generations.events(ALICE, id, {})))).toMatchObject({ kind: "cancelled", usage });
  expect(models.residency(modelId).state).toBe("COLD");
  expect(test.engine.requests).toEqual([]);
});

Deno.test("generations.cancel() before the prompt is processed", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  await generations.cancel(ALICE, id);
  expect(request.cancelled).toBe(true);
  request.promptProcessed(); // what the engine still says is dropped
  request.tokens(300);
  const log = await collect(generations.events(ALICE, id, {}));
  expect(log.map((event) => event.kind)).not.toContain("promptProcessed");
  expect(last(log)).toMatchObject({ kind: "cancelled", usage });
});

Deno.test("generations.cancel() amid tokens keeps what was said, and does not wait for the engine", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const request = await test.engine.request(0);
  request.promptProcessed();
  request.tokens(300);
  request.tokens(301, 302); // gathered, not written yet
  const cancelled = await generations.cancel(ALICE, id);
  expect(cancelled).toMatchObject({ status: "CANCELLED", usage: { completionTokens: 3 } });
  const log = await collect(generations.events(ALICE, id, {}));
  const text = log.map((event) => event.kind === "tokens" ? event.text : "").join("");
  expect(text).not.toBe("");
  expect(cancelled.text).toBe(text);
  expect(log.flatMap((event) => event.kind === "tokens" ? event.tokens : []).length).toBe(3);
});

Deno.test("generations.cancel() is idempotent, together and afterwards", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  await test.engine.request(0);
  const answers = await Promise.all([1, 2, 3].map(() => generations.cancel(ALICE, id)));
  answers.push(await generations.cancel(ALICE, id));
  expect(answers.map((answer) => answer.status)).toEqual(Array(4).fill("CANCELLED"));
  const log = await collect(generations.events(ALICE, id, {}));
  expect(log.filter((event) => event.kind === "cancelled").length).toBe(1);
});

Deno.test("generations.cancel() leaves a finished generation as it is", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  (await test.engine.request(0)).finish("LENGTH");
  await collect(generations.events(ALICE, id, {}));
  const before = await generations.get(ALICE, id);
  expect(await generations.cancel(ALICE, id)).toEqual(before);
  expect(before?.status).toBe("SUCCEEDED");
});

Deno.test("createGateway() ends what runs when it is disposed", async () => {
  await using test = await TestGateway.make();
  const { id } = await test.gateway.generations.start(ALICE, input);
  const request = await test.engine.request(0);
  request.tokens(300);
  const watched = collect(test.gateway.generations.events(ALICE, id, {}));
  await test.reopen();
  expect(last(await watched)).toMatchObject({ kind: "failed", code: "INTERRUPTED" });
  expect(request.cancelled).toBe(true);
  expect(await test.gateway.generations.get(ALICE, id)).toMatchObject({
    status: "FAILED",
    error: { code: "INTERRUPTED" },
  });
});

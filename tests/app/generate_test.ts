/** A generation from its request to its last event. */
import { expect } from "@std/expect";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { ALICE, collect, HELPER, HELPER_DIR, TestGateway } from "../support/gateway.ts";

const tokenizer = await openTokenizer(HELPER_DIR);
const prompt = { text: "What is the capital of France?" };

Deno.test("generations.start() runs from queued to finished, with the text in row and log", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const started = await generations.start(ALICE, { model: HELPER, prompt });
  expect(started.status).toBe("QUEUED");
  const events = collect(generations.events(ALICE, started.id, {}));
  const request = await test.engine.request(0);
  request.promptProcessed();
  const answer = tokenizer.encode("It is Paris.");
  for (const id of answer) request.tokens(id);
  request.tokens(2);
  request.finish("STOP");
  const log = await events;
  expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
  const done = await generations.get(ALICE, started.id);
  expect(done).toMatchObject({ status: "SUCCEEDED", finishReason: "STOP", text: "It is Paris." });
});

/** A generation without a next token, as its watchers, its row, the metrics and clients of the OpenAI API see it. */
import { expect } from "@std/expect";
import { NotFiniteError } from "../../src/errors.ts";
import { Metrics } from "../../src/server/metrics.ts";
import { ApiServer, type Json } from "../support/api_server.ts";
import { HELPER, TestGateway } from "../support/gateway.ts";

const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) { __typename generationId
  ... on TokensGenerated { tokens { id } }
  ... on GenerationFailed { code message } } }`;
const READ = `query ($id: ID!) { generation(id: $id) {
  status finishReason text usage { completionTokens } error { __typename code message } } }`;
const MESSAGE = 'Model "test/helper" has logits that are not finite at output token 3';

Deno.test("a generation that comes to logits that are not finite keeps its tokens and fails as NOT_FINITE, once", async () => {
  const metrics = new Metrics();
  await using test = await TestGateway.make({ observers: [metrics] });
  await using api = new ApiServer(test.gateway, { metrics });
  const failing = async (index: number) => {
    const request = await test.engine.request(index);
    request.promptProcessed();
    request.tokens(300, 301);
    request.fail(new NotFiniteError(MESSAGE, { outputToken: 3 }));
  };
  const events: Json[] = [];
  const first = failing(0);
  for await (const { data } of api.subscribe(GENERATE, { input: { model: HELPER, prompt: { raw: "a" } } })) {
    events.push(data.generate);
  }
  await first;
  expect(test.engine.loads[0]?.command.modelName).toBe("test/helper"); // The engine knows what to call it.
  expect(events.flatMap(({ tokens = [] }) => tokens)).toEqual([{ id: 300 }, { id: 301 }]);
  expect(events.at(-1)).toMatchObject({
    __typename: "GenerationFailed",
    code: "NOT_FINITE",
    message: MESSAGE,
  });
  const read = await api.query(READ, { id: events[0]!.generationId });
  expect(read.body.data.generation).toEqual({
    status: "FAILED",
    finishReason: "ERROR",
    text: expect.stringMatching(/./),
    usage: { completionTokens: 2 },
    error: { __typename: "NotFiniteError", code: "NOT_FINITE", message: MESSAGE },
  });
  expect(test.engine.requests.length).toBe(1); // Nobody has tried again.

  const post = (index: number, stream: boolean) =>
    Promise.all([
      fetch(`${api.server.origin}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model: HELPER.name, prompt: "a", stream }),
      }),
      failing(index),
    ]).then(([response]) => response);
  const whole = await post(1, false);
  expect([whole.status, whole.headers.get("x-should-retry")]).toEqual([500, "false"]);
  const error = { message: MESSAGE, type: "server_error", param: null, code: "not_finite" };
  expect(await whole.json()).toEqual({ error });
  const streamed = await (await post(2, true)).text();
  expect(streamed.trimEnd().split("\n\n").at(-1)).toBe(`data: ${JSON.stringify({ error })}`);

  const scraped = await (await fetch(`${api.server.origin}/metrics`)).text();
  expect(scraped).toContain('geodesic_failed_generations_total{model="test/helper",code="NOT_FINITE"} 3');
});

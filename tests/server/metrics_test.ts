/** `/metrics` of a real gateway, and the observers that hear of its generations. */
import { expect } from "@std/expect";
import { DeviceLostError } from "../../src/errors.ts";
import { Metrics } from "../../src/server/metrics.ts";
import { Tracing } from "../../src/server/tracing.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { ALICE, collect, HELPER, TestGateway } from "../support/gateway.ts";

async function scrape(api: ApiServer): Promise<Map<string, number>> {
  const response = await fetch(`${api.server.origin}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain("text/plain");
  const lines = (await response.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const end = line.lastIndexOf(" ");
    return [line.slice(0, end), Number(line.slice(end + 1))];
  }));
}

Deno.test("GET /metrics counts generations, tokens and times, and tells how the engine is", async () => {
  const metrics = new Metrics();
  await using test = await TestGateway.make({ observers: [metrics, new Tracing()] });
  await using api = new ApiServer(test.gateway, { metrics });
  const { generations } = test.gateway;
  const start = () => generations.start(ALICE, { model: HELPER, prompt: { raw: "Once upon" } });

  const finished = await start();
  const request = await test.engine.request(0);
  expect((await scrape(api)).get('geodesic_open_generations{model="test/helper"}')).toBe(1);
  test.clock.advance(2_000);
  request.promptProcessed(1);
  request.tokens(5, 6);
  request.finish("LENGTH");
  await collect(generations.events(ALICE, finished.id, {}));

  const failed = await start();
  (await test.engine.request(1)).fail(new DeviceLostError("gone"));
  await collect(generations.events(ALICE, failed.id, {}));
  const cancelled = await start();
  await test.engine.request(2);
  await generations.cancel(ALICE, cancelled.id);

  const values = await scrape(api);
  const of = (name: string, rest = "") => values.get(`geodesic_${name}{model="test/helper"${rest}}`);
  expect(of("open_generations")).toBe(0);
  for (const outcome of ["finished", "failed", "cancelled"]) {
    expect(of("generations_total", `,outcome="${outcome}"`)).toBe(1);
  }
  expect(of("tokens_total", ',kind="completion"')).toBe(2);
  expect(of("tokens_total", ',kind="cached"')).toBe(1);
  expect(of("time_to_first_token_seconds_sum")).toBe(2);
  expect(of("time_to_first_token_seconds_count")).toBe(1);
  expect(of("generation_duration_seconds_count")).toBe(3);
  expect(values.get("geodesic_engine_up")).toBe(1);
  expect(values.get("geodesic_live_streams")).toBe(0);
});

Deno.test("scrapes at the same time are each of one moment, and whole", async () => {
  const { gateway } = new FakeGateway();
  const waiting: (() => void)[] = [];
  // Both have asked the engine before either learns the names of its models.
  const slow = {
    runtime: gateway.runtime,
    models: {
      ...gateway.models,
      getMany: async (ids: readonly string[]) => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return ids.map(() => null);
      },
    },
  };
  const metrics = new Metrics();
  const scrapes = [1, 2].map((liveStreams) => metrics.render({ gateway: slow, liveStreams }));
  while (waiting.length < 2) await new Promise((resolve) => setTimeout(resolve));
  waiting.forEach((resolve) => resolve());
  const texts = (await Promise.all(scrapes)).map(({ text }) => text);
  for (const [index, text] of texts.entries()) {
    expect(text).toContain(`geodesic_live_streams ${index + 1}\n`);
    expect(text).toContain('geodesic_engine_sequences{model="m1",state="running"} 2\n');
  }
  // Nothing of a scrape stays.
  const idle = { ...slow, runtime: async () => ({ ...await gateway.runtime(), engine: null }) };
  const { text } = await metrics.render({ gateway: idle, liveStreams: 0 });
  expect(text).not.toContain("geodesic_engine_sequences");
});

Deno.test("GET /metrics is for those who may come in", async () => {
  await using test = await TestGateway.make({ allowAnonymous: false });
  await using api = new ApiServer(test.gateway);
  const response = await fetch(`${api.server.origin}/metrics`);
  await response.body?.cancel();
  expect(response.status).toBe(401);
});

Deno.test("A raw prompt is continued without the chat template, and outside of sessions", async () => {
  await using test = await TestGateway.make();
  const { generations, sessions } = test.gateway;
  const model = { model: HELPER };
  await generations.start(ALICE, { ...model, prompt: { raw: "Once upon" } });
  await generations.start(ALICE, { ...model, prompt: { text: "Once upon" } });
  const [raw, chat] = [await test.engine.request(0), await test.engine.request(1)];
  expect(raw.command.promptTokenIds.length).toBeLessThan(chat.command.promptTokenIds.length);
  const session = await sessions.create(ALICE, model);
  const asking = { ...model, sessionId: session.id, prompt: { raw: "x" } };
  await expect(generations.start(ALICE, asking)).rejects.toThrow("a session is a conversation");
  await expect(generations.start(ALICE, { ...model, prompt: { raw: "" } })).rejects.toThrow("at least one");
});

/** Defaults that admins set: revisions, precedence, and what a generation runs under. */
import { expect } from "@std/expect";
import { SAMPLING_KEYS } from "../../src/app/sampling.ts";
import type { ModelRef, Page, SamplingInput } from "../../src/app/types.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, HELPER, TestGateway } from "../support/gateway.ts";

function nodes<T>(page: Page<T>): T[] {
  return page.edges.map(({ node }) => node);
}

Deno.test("samplingDefaults.update() adds revisions and never edits one", async () => {
  await using test = await TestGateway.make();
  const { samplingDefaults } = test.gateway;
  const first = await samplingDefaults.update(ADMIN, {
    sampling: { temperature: 0.5, topK: 40 },
    reason: " calmer ",
  });
  expect(first).toMatchObject({
    modelId: null,
    revision: 1,
    values: { temperature: 0.5, topK: 40 },
    reason: "calmer",
  });
  const second = await samplingDefaults.update(ADMIN, {
    sampling: { topK: null, topP: 0.9 },
    reason: "no top-k",
  });
  expect(second).toMatchObject({ revision: 2, values: { temperature: 0.5, topP: 0.9 }, author: ADMIN.id });
  expect(Object.hasOwn(second.values, "topK")).toBe(false);
  expect(second.changes).toEqual([
    { parameter: "topK", before: 40, after: undefined },
    { parameter: "topP", before: undefined, after: 0.9 },
  ]);
  expect(nodes(await samplingDefaults.history({}))).toEqual([second, first]);
  const page = await samplingDefaults.history({ first: 1 });
  expect([nodes(page), page.hasNextPage, page.totalCount]).toEqual([[second], true, 2]);
  const rest = await samplingDefaults.history({ after: page.edges[0]!.cursor });
  expect([nodes(rest), rest.hasNextPage]).toEqual([[first], false]);
  expect((await samplingDefaults.history({}, HELPER)).totalCount).toBe(0);
  expect([await samplingDefaults.at(2), await samplingDefaults.at(3)]).toEqual([second, null]);
});

Deno.test("samplingDefaults.effective() prefers model over gateway over checkpoint over built in", async () => {
  await using test = await TestGateway.make();
  const { samplingDefaults } = test.gateway;
  await test.db.updateTable("models").set({ checkpoint_sampling: '{"topK":50,"topP":0.8,"minP":0.1}' })
    .execute();
  const gateway = await samplingDefaults.update(ADMIN, {
    sampling: { topK: 40, topP: 0.9, seed: 5n },
    reason: "r",
  });
  const own = await samplingDefaults.update(ADMIN, { model: HELPER, sampling: { topK: 30 }, reason: "r" });
  const { values, origins, revisions } = await samplingDefaults.effective(HELPER);
  expect(values).toMatchObject({ topK: 30, topP: 0.9, minP: 0.1, temperature: 1, seed: 5n });
  expect(origins).toMatchObject({
    topK: "MODEL",
    topP: "GATEWAY",
    minP: "CHECKPOINT",
    temperature: "BUILT_IN",
    seed: "GATEWAY",
  });
  expect(revisions).toEqual([gateway, own]);
  expect((await samplingDefaults.effective()).values).toMatchObject({ topK: 40, minP: 0 });
});

Deno.test("samplingDefaults.update() is for admins, holds the same limits as requests and wants a reason", async () => {
  await using test = await TestGateway.make();
  const { samplingDefaults } = test.gateway;
  const sampling = { topK: 40 };
  expect((await failure(samplingDefaults.update(ALICE, { sampling, reason: "r" }))).code).toBe("FORBIDDEN");
  const bad = await failure(samplingDefaults.update(ADMIN, { sampling: { topP: 0 }, reason: "r" }));
  expect(bad.details["field"]).toBe("topP");
  for (const reason of ["", "   ", "x".repeat(1001)]) {
    expect((await failure(samplingDefaults.update(ADMIN, { sampling, reason }))).details["field"]).toBe(
      "reason",
    );
  }
  const model = { name: "nobody/nothing" };
  expect((await failure(samplingDefaults.update(ADMIN, { model, sampling, reason: "r" }))).code).toBe(
    "NOT_FOUND",
  );
  expect((await samplingDefaults.history({})).totalCount).toBe(0);
});

Deno.test("generations.start() writes down what was asked, what counts and under which revisions", async () => {
  await using test = await TestGateway.make();
  const { generations, samplingDefaults } = test.gateway;
  const gateway = await samplingDefaults.update(ADMIN, {
    sampling: { temperature: 0.5, topK: 40 },
    reason: "r",
  });
  const own = await samplingDefaults.update(ADMIN, { model: HELPER, sampling: { topK: 30 }, reason: "r" });
  const { id } = await generations.start(ALICE, {
    model: HELPER,
    prompt: { text: "Hi" },
    sampling: { topP: 0.5, topK: null },
  });
  await samplingDefaults.update(ADMIN, { sampling: { temperature: 2 }, reason: "later" });
  const row = await generations.get(ALICE, id);
  expect(row?.requestedSampling).toEqual({ topP: 0.5, topK: null });
  expect(row?.effectiveSampling).toMatchObject({ temperature: 0.5, topK: 30, topP: 0.5, seed: 42n });
  expect(row?.samplingRevisionIds).toEqual([gateway.id, own.id]);
  expect(row?.samplingOrigins).toMatchObject({
    temperature: "GATEWAY",
    topK: "MODEL",
    topP: "REQUEST",
    minP: "BUILT_IN",
  });
  const request = await test.engine.request(0);
  expect(request.command.sampling).toMatchObject({ temperature: 0.5, topK: 30, seed: "42" });
});

Deno.test("samplingDefaults.update() and revert() refuse what was decided on an older revision", async () => {
  await using test = await TestGateway.make();
  const { samplingDefaults } = test.gateway;
  const topK = (value: number, expectedRevision: number) =>
    samplingDefaults.update(ADMIN, { sampling: { topK: value }, reason: "r", expectedRevision });
  const outcomes = await Promise.allSettled([topK(1, 0), topK(2, 0)]);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
  const late = await failure(
    samplingDefaults.revert(ADMIN, { revision: 0, reason: "r", expectedRevision: 0 }),
  );
  expect([late.code, late.details]).toEqual(["CONFLICT", {
    field: "expectedRevision",
    expected: 0,
    found: 1,
  }]);
  await topK(3, 1);
  expect((await samplingDefaults.history({})).totalCount).toBe(2);
});

Deno.test("samplingDefaults.update() refuses what every request would be refused for", async () => {
  await using test = await TestGateway.make();
  const { samplingDefaults } = test.gateway;
  const refused = async (sampling: SamplingInput, model?: ModelRef) =>
    (await failure(samplingDefaults.update(ADMIN, { sampling, reason: "r", ...(model ? { model } : {}) })))
      .details["field"];
  expect(await refused({ minTokens: 9, maxTokens: 8 })).toBe("minTokens");
  expect(await refused({ stopTokenIds: [3, 1_000_000] }, HELPER)).toBe("stopTokenIds");
  expect(await refused({ logitBias: [{ tokenId: 1_000_000, bias: 1 }] }, HELPER)).toBe("logitBias");
  expect(await refused({ constraint: { regex: "(" } })).toMatch(/^constraint/);
});

Deno.test("samplingDefaults.parameters() gives range, default and origin of every parameter", async () => {
  await using test = await TestGateway.make();
  const { samplingDefaults } = test.gateway;
  await samplingDefaults.update(ADMIN, { sampling: { topP: 0.5, maxTokens: 5000 }, reason: "r" });
  const own = await samplingDefaults.parameters(HELPER);
  expect(own.map(({ name }) => name)).toEqual(SAMPLING_KEYS);
  const named = Object.fromEntries(own.map((parameter) => [parameter.name, parameter]));
  expect(named["topP"]).toMatchObject({ min: 0, minExclusive: true, max: 1, value: 0.5, origin: "GATEWAY" });
  expect(named["maxTokens"]).toMatchObject({ min: 1, max: 1024, value: 1024, type: "INTEGER" });
  expect(named["seed"]).toMatchObject({ max: 2n ** 64n - 1n, value: null, origin: "BUILT_IN" });
  expect(named["stop"]).toMatchObject({ maxItems: 8, maxLength: 64, value: [] });
  expect(named["logitBias"]).toMatchObject({ min: -100, max: 100, maxItems: 300 });
  expect((await samplingDefaults.parameters()).find(({ name }) => name === "maxTokens")!.value).toBe(5000);
});

Deno.test("samplingDefaults.watch() tells the last of several changes, and ends with its signal", async () => {
  await using test = await TestGateway.make();
  const { samplingDefaults } = test.gateway;
  const stop = new AbortController();
  const watched = samplingDefaults.watch(HELPER, stop.signal)[Symbol.asyncIterator]();
  const next = async () => (await watched.next()).value.values.topK;
  expect(await next()).toBe(0);
  for (const topK of [1, 2, 3]) await samplingDefaults.update(ADMIN, { sampling: { topK }, reason: "r" });
  expect(await next()).toBe(3);
  const waiting = next();
  await samplingDefaults.update(ADMIN, { model: HELPER, sampling: { topK: 4 }, reason: "r" });
  expect(await waiting).toBe(4);
  const end = watched.next();
  stop.abort();
  expect((await end).done).toBe(true);
});

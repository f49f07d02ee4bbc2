/** Defaults that admins set: revisions, precedence, and what a generation runs under. */
import { expect } from "@std/expect";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, HELPER, TestGateway } from "../support/gateway.ts";

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
  expect(await samplingDefaults.history()).toEqual([second, first]);
  expect(await samplingDefaults.history(HELPER)).toEqual([]);
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
  expect(await samplingDefaults.history()).toEqual([]);
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
  const request = await test.engine.request(0);
  expect(request.command.sampling).toMatchObject({ temperature: 0.5, topK: 30, seed: "42" });
});

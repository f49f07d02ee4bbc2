/** Running a generation again: what it sends to the engine, how the tokens compare, and when it is refused. */
import { expect } from "@std/expect";
import { ReproductionCheck } from "../../src/app/generate/reproduction.ts";
import type { Accumulation, KvCacheDtype } from "../../src/model/runner.ts";
import type { Principal, Reproduction } from "../../src/app/types.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, TestGateway, VIEWER } from "../support/gateway.ts";

/** Alice's generation, ended with these tokens. */
async function original(test: TestGateway, ...tokens: readonly number[]): Promise<string> {
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, {
    model: HELPER,
    prompt: { text: "Hi" },
    sampling: { temperature: 0.7, topK: 40, maxTokens: 20 },
  });
  await end(test, id, tokens);
  return id;
}

async function end(test: TestGateway, id: string, tokens: readonly number[], cancel = false): Promise<void> {
  const { generations } = test.gateway;
  const request = await test.engine.request(
    test.engine.requests.length === 0 ? 0 : test.engine.requests.length - 1,
  );
  const own = request.command.requestId === id
    ? request
    : await test.engine.request(test.engine.requests.length);
  if (tokens.length > 0) own.tokens(...tokens);
  if (cancel) await generations.cancel(ADMIN, id);
  else own.finish("STOP");
  await collect(generations.events(ADMIN, id, {}));
}

Deno.test("generations.reproduce() sends the same request again and compares what comes", async () => {
  await using test = await TestGateway.make();
  const { generations, samplingDefaults } = test.gateway;
  const id = await original(test, 300, 301, 302);
  await samplingDefaults.update(ADMIN, { sampling: { topP: 0.1, seed: 9n }, reason: "meanwhile" });
  const run = async (tokens: readonly number[], cancel = false, principal: Principal = ALICE) => {
    const again = await generations.reproduce(principal, { id });
    expect(again).toMatchObject({ reproductionOf: id, reproduction: { status: "PENDING" }, sessionId: null });
    await end(test, again.id, tokens, cancel);
    const events = await collect(generations.events(principal, again.id, {}));
    const done = (await generations.get(principal, again.id))!;
    const told = events.find(({ kind }) => kind === "reproduced");
    const { differences, ...verdict } = done.reproduction!;
    expect(told).toMatchObject({ seq: events.length - 1, ...verdict });
    expect(differences).toEqual([]);
    return verdict;
  };
  const matched: Reproduction = { status: "MATCHED", firstDifference: null };
  expect(await run([300, 301, 302])).toEqual(matched);
  expect(await run([300, 301, 302], false, ADMIN)).toEqual(matched);
  expect(await run([300, 999, 302])).toEqual({ status: "DIFFERS", firstDifference: 1 });
  expect(await run([300])).toEqual({ status: "DIFFERS", firstDifference: 1 });
  expect(await run([300, 301, 302, 303])).toEqual({ status: "DIFFERS", firstDifference: 3 });
  expect(await run([300, 301], true)).toEqual({ status: "INCOMPLETE", firstDifference: null });
  const [first, ...others] = test.engine.requests.map((
    { command: { requestId: _, cacheSalt: __, ...rest } },
  ) => rest);
  expect(first!.sampling).toMatchObject({ temperature: 0.7, topK: 40, topP: 1, seed: "42" });
  for (const other of others) expect(other).toEqual(first);
  const ids = await generations.tokenIds(ALICE, id);
  expect(ids).toEqual({ prompt: first!.promptTokenIds, output: [300, 301, 302] });
});

Deno.test("generations.reproduce() refuses what could not be the same", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const id = await original(test, 300);
  const refusal = async (principal = ALICE) => await failure(generations.reproduce(principal, { id }));
  expect((await refusal(BOB)).code).toBe("NOT_FOUND");
  expect((await refusal(VIEWER)).code).toBe("NOT_FOUND");
  await test.db.updateTable("models").set({ served_quantization: "none" }).execute();
  const { code, details } = await refusal();
  expect([code, details]).toEqual(["CONFLICT", { field: "quantization", found: "none", expected: "fp8" }]);
  await test.db.updateTable("models").set({ served_quantization: "fp8" }).execute();
  await test.db.updateTable("artifacts").set({ manifest_sha256: "0".repeat(64) }).execute();
  expect((await refusal()).details["field"]).toBe("artifactSha256");
  await test.db.updateTable("generations").set({ conditions: null }).execute();
  expect((await refusal()).code).toBe("CONFIG");
  const running = await generations.start(ALICE, { model: HELPER, prompt: { text: "Hi" } });
  expect((await failure(generations.reproduce(ALICE, { id: running.id }))).details["field"]).toBe("id");
  expect((await generations.concurrency(ALICE)).held).toBe(1);
});

Deno.test("generations.reproduce() refuses a model whose KV cache is held, or whose products are added, in another way", async () => {
  const options: { kvCacheDtype: KvCacheDtype; accumulation: Accumulation } = {
    kvCacheDtype: "auto",
    accumulation: "f16",
  };
  await using test = await TestGateway.make(options);
  const id = await original(test, 300);
  options.kvCacheDtype = "fp8";
  await test.reopen();
  const { code, details } = await failure(test.gateway.generations.reproduce(ALICE, { id }));
  expect([code, details]).toEqual(["CONFLICT", { field: "kvCacheFormat", found: "fp8", expected: "f32" }]);
  [options.kvCacheDtype, options.accumulation] = ["auto", "f32"];
  await test.reopen();
  const other = await failure(test.gateway.generations.reproduce(ALICE, { id }));
  expect(other.details).toEqual({ field: "accumulation", found: "f32", expected: "f16" });
});

Deno.test("a reproduction names the conditions that are others than the first run's", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const id = await original(test, 300);
  const change = async (change: (conditions: Record<string, unknown>) => void) => {
    const { conditions } = (await generations.get(ALICE, id))!;
    const changed = structuredClone(conditions) as unknown as Record<string, unknown>;
    change(changed);
    await test.db.updateTable("generations").set({ conditions: JSON.stringify(changed) }).where("id", "=", id)
      .execute();
  };
  await change((conditions) => {
    conditions["kernelsSha256"] = "0".repeat(64);
    (conditions["device"] as Record<string, unknown>)["adapter"] = "another";
  });
  const again = await generations.reproduce(ALICE, { id });
  await end(test, again.id, [301]);
  const status = test.engine.status();
  const device = status.state === "READY" ? status.device : null;
  expect((await generations.get(ALICE, again.id))?.reproduction).toEqual({
    status: "DIFFERS",
    firstDifference: 0,
    differences: [
      { field: "device.adapter", original: "another", reproduction: device!.adapter },
      { field: "kernelsSha256", original: "0".repeat(64), reproduction: "7".repeat(64) },
    ],
  });
  // A record of before says nothing of some.
  await change((conditions) => {
    delete conditions["deno"];
    delete conditions["kernelsSha256"];
    conditions["device"] = device;
  });
  expect((await generations.get(ALICE, again.id))?.reproduction?.differences).toEqual([
    { field: "kernelsSha256", original: null, reproduction: "7".repeat(64) },
    { field: "deno", original: null, reproduction: Deno.version.deno },
  ]);
});

Deno.test("conditions are those of the engine that a generation goes to", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  test.engine.autoLoad = false;
  const { id } = await generations.start(ALICE, { model: HELPER, prompt: { text: "Hi" } });
  const load = await test.engine.loading(0);
  await test.db.updateTable("generations").set({ conditions: "{}" }).execute(); // as of an engine that has gone
  load.finish();
  await test.engine.request(0);
  await generations.cancel(ALICE, id);
  expect((await generations.get(ALICE, id))?.conditions).toMatchObject({
    ...{ quantization: "fp8", kernelsSha256: "7".repeat(64), deno: Deno.version.deno },
    device: { adapter: "fake" },
  });
});

Deno.test("conditions tell what products were added in, not what was asked for", async () => {
  await using test = await TestGateway.make({ accumulation: "f16" });
  const { generations } = test.gateway;
  const first = await original(test, 300);
  expect((await generations.get(ALICE, first))?.conditions?.accumulation).toBe("f16");
  await test.gateway.models.unload(ADMIN, HELPER);
  // A load that found it must not.
  test.engine.accumulation = "f32";
  const second = await original(test, 300);
  expect((await generations.get(ALICE, second))?.conditions?.accumulation).toBe("f32");
  const { details } = await failure(generations.reproduce(ALICE, { id: first }));
  expect(details).toEqual({ field: "accumulation", found: "f32", expected: "f16" });
  // What the next load finds nobody knows yet.
  await test.gateway.models.unload(ADMIN, HELPER);
  test.engine.accumulation = "f16";
  const again = await generations.reproduce(ALICE, { id: first });
  await end(test, again.id, [300]);
  expect((await generations.get(ALICE, again.id))?.reproduction).toMatchObject({
    status: "MATCHED",
    differences: [],
  });
});

Deno.test("a reproduction that a dead process left is incomplete", async () => {
  await using test = await TestGateway.make();
  const id = await original(test, 300);
  const again = await test.gateway.generations.reproduce(ALICE, { id });
  await test.db.updateTable("generations").set({ status: "FAILED" }).where("id", "=", again.id).execute();
  expect((await test.gateway.generations.get(ALICE, again.id))?.reproduction?.status).toBe("INCOMPLETE");
});

Deno.test("ReproductionCheck takes any continuation of a generation that was cut short", () => {
  const check = new ReproductionCheck([1, 2], { isWhole: false });
  for (const id of [1, 2, 3]) check.take(id);
  expect(check.verdict({ finished: true })).toEqual({ status: "MATCHED", firstDifference: null });
});

/** Pulls and verifications as jobs: watched, cancelled, interrupted by a restart, refused. */
import { expect } from "@std/expect";
import type { ModelJobEvent } from "../../src/app/types.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { modelEvents } from "../../src/app/model_events.ts";
import { ResidencyBoard } from "../../src/app/residency.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, HELPER_DIR, TestGateway } from "../support/gateway.ts";
import { COMMIT, CREATED_AT, HubServer } from "../support/hub_server.ts";
import { configOf, PARENTS } from "../support/merge_api.ts";

const WEIGHTS = "model.safetensors";

interface Bench extends AsyncDisposable {
  readonly test: TestGateway;
  readonly server: HubServer;
}
async function bench(): Promise<Bench> {
  const server = await HubServer.of(HELPER_DIR);
  const card = "---\nlicense: mit\nbase_model: test/helper\n---\n# Pulled\n";
  server.files.set("README.md", new TextEncoder().encode(card));
  const test = await TestGateway.make({ hub: server.hub });
  return {
    test,
    server,
    async [Symbol.asyncDispose]() {
      await test[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function follow(test: TestGateway, id: string): Promise<readonly ModelJobEvent[]> {
  return await Array.fromAsync(test.gateway.modelJobs.events(id, {}));
}

Deno.test("modelJobs.pull() registers what the hub has, with its card, date and commit", async () => {
  await using it = await bench();
  const { gateway } = it.test;
  const job = await gateway.modelJobs.pull(ADMIN, { repository: "pair/model" });
  expect(job).toMatchObject({ kind: "PULL", status: "RUNNING", modelName: "pair/model", revision: "main" });
  const events = await follow(it.test, job.id);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events[0]!.kind).toBe("started");
  expect(events.at(-1)!.kind).toBe("finished");
  const progress = events.filter((event) => event.kind === "progress");
  expect(progress.some(({ stage, doneBytes }) => stage === "pulling" && doneBytes > 0)).toBe(true);
  expect(progress.length).toBeLessThan(210);
  expect(await gateway.modelJobs.get(job.id)).toMatchObject({ status: "SUCCEEDED", error: null });
  const model = (await gateway.models.get({ name: "pair/model" }))!;
  expect(model).toMatchObject({
    author: "pair",
    license: "mit",
    description: "# Pulled",
    publishedAt: new Date(CREATED_AT),
    origin: { endpoint: it.server.endpoint, repository: "pair/model", revision: COMMIT },
  });
  expect((await gateway.models.parents(model.id)).map(({ name }) => name)).toEqual(["test/helper"]);
  await gateway.models.load(ADMIN, { id: model.id });
  expect(it.test.engine.loads[0]!.command.path).toBe(it.test.dir.join("models", "pair", "model"));
});

Deno.test("modelJobs.pull() refuses what cannot be pulled before there is a job", async () => {
  await using it = await bench();
  const { modelJobs } = it.test.gateway;
  const refused = async (input: Parameters<typeof modelJobs.pull>[1]) =>
    (await failure(modelJobs.pull(ADMIN, input))).details["field"];
  expect(await refused({ repository: "../x" })).toBe("repository");
  expect(await refused({ repository: "pair/model", revision: "a/../b" })).toBe("revision");
  expect(await refused({ repository: "pair/model", name: "/etc" })).toBe("name");
  expect(await refused({ repository: "pair/model", name: "test/helper" })).toBe("name"); // there is one
  expect((await failure(modelJobs.pull(ALICE, { repository: "pair/model" }))).code).toBe("FORBIDDEN");
  expect((await modelJobs.list({})).totalCount).toBe(0);
  expect(it.server.seen).toEqual([]);
});

Deno.test("a pull that fails says why, and the next one goes on from there", async () => {
  await using it = await bench();
  const { modelJobs } = it.test.gateway;
  it.server.fail(`/${WEIGHTS}`, { cutAfter: 100_000 }, ...Array.from({ length: 5 }, () => ({ cutAfter: 0 })));
  const first = await modelJobs.pull(ADMIN, { repository: "pair/model" });
  expect((await follow(it.test, first.id)).at(-1)).toMatchObject({ kind: "failed", code: "UNAVAILABLE" });
  const { size } = await Deno.stat(it.test.dir.join("models", "pair", ".model.pull", WEIGHTS));
  expect(size).toBeGreaterThan(0);
  expect(await modelJobs.get(first.id)).toMatchObject({ status: "FAILED", error: { code: "UNAVAILABLE" } });
  const second = await modelJobs.pull(ADMIN, { repository: "pair/model" });
  expect((await follow(it.test, second.id)).at(-1)!.kind).toBe("finished");
  expect(it.server.requestsFor(WEIGHTS).at(-1)!.range).toBe(`bytes=${size}-`);
  const missing = await modelJobs.pull(ADMIN, { repository: "nobody/nothing" });
  expect((await follow(it.test, missing.id)).at(-1)).toMatchObject({ kind: "failed", code: "NOT_FOUND" });
  const list = await modelJobs.list({}, { status: "FAILED" });
  expect(list.edges.map(({ node }) => node.id)).toEqual([missing.id, first.id]);
});

Deno.test("a pull under way is cancelled at once, and one of its name is enough", async () => {
  await using it = await bench();
  const { modelJobs } = it.test.gateway;
  it.server.fail(`/${WEIGHTS}`, { stallAfter: 1000 });
  const patient = { repository: "pair/model" };
  const job = await modelJobs.pull(ADMIN, patient);
  const again = await failure(modelJobs.pull(ADMIN, patient));
  expect([again.code, again.details["jobId"]]).toEqual(["CONFIG", job.id]);
  expect((await modelJobs.cancel(ADMIN, job.id)).status).toBe("CANCELLED");
  expect((await follow(it.test, job.id)).at(-1)!.kind).toBe("cancelled");
  expect((await modelJobs.cancel(ADMIN, job.id)).status).toBe("CANCELLED");
  expect((await failure(modelJobs.cancel(ALICE, job.id))).code).toBe("FORBIDDEN");
  expect(await it.test.gateway.models.get({ name: "pair/model" })).toBeNull();
});

Deno.test("a pull that a restart interrupts goes on with the next start", async () => {
  await using it = await bench();
  it.server.fail(`/${WEIGHTS}`, { stallAfter: 200_000 });
  const { id } = await it.test.gateway.modelJobs.pull(ADMIN, { repository: "pair/model" });
  while (it.server.requestsFor(WEIGHTS).length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await it.test.reopen();
  const events = await follow(it.test, id);
  expect(events.filter(({ kind }) => kind === "started").length).toBe(2);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.at(-1)!.kind).toBe("finished");
  expect((await it.test.gateway.models.get({ name: "pair/model" }))!.origin!.revision).toBe(COMMIT);
});

Deno.test("modelJobs.verify() finds nothing wrong with a sound model, and names what is", async () => {
  await using it = await bench();
  const { gateway, dir } = { gateway: it.test.gateway, dir: it.test.dir };
  const path = dir.join("mine");
  await writeCheckpoint(path, { seed: 1, files: { "a.txt": "a", "b.txt": "b" } });
  await gateway.models.register(ADMIN, { path, name: "mine" });
  const verify = async () => {
    const { id } = await gateway.modelJobs.verify(ADMIN, { name: "mine" });
    expect((await follow(it.test, id)).at(-1)!.kind).toBe("finished");
    return (await gateway.modelJobs.get(id))!.verification!;
  };
  expect(await verify()).toMatchObject({ ok: true, mismatchCount: 0, files: 4, sources: [] });
  await Deno.writeTextFile(`${path}/a.txt`, "A");
  await Deno.remove(`${path}/b.txt`);
  await Deno.writeTextFile(`${path}/c.txt`, "c");
  const found = await verify();
  expect(found).toMatchObject({ ok: false, mismatchCount: 3 });
  expect(found.mismatches.map(({ kind, subject }) => [kind, subject])).toEqual([
    ["FILE_HASH", "a.txt"],
    ["FILE_EXTRA", "c.txt"],
    ["FILE_MISSING", "b.txt"],
  ]);
  expect((await failure(gateway.modelJobs.verify(ALICE, { name: "mine" }))).code).toBe("FORBIDDEN");
});

Deno.test("modelJobs.verify() merges a merged model again from the parents that are registered", async () => {
  await using it = await bench();
  const { gateway } = it.test;
  for (const [index, name] of PARENTS.entries()) {
    const path = it.test.dir.join("parents", name);
    await writeCheckpoint(path, { seed: index + 1, ancestorSeed: 9 });
    await gateway.models.register(ADMIN, { path, name });
  }
  const merge = await gateway.merges.start(ADMIN, { configYaml: configOf(), name: "me/merged" });
  await Array.fromAsync(gateway.merges.events(merge.id, {}));
  const { id } = await gateway.modelJobs.verify(ADMIN, { name: "me/merged" });
  await follow(it.test, id);
  const sound = (await gateway.modelJobs.get(id))!.verification!;
  expect(sound).toMatchObject({ ok: true, recomputedTensors: 21, totalTensors: 21 });
  expect(sound.sources.map(({ state }) => state)).toEqual(["MATCHES", "MATCHES"]);
  const weights = it.test.dir.join("models", "me", "merged", WEIGHTS);
  const bytes = await Deno.readFile(weights);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(weights, bytes);
  const again = await gateway.modelJobs.verify(ADMIN, { name: "me/merged" });
  await follow(it.test, again.id);
  const broken = (await gateway.modelJobs.get(again.id))!.verification!;
  expect(new Set(broken.mismatches.map(({ kind }) => kind))).toEqual(
    new Set(["FILE_HASH", "TENSOR_HASH", "TENSOR_RECOMPUTED"]),
  );
});

Deno.test("models.events() begins with how things are, tells what changes, and keeps only the latest", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { models } = test.gateway;
  await models.register(ADMIN, { path: HELPER_DIR, name: "b" });
  const helper = (await models.get({ name: "test/helper" }))!;
  const abort = new AbortController();
  const one = models.events({ name: "test/helper" }, { signal: abort.signal })[Symbol.asyncIterator]();
  const all = models.events(null, {})[Symbol.asyncIterator]();
  const next = async (events: typeof one) => {
    const { value } = await events.next();
    return [value.news, value.residency.state, value.residency.fraction];
  };
  expect(await next(one)).toEqual(["INITIAL", "COLD", 0]);
  expect(await next(all)).toEqual(["INITIAL", "COLD", 0]);
  expect(await next(all)).toEqual(["INITIAL", "COLD", 0]);
  const loading = models.load(ADMIN, { id: helper.id });
  const load = await test.engine.loading(0);
  for (let step = 0; step <= 100; step++) load.progress("UPLOADING", step / 100);
  expect(await next(one)).toEqual(["PROGRESS", "LOADING", 1]); // a hundred others were skipped
  const waiting = next(one);
  await models.update(ADMIN, { name: "b" }, { isPinned: true }); // of no interest to the one
  load.finish();
  await loading;
  expect(await waiting).toEqual(["RESIDENCY", "WARM", 1]);
  expect((await next(all)).slice(0, 2)).toEqual(["RESIDENCY", "WARM"]);
  expect(await next(all)).toEqual(["UPDATED", "COLD", 0]);
  await models.remove(ADMIN, { name: "b" });
  expect(await next(all)).toEqual(["REMOVED", "COLD", 0]);
  const last = one.next();
  abort.abort(new Error("gone"));
  await expect(last).rejects.toThrow("gone");
  await all.return!();
  expect(await all.next()).toEqual({ done: true, value: undefined });
  await expect(models.events({ name: "nobody" }, {})[Symbol.asyncIterator]().next()).rejects.toThrow(
    /No such model/,
  );
});

Deno.test("modelEvents() begins with every model's INITIAL, also where something happens at that moment", async () => {
  await using test = await TestGateway.make();
  const { id } = (await test.gateway.models.get({ name: "test/helper" }))!;
  const board = new ResidencyBoard(test.clock);
  const watch = () =>
    modelEvents({ db: test.db, clock: test.clock, board }, null, undefined)[Symbol.asyncIterator]();
  const changed = watch();
  board.set(id, { state: "UNLOADING" });
  expect((await changed.next()).value).toMatchObject({ news: "INITIAL", residency: { state: "UNLOADING" } });
  const removed = watch();
  board.announce(id, "REMOVED");
  expect((await removed.next()).value).toMatchObject({ modelId: id, news: "REMOVED" });
  for (const events of [changed, removed]) await events.return!();
});

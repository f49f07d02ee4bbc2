/** Loads that are shared, given up and made room for. */
import { expect } from "@std/expect";
import { CapacityError, ConfigError, LACKS_MEMORY } from "../../src/errors.ts";
import { hashArtifact, manifestSha256 } from "../../src/formats/artifact.ts";
import { ModelFolder } from "../../src/formats/folder.ts";
import { uuidV7 } from "../../src/app/ids.ts";
import { registerModel } from "../../src/app/register.ts";
import { ResidencyBoard } from "../../src/app/residency.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, HELPER, HELPER_DIR, TestGateway } from "../support/gateway.ts";

const prompt = { text: "Hi" };

async function registerMore(test: TestGateway, ...names: readonly string[]): Promise<void> {
  for (const name of names) await test.gateway.models.register(ADMIN, { path: HELPER_DIR, name });
}

Deno.test("models.load() shares one load among all who wait", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { models, generations } = test.gateway;
  const waiting = [models.load(ADMIN, HELPER), models.load(ADMIN, HELPER)];
  await generations.start(ALICE, { model: HELPER, prompt });
  await generations.start(BOB, { model: HELPER, prompt });
  (await test.engine.loading(0)).finish();
  await Promise.all(waiting);
  await test.engine.request(1);
  expect(test.engine.loads.length).toBe(1);
});

Deno.test("models.load() fails for all who wait, and the next try starts anew", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { models } = test.gateway;
  const waiting = [models.load(ADMIN, HELPER), models.load(ADMIN, HELPER)].map(failure);
  (await test.engine.loading(0)).fail(new ConfigError("no such precision", {}));
  expect((await Promise.all(waiting)).map((error) => error.code)).toEqual(["CONFIG", "CONFIG"]);
  const again = models.load(ADMIN, HELPER);
  (await test.engine.loading(1)).finish();
  await again;
});

Deno.test("generations.start() loads anew after a load that was given up", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { generations } = test.gateway;
  const first = await generations.start(ALICE, { model: HELPER, prompt });
  const load = await test.engine.loading(0);
  const cancelling = generations.cancel(ALICE, first.id);
  await generations.start(BOB, { model: HELPER, prompt }); // while the load is on its way out
  await cancelling;
  expect(load.signal?.aborted).toBe(true);
  (await test.engine.loading(1)).finish();
  await test.engine.request(0);
});

Deno.test("models.unload() waits for nobody: a model in use stays", async () => {
  await using test = await TestGateway.make();
  const { models, generations } = test.gateway;
  const { id, modelId } = await generations.start(ALICE, { model: HELPER, prompt });
  await test.engine.request(0);
  expect((await failure(models.unload(ADMIN, HELPER))).code).toBe("CAPACITY");
  await generations.cancel(ALICE, id);
  await models.unload(ADMIN, HELPER);
  expect(test.engine.unloaded).toEqual([modelId]);
  await models.unload(ADMIN, HELPER); // cold already
  expect(test.engine.unloaded).toEqual([modelId]);
  expect((await failure(models.unload(ALICE, HELPER))).code).toBe("FORBIDDEN");
});

Deno.test("models.load() makes room by unloading the idle model used longest ago", async () => {
  await using test = await TestGateway.make({ maxWarmModels: 2 });
  const { models } = test.gateway;
  await registerMore(test, "b", "c");
  const idOf = async (name: string) => (await models.get({ name }))!.id;
  await models.load(ADMIN, HELPER);
  await models.load(ADMIN, { name: "b" });
  await models.load(ADMIN, HELPER); // used again
  await models.load(ADMIN, { name: "c" });
  expect(test.engine.unloaded).toEqual([await idOf("b")]);
  expect(models.residency(await idOf("b")).state).toBe("COLD");
});

Deno.test("models.load() refuses when every model on the device is in use", async () => {
  await using test = await TestGateway.make({ maxWarmModels: 1 });
  const { models, generations } = test.gateway;
  await registerMore(test, "b");
  const { id } = await generations.start(ALICE, { model: HELPER, prompt });
  await test.engine.request(0);
  const error = await failure(models.load(ADMIN, { name: "b" }));
  expect([error.code, error.details["maxWarmModels"]]).toEqual(["CAPACITY", 1]);
  await generations.cancel(ALICE, id);
  await models.load(ADMIN, { name: "b" });
});

Deno.test("models.load() empties a full device before it gives up", async () => {
  await using test = await TestGateway.make();
  test.engine.capacity = 1;
  const { models, generations } = test.gateway;
  await registerMore(test, "b", "c");
  await models.load(ADMIN, HELPER);
  await models.load(ADMIN, { name: "b" }); // the device says it is full; the helper goes
  expect(test.engine.unloaded.length).toBe(1);
  const { id } = await generations.start(ALICE, { model: { name: "b" }, prompt });
  await test.engine.request(0);
  // Waiting helps while somebody is there who may leave, and only then.
  const busy = await failure(models.load(ADMIN, { name: "c" }));
  expect([busy.code, busy.message, busy.details["retryAfterMs"]]).toEqual([
    "CAPACITY",
    "The device is full",
    2000,
  ]);
  await generations.cancel(ALICE, id);
  test.engine.capacity = 0;
  const empty = await failure(models.load(ADMIN, { name: "c" }));
  expect([empty.code, empty.details["retryAfterMs"]]).toEqual(["CAPACITY", undefined]);
});

Deno.test("models.load() sends nobody away for a model that would not fit an empty device either", async () => {
  await using test = await TestGateway.make({ memoryBytes: 20e9 });
  const { models } = test.gateway;
  await registerMore(test, "b");
  await models.load(ADMIN, HELPER);
  test.engine.autoLoad = false;
  const hopeless = [
    {}, // The device cannot run it, however empty it is.
    { [LACKS_MEMORY]: true, found: 5e9, expected: 21e9 },
  ];
  for (const [index, details] of hopeless.entries()) {
    const failed = failure(models.load(ADMIN, { name: "b" }));
    (await test.engine.loading(1 + index)).fail(new CapacityError("Cannot load the model", details));
    expect((await failed).code).toBe("CAPACITY");
    expect(test.engine.unloaded).toEqual([]);
  }
  const loading = models.load(ADMIN, { name: "b" });
  const missing = { [LACKS_MEMORY]: true, found: 5e9, expected: 19e9 };
  (await test.engine.loading(3)).fail(new CapacityError("Cannot load the model", missing));
  (await test.engine.loading(4)).finish();
  await loading;
  expect(test.engine.unloaded.length).toBe(1);
});

Deno.test("models.load() tells the engine whose weights it may keep where, and what all models may take", async () => {
  await using test = await TestGateway.make({ memoryBytes: 20e9, kvCacheBytes: 3e9 });
  await test.gateway.models.load(ADMIN, HELPER);
  const folder = await ModelFolder.open(HELPER_DIR);
  expect(test.engine.loads[0]!.command).toMatchObject({
    manifestSha256: manifestSha256(await hashArtifact(folder)),
    cacheDir: `${test.dir.path}/cache`,
    memoryBytes: 20e9,
    kvCacheBytes: 3e9,
  });
  await using other = await TestGateway.make();
  await other.gateway.models.load(ADMIN, HELPER);
  expect(other.engine.loads[0]!.command).not.toHaveProperty("memoryBytes");
  expect(other.engine.loads[0]!.command).not.toHaveProperty("kvCacheBytes");
});

Deno.test("a model that nobody uses leaves the device when its keep-alive is over", async () => {
  await using test = await TestGateway.make({ keepAliveSeconds: 60 });
  const { models, generations } = test.gateway;
  const { id } = (await models.get(HELPER))!;
  await models.load(ADMIN, HELPER);
  test.clock.advance(59_000);
  const { id: generationId } = await generations.start(ALICE, { model: HELPER, prompt });
  await test.engine.request(0);
  test.clock.advance(3_600_000); // in use
  expect(models.residency(id).state).toBe("WARM");
  await generations.cancel(ALICE, generationId);
  test.clock.advance(59_000); // from the end of its last use on
  expect(models.residency(id).state).toBe("WARM");
  const gone = Promise.withResolvers<void>();
  using _ = models.onResidencyChange((_, { state }) => state === "COLD" && gone.resolve());
  test.clock.advance(1_000);
  await gone.promise;
  expect(test.engine.unloaded).toEqual([id]);
});

Deno.test("keep-alive is the model's where it has one, and a pinned model stays whatever comes", async () => {
  await using test = await TestGateway.make({ keepAliveSeconds: 60, maxWarmModels: 1 });
  const { models } = test.gateway;
  await registerMore(test, "b");
  const { id } = (await models.get(HELPER))!;
  await models.update(ADMIN, HELPER, { keepAliveSeconds: -1 });
  await models.load(ADMIN, HELPER);
  test.clock.advance(3_600_000);
  expect(models.residency(id).state).toBe("WARM");
  await models.update(ADMIN, HELPER, { keepAliveSeconds: 10, isPinned: true });
  test.clock.advance(3_600_000);
  expect(models.residency(id).state).toBe("WARM");
  expect((await failure(models.load(ADMIN, { name: "b" }))).code).toBe("CAPACITY"); // no room is made
  await models.update(ADMIN, HELPER, { isPinned: false });
  test.clock.advance(10_000);
  await models.load(ADMIN, { name: "b" });
  expect(test.engine.unloaded).toEqual([id]);
  expect((await models.get(HELPER))!).toMatchObject({ keepAliveSeconds: 10, isPinned: false });
  for (const keepAliveSeconds of [-2, 1.5, 1e9]) {
    expect((await failure(models.update(ADMIN, HELPER, { keepAliveSeconds }))).code).toBe("CONFIG");
  }
  expect((await failure(models.update(ALICE, HELPER, { isPinned: true }))).code).toBe("FORBIDDEN");
});

Deno.test("changes of a model at the same moment are all in force", async () => {
  await using test = await TestGateway.make({ keepAliveSeconds: 60 });
  const { models } = test.gateway;
  const { id } = await models.load(ADMIN, HELPER);
  const changed = await Promise.all([
    models.update(ADMIN, HELPER, { isPinned: true }),
    models.update(ADMIN, HELPER, { description: "Helps" }),
  ]);
  expect(changed[1]).toMatchObject({ isPinned: true, description: "Helps" });
  test.clock.advance(3_600_000);
  expect(models.residency(id).state).toBe("WARM");
});

Deno.test("a model that fails to load again and again is left alone for longer and longer", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { models, generations } = test.gateway;
  const fail = async (index: number) => {
    const { id } = await generations.start(ALICE, { model: HELPER, prompt });
    (await test.engine.loading(index)).fail(new ConfigError("no such precision", {}));
    return (await collect(generations.events(ALICE, id, {}))).at(-1);
  };
  expect(await fail(0)).toMatchObject({ kind: "failed", code: "CONFIG" });
  expect(await fail(1)).toMatchObject({ kind: "failed", code: "CONFIG" }); // once may be chance
  const { id } = await generations.start(ALICE, { model: HELPER, prompt });
  const last = (await collect(generations.events(ALICE, id, {}))).at(-1);
  expect(last).toMatchObject({ kind: "failed", code: "CAPACITY" });
  expect(last).toMatchObject({ message: expect.stringContaining("no such precision") });
  expect(test.engine.loads.length).toBe(2);
  test.clock.advance(1_000);
  expect(await fail(2)).toMatchObject({ code: "CONFIG" });
  test.clock.advance(1_999); // twice as long now
  const again = await generations.start(ALICE, { model: HELPER, prompt });
  expect((await collect(generations.events(ALICE, again.id, {}))).at(-1)).toMatchObject({ code: "CAPACITY" });
  const insisting = models.load(ADMIN, HELPER); // an admin may try at once
  (await test.engine.loading(3)).finish();
  await insisting;
  expect(models.residency((await models.get(HELPER))!.id).state).toBe("WARM");
});

Deno.test("a generation's log tells how many bytes of its model have come", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, { model: HELPER, prompt });
  const load = await test.engine.loading(0);
  load.progress("UPLOADING", 0.5, { loadedBytes: 500, totalBytes: 1000, bytesPerSecond: 250 });
  load.finish();
  (await test.engine.request(0)).finish("LENGTH");
  const events = await collect(generations.events(ALICE, id, {}));
  expect(events.filter(({ kind }) => kind === "loading").at(-1)).toMatchObject({
    ...{ stage: "UPLOADING", fraction: 0.5, loadedBytes: 500, totalBytes: 1000, bytesPerSecond: 250 },
  });
});

Deno.test("loads that begin together share the places that there are", async () => {
  await using test = await TestGateway.make({ maxWarmModels: 2 });
  const { models } = test.gateway;
  await registerMore(test, "b", "c");
  const names = [HELPER, { name: "b" }, { name: "c" }];
  const outcomes = await Promise.allSettled(names.map((name) => models.load(ADMIN, name)));
  expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThanOrEqual(2);
  expect(test.engine.loads.length - test.engine.unloaded.length).toBe(2);
});

Deno.test("a model counts as used until its last generation has ended", async () => {
  await using test = await TestGateway.make({ maxWarmModels: 2 });
  const { models, generations } = test.gateway;
  await registerMore(test, "b", "c");
  const { id } = await generations.start(ALICE, { model: HELPER, prompt });
  await test.engine.request(0);
  await models.load(ADMIN, { name: "b" }); // for a moment, meanwhile
  await generations.cancel(ALICE, id);
  await models.load(ADMIN, { name: "c" });
  expect(test.engine.unloaded).toEqual([(await models.get({ name: "b" }))!.id]);
});

Deno.test("a generation that has waited since before a pin does not undo it", async () => {
  await using test = await TestGateway.make({
    keepAliveSeconds: 60,
    admission: { totalUnits: 1, unitsPerPrincipal: 1 },
  });
  const { models, generations } = test.gateway;
  const { id: modelId } = (await models.get(HELPER))!;
  const first = await generations.start(ALICE, { model: HELPER, prompt });
  await test.engine.request(0);
  const second = await generations.start(ALICE, { model: HELPER, prompt });
  await models.update(ADMIN, HELPER, { isPinned: true });
  await generations.cancel(ALICE, first.id);
  (await test.engine.request(1)).finish("LENGTH");
  await collect(generations.events(ALICE, second.id, {}));
  for (let turn = 0; turn < 5; turn++) { // its lease may go a moment after its last event
    await new Promise((resolve) => setTimeout(resolve, 1));
    test.clock.advance(3_600_000);
  }
  expect(models.residency(modelId).state).toBe("WARM");
});

Deno.test("a model that did not load is cold again when it is registered anew", async () => {
  await using test = await TestGateway.make();
  test.engine.autoLoad = false;
  const { models } = test.gateway;
  const { id } = (await models.get(HELPER))!;
  const loading = failure(models.load(ADMIN, HELPER));
  (await test.engine.loading(0)).fail(new ConfigError("no such precision", {}));
  await loading;
  expect(models.residency(id).state).toBe("FAILED");
  await models.register(ADMIN, { path: HELPER_DIR, ...HELPER });
  expect(models.residency(id)).toMatchObject({ state: "COLD", error: null });
});

Deno.test("a model that another process has registered anew is loaded anew before it answers", async () => {
  await using test = await TestGateway.make();
  const { models, generations } = test.gateway;
  const path = test.dir.join("mine");
  await writeCheckpoint(path, { seed: 1, files: await tokenizerFiles() });
  const { id } = await models.register(ADMIN, { path, name: "mine" });
  const first = await generations.start(ALICE, { model: { id }, prompt: { tokenIds: [1] } });
  await test.engine.request(0);
  await Deno.writeTextFile(`${path}/README.md`, "other weights, say");
  await registerModel(
    {
      ...{ db: test.db, clock: test.clock, ids: uuidV7(test.clock), board: new ResidencyBoard(test.clock) },
      ...{
        loader: { isBusy: () => false },
        dataDir: test.dir.path,
        quantization: "fp8",
        maxContextLength: 8192,
      },
    },
    ADMIN,
    { path, name: "mine" },
  );
  const refused = await generations.start(ALICE, { model: { id }, prompt: { tokenIds: [1] } });
  expect((await collect(generations.events(ALICE, refused.id, {}))).at(-1)).toMatchObject({
    code: "CAPACITY",
  });
  await generations.cancel(ALICE, first.id);
  await generations.start(ALICE, { model: { id }, prompt: { tokenIds: [1] } });
  await test.engine.request(1);
  expect(test.engine.unloaded).toEqual([id]);
  const [before, after] = test.engine.loads.map(({ command }) => command.manifestSha256);
  expect(after).not.toBe(before);
});

async function tokenizerFiles(): Promise<Record<string, string>> {
  const names = ["tokenizer.json", "tokenizer_config.json"];
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await Deno.readTextFile(`${HELPER_DIR}/${name}`)])),
  );
}

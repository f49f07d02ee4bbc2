/** Models that are known before their weights are here: what they say, and how they get and lose weights. */
import { expect } from "@std/expect";
import { fileURLToPath } from "node:url";
import { parentsOfRecipe, readCatalogue, seedCatalogue } from "../../src/app/catalogue.ts";
import { uuidV7 } from "../../src/app/ids.ts";
import { parseMergeConfig } from "../../src/merge/config.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, HELPER_DIR, TestGateway } from "../support/gateway.ts";
import { configOf, PARENTS } from "../support/merge_api.ts";
import { tempDir } from "../support/temp.ts";

const CATALOGUE = fileURLToPath(new URL("../../catalogue", import.meta.url));
const SLERP = { name: "osanseviero/mistral-instruct-slerp" };
const [V1, V2] = ["mistralai/Mistral-7B-Instruct-v0.1", "mistralai/Mistral-7B-Instruct-v0.2"];

Deno.test("the catalogue's models are there from the start, with card, recipe and parents", async () => {
  await using test = await TestGateway.make({ catalogueDir: CATALOGUE });
  const { models } = test.gateway;
  const model = (await models.get(SLERP))!;
  expect(model).toMatchObject({
    author: "osanseviero",
    task: "TEXT_GENERATION",
    architecture: "MistralForCausalLM",
    parameterCount: 7_241_732_096n,
    license: "apache-2.0",
    publishedAt: new Date("2024-01-10"),
    nativeContextLength: 32768,
    servedContextLength: 4096,
    nativeDtype: "BFLOAT16",
    servedQuantization: "fp8",
    concurrencyCost: 1,
    artifactId: null,
    mergeId: null,
  });
  expect(model.description).toMatch(/^osanseviero.mistral-instruct-slerp is a 7 billion parameter/);
  expect(model.description).toContain("Good For");
  const recipe = parseMergeConfig(model.recipe!, "recipe");
  expect(parentsOfRecipe(recipe).map(({ name }) => name)).toEqual([V2, V1]);
  expect((await models.declaredParents(model.id)).map(({ name, isBase }) => [name, isBase])).toEqual([
    [V2, true],
    [V1, false],
  ]);
  expect((await models.parents(model.id)).map(({ name }) => name)).toEqual([V2, V1]);
  const base = (await models.get({ name: V2! }))!;
  expect((await models.descendants(base.id)).map(({ name }) => name)).toEqual([SLERP.name]);
  expect(models.residency(model.id)).toMatchObject({
    state: "MISSING_WEIGHTS",
    error: { code: "NOT_FOUND", message: expect.stringContaining(`geodesic pull ${SLERP.name}`) },
  });
  const missing = await models.list({}, { state: "MISSING_WEIGHTS" });
  expect(missing.edges.map(({ node }) => node.name)).toEqual([V1, V2, SLERP.name]);
  expect((await models.list({}, { author: "osanseviero" })).totalCount).toBe(1);
  expect((await models.list({}, { license: "apache-2.0", merged: false })).totalCount).toBe(3);
});

Deno.test("a model without weights refuses to generate and to load, and says what to do", async () => {
  await using test = await TestGateway.make({ catalogueDir: CATALOGUE });
  const { models, generations } = test.gateway;
  const refusals = [
    await failure(generations.start(ALICE, { model: SLERP, prompt: { text: "Hi" } })),
    await failure(models.load(ADMIN, SLERP)),
    await failure(test.gateway.modelJobs.verify(ADMIN, SLERP)),
  ];
  for (const { code, message, details } of refusals) {
    expect([code, details["reason"]]).toEqual(["NOT_FOUND", "MISSING_WEIGHTS"]);
    expect(message).toContain("pullModel");
    expect(message).toContain("registerModel");
    expect(message).toContain("startMerge");
  }
  const { id } = (await models.get(SLERP))!;
  expect(models.residency(id).state).toBe("MISSING_WEIGHTS");
  expect((await test.gateway.generations.concurrency(ALICE)).held).toBe(0);
});

Deno.test("models.register() gives a catalogued model its weights and leaves it its card", async () => {
  await using test = await TestGateway.make({ catalogueDir: CATALOGUE });
  const { models, generations } = test.gateway;
  const before = (await models.get(SLERP))!;
  const model = await models.register(ADMIN, { path: HELPER_DIR, ...SLERP });
  expect(model).toMatchObject({
    id: before.id,
    description: before.description,
    license: "apache-2.0",
    publishedAt: before.publishedAt,
    recipe: before.recipe,
    servedQuantization: "fp8",
    parameterCount: 2_099_328n, // of the weights
    servedContextLength: 1024,
  });
  expect(model.artifactId).not.toBeNull();
  expect(models.residency(model.id).state).toBe("COLD");
  await generations.start(ALICE, { model: SLERP, prompt: { text: "Hi" } });
  await test.engine.request(0);
  await test.reopen(); // the next start finds the weights in place
  expect(await test.gateway.models.get(SLERP)).toEqual(model);
});

Deno.test("models.register() refuses a catalogued name to weights of another architecture", async () => {
  await using test = await TestGateway.make({ catalogueDir: CATALOGUE });
  const path = test.dir.join("llama");
  await writeCheckpoint(path, {
    seed: 1,
    config: { architectures: ["LlamaForCausalLM"], model_type: "llama" },
  });
  const error = await failure(test.gateway.models.register(ADMIN, { path, ...SLERP }));
  expect([error.code, error.details["found"], error.details["expected"]]).toEqual(
    ["CONFIG", "LlamaForCausalLM", "MistralForCausalLM"],
  );
});

Deno.test("models.remove() takes a catalogued model's weights first, then the entry, and a start brings none back", async () => {
  await using test = await TestGateway.make({ catalogueDir: CATALOGUE });
  const { models } = test.gateway;
  const before = (await models.get(SLERP))!;
  await models.register(ADMIN, { path: HELPER_DIR, ...SLERP });
  await models.remove(ADMIN, SLERP);
  expect(await models.get(SLERP)).toEqual(before);
  expect(models.residency(before.id).state).toBe("MISSING_WEIGHTS");
  expect((await models.remove(ADMIN, SLERP)).removedAt).not.toBeNull();
  expect(await models.get(SLERP)).toBeNull();
  await test.reopen();
  expect(await test.gateway.models.get(SLERP)).toBeNull();
  // Whoever brings weights brings it back, with its card.
  const back = await test.gateway.models.register(ADMIN, { path: HELPER_DIR, ...SLERP });
  expect(back).toMatchObject({ id: before.id, removedAt: null, description: before.description });
});

Deno.test("models.remove() refuses while a generation uses the model, and deletes only what is the gateway's", async () => {
  await using test = await TestGateway.make();
  const { models, generations } = test.gateway;
  const ref = { name: "test/helper" };
  const { id } = await generations.start(ALICE, { model: ref, prompt: { text: "Hi" } });
  await test.engine.request(0);
  expect((await failure(models.remove(ADMIN, ref))).code).toBe("CAPACITY");
  await generations.cancel(ALICE, id);
  expect((await failure(models.remove(ADMIN, ref, { deleteFiles: true }))).code).toBe("CONFIG");
  expect((await failure(models.remove(ALICE, ref))).code).toBe("FORBIDDEN");
  const model = await models.remove(ADMIN, ref);
  expect(test.engine.unloaded).toEqual([model.id]);
  expect(await models.get(ref)).toBeNull();
  expect((await models.list({})).totalCount).toBe(0);
  expect((await models.getMany([model.id]))[0]?.removedAt).not.toBeNull(); // the generation still leads to it
  expect((await failure(generations.start(ALICE, { model: { id: model.id }, prompt: { text: "Hi" } }))).code)
    .toBe("NOT_FOUND");
  await Deno.stat(HELPER_DIR);

  const path = test.dir.join("models", "me", "mine");
  await writeCheckpoint(path, { seed: 1 });
  await models.register(ADMIN, { path });
  await models.register(ADMIN, { path, name: "me/same" });
  const shared = await failure(models.remove(ADMIN, { name: "me/mine" }, { deleteFiles: true }));
  expect(shared.message).toContain('model "me/same" is made of them, too');
  await models.remove(ADMIN, { name: "me/same" });
  await models.remove(ADMIN, { name: "me/mine" }, { deleteFiles: true });
  await expect(Deno.stat(test.dir.join("models", "me"))).rejects.toThrow(Deno.errors.NotFound);
});

Deno.test("models.remove() happens once, however many ask for it at once", async () => {
  await using test = await TestGateway.make();
  const { models, audit } = test.gateway;
  const ref = { name: "test/helper" };
  const asked = await Promise.allSettled([models.remove(ADMIN, ref), models.remove(ADMIN, ref)]);
  expect(asked.map((one) => one.status === "fulfilled" ? "done" : one.reason.code))
    .toEqual(["done", "NOT_FOUND"]);
  const acts = (await audit.list(ADMIN, {})).edges.map(({ node }) => node.action);
  expect(acts).toEqual(["model.remove", "model.register"]);

  await using catalogued = await TestGateway.make({ catalogueDir: CATALOGUE });
  await catalogued.gateway.models.register(ADMIN, { path: HELPER_DIR, ...SLERP });
  const outcomes = await Promise.allSettled(
    [1, 2].map(() => catalogued.gateway.models.remove(ADMIN, SLERP)),
  );
  expect(outcomes.map((one) => one.status === "fulfilled" ? "done" : one.reason.code))
    .toEqual(["done", "CAPACITY"]);
});

Deno.test("models.register() notes the parents that a card names, until a merge is known", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  const path = test.dir.join("tuned");
  await writeCheckpoint(path, { seed: 1 });
  await Deno.writeTextFile(`${path}/README.md`, "---\nbase_model: [test/helper, '../x', 7]\n---\nHi\n");
  const { id } = await models.register(ADMIN, { path, name: "me/tuned" });
  const helper = (await models.get({ name: "test/helper" }))!;
  expect(await models.declaredParents(id)).toEqual([
    { name: "test/helper", isBase: false, modelId: helper.id },
  ]);
  expect((await models.parents(id)).map(({ name }) => name)).toEqual(["test/helper"]);
  expect((await models.descendants(helper.id)).map(({ name }) => name)).toEqual(["me/tuned"]);
});

Deno.test("seedCatalogue() is done once where several gateways start at once", async () => {
  await using test = await TestGateway.make();
  const options = { db: test.db, clock: test.clock, ids: uuidV7(test.clock), maxContextLength: 8192 };
  const entries = await readCatalogue(CATALOGUE);
  await Promise.all([seedCatalogue(options, entries), seedCatalogue(options, entries)]);
  expect((await test.gateway.models.list({})).totalCount).toBe(entries.length + 1);
});

Deno.test("readCatalogue() names the file and the field of an entry that is none", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("me"));
  await Deno.writeTextFile(dir.join("me", "bad.md"), "---\nlicense: mit\npublished: yesterday\n---\n");
  const error = await failure(readCatalogue(dir.path));
  expect([error.code, error.details["field"]]).toEqual(["CONFIG", "published"]);
  expect(error.message).toContain("bad.md");
});

Deno.test("merges.start() makes a catalogued model by its recipe once its parents are here", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("me"));
  await Deno.writeTextFile(dir.join("recipe.yml"), configOf());
  const facts =
    "architecture: MistralForCausalLM\nparameters: 1\nnative_context: 512\nserved_context: 128\n" +
    "native_dtype: bfloat16\nquantization: none\nconcurrency_cost: 3\nrecipe: ../recipe.yml\n";
  const card = `---\nlicense: mit\npublished: 2024-02-03\n${facts}---\nThe card\n`;
  await Deno.writeTextFile(dir.join("me", "merged.md"), card);
  await using test = await TestGateway.make({ catalogueDir: dir.path });
  const { models, merges } = test.gateway;
  const before = (await models.get({ name: "me/merged" }))!;
  const input = { configYaml: before.recipe!, name: before.name };
  expect((await failure(merges.start(ADMIN, input))).code).toBe("NOT_FOUND"); // no parents yet
  for (const [index, name] of PARENTS.entries()) {
    const path = test.dir.join("parents", name);
    await writeCheckpoint(path, { seed: index + 1, ancestorSeed: 9 });
    await models.register(ADMIN, { path, name });
  }
  expect((await models.parents(before.id)).map(({ name }) => name)).toEqual([...PARENTS]); // by their names
  const { id } = await merges.start(ADMIN, input);
  expect((await Array.fromAsync(merges.events(id, {}))).at(-1)!.kind).toBe("finished");
  const model = (await models.get({ name: "me/merged" }))!;
  expect(model).toMatchObject({
    ...{ id: before.id, mergeId: id, description: "The card", license: "mit", concurrencyCost: 3 },
    ...{ nativeContextLength: 256, servedContextLength: 128, servedQuantization: "none" },
  });
  expect(models.residency(model.id).state).toBe("COLD");
  expect((await models.parents(model.id)).map(({ name }) => name)).toEqual([...PARENTS]); // by their hashes
});

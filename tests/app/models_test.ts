/** The registry: what registering notes, refuses and repeats, and whether weights are still there. */
import { expect } from "@std/expect";
import { createHash } from "node:crypto";
import { noteSound } from "../../src/app/register.ts";
import { ResidencyBoard } from "../../src/app/residency.ts";
import { toErrorRecord } from "../../src/errors.ts";
import { findModel } from "../../src/store/models.ts";
import { failure } from "../support/failure.ts";
import {
  ADMIN,
  ALICE,
  collect,
  HELPER,
  HELPER_DIR,
  STORYTELLER_DIR,
  TestGateway,
} from "../support/gateway.ts";

async function copyModel(test: TestGateway, name: string, from = HELPER_DIR): Promise<string> {
  const dir = `${test.dir.path}/${name}`;
  await Deno.mkdir(dir, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    await Deno.copyFile(`${from}/${entry.name}`, `${dir}/${entry.name}`);
  }
  return dir;
}

Deno.test("models.register() notes facts, files and one hash over them", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  const model = (await models.get(HELPER))!;
  expect(model).toMatchObject({
    name: "test/helper",
    author: "test",
    task: "TEXT_GENERATION",
    architecture: "MistralForCausalLM",
    parameterCount: 2_099_328n,
    nativeContextLength: 1024,
    servedContextLength: 1024,
    nativeDtype: "BFLOAT16",
    servedQuantization: "fp8",
    concurrencyCost: 1,
    mergeId: null,
  });
  const artifact = (await models.artifact(model.artifactId!))!;
  const lines: string[] = [];
  let sizeBytes = 0n;
  for await (const { name } of Deno.readDir(HELPER_DIR)) {
    const bytes = await Deno.readFile(`${HELPER_DIR}/${name}`);
    lines.push(`${createHash("sha256").update(bytes).digest("hex")}  ${name}\n`);
    sizeBytes += BigInt(bytes.length);
  }
  expect(artifact.files.map((file) => `${file.sha256}  ${file.path}\n`).sort()).toEqual(lines.sort());
  expect(artifact.sizeBytes).toBe(sizeBytes);
  expect(artifact.manifestSha256).toBe(createHash("sha256").update(lines.join("")).digest("hex"));
});

Deno.test("models.register() is idempotent, and new content is a new artifact", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  const path = await copyModel(test, "models/me/mine");
  const first = await models.register(ADMIN, { path });
  expect(first.name).toBe("me/mine"); // by its place in the library
  expect(await models.register(ADMIN, { path })).toEqual(first);
  expect(first.artifactId).toBe((await models.get(HELPER))?.artifactId); // the same bytes

  await Deno.writeTextFile(`${path}/README.md`, "---\nlicense: apache-2.0\n---\n# Mine\n");
  const changed = await models.register(ADMIN, { path });
  expect(changed).toMatchObject({ id: first.id, license: "apache-2.0", description: "# Mine" });
  expect(changed.artifactId).not.toBe(first.artifactId);
  expect(await models.artifact(first.artifactId!)).not.toBeNull(); // what was generated before still points there
});

Deno.test("models.register() reads the license as cards write it, and nothing from a card that is none", async () => {
  await using test = await TestGateway.make();
  const path = await copyModel(test, "licensed");
  const cases: readonly (readonly [string, string | null])[] = [
    ["license: mit", "mit"],
    ["license: [mit, apache-2.0]", "mit, apache-2.0"],
    ["license: other\nlicense_name: llama3", "llama3"],
    ["license: other", "other"],
    ["license: {a: 1}", null],
    ["license: []", null],
    [`license: ${"x".repeat(101)}`, null],
    ["- a list", null],
    ["license: [unclosed", null],
  ];
  for (const [frontMatter, license] of cases) {
    await Deno.writeTextFile(`${path}/README.md`, `---\n${frontMatter}\n---\n`);
    const model = await test.gateway.models.register(ADMIN, { path });
    expect([frontMatter, model.license, model.description]).toEqual([frontMatter, license, null]);
  }
});

Deno.test("models.register() refuses what is no model, no name, or another's name", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  expect((await failure(models.register(ALICE, { path: HELPER_DIR }))).code).toBe("FORBIDDEN");
  expect((await failure(models.register(ADMIN, { path: `${test.dir.path}/nothing` }))).code).toBe(
    "NOT_FOUND",
  );
  expect((await failure(models.register(ADMIN, { path: test.dir.path }))).code).toBe("FORMAT");
  for (const name of ["", "a/b/c", "../x", "/x", "a b", ".hidden", "x/", "x".repeat(97)]) {
    const error = await failure(models.register(ADMIN, { path: HELPER_DIR, name }));
    expect([name, error.code, error.details["field"]]).toEqual([name, "CONFIG", "name"]);
  }
  const taken = await failure(models.register(ADMIN, { path: STORYTELLER_DIR, ...HELPER }));
  expect([taken.code, taken.details["path"]]).toEqual(["CONFIG", HELPER_DIR]);
});

Deno.test("models.register() does not change weights that are loaded", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  const path = await copyModel(test, "mine");
  const model = { name: "mine" };
  await models.register(ADMIN, { path });
  await models.load(ADMIN, model);
  await Deno.writeTextFile(`${path}/README.md`, "new");
  expect((await failure(models.register(ADMIN, { path }))).code).toBe("CAPACITY");
  await models.unload(ADMIN, model);
  await models.register(ADMIN, { path });
});

Deno.test("models.load() refuses weights that are not those that were registered", async () => {
  await using test = await TestGateway.make();
  const { models, generations } = test.gateway;
  const path = await copyModel(test, "mine");
  const { id } = await models.register(ADMIN, { path });
  const ref = { id };
  const weights = `${path}/model.safetensors`;

  // Touched but equal: hashed again, then fine, and noted.
  await Deno.utime(weights, new Date(0), new Date(1000));
  await models.load(ADMIN, ref);
  await models.unload(ADMIN, ref);

  const bytes = await Deno.readFile(weights);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(weights, bytes);
  const error = await failure(models.load(ADMIN, ref));
  expect([error.code, error.details["file"]]).toEqual(["NOT_FOUND", "model.safetensors"]);
  expect(models.residency(id)).toMatchObject({ state: "MISSING_WEIGHTS", error: { code: "NOT_FOUND" } });

  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(weights, bytes);
  await models.load(ADMIN, ref);
  expect(models.residency(id)).toMatchObject({ state: "WARM", fraction: 1, error: null });
  await models.unload(ADMIN, ref);

  await Deno.remove(path, { recursive: true });
  await test.reopen();
  expect(test.gateway.models.residency(id).state).toBe("MISSING_WEIGHTS");
  const input = { model: ref, prompt: { tokenIds: [1] } };
  expect((await failure(test.gateway.generations.start(ALICE, input))).code).toBe("NOT_FOUND");
  await copyModel(test, "mine");
  await test.gateway.models.register(ADMIN, { path });
  expect(test.gateway.models.residency(id).state).toBe("COLD");
  expect(generations).toBeDefined();
});

Deno.test("models.list() filters by name and state, by name's order", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  for (const name of ["b/two", "a/one_1", "c/three", "a/oneX1"]) {
    await models.register(ADMIN, { path: HELPER_DIR, name });
  }
  await models.load(ADMIN, { name: "c/three" });
  const names = async (where: Parameters<typeof models.list>[1]) =>
    (await models.list({}, where)).edges.map(({ node }) => node.name);
  expect(await names({})).toEqual(["a/one_1", "a/oneX1", "b/two", "c/three", "test/helper"].sort());
  expect(await names({ nameContains: "ONE_" })).toEqual(["a/one_1"]); // neither case nor wildcards
  expect(await names({ nameContains: "%" })).toEqual([]);
  expect(await names({ state: "WARM" })).toEqual(["c/three"]);
  expect(await names({ state: "FAILED" })).toEqual([]);
  expect(await names({ state: "COLD", nameContains: "t" })).toEqual(["b/two", "test/helper"]);
  const page = await models.list({ first: 2 });
  expect([page.hasNextPage, page.totalCount]).toEqual([true, 5]);
  const next = await models.list({ first: 3, after: page.edges[1]!.cursor });
  expect([next.hasNextPage, next.edges.at(-1)?.node.name]).toEqual([false, "test/helper"]);
});

Deno.test("models.getMany() keeps order and holes", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  const { id } = (await models.get(HELPER))!;
  expect((await models.getMany([id, "x", id])).map((model) => model?.id ?? null)).toEqual([id, null, id]);
  expect(await models.getMany([])).toEqual([]);
  expect(await models.get({ id: "x" })).toBeNull();
});

Deno.test("models.onResidencyChange() tells every step of a load", async () => {
  await using test = await TestGateway.make({ kvCacheDtype: "fp8" });
  test.engine.autoLoad = false;
  const { models, generations } = test.gateway;
  const heard: string[] = [];
  using _subscription = models.onResidencyChange((_, { state, stage, fraction }) => {
    heard.push(`${state} ${stage} ${fraction}`);
  });
  const { id } = await generations.start(ALICE, { model: HELPER, prompt: { text: "Hi" } });
  const load = await test.engine.loading(0);
  expect(load.command).toMatchObject({
    path: HELPER_DIR,
    quantization: "fp8",
    precision: "f32",
    kvCacheDtype: "fp8",
    maxContext: 1024,
  });
  load.progress("READING", 0.25);
  load.progress("UPLOADING", 0.75);
  load.finish();
  (await test.engine.request(0)).finish("LENGTH");
  await collect(generations.events(ALICE, id, {}));
  await models.unload(ADMIN, HELPER);
  expect(heard).toEqual([
    "LOADING CHECKING 0",
    "LOADING READING 0.25",
    "LOADING UPLOADING 0.75",
    "WARM null 1",
    "UNLOADING null 0",
    "COLD null 0",
  ]);
});

Deno.test("noteSound() leaves a model alone that somebody has begun to load meanwhile", async () => {
  await using test = await TestGateway.make();
  const row = (await findModel(test.db, HELPER))!;
  const board = new ResidencyBoard(test.clock);
  const missing = () => board.set(row.id, { state: "MISSING_WEIGHTS", error: toErrorRecord(new Error()) });
  missing();
  await noteSound(board, row, ["MISSING_WEIGHTS"]);
  expect(board.get(row.id).state).toBe("COLD");
  missing();
  const noting = noteSound(board, row, ["MISSING_WEIGHTS"]);
  board.set(row.id, { state: "WARM" });
  await noting;
  expect(board.get(row.id).state).toBe("WARM");
});

Deno.test("models.getMany() knows of weights that came a moment ago, or by another process", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  const path = await copyModel(test, "mine");
  const { id } = await models.register(ADMIN, { path, name: "mine" });
  await Deno.rename(`${path}/model.safetensors`, `${path}/.away`);
  await failure(models.load(ADMIN, { id }));
  expect(models.residency(id).state).toBe("MISSING_WEIGHTS");
  await Deno.rename(`${path}/.away`, `${path}/model.safetensors`);
  await models.getMany([id]);
  expect(models.residency(id).state).toBe("COLD");
});

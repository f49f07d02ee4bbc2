/** Merges through the gateway: the first run, its provenance, and what a killed or broken one leaves. */
import { expect } from "@std/expect";
import { join } from "node:path";
import { INTERRUPTED } from "../../src/app/merge/start.ts";
import type { MergeTensor, PageArgs } from "../../src/app/types.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { runMerge } from "../../src/merge/run.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, DEMO_DIR, TestGateway } from "../support/gateway.ts";

const MERGED = { name: "geodesic/demo-slerp" };
const HELPER = { name: "geodesic/demo-helper" };
const STORYTELLER = { name: "geodesic/demo-storyteller" };
const RESOLVE = modelResolver({ cwd: DEMO_DIR, configDir: DEMO_DIR });
const CONFIG = await Deno.readTextFile(join(DEMO_DIR, "merge.yml"));

Deno.test("prepareDemo() merges once, registers the family, and is quick the second time", async () => {
  await using test = await TestGateway.make();
  const stages: string[] = [];
  const onProgress = ({ stage }: { readonly stage: string }) =>
    void (stages.at(-1) === stage || stages.push(stage));
  const first = await test.gateway.prepareDemo({ demoDir: DEMO_DIR, onProgress });
  expect(first.merged).toBe(true);
  expect(stages).toEqual(["merging"]);

  const { models, merges } = test.gateway;
  const [merged, helper, storyteller] = await Promise.all(
    [MERGED, HELPER, STORYTELLER].map((ref) => models.get(ref)),
  );
  expect(first.model).toEqual(merged);
  expect([merged, helper, storyteller].map((model) => model?.servedQuantization)).toEqual([
    "none",
    "none",
    "none",
  ]);
  expect((await models.parents(merged!.id)).map((model) => model.name)).toContain(HELPER.name);
  expect((await models.parents(merged!.id)).map((model) => model.name)).toContain(STORYTELLER.name);
  expect((await models.descendants(helper!.id)).map((model) => model.id)).toEqual([merged!.id]);
  expect(await models.parents(storyteller!.id)).toEqual([]);

  const merge = (await merges.get(merged!.mergeId!))!;
  expect(merge).toMatchObject({
    status: "SUCCEEDED",
    method: "slerp",
    modelId: merged!.id,
    baseModelName: "parents/helper",
    dtype: "bfloat16",
    configYaml: CONFIG,
    error: null,
  });
  const manifest = async (artifactId: string) => (await models.artifact(artifactId))?.manifestSha256;
  expect(merge.sources).toMatchObject([
    {
      name: "parents/helper",
      isBase: true,
      layerRange: [0, 8],
      artifactSha256: await manifest(helper!.artifactId!),
    },
    {
      name: "parents/storyteller",
      isBase: false,
      layerRange: [0, 8],
      modelId: storyteller!.id,
      artifactSha256: await manifest(storyteller!.artifactId!),
    },
  ]);
  expect(merge.parameters).toEqual([
    { name: "t", filter: "self_attn", value: null, gradient: [0, 0.5, 0.3, 0.7, 1] },
    { name: "t", filter: "mlp", value: null, gradient: [1, 0.5, 0.7, 0.3, 0] },
    { name: "t", filter: null, value: 0.5, gradient: null },
  ]);
  expect(merge.curves.find((curve) => curve.filter === "self_attn")?.t).toMatchObject({
    0: 0,
    7: 1,
    length: 8,
  });

  const path = join(test.dir.path, "models", MERGED.name);
  expect(await models.register(ADMIN, { path })).toEqual(first.model); // served as before, not by the default

  await test.reopen();
  const again = await test.gateway.prepareDemo({
    demoDir: DEMO_DIR,
    onProgress: () => {
      throw new Error("Nothing is merged again");
    },
  });
  expect(again).toEqual({ merged: false, model: first.model });
});

Deno.test("merges.tensors() answers where any tensor came from, filtered and paged", async () => {
  await using test = await TestGateway.make();
  const { model } = await test.gateway.prepareDemo({ demoDir: DEMO_DIR });
  const { merges } = test.gateway;
  const id = model.mergeId!;
  const all: MergeTensor[] = [];
  let args: PageArgs = { first: 40 };
  for (;;) {
    const page = await merges.tensors(id, args);
    expect(page.totalCount).toBe(75);
    all.push(...page.edges.map((edge) => edge.node));
    if (!page.hasNextPage) break;
    args = { first: 40, after: page.edges.at(-1)!.cursor };
  }
  expect(new Set(all.map((tensor) => tensor.name)).size).toBe(75);

  const filters = [
    [{ layer: 3 }, (tensor: MergeTensor) => tensor.layer === 3],
    [{ filter: "mlp" }, (tensor: MergeTensor) => tensor.filter === "mlp"],
    [{ mode: "LERP" as const }, (tensor: MergeTensor) => tensor.mode === "LERP"],
    [{ nameContains: "Q_Proj" }, (tensor: MergeTensor) => tensor.name.includes("q_proj")],
    [
      { tMin: 0.5, tMax: 0.7 },
      (tensor: MergeTensor) => tensor.t !== null && tensor.t >= 0.5 && tensor.t <= 0.7,
    ],
    [
      { filter: "self_attn", layer: 7 },
      (tensor: MergeTensor) => tensor.filter === "self_attn" && tensor.layer === 7,
    ],
  ] as const;
  for (const [where, matches] of filters) {
    const page = await merges.tensors(id, { first: 100 }, where);
    expect([where, page.edges.map((edge) => edge.node)]).toEqual([where, all.filter(matches)]);
  }
  const query = await merges.tensors(id, {}, { layer: 7, nameContains: "o_proj" });
  expect(query.edges.map((edge) => edge.node)).toMatchObject([{
    name: "model.layers.7.self_attn.o_proj.weight",
    filter: "self_attn",
    t: 1,
  }]);
  expect((await failure(merges.tensors("x", {}))).code).toBe("NOT_FOUND");
  expect(await merges.get("x")).toBeNull();
});

Deno.test("merges.list() asks as much for many merges as for one, and gives each its own parts", async () => {
  await using test = await TestGateway.make();
  await test.gateway.prepareDemo({ demoDir: DEMO_DIR });
  const row = await test.db.selectFrom("merges").selectAll().executeTakeFirstOrThrow();
  const older = Array.from({ length: 20 }, (_, index) => ({ ...row, id: `00${index + 10}` }));
  await test.db.insertInto("merges").values(older).execute();
  const queries = [];
  for (const first of [1, 21]) {
    test.queries.take();
    const { edges } = await test.gateway.merges.list({ first });
    queries.push(test.queries.take());
    expect(edges.length).toBe(first);
    expect(edges[0]!.node).toEqual(await test.gateway.merges.get(row.id));
    expect(edges[0]!.node.sources.map(({ modelId }) => modelId)).not.toContain(null);
    expect(edges[0]!.node.modelId).not.toBeNull();
    for (const { node } of edges.slice(1)) expect([node.sources, node.modelId]).toEqual([[], null]);
  }
  expect(queries[1]).toBe(queries[0]);
});

Deno.test("prepareDemo() takes up a folder that a killed run has finished but not registered", async () => {
  await using test = await TestGateway.make();
  const outDir = join(test.dir.path, "models", MERGED.name);
  const record = await runMerge({ config: CONFIG, outDir, resolve: RESOLVE });
  const { merged, model } = await test.gateway.prepareDemo({ demoDir: DEMO_DIR });
  expect(merged).toBe(false);
  const merge = await test.gateway.merges.get(model.mergeId!);
  expect(merge).toMatchObject({
    status: "SUCCEEDED",
    startedAt: null,
    configSha256: record.configuration.sha256,
  });
  expect((await test.gateway.merges.tensors(model.mergeId!, {})).totalCount).toBe(75);
  expect((await test.gateway.models.parents(model.id)).length).toBeGreaterThanOrEqual(2);
});

Deno.test("prepareDemo() merges again when the result was deleted", async () => {
  await using test = await TestGateway.make();
  const first = await test.gateway.prepareDemo({ demoDir: DEMO_DIR });
  await Deno.remove(join(test.dir.path, "models"), { recursive: true });
  await test.reopen();
  const again = await test.gateway.prepareDemo({ demoDir: DEMO_DIR });
  expect(again.merged).toBe(true);
  expect(again.model.id).toBe(first.model.id);
  expect(again.model.artifactId).toBe(first.model.artifactId); // the same merge gives the same bytes
  expect(test.gateway.models.residency(again.model.id).state).toBe("COLD");
});

Deno.test("runMerge() leaves a row with the error and no folder", async () => {
  await using test = await TestGateway.make();
  const { gateway } = test;
  const controller = new AbortController();
  const run = gateway.runMerge(ADMIN, {
    config: CONFIG,
    configName: "merge.yml",
    name: "me/stopped",
    resolve: RESOLVE,
    signal: controller.signal,
    onProgress: ({ stage, doneTensors }) => {
      if (stage === "merging" && doneTensors > 10) controller.abort(new Error("enough"));
    },
  });
  await expect(run).rejects.toThrow("enough");
  const rows = await test.db.selectFrom("merges").selectAll().execute();
  expect(rows.map((row) => row.status)).toEqual(["CANCELLED"]);
  expect(await gateway.models.get({ name: "me/stopped" })).toBeNull();
  expect(rows[0]).toMatchObject({ error: null, artifact_sha256: null });
  await expect(Deno.stat(join(test.dir.path, "models", "me"))).rejects.toThrow(Deno.errors.NotFound);
});

Deno.test("runMerge() refuses before it writes anything", async () => {
  await using test = await TestGateway.make();
  const { gateway } = test;
  const input = { config: CONFIG, configName: "merge.yml", name: "me/new", resolve: RESOLVE };
  expect((await failure(gateway.runMerge(ALICE, input))).code).toBe("FORBIDDEN");
  expect((await failure(gateway.runMerge(ADMIN, { ...input, name: "test/helper" }))).code).toBe("CONFIG");
  expect((await failure(gateway.runMerge(ADMIN, { ...input, name: "../out" }))).code).toBe("CONFIG");
  const unknown = CONFIG.replace("slerp", "stir");
  expect((await failure(gateway.runMerge(ADMIN, { ...input, config: unknown }))).code).toBe("CONFIG");
  const missing = CONFIG.replaceAll("parents/helper", "parents/nobody");
  expect((await failure(gateway.runMerge(ADMIN, { ...input, config: missing }))).code).toBe("NOT_FOUND");
  expect(await test.db.selectFrom("merges").selectAll().execute()).toEqual([]);
});

Deno.test("models.register() reads provenance as a stranger's file", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  const path = join(test.dir.path, "merged");
  await runMerge({ config: CONFIG, outDir: path, resolve: RESOLVE });
  const file = join(path, "provenance.json");
  const record = JSON.parse(await Deno.readTextFile(file));
  const write = (value: unknown) => Deno.writeTextFile(file, JSON.stringify(value));

  for (
    const [field, broken] of [
      ["tensors.0.t", { ...record, tensors: [{ ...record.tensors[0], t: "0.5" }] }],
      ["tensors.0.mode", { ...record, tensors: [{ ...record.tensors[0], mode: { $gt: 1 } }] }],
      ["sources.0.manifestSha256", { ...record, sources: [{ ...record.sources[0], manifestSha256: "x" }] }],
      ["method", { ...record, method: null }],
      ["tensors.0.layer", { ...record, tensors: [{ ...record.tensors[0], layer: 2 ** 31 }] }],
    ] as const
  ) {
    await write(broken);
    const error = await failure(models.register(ADMIN, { path }));
    expect([error.code, error.details["field"]]).toEqual(["FORMAT", field]);
  }

  await write({ ...record, version: 99 }); // another version: nothing is known
  expect((await models.register(ADMIN, { path, name: "a" })).mergeId).toBeNull();
  const artifact = {
    ...record.artifact,
    files: [{ path: "model.safetensors", sizeBytes: 1, sha256: "0".repeat(64) }],
  };
  await write({ ...record, artifact }); // other weights: it does not speak for these
  expect((await models.register(ADMIN, { path, name: "b" })).mergeId).toBeNull();
  await write(record);
  const model = await models.register(ADMIN, { path, name: "c" });
  expect(model.mergeId).not.toBeNull();
  expect((await models.register(ADMIN, { path, name: "a" })).mergeId).toBe(model.mergeId);

  const { configuration } = record;
  const slices = Array<unknown>(6000).fill(configuration.resolved.slices[0]); // more than fit one statement
  const sha256 = "1".repeat(64);
  await write({ ...record, configuration: { ...configuration, sha256, resolved: { slices } } });
  const stacked = await models.register(ADMIN, { path, name: "d" });
  expect((await test.gateway.merges.get(stacked.mergeId!))?.sources.length).toBe(12_000);
});

Deno.test("createGateway() marks merges that a dead process was running", async () => {
  await using test = await TestGateway.make();
  const { model } = await test.gateway.prepareDemo({ demoDir: DEMO_DIR });
  await test.db.updateTable("merges").set({ status: "RUNNING", finished_at: null }).execute();
  await test.reopen();
  expect(await test.gateway.merges.get(model.mergeId!)).toMatchObject({
    status: "FAILED",
    error: INTERRUPTED,
  });
});

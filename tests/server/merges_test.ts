/** Merging over HTTP: from the mutation to a registered model, in turn, watched, cancelled, and across restarts. */
import { expect } from "@std/expect";
import { runMerge as mergeCheckpoints } from "../../src/merge/run.ts";
import { type Json } from "../support/api_server.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { ADMIN } from "../support/gateway.ts";
import { configOf, MergeApi, PARENTS, sortTensors, type TensorKey } from "../support/merge_api.ts";
import { tempDir } from "../support/temp.ts";

const CANCEL = `mutation ($id: ID!) { cancelMerge(input: { id: $id }) {
  __typename ... on Error { code } ... on CancelMergePayload { merge { status } } } }`;
const MERGE = `query ($id: ID!) { merge(id: $id) { status name position error { code }
  startedAt finishedAt model { name parents { name } } tensors(first: 1) { totalCount } } }`;
const typesOf = (events: readonly Json[]) => events.map(({ __typename }) => __typename);

Deno.test("startMerge merges registered models into a registered one, and mergeEvents tells all of it", async () => {
  await using api = await MergeApi.make();
  const started = await api.start("me/merged");
  expect(started).toMatchObject({ __typename: "StartMergePayload", merge: { name: "me/merged" } });
  // With nothing before it, it is taken from the queue at once, and its row may not say so yet.
  const { status, position } = started.merge;
  expect([["QUEUED", 1], ["RUNNING", null]]).toContainEqual([status, position]);
  const { id } = started.merge;
  const events = await api.events(id);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(new Set(events.map(({ mergeId }) => mergeId))).toEqual(new Set([id]));
  expect(typesOf(events)[0]).toBe("MergeQueued");
  const progress = events.filter(({ __typename }) => __typename === "MergeProgress");
  expect([...new Set(progress.map(({ stage }) => stage))]).toEqual(["MERGING"]);
  expect(progress.at(-1)).toMatchObject({ doneTensors: 21, totalTensors: 21 });
  expect(progress.at(-1).doneBytes).toBe(progress.at(-1).totalBytes);
  expect(progress.length).toBeLessThan(250); // one for each hundredth, at most
  expect(events.at(-1)).toMatchObject({ __typename: "MergeFinished", model: { name: "me/merged" } });

  for (const after of [0, 2, events.length - 1]) {
    expect(await api.events(id, after)).toEqual(events.slice(after));
  }
  const { merge } = (await api.query(MERGE, { id })).body.data;
  expect(merge).toMatchObject({
    status: "SUCCEEDED",
    position: null,
    model: { name: "me/merged", parents: PARENTS.map((name) => ({ name })) },
    tensors: { totalCount: 21 },
  });
  const loaded = await api.query(`mutation { loadModel(input: { model: { name: "me/merged" } }) {
    ... on LoadModelPayload { model { residency { state } } } } }`);
  expect(loaded.body.data.loadModel).toEqual({ model: { residency: { state: "WARM" } } });
});

Deno.test("startMerge merges in stages, whose results nobody else ever sees", async () => {
  await using api = await MergeApi.make();
  const yaml = [
    configOf().replace("{", '{"name": "half",'),
    configOf("half").replaceAll("[0,2]", "[0,1]"), // so that its result is smaller
  ].join("\n---\n");
  const started = await api.start("me/staged", yaml);
  expect(started).toMatchObject({ __typename: "StartMergePayload" });
  const events = await api.events(started.merge.id);
  expect(events.at(-1)).toMatchObject({ model: { name: "me/staged" } });
  const progress = events.filter(({ __typename }) => __typename === "MergeProgress");
  expect(new Set(progress.map(({ totalBytes }) => totalBytes)).size).toBe(2); // both documents tell
  expect(progress.at(-1)!.doneBytes).toBe(progress.at(-1)!.totalBytes);
  const { merge } = (await api.query(MERGE, { id: started.merge.id })).body.data;
  // The other one is a parent only by way of the stage.
  expect(merge.model.parents).toEqual([{ name: PARENTS[1] }, { name: PARENTS[0] }]);
  const sources = "query ($id: ID!) { merge(id: $id) { sources { name isBase model { name } } } }";
  expect((await api.query(sources, { id: started.merge.id })).body.data.merge.sources).toEqual([
    { name: "half", isBase: true, model: null },
    { name: PARENTS[1], isBase: false, model: { name: PARENTS[1] } },
    { name: PARENTS[0], isBase: false, model: { name: PARENTS[0] } },
  ]);
  expect(await api.test.gateway.models.get({ name: "half" })).toBeNull();
});

Deno.test("merges run one at a time; those that wait know their place, and can be cancelled", async () => {
  await using api = await MergeApi.make();
  const held = await api.occupy();
  const [first, second, third] = [await api.start("me/1"), await api.start("me/2"), await api.start("me/3")];
  expect([first, second, third].map(({ merge }) => [merge.status, merge.position])).toEqual([
    ["QUEUED", 1],
    ["QUEUED", 2],
    ["QUEUED", 3],
  ]);
  expect(await api.start("me/2")).toMatchObject({ __typename: "ConfigError" }); // the name is taken already

  const cancel = () => api.query(CANCEL, { id: second.merge.id });
  for (const answer of [await cancel(), await cancel()]) {
    expect(answer.body.data.cancelMerge).toEqual({
      __typename: "CancelMergePayload",
      merge: { status: "CANCELLED" },
    });
  }
  expect(typesOf(await api.events(second.merge.id))).toEqual(["MergeQueued", "MergeCancelled"]);
  held.release();
  await held.done;
  const events = await api.events(third.merge.id);
  const positions = events.filter(({ __typename }) => __typename === "MergeQueued");
  expect(positions.map(({ position }) => position)).toEqual([3, 2, 1]);
  expect(typesOf(events).at(-1)).toBe("MergeFinished");
  expect(typesOf(await api.events(first.merge.id)).at(-1)).toBe("MergeFinished");

  const list = async (args: string) =>
    (await api.query(`{ merges(${args}) { totalCount pageInfo { hasNextPage endCursor }
      edges { node { name status } } } }`)).body.data.merges;
  expect((await list("first: 2")).edges.map(({ node }: Json) => node.name)).toEqual(["me/3", "me/2"]);
  const page = await list("first: 2");
  const rest = await list(`first: 2, after: "${page.pageInfo.endCursor}"`);
  expect(rest.edges.map(({ node }: Json) => node.name)).toEqual(["me/1", null]);
  expect(await list("first: 5, where: { status: CANCELLED }")).toMatchObject({
    totalCount: 1,
    edges: [{ node: { name: "me/2" } }],
  });
  expect((await list(`first: 5, where: { nameContains: "ME/3" }`)).edges).toEqual([{
    node: { name: "me/3", status: "SUCCEEDED" },
  }]);
});

Deno.test("cancelMerge stops the merge that runs, leaves nothing of it, and lets the next one run", async () => {
  await using api = await MergeApi.make();
  const held = await api.occupy();
  const next = await api.start("me/next");
  const [running] =
    (await api.query(`{ merges(where: { status: RUNNING }) { edges { node { id } } } }`)).body.data.merges
      .edges;
  const cancelled = api.query(CANCEL, { id: running.node.id });
  // Requests are taken in turn: when these are answered, the merge has been told.
  for (let i = 0; i < 10; i++) await api.query("{ viewer { id } }");
  held.release();
  expect((await cancelled).body.data.cancelMerge.merge).toEqual({ status: "CANCELLED" });
  await expect(held.done).rejects.toThrow("cancelled");
  expect(typesOf(await api.events(next.merge.id)).at(-1)).toBe("MergeFinished");
  await expect(Deno.stat(api.test.dir.join("models", "pair"))).rejects.toThrow(Deno.errors.NotFound);
});

Deno.test("a merge that waits survives a restart; one that ran ends as interrupted", async () => {
  await using api = await MergeApi.make();
  const held = await api.occupy();
  const waiting = await api.start("me/later");
  const [running] = await api.test.db.selectFrom("merges").select("id").where("status", "=", "RUNNING")
    .execute();
  const restarted = api.restart();
  held.release();
  await expect(held.done).rejects.toThrow("while this merge was running");
  await restarted;
  const events = await api.events(waiting.merge.id);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  expect(events.at(-1)).toMatchObject({ __typename: "MergeFinished", model: { name: "me/later" } });
  expect(await api.test.gateway.merges.get(running!.id)).toMatchObject({
    status: "FAILED",
    error: { code: "INTERRUPTED" },
  });

  // A process that was killed had no time to say so.
  await api.test.db.updateTable("merges").set({ status: "RUNNING", finished_at: null })
    .where("target_name", "=", "me/later").execute();
  await api.test.db.deleteFrom("merge_events").where("kind", "=", "finished").execute();
  await api.restart();
  expect((await api.events(waiting.merge.id)).at(-1)).toMatchObject({
    __typename: "MergeFailed",
    code: "INTERRUPTED",
  });
});

Deno.test("a merge whose parent has gone fails, and says why in its log and its row", async () => {
  await using api = await MergeApi.make();
  const held = await api.occupy();
  const started = await api.start("me/orphan");
  await Deno.remove(api.test.dir.join("parents", PARENTS[1], "config.json"));
  held.release();
  const last = (await api.events(started.merge.id)).at(-1);
  expect(last).toMatchObject({ __typename: "MergeFailed", code: "FORMAT" });
  expect((await api.query(MERGE, { id: started.merge.id })).body.data.merge).toMatchObject({
    status: "FAILED",
    error: { code: "FORMAT" },
    model: null,
  });
});

Deno.test("startMerge refuses by type, before there is a row", async () => {
  await using api = await MergeApi.make();
  await writeCheckpoint(api.test.dir.join("parents", "wide"), { config: { hidden_size: 24 } });
  await api.test.gateway.models.register(ADMIN, { path: api.test.dir.join("parents", "wide"), name: "wide" });
  const { secret } = await api.test.gateway.access.createKey(ADMIN, { role: "GENERATOR", label: "g" });
  const refusals: readonly (readonly [Promise<Json>, object])[] = [
    [api.start("me/x", configOf(), secret), { __typename: "ForbiddenError" }],
    [api.start("me/x", "slices: ["), {
      __typename: "ConfigError",
      message: expect.stringContaining("configYaml:1:"),
    }],
    [api.start("me/x", configOf().replace("slerp", "blend")), { __typename: "ConfigError" }],
    [api.start("me/x", configOf(PARENTS[0], "wide")), {
      __typename: "MergeError",
      message: expect.stringContaining('"wide"'),
    }],
    [api.start(PARENTS[0]), { __typename: "ConfigError" }],
    [api.start("../x"), { __typename: "ConfigError" }],
    [api.start("me/x", configOf("me/nobody")), { __typename: "NotFoundError" }],
  ];
  for (const [answer, expected] of refusals) expect(await answer).toMatchObject(expected);
  const cancelled = await api.query(CANCEL, { id: btoa("Merge:nothing") });
  expect(cancelled.body.data.cancelMerge).toMatchObject({ __typename: "NotFoundError" });
  expect(await api.test.db.selectFrom("merges").selectAll().execute()).toEqual([]);
});

Deno.test("startMerge refuses a name whose place is taken, and a result that nothing here could serve", async () => {
  await using allowed = await tempDir();
  for (const seed of [1, 2]) {
    const dir = allowed.join("gemma", String(seed));
    await writeCheckpoint(dir, { seed, ancestorSeed: 9 });
    const config = JSON.parse(await Deno.readTextFile(`${dir}/config.json`));
    const gemma = { ...config, architectures: ["GemmaForCausalLM"], model_type: "gemma" };
    await Deno.writeTextFile(`${dir}/config.json`, JSON.stringify(gemma));
  }
  await using api = await MergeApi.make({ modelDirs: [allowed.path] });
  expect(await api.start("me/x", configOf("gemma/1", "gemma/2"))).toMatchObject({
    __typename: "FormatError",
    message: expect.stringContaining("GemmaForCausalLM"),
  });
  await Deno.mkdir(api.test.dir.join("models", "me", "somebody"), { recursive: true });
  expect(await api.start("me")).toMatchObject({
    __typename: "ConfigError",
    message: expect.stringContaining("not empty"),
  });

  // A whole result that no row tells of: its process was killed at the worst of moments.
  const path = api.test.dir.join("models", "me", "lost");
  const resolve = (name: string) => Promise.resolve(api.test.dir.join("parents", name));
  await mergeCheckpoints({ config: configOf(), outDir: path, resolve });
  expect(await api.start("me/lost")).toMatchObject({
    __typename: "ConfigError",
    message: expect.stringContaining("registerModel"),
  });
  expect(await api.test.gateway.models.register(ADMIN, { path })).toMatchObject({ name: "me/lost" });
  const started = api.test.db.selectFrom("merges").selectAll().where("target_name", "is not", null);
  expect(await started.execute()).toEqual([]);
});

Deno.test("startMerge registers parents under names that are free and allowed, whatever their folders are called", async () => {
  await using allowed = await tempDir();
  for (const [index, dir] of ["a/final (v2)", "b/final (v2)"].entries()) {
    await writeCheckpoint(allowed.join(dir), { seed: index + 5, ancestorSeed: 9 });
  }
  await using api = await MergeApi.make({ modelDirs: [allowed.path] });
  await writeCheckpoint(allowed.join("c", "result"), { seed: 7, ancestorSeed: 9 });
  for (
    const [name, left, right] of [["me/both", "a/final (v2)", "b/final (v2)"], [
      "result",
      "c/result",
      PARENTS[0],
    ]]
  ) {
    const { merge } = await api.start(name!, configOf(left, right));
    expect((await api.events(merge.id)).at(-1)).toMatchObject({
      __typename: "MergeFinished",
      model: { name },
    });
  }
  const models = await api.test.gateway.models.list({});
  expect(models.edges.map(({ node }) => node.name).sort()).toEqual([
    "final-v2",
    expect.stringMatching(/^final-v2-[0-9a-f]{8}$/),
    "me/both",
    ...PARENTS,
    "result",
    expect.stringMatching(/^result-[0-9a-f]{8}$/),
    "test/helper",
  ]);
});

Deno.test("startMerge reads no folder outside of those that are allowed, whatever a name tries", async () => {
  await using outside = await tempDir();
  await using allowed = await tempDir();
  await writeCheckpoint(outside.join("secret"), { seed: 1 });
  await writeCheckpoint(allowed.join("inside", "model"), { seed: 1, ancestorSeed: 9 });
  await Deno.symlink(outside.join("secret"), allowed.join("link"));
  await Deno.symlink(outside.path, allowed.join("dir"));
  await Deno.symlink(allowed.join("loop"), allowed.join("loop"));
  await Deno.symlink(allowed.join("inside", "model"), allowed.join("alias"));
  await Deno.writeTextFile(allowed.join("file"), "no folder");
  // A link within a model's folder leads out as well.
  await writeCheckpoint(allowed.join("hollow"), { seed: 1 });
  await Deno.remove(allowed.join("hollow", "model.safetensors"));
  await Deno.symlink(
    outside.join("secret", "model.safetensors"),
    allowed.join("hollow", "model.safetensors"),
  );

  await using api = await MergeApi.make({ modelDirs: [allowed.path] });
  const up = "../".repeat(12);
  const hostile = [
    outside.join("secret"),
    `${allowed.path}/../${outside.path.split("/").at(-1)}/secret`,
    `../${outside.path.split("/").at(-1)}/secret`,
    `${up}${outside.join("secret")}`,
    `inside/../../${outside.path.split("/").at(-1)}/secret`,
    `file://${outside.join("secret")}`,
    "link",
    "dir/secret",
    "inside/../link",
    "loop",
    "file",
    ".",
    "..",
    "",
    "/",
    allowed.path,
    "~",
    "inside\\..\\..",
    "inside/model\u0000",
    "inside/model\n",
    `${"a/".repeat(3000)}b`,
    "x".repeat(5000),
    "$HOME",
    "models",
    "geodesic.db",
  ];
  for (const name of hostile) {
    const answer = await api.start("me/x", configOf(name));
    expect([name, ["NotFoundError", "ConfigError"].includes(answer.__typename)]).toEqual([name, true]);
    expect(JSON.stringify(answer)).not.toContain("config.json");
  }
  const there = await api.start("me/x", configOf(outside.join("secret")));
  const absent = await api.start("me/x", configOf(outside.join("absent")));
  expect(absent.message.replace("absent", "secret")).toBe(there.message); // it does not tell what is there
  expect(await api.start("me/x", configOf("hollow"))).toMatchObject({ __typename: "FormatError" });
  expect(await api.test.db.selectFrom("merges").selectAll().execute()).toEqual([]);

  for (const [index, name] of ["inside/model", allowed.join("inside", "model"), "alias"].entries()) {
    const { merge } = await api.start(`me/${index}`, configOf(name));
    expect((await api.events(merge.id)).at(-1)).toMatchObject({ __typename: "MergeFinished" });
  }
});

Deno.test("tensors() sorts by any figure and pages through all of it, in both directions", async () => {
  await using api = await MergeApi.make();
  const { merge: { id } } = await api.start("me/merged");
  await api.events(id);
  const row = await api.test.db.selectFrom("merges").select("id").executeTakeFirstOrThrow();
  const all = (await api.test.gateway.merges.tensors(row.id, { first: 100 })).edges.map(({ node }) => node);
  for (const key of ["name", "layer", "t", "cosine"] as const satisfies readonly TensorKey[]) {
    for (const direction of ["ASC", "DESC"] as const) {
      const names: string[] = [];
      for (let after: string | null = null;;) {
        const { body } = await api.query(
          `query ($id: ID!, $after: String, $order: MergeTensorOrder) { merge(id: $id) {
            tensors(first: 4, after: $after, orderBy: $order) {
              pageInfo { hasNextPage endCursor } edges { node { name } } } } }`,
          { id, after, order: { field: key.toUpperCase(), direction } },
        );
        const { edges, pageInfo }: Json = body.data.merge.tensors;
        names.push(...edges.map(({ node }: Json) => node.name));
        if (!pageInfo.hasNextPage) break;
        after = pageInfo.endCursor;
      }
      const expected = sortTensors(all, key, direction).map(({ name }) => name);
      expect([key, direction, names]).toEqual([key, direction, expected]);
    }
  }
  const stray = await api.query(
    `query ($id: ID!) { merge(id: $id) { a: tensors(first: 1, orderBy: { field: T }) { pageInfo { endCursor } } } }`,
    { id },
  );
  const cursor = stray.body.data.merge.a.pageInfo.endCursor;
  const refused = await api.query(
    `query ($id: ID!, $after: String) { merge(id: $id) { tensors(after: $after) { totalCount } } }`,
    { id, after: cursor },
  );
  expect(refused.body.errors[0].extensions.code).toBe("CONFIG");
});

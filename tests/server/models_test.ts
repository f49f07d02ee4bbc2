/** Models over HTTP: the catalogue's card, pulling, verifying, planning a merge, and watching all of it. */
import { expect } from "@std/expect";
import { fileURLToPath } from "node:url";
import { ApiServer, type Json } from "../support/api_server.ts";
import { ADMIN, HELPER_DIR, TestGateway } from "../support/gateway.ts";
import { COMMIT, HubServer } from "../support/hub_server.ts";
import { configOf, PARENTS } from "../support/merge_api.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";

const CATALOGUE = fileURLToPath(new URL("../../catalogue", import.meta.url));

interface Bench extends AsyncDisposable {
  readonly test: TestGateway;
  readonly api: ApiServer;
  readonly hub: HubServer;
  /** Data of an admin's operation without errors. */
  run(query: string, variables?: Readonly<Record<string, unknown>>): Promise<Json>;
  watch(query: string, variables: Readonly<Record<string, unknown>>): Promise<Json[]>;
}
async function bench(): Promise<Bench> {
  const hub = await HubServer.of(HELPER_DIR);
  const test = await TestGateway.make({ hub: hub.hub, catalogueDir: CATALOGUE });
  const { secret: key } = await test.gateway.access.createKey(ADMIN, { role: "ADMIN", label: "admin" });
  const api = new ApiServer(test.gateway);
  return {
    test,
    api,
    hub,
    async run(query, variables = {}) {
      const { body } = await api.query(query, variables, key);
      if (body.errors) throw new Error(JSON.stringify(body.errors));
      return body.data;
    },
    async watch(query, variables) {
      const results = await Array.fromAsync(api.subscribe(query, variables, { key }));
      return results.map((result) => Object.values(result.data)[0]);
    },
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]();
      await test[Symbol.asyncDispose]();
      await hub[Symbol.asyncDispose]();
    },
  };
}

Deno.test("model() shows a catalogued model as its card does, and how to make it", async () => {
  await using it = await bench();
  const { model } = await it.run(`{ model(ref: { name: "osanseviero/mistral-instruct-slerp" }) {
    author task architecture parameterCount license publishedAt description nativeContextLength servedContextLength
    nativeDtype servedQuantization concurrencyCost artifact { manifestSha256 } provenance { id } removedAt pinned
    residency { state error { code message } } parents { name } origin { revision } keepAliveSeconds
    declaredParents { name isBase model { name } } descendants { name }
    recipe { method configYaml configSha256 parameters { name filter value gradient } } } }`);
  expect(model).toMatchObject({
    author: "osanseviero",
    task: "TEXT_GENERATION",
    parameterCount: "7241732096",
    license: "apache-2.0",
    publishedAt: "2024-01-10T00:00:00.000Z",
    nativeContextLength: 32768,
    servedContextLength: 4096,
    servedQuantization: "FP8_E4M3",
    concurrencyCost: 1,
    artifact: null,
    provenance: null,
    residency: { state: "MISSING_WEIGHTS", error: { code: "NOT_FOUND" } },
    recipe: {
      method: "SLERP",
      parameters: [
        { name: "t", filter: "self_attn", value: null, gradient: [0, 0.5, 0.3, 0.7, 1] },
        { name: "t", filter: "mlp", value: null, gradient: [1, 0.5, 0.7, 0.3, 0] },
        { name: "t", filter: null, value: 0.5, gradient: null },
      ],
    },
  });
  expect(model.declaredParents).toEqual([
    {
      name: "mistralai/Mistral-7B-Instruct-v0.2",
      isBase: true,
      model: { name: "mistralai/Mistral-7B-Instruct-v0.2" },
    },
    {
      name: "mistralai/Mistral-7B-Instruct-v0.1",
      isBase: false,
      model: { name: "mistralai/Mistral-7B-Instruct-v0.1" },
    },
  ]);
  const { models } = await it.run(
    `{ models(where: { author: "mistralai", state: MISSING_WEIGHTS }) { totalCount } }`,
  );
  expect(models.totalCount).toBe(2);
});

Deno.test("pullModel pulls into a catalogued name, and modelJobEvents tells all of it", async () => {
  await using it = await bench();
  const name = "osanseviero/mistral-instruct-slerp";
  const { pullModel } = await it.run(
    `mutation ($input: PullModelInput!) { pullModel(input: $input) { __typename ... on Error { code message }
      ... on PullModelPayload { job { id kind status modelName repository revision model { residency { state } } } } } }`,
    { input: { repository: "pair/model", name } },
  );
  expect(pullModel).toMatchObject({
    __typename: "PullModelPayload",
    job: { kind: "PULL", status: "RUNNING", modelName: name, repository: "pair/model", revision: "main" },
  });
  const events = await it.watch(
    `subscription ($id: ID!) { modelJobEvents(id: $id) { __typename seq jobId
      ... on ModelJobProgress { stage doneBytes totalBytes doneItems totalItems bytesPerSecond secondsLeft }
      ... on ModelJobFinished { job { status model { name license origin { revision } residency { state } } } } } }`,
    { id: pullModel.job.id },
  );
  expect(events[0].__typename).toBe("ModelJobStarted");
  expect(events.at(-1)).toMatchObject({
    job: {
      status: "SUCCEEDED",
      model: { name, license: "apache-2.0", origin: { revision: COMMIT }, residency: { state: "COLD" } },
    },
  });
  const { modelJobs } = await it.run(
    `{ modelJobs(where: { kind: PULL }) { edges { node { status error { code } } } } }`,
  );
  expect(modelJobs.edges).toEqual([{ node: { status: "SUCCEEDED", error: null } }]);
  const { updateModel } = await it.run(
    `mutation ($input: UpdateModelInput!) { updateModel(input: $input) { ... on Error { code }
      ... on UpdateModelPayload { model { pinned keepAliveSeconds } } } }`,
    { input: { model: { name }, pinned: true, keepAliveSeconds: 30 } },
  );
  expect(updateModel).toEqual({ model: { pinned: true, keepAliveSeconds: 30 } });
  const remove = `mutation ($input: RemoveModelInput!) { removeModel(input: $input) { ... on Error { code }
    ... on RemoveModelPayload { model { residency { state } removedAt } } } }`;
  const { removeModel } = await it.run(remove, { input: { model: { name }, deleteFiles: true } });
  expect(removeModel).toEqual({ model: { residency: { state: "MISSING_WEIGHTS" }, removedAt: null } });
  await expect(Deno.stat(it.test.dir.join("models", name))).rejects.toThrow(Deno.errors.NotFound);
});

Deno.test("verifyModel answers with a job whose findings are typed", async () => {
  await using it = await bench();
  const { verifyModel } = await it.run(`mutation { verifyModel(input: { model: { name: "test/helper" } }) {
    ... on VerifyModelPayload { job { id } } } }`);
  await it.watch(`subscription ($id: ID!) { modelJobEvents(id: $id) { seq } }`, { id: verifyModel.job.id });
  const { modelJob } = await it.run(
    `query ($id: ID!) { modelJob(id: $id) { status verification { ok mismatchCount files manifestSha256
      mismatches { kind subject field expected found stage } sources { name state } recomputedTensors } } }`,
    { id: verifyModel.job.id },
  );
  expect(modelJob).toMatchObject({
    status: "SUCCEEDED",
    verification: { ok: true, mismatchCount: 0, mismatches: [] },
  });
});

Deno.test("mergePlan shows what a merge would do, or everything against it with its place", async () => {
  await using it = await bench();
  for (const [index, name] of PARENTS.entries()) {
    const path = it.test.dir.join("parents", name);
    await writeCheckpoint(path, { seed: index + 1, ancestorSeed: 9 });
    await it.test.gateway.models.register(ADMIN, { path, name });
  }
  const plan = `query ($configYaml: String!) { mergePlan(configYaml: $configYaml) {
    ok problems { code message line column } documents { name method baseModel dtype layers readBytes writeBytes
      estimatedSeconds models { name weightBytes } files { file bytes }
      tensors { name layer operation filter t shape dtype readBytes writeBytes } } } }`;
  const { mergePlan } = await it.run(plan, { configYaml: configOf() });
  expect(mergePlan).toMatchObject({ ok: true, problems: [] });
  const [document] = mergePlan.documents;
  expect(document).toMatchObject({
    name: null,
    method: "SLERP",
    baseModel: PARENTS[0],
    dtype: "bfloat16",
    layers: 2,
  });
  expect(document.tensors.length).toBe(21);
  expect(document.tensors.find(({ name }: Json) => name.includes("layers.1.self_attn.q_proj"))).toMatchObject(
    {
      ...{ layer: 1, operation: "slerp", filter: "self_attn", t: 1 },
    },
  );
  expect(await Array.fromAsync(Deno.readDir(it.test.dir.join("models"))).catch(() => [])).toEqual([]);

  const bad = "merge_method: slerp\nslices: 7\ndtype: bfloat16\n";
  const { mergePlan: refused } = await it.run(plan, { configYaml: bad });
  expect(refused.ok).toBe(false);
  expect(refused.problems[0]).toMatchObject({ code: "CONFIG", line: 2, column: 9 });
  expect(refused.problems[0].message).not.toContain("configYaml:2");
  const { mergePlan: absent } = await it.run(plan, { configYaml: configOf(PARENTS[0], "no/such") });
  expect(absent.problems[0]).toMatchObject({ code: "NOT_FOUND", line: expect.any(Number) });
  const viewer = await it.test.gateway.access.createKey(ADMIN, { role: "VIEWER", label: "v" });
  const { body } = await it.api.query(plan, { configYaml: configOf() }, viewer.secret);
  expect(body.errors[0].extensions.code).toBe("FORBIDDEN");
});

Deno.test("modelEvents goes on until its reader leaves, and refuses a model that is not there", async () => {
  await using it = await bench();
  const query =
    `subscription ($ref: ModelRef) { modelEvents(ref: $ref) { news at residency { state fraction loadedBytes }
    model { name pinned } } }`;
  const events = it.api.subscribe(query, { ref: { name: "test/helper" } })[Symbol.asyncIterator]();
  const next = async () => (await events.next()).value.data.modelEvents;
  expect(await next()).toMatchObject({
    news: "INITIAL",
    residency: { state: "COLD" },
    model: { name: "test/helper" },
  });
  await it.test.gateway.models.update(ADMIN, { name: "test/helper" }, { isPinned: true });
  expect(await next()).toMatchObject({ news: "UPDATED", model: { pinned: true } });
  const warm = it.test.gateway.models.load(ADMIN, { name: "test/helper" });
  for (let event = await next(); event.residency.state !== "WARM"; event = await next());
  await warm;
  await events.return!(undefined);
  const refused = await it.api.subscribe(query, { ref: { name: "nobody" } }).next().catch((error: unknown) =>
    error
  );
  expect(JSON.stringify(refused)).toContain("NOT_FOUND");
});

Deno.test("modelEvents and modelJobEvents show signs of life where they are asked to", async () => {
  await using it = await bench();
  const models = it.api.subscribe(
    `subscription ($ref: ModelRef, $beat: Int) { modelEvents(ref: $ref, heartbeatSeconds: $beat) {
      news residency { state } model { name } } }`,
    { ref: { name: "test/helper" }, beat: 1 },
  );
  it.hub.fail("/model.safetensors", { stallAfter: 1000 });
  const { id } = await it.test.gateway.modelJobs.pull(ADMIN, { repository: "pair/model" });
  const jobs = it.api.subscribe(
    `subscription ($id: ID!, $beat: Int) { modelJobEvents(id: $id, heartbeatSeconds: $beat) {
      __typename seq jobId } }`,
    { id: btoa(`ModelJob:${id}`), beat: 1 },
  );
  await it.test.gateway.models.load(ADMIN, { name: "test/helper" });
  const seen = { model: "", job: 0 };
  for (;;) {
    const { news, residency, model } = (await models.next()).value.data.modelEvents;
    if (news === "HEARTBEAT") {
      expect([residency.state, model.name, seen.model]).toEqual(["WARM", "test/helper", "WARM"]);
      break;
    }
    seen.model = residency.state;
  }
  for (;;) {
    const { __typename, seq } = (await jobs.next()).value.data.modelJobEvents;
    if (__typename === "ModelJobHeartbeat") {
      expect(seq).toBe(seen.job);
      break;
    }
    seen.job = seq;
  }
  const given = await it.run(
    `mutation ($input: CancelModelJobInput!) { cancelModelJob(input: $input) {
      ... on CancelModelJobPayload { job { status } } ... on Error { code message } } }`,
    { input: { id: btoa(`ModelJob:${id}`), discard: true } },
  );
  expect(given.cancelModelJob).toEqual({ job: { status: "CANCELLED" } });
  expect(await Array.fromAsync(Deno.readDir(it.test.dir.join("models")))).toEqual([]); // nothing is left of it
  const refused = await it.api.subscribe("subscription { modelEvents(heartbeatSeconds: 301) { news } }", {})
    .next();
  expect(refused.value.errors[0].extensions.details.field).toBe("heartbeatSeconds");
  await Promise.all([models.return!(undefined), jobs.return!(undefined)]);
});

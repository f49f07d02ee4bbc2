/** Every query over real HTTP. */
import { expect } from "@std/expect";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { SAMPLING } from "../support/fake_objects.ts";

const HASH = "0123456789abcdef".repeat(4);

Deno.test("Query.model answers every field of a model, by name and by id", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const byName = await api.query(`{ model(ref: { name: "owner/merged" }) {
    id name author task architecture parameterCount license publishedAt description
    nativeContextLength servedContextLength nativeDtype servedQuantization concurrencyCost createdAt
    residency { state fraction stage since error { code } }
    artifact { manifestSha256 sizeBytes files { path sizeBytes sha256 } }
    parents { name } descendants { name }
    samplingDefaults { values { temperature seed logprobs } origins { temperature } }
  } }`);
  const { id, ...model } = byName.body.data.model;
  expect(model).toEqual({
    name: "owner/merged",
    author: "owner",
    task: "TEXT_GENERATION",
    architecture: "MistralForCausalLM",
    parameterCount: "7241732096",
    license: "apache-2.0",
    publishedAt: "2024-01-31T09:30:00.000Z",
    description: null,
    nativeContextLength: 32768,
    servedContextLength: 4096,
    nativeDtype: "BFLOAT16",
    servedQuantization: "FP8_E4M3",
    concurrencyCost: 1,
    createdAt: "2024-01-31T09:30:00.000Z",
    residency: { state: "WARM", fraction: 1, stage: null, since: "2024-01-31T09:30:00.000Z", error: null },
    artifact: {
      manifestSha256: HASH,
      sizeBytes: "14483464192",
      files: [{ path: "model.safetensors", sizeBytes: "14483464192", sha256: HASH }],
    },
    parents: [{ name: "owner/left" }],
    descendants: [],
    samplingDefaults: {
      values: { temperature: 1, seed: "0", logprobs: null },
      origins: { temperature: "BUILT_IN" },
    },
  });
  const byId = await api.query(
    `query ($id: ID!) { model(ref: { id: $id }) { name } node(id: $id) { __typename id } }`,
    { id },
  );
  expect(byId.body).toEqual({ data: { model: { name: "owner/merged" }, node: { __typename: "Model", id } } });
});

Deno.test("Query answers null for ids that are malformed, of another type, or of nothing", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const merge = await api.query(`{ model(ref: { name: "owner/merged" }) { provenance { id } } }`);
  const mergeId: string = merge.body.data.model.provenance.id;
  const gone = new TextEncoder().encode("Model:gone").toBase64({ alphabet: "base64url", omitPadding: true });
  for (const id of ["", "?", mergeId, gone, btoa("Error:x"), btoa("Nothing:x"), "A".repeat(5_000)]) {
    const answer = await api.query(
      `query ($id: ID!) { model(ref: { id: $id }) { id } session(id: $id) { id } generation(id: $id) { id } }`,
      { id },
    );
    expect(answer.body).toEqual({ data: { model: null, session: null, generation: null } });
    if (id === mergeId) continue;
    expect((await api.query(`query ($id: ID!) { node(id: $id) { id } merge(id: $id) { id } }`, { id })).body)
      .toEqual({ data: { node: null, merge: null } });
  }
});

Deno.test("Query.models pages forward without gap or repetition, and filters", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const page = `query ($after: String) { models(first: 2, after: $after) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { name } }
  } }`;
  const first = (await api.query(page)).body.data.models;
  expect(first.pageInfo).toMatchObject({ hasNextPage: true, hasPreviousPage: false });
  const second = (await api.query(page, { after: first.pageInfo.endCursor })).body.data.models;
  expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
  expect([...first.edges, ...second.edges].map(({ node }) => node.name))
    .toEqual(["owner/merged", "owner/left", "owner/<right>"]);
  expect(first.totalCount).toBe(3);
  const filtered = await api.query(`{ models(where: { nameContains: "left" }) { edges { node { name } } } }`);
  expect(filtered.body.data.models.edges).toEqual([{ node: { name: "owner/left" } }]);
  const refused = await api.query(`{ models(first: 101) { totalCount } }`);
  expect(refused.body.errors[0].extensions.code).toBe("CONFIG");
});

Deno.test("Query.merge tells how every tensor came to be", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const found = await api.query(`{ model(ref: { name: "owner/merged" }) { provenance { id } } }`);
  const answer = await api.query(
    `query ($id: ID!) { merge(id: $id) {
      status method dtype configYaml configSha256 toolVersion startedAt finishedAt error { code }
      model { name } baseModel { name }
      sources { name isBase layerRange artifactSha256 model { name } }
      parameters { name filter value gradient } curves { filter t }
      tensors(where: { layer: 3 }) { totalCount edges { node { name layer filter t mode cosine outputSha256 } } }
    } }`,
    { id: found.body.data.model.provenance.id },
  );
  expect(answer.body.data.merge).toEqual({
    status: "SUCCEEDED",
    method: "SLERP",
    dtype: "BFLOAT16",
    configYaml: "merge_method: slerp\n",
    configSha256: HASH,
    toolVersion: "0.1.0",
    startedAt: "2024-01-31T09:30:00.000Z",
    finishedAt: "2024-01-31T09:30:00.000Z",
    error: null,
    model: { name: "owner/merged" },
    baseModel: { name: "owner/left" },
    sources: [
      {
        name: "owner/left",
        isBase: true,
        layerRange: [0, 2],
        artifactSha256: HASH,
        model: { name: "owner/left" },
      },
      { name: "elsewhere/right", isBase: false, layerRange: null, artifactSha256: HASH, model: null },
    ],
    parameters: [
      { name: "t", filter: "self_attn", value: null, gradient: [0, 0.5, 1] },
      { name: "t", filter: null, value: 0.5, gradient: null },
    ],
    curves: [{ filter: "self_attn", t: [0, 1] }, { filter: null, t: [0.5, null] }],
    tensors: {
      totalCount: 1,
      edges: [{
        node: {
          name: "model.layers.3.mlp.weight",
          layer: 3,
          filter: null,
          t: 0.5,
          mode: "SLERP",
          cosine: 0.25,
          outputSha256: HASH,
        },
      }],
    },
  });
});

Deno.test("Query.runtime sums over the models on the device", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const query = `{ runtime {
    running waiting kvBlocksUsed kvBlocksTotal batchSize steps submits stepsPerSubmit generatedTokens
    dispatchesPerStep tokensPerSecond readBytesPerSecond bandwidthShare
    device { adapter software features limits { name value } }
    models {
      key running kvBlocksCached prefixCacheQueries prefixCacheHits preemptions draftedTokens acceptedTokens
      kvCacheFormat accumulation isTuned
    }
  } }`;
  expect((await api.query(query)).body.data.runtime).toEqual({
    running: 3,
    waiting: 1,
    kvBlocksUsed: 7,
    kvBlocksTotal: 128,
    batchSize: 3,
    steps: "5000000000",
    submits: "2000000000",
    stepsPerSubmit: 2.5,
    generatedTokens: "7",
    dispatchesPerStep: 66,
    tokensPerSecond: 12.5,
    readBytesPerSecond: 1.6e12,
    bandwidthShare: 0.5,
    device: {
      adapter: "llvmpipe",
      software: true,
      features: ["shader-f16"],
      limits: [{ name: "maxBufferSize", value: "4294967296" }],
    },
    models: [
      {
        key: "m1",
        running: 2,
        kvBlocksCached: 5,
        prefixCacheQueries: "40",
        prefixCacheHits: "16",
        preemptions: 1,
        kvCacheFormat: "FLOAT32",
        accumulation: "f32",
        isTuned: false,
        draftedTokens: "12",
        acceptedTokens: "9",
      },
      {
        key: "m2",
        running: 1,
        kvBlocksCached: 0,
        prefixCacheQueries: "2",
        prefixCacheHits: "0",
        preemptions: 2,
        kvCacheFormat: "FP8_E4M3",
        accumulation: "f16",
        isTuned: true,
        draftedTokens: "0",
        acceptedTokens: "0",
      },
    ],
  });
  fake.device = false;
  const { runtime } = fake;
  fake.runtime = async () => ({ ...await runtime(), engine: null });
  expect((await api.query(`{ runtime { running steps device { adapter } } }`)).body.data.runtime)
    .toEqual({ running: 0, steps: "0", device: null });
});

Deno.test("Query.runtime tells how the engine is, and when it is tried again", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const query = `{ runtime { engine { state restarts attempt retryAt reason } } }`;
  const none = { attempt: null, retryAt: null, reason: null };
  expect((await api.query(query)).body.data.runtime.engine).toEqual({ ...none, state: "READY", restarts: 0 });
  const { runtime } = fake;
  const retryAt = new Date("2024-01-31T09:30:00.500Z");
  const error = {
    code: "DEVICE_LOST",
    message: "The engine's process died: SIGKILL",
    details: { output: ["secret"] },
  };
  fake.runtime = async () => ({
    ...await runtime(),
    status: { state: "RESTARTING", restarts: 1, attempt: 2, retryAt, error },
  });
  expect((await api.query(query)).body.data.runtime.engine).toEqual({
    state: "RESTARTING",
    restarts: 1,
    attempt: 2,
    retryAt: retryAt.toISOString(),
    reason: error.message,
  });
  fake.runtime = runtime;
  fake.device = false;
  expect((await api.query(query)).body.data.runtime.engine)
    .toEqual({ ...none, state: "FAILED", restarts: 2, reason: "No GPU" });
});

Deno.test("Query.samplingDefaults covers every sampling parameter", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const keys = Object.keys(SAMPLING).join(" ");
  const selected = keys.replace("logitBias", "logitBias { tokenId bias }")
    .replace("constraint", "constraint { jsonSchema regex choice }");
  const answer = await api.query(
    `{ samplingDefaults { values { ${selected} } origins { ${keys} } revisions { id } } }`,
  );
  expect(answer.body.data.samplingDefaults.values).toEqual({ ...SAMPLING, seed: "0", logprobs: null });
  expect(Object.keys(answer.body.data.samplingDefaults.origins)).toEqual(Object.keys(SAMPLING));
  const unknown = await api.query(`{ samplingDefaults(model: { name: "nope" }) { revisions { id } } }`);
  expect(unknown.body.errors[0].extensions.code).toBe("NOT_FOUND");
});

Deno.test("modelLoader() asks the store once for the models of a page", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  for (const name of ["owner/merged", "owner/left", "owner/merged"]) {
    await api.query(
      `mutation ($name: String!) { createSession(input: { model: { name: $name } }) { __typename } }`,
      {
        name,
      },
    );
  }
  const answer = await api.query(`{ sessions { edges { node { model { name } } } } }`);
  expect(answer.body.data.sessions.edges).toHaveLength(3);
  expect(fake.modelBatches).toEqual([["m1", "m2"]]);
});

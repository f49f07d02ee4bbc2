/** `geodesic models` on a data folder with models that are there, that have gone, and that nobody has brought. */
import { expect } from "@std/expect";
import { fileURLToPath } from "node:url";
import { listModels } from "../../src/cli/models.ts";
import * as models from "../../src/store/models.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { storeTest } from "../support/dialects.ts";
import { ADMIN, HELPER_DIR, TestGateway } from "../support/gateway.ts";
import { PostgresServer, whyNoServer } from "../support/postgres.ts";
import { QueryCounter } from "../support/query_counter.ts";
import { openSite } from "../support/site.ts";
import { tempDir } from "../support/temp.ts";
import { geodesicHere as geodesic } from "./support.ts";

const catalogueDir = fileURLToPath(new URL("../../catalogue", import.meta.url));

Deno.test("models lists what is registered, and tells whose weights are not there", async () => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.join("folder"));
  await using test = await TestGateway.make({ catalogueDir });
  await test.gateway.models.register(ADMIN, { path: dir.join("folder"), name: "a/first" });
  await Deno.remove(dir.join("folder/model.safetensors"));

  const data = ["--data", test.dir.path];
  const listed = JSON.parse((await geodesic(["models", ...data, "--json"])).stdout);
  expect(listed.map(({ name }: { readonly name: string }) => name)).toEqual([
    "a/first",
    "mistralai/Mistral-7B-Instruct-v0.1",
    "mistralai/Mistral-7B-Instruct-v0.2",
    "osanseviero/mistral-instruct-slerp",
    "test/helper",
  ]);
  expect(listed[0]).toMatchObject({
    path: dir.join("folder"),
    missing: expect.stringContaining("have changed"),
  });
  expect(listed[3]).toMatchObject({
    path: null,
    manifestSha256: null,
    missing: expect.stringContaining("geodesic pull osanseviero/mistral-instruct-slerp"),
    license: "apache-2.0",
  });
  expect(listed[4]).toEqual({
    name: "test/helper",
    architecture: "MistralForCausalLM",
    parameterCount: 2_099_328,
    nativeDtype: "BFLOAT16",
    nativeContextLength: 1024,
    servedContextLength: 1024,
    servedQuantization: "fp8",
    path: HELPER_DIR,
    manifestSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    missing: null,
    merged: false,
    license: null,
    createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });

  const { code, stdout, stderr } = await geodesic(["models", ...data]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [headings, first, , , slerp, helper] = stdout.split("\n");
  expect(headings).toMatch(/^NAME +ARCHITECTURE +PARAMETERS +CONTEXT +SERVED IN +MERGED +WEIGHTS$/);
  expect(first).toMatch(/ missing or changed: .*\/folder$/);
  expect(slerp).toMatch(
    /^osanseviero\/mistral-instruct-slerp +MistralForCausalLM +7,241,732,096 .* no +missing$/,
  );
  expect(helper).toBe(`${helper!.slice(0, -HELPER_DIR.length)}${HELPER_DIR}`);
});

storeTest("models asks as much of many models as of one", async (db) => {
  const asked = new QueryCounter();
  const at = "2024-01-31T09:30:00.000Z";
  for (let count = 1; count <= 20; count++) {
    const id = String(count).padStart(2, "0");
    const artifact = { id, manifest_sha256: `hash ${id}`, size_bytes: 1n, created_at: at };
    await models.insertModel(db, {
      ...{ id, name: `a/${id}`, path: `/m/${id}`, file_stamps: "{}", author: null, architecture: "X" },
      ...{ parameter_count: 2n ** 33n, license: null, published_at: null, description: null },
      ...{ native_context_length: 8, served_context_length: 8, native_dtype: "BFLOAT16" },
      ...{ served_quantization: "none", concurrency_cost: 1, checkpoint_sampling: "{}" },
      ...{ artifact_id: await models.ensureArtifact(db, artifact, []), merge_id: null, created_at: at },
      ...{ catalogue: null, recipe: null, origin: null, removed_at: count === 2 ? at : null },
      ...{ keep_alive_seconds: null, pinned: 0 },
    });
  }
  const listed = await listModels(db.withPlugin(asked));
  expect(asked.queries).toBe(1);
  expect(listed.length).toBe(19);
  expect(listed.slice(0, 2)).toMatchObject([
    { name: "a/01", manifestSha256: "hash 01", parameterCount: 2 ** 33 },
    { name: "a/03", manifestSha256: "hash 03" },
  ]);
});

Deno.test({
  name: "models lists what is registered in a PostgreSQL database",
  ignore: whyNoServer !== null,
  async fn() {
    await using server = await PostgresServer.start();
    await using dir = await tempDir();
    const databaseUrl = server.url("postgres");
    await using site = await openSite(databaseUrl);
    await site.gateway.models.register(ADMIN, { path: HELPER_DIR, name: "test/helper" });
    const { stdout } = await geodesic(["models", "--data", dir.path, "--json"], { databaseUrl });
    expect(JSON.parse(stdout)).toMatchObject([{
      ...{ name: "test/helper", parameterCount: 2_099_328, missing: null, path: HELPER_DIR },
      manifestSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    }]);
  },
});

Deno.test("models makes no database where there is none", async () => {
  await using dir = await tempDir();
  const { code, stderr } = await geodesic(["models", "--data", dir.join("none")]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: There is no database in ".*none": .* \[NOT_FOUND\]\n$/);
  expect([...Deno.readDirSync(dir.path)]).toEqual([]);
});

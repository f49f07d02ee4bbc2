/** `geodesic models` on a data folder with models that are there, that have gone, and that nobody has brought. */
import { expect } from "@std/expect";
import { fileURLToPath } from "node:url";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { ADMIN, HELPER_DIR, TestGateway } from "../support/gateway.ts";
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

Deno.test("models makes no database where there is none", async () => {
  await using dir = await tempDir();
  const { code, stderr } = await geodesic(["models", "--data", dir.join("none")]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: There is no database in ".*none": .* \[NOT_FOUND\]\n$/);
  expect([...Deno.readDirSync(dir.path)]).toEqual([]);
});

/** `geodesic verify`: finds parents by itself, names what is wrong, and answers by its exit code. */
import { expect } from "@std/expect";
import { MergeApi, PARENTS } from "../support/merge_api.ts";
import { tempDir } from "../support/temp.ts";
import { DEMO, geodesic as geodesicApart, geodesicHere as geodesic, gone } from "./support.ts";

const HELPER = ["--model", `parents/helper=${DEMO}/parents/helper`];
const STORYTELLER = ["--model", `parents/storyteller=${DEMO}/parents/storyteller`];

Deno.test("verify checks a merge with its parents, a sample of it, and without them", async () => {
  await using dir = await tempDir();
  expect((await geodesic(["merge", `${DEMO}/merge.yml`, dir.join("out")])).code).toBe(0);

  const whole = await geodesic(["verify", "out", ...HELPER, ...STORYTELLER], { userDir: dir.path });
  expect(whole).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("75 of 75 tensors hashed, 75 merged"),
  });
  const nearby = await geodesic(["verify", dir.join("out"), "--sample", "2", "--json"], { userDir: DEMO });
  expect(JSON.parse(nearby.stdout)).toMatchObject({
    ok: true,
    mismatches: [],
    tensors: { total: 75, hashed: 2, recomputed: 2 },
  });
  // With the permissions of the task.
  const alone = await geodesicApart(["verify", "out"], { cwd: dir.path });
  expect(alone).toMatchObject({ code: 0, stdout: expect.stringContaining('Not at hand: "parents/helper"') });

  // Parents changed places: each is not what was merged, and no interpolated tensor comes out as it did.
  const swapped = await geodesic([
    "verify",
    "out",
    ...["--model", `parents/helper=${DEMO}/parents/storyteller`],
    ...["--model", `parents/storyteller=${DEMO}/parents/helper`, "--sample", "20"],
  ], { userDir: dir.path });
  expect(swapped.code).toBe(1);
  expect(swapped.stdout).toMatch(/^SOURCE_HASH {2}parent "parents\/helper": "model\.safetensors"/m);
  expect(swapped.stdout).toMatch(/^TENSOR_RECOMPUTED /m);

  const record = await Deno.readTextFile(dir.join("out", "provenance.json"));
  await Deno.writeTextFile(dir.join("out", "provenance.json"), record.replace('"t": 0.5', '"t": 0.25'));
  const tampered = await geodesic(["verify", "out", "--json"], { userDir: dir.path });
  expect(tampered.code).toBe(1);
  expect(JSON.parse(tampered.stdout).mismatches).toMatchObject([{
    kind: "PARAMETER",
    field: "t",
    expected: "0.5",
    found: "0.25",
  }]);
  expect(await geodesic(["verify", "out"], { userDir: dir.path, print: gone })).toMatchObject({
    ...{ code: 1, stdout: "" },
    stderr: expect.not.stringContaining("error"),
  });
});

Deno.test("verify merges the documents before the output again and says how much of them, or what is wrong there", async () => {
  await using dir = await tempDir();
  const [helper, storyteller] = ["parents/helper", "parents/storyteller"];
  const document = (other: string) =>
    `merge_method: slerp\nbase_model: ${helper}\nmodels: [{ model: ${helper} }, { model: ${other} }]\n` +
    "parameters: { t: 0.5 }\n";
  await Deno.writeTextFile(
    dir.join("two.yml"),
    `name: half\n${document(storyteller)}---\n${document("half")}`,
  );
  const merged = await geodesic(["merge", dir.join("two.yml"), dir.join("out")], { userDir: DEMO });
  expect(merged.code).toBe(0);
  const { code, stdout } = await geodesic(["verify", dir.join("out"), "--sample", "4"], { userDir: DEMO });
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringContaining("4 of 75 tensors hashed, 4 merged again, and 4 of the documents before"),
  });
  const record = await Deno.readTextFile(dir.join("out", "provenance.json"));
  await Deno.writeTextFile(dir.join("out", "provenance.json"), record.replace(/"t": 0.5/, '"t": 0.25'));
  const tampered = await geodesic(["verify", dir.join("out"), "--sample", "1"], { userDir: DEMO });
  expect(tampered.code).toBe(1);
  expect(tampered.stdout).toMatch(/^PARAMETER {2}/m);
});

Deno.test("verify goes on without a registered parent whose folder has gone", async () => {
  await using dir = await tempDir();
  await using api = await MergeApi.make();
  const { merge } = await api.start("me/merged");
  expect((await api.events(merge.id)).at(-1)).toMatchObject({ __typename: "MergeFinished" });
  const verify = () => geodesic(["verify", "me/merged", "--data", api.test.dir.path], { userDir: dir.path });
  expect(await verify()).toMatchObject({ code: 0, stdout: expect.not.stringContaining("Not at hand") });
  await Deno.remove(api.test.dir.join("parents", PARENTS[0]), { recursive: true });
  expect(await verify()).toMatchObject({
    code: 0,
    stdout: expect.stringContaining(`Not at hand: "${PARENTS[0]}"`),
  });
});

Deno.test("verify explains what it cannot verify", async () => {
  const none = await geodesic(["verify", `${DEMO}/parents/helper`]);
  expect(none).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/no provenance\.json, so it is no merge of Geodesic's .* \[NOT_FOUND\]/),
  });
  const usage = await geodesic(["verify", `${DEMO}/parents/helper`, "--model", "helper"]);
  expect(usage).toMatchObject({ code: 2, stderr: expect.stringContaining("expected NAME=PATH") });
});

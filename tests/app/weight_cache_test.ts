/** What a gateway keeps of its models' weights in FP8: within a bound, and no longer than somebody has the model. */
import { expect } from "@std/expect";
import { hashArtifact, manifestSha256 } from "../../src/formats/artifact.ts";
import { ModelFolder } from "../../src/formats/folder.ts";
import { ADMIN, HELPER, HELPER_DIR, TestGateway } from "../support/gateway.ts";

const MANIFEST = manifestSha256(await hashArtifact(await ModelFolder.open(HELPER_DIR)));
const ENTRY_BYTES = 1000;

/** As an engine leaves one, as far as a gateway looks. */
async function writeEntry(test: TestGateway, manifest: string, usedAt = new Date()): Promise<string> {
  const path = test.dir.join("cache", `${manifest}-fp8`);
  await Deno.mkdir(path, { recursive: true });
  await Deno.writeTextFile(`${path}/geodesic-cache.json`, "{}".padEnd(ENTRY_BYTES));
  await Deno.utime(`${path}/geodesic-cache.json`, usedAt, usedAt);
  return path;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("models.remove() removes what is kept of its weights, once no other model has the same", async () => {
  await using test = await TestGateway.make();
  const { models } = test.gateway;
  await models.register(ADMIN, { path: HELPER_DIR, name: "twin" });
  const [own, other] = [await writeEntry(test, MANIFEST), await writeEntry(test, "f".repeat(64))];
  await models.remove(ADMIN, { name: "twin" });
  expect(await isThere(own)).toBe(true);
  await models.remove(ADMIN, HELPER);
  expect([await isThere(own), await isThere(other)]).toEqual([false, true]);
});

Deno.test("a gateway starts within its bound, without the artifacts that are gone before others", async () => {
  await using test = await TestGateway.make({ weightCacheBytes: ENTRY_BYTES });
  const own = await writeEntry(test, MANIFEST, new Date(2020, 1));
  const other = await writeEntry(test, "f".repeat(64), new Date(2024, 1));
  await test.reopen();
  expect([await isThere(own), await isThere(other)]).toEqual([true, false]);
});

Deno.test("models.load() tells the engine how much it may keep, and with a bound of 0 to keep nothing", async () => {
  await using test = await TestGateway.make({ weightCacheBytes: 5e9 });
  await test.gateway.models.load(ADMIN, HELPER);
  expect(test.engine.loads[0]!.command).toMatchObject({ cacheMaxBytes: 5e9 });
  await using none = await TestGateway.make({ weightCacheBytes: 0 });
  await none.gateway.models.load(ADMIN, HELPER);
  expect(none.engine.loads[0]!.command).not.toHaveProperty("cacheDir");
});

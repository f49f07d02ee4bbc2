/** Quantized weights are written in the background: by a thread, and by an engine's process into its one folder. */
import { expect } from "@std/expect";
import { CacheWriter } from "../../src/engine/cache_writer.ts";
import { PortEngineClient } from "../../src/engine/client.ts";
import { openProcessPort } from "../../src/engine/process_port.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { openCacheEntry, stampOf } from "../../src/model/weight_cache.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";

const KEYS = ["a", "b", "c"].map((letter) => letter.repeat(64)) as [string, string, string];

Deno.test("CacheWriter writes entry after entry, says what failed, and goes on", async () => {
  await using dir = await tempDir();
  const source = `${dir.path}/source`;
  await writeCheckpoint(source);
  const lines: string[] = [];
  using writer = new CacheWriter((line) => lines.push(line));
  await writer.idle();
  using loaded = await openCheckpoint(source);
  const job = { dir: `${dir.path}/cache`, source, maxBytes: 1e9, stamp: await stampOf(loaded) };
  writer.write({ ...job, manifestSha256: KEYS[0] });
  writer.write({ ...job, manifestSha256: KEYS[1], source: `${dir.path}/nothing` });
  for (let again = 0; again < 3; again++) writer.write({ ...job, manifestSha256: KEYS[2] });
  // Had it been written thrice, this would have been the folder's third.
  const inode = async () => (await Deno.stat(`${job.dir}/${KEYS[2]}-fp8`)).ino;
  while (await inode().catch(() => null) === null) await new Promise((next) => setTimeout(next, 5));
  const first = await inode();
  await writer.idle();
  expect(await inode()).toBe(first);
  expect(lines.length).toBe(1);
  expect(lines[0]).toContain("/nothing");
  using checkpoint = await openCheckpoint(source);
  for (const [index, manifestSha256] of KEYS.entries()) {
    using entry = await openCacheEntry({ ...job, manifestSha256 }, checkpoint);
    expect(entry === null).toBe(index === 1);
  }
});

Deno.test("an engine's process writes quantized weights to the folder it may write to, and uses them", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/source`;
  const cacheDir = `${dir.path}/cache`;
  await writeCheckpoint(path);
  const lines: string[] = [];
  const port = openProcessPort({ writableDir: cacheDir, onOutput: (line) => lines.push(line) });
  await using client = new PortEngineClient(port);
  await client.ready();
  const load = async (manifestSha256: string) => {
    const stages = new Set<string>();
    await client.load({
      modelKey: "m",
      path,
      quantization: "fp8",
      precision: "f32",
      maxContext: 64,
      maxSequences: 1,
      cacheDir,
      manifestSha256,
    }, { onProgress: ({ stage }) => stages.add(stage) });
    await client.unload("m");
    return stages;
  };
  expect(await load(KEYS[0])).toContain("QUANTIZING");
  const entry = `${cacheDir}/${KEYS[0]}-fp8`;
  // It is complete as soon as it is there.
  while (!await Deno.stat(entry).then(() => true, () => false)) {
    await new Promise((next) => setTimeout(next, 20));
  }
  expect(await load(KEYS[0])).not.toContain("QUANTIZING");
  expect(lines).toEqual([]);
});

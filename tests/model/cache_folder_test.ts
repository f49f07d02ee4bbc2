/** The folder of quantized weights is bounded: what goes first, what never goes, and what is not written at all. */
import { expect } from "@std/expect";
import { CapacityError, FormatError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { forgetEntry, makeRoom, RECORD_FILE, tidyFolder } from "../../src/model/cache_folder.ts";
import { type CacheJob, openCacheEntry, stampOf, writeCacheEntry } from "../../src/model/weight_cache.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";

const key = (letter: string) => letter.repeat(64);

class TestCache {
  readonly dir: string;
  readonly source: string;
  /** Of an entry, all files. */
  entryBytes = 0;

  constructor(root: string) {
    this.dir = `${root}/cache`;
    this.source = `${root}/source`;
  }

  /** With an entry for each letter, the first used longest ago. */
  static async make(root: string, ...letters: readonly string[]): Promise<TestCache> {
    const cache = new TestCache(root);
    // Much larger than what is said about it.
    await writeCheckpoint(cache.source, { config: { vocab_size: 2048, hidden_size: 64 } });
    for (const [index, letter] of letters.entries()) {
      await cache.write(letter);
      await cache.usedAt(letter, index);
    }
    const [first] = letters;
    if (first === undefined) return cache;
    for await (const { name } of Deno.readDir(cache.path(first))) {
      cache.entryBytes += (await Deno.stat(`${cache.path(first)}/${name}`)).size;
    }
    return cache;
  }

  path(letter: string): string {
    return `${this.dir}/${key(letter)}-fp8`;
  }

  async job(letter: string, maxBytes = 1e9): Promise<CacheJob> {
    using checkpoint = await openCheckpoint(this.source);
    const { dir, source } = this;
    return { dir, source, maxBytes, manifestSha256: key(letter), stamp: await stampOf(checkpoint) };
  }

  async write(letter: string, maxBytes?: number): Promise<void> {
    await writeCacheEntry(await this.job(letter, maxBytes));
  }

  async usedAt(letter: string, minute: number): Promise<void> {
    const time = new Date(Date.UTC(2024, 0, 1, 0, minute));
    await Deno.utime(`${this.path(letter)}/${RECORD_FILE}`, time, time);
  }

  async open(letter: string) {
    using source = await openCheckpoint(this.source);
    return await openCacheEntry({ dir: this.dir, manifestSha256: key(letter) }, source);
  }

  /** First letters of what lies in the folder; everything else in full. */
  async names(): Promise<string> {
    const names = (await Array.fromAsync(Deno.readDir(this.dir), ({ name }) => name)).sort();
    return names.filter((name) => name !== ".lock").map((name) => name.replace(/^(.).{63}-fp8$/, "$1"))
      .join(" ");
  }
}

Deno.test("writeCacheEntry() makes room by removing the entries used longest ago, and nobody else's files", async () => {
  await using dir = await tempDir();
  const cache = await TestCache.make(dir.path, "a", "b", "c");
  await Deno.writeTextFile(`${cache.dir}/notes.txt`, "x".repeat(100_000));
  (await cache.open("a"))![Symbol.dispose](); // used again
  await cache.write("d", 3.5 * cache.entryBytes);
  expect(await cache.names()).toBe("a c d notes.txt");
  await cache.usedAt("d", 9);
  await cache.write("e", 1.5 * cache.entryBytes);
  expect(await cache.names()).toBe("e notes.txt");
  await cache.write("e", 1.5 * cache.entryBytes); // in place of itself
  expect(await cache.names()).toBe("e notes.txt");
});

Deno.test("writeCacheEntry() writes nothing, and removes nothing, where an entry could never fit", async () => {
  await using dir = await tempDir();
  const cache = await TestCache.make(dir.path, "a");
  const failure = await cache.write("b", 1000).catch((error) => error);
  expect(failure).toBeInstanceOf(CapacityError);
  expect(failure.message).toMatch(/Cannot keep \d+ kB in ".*": it may hold 1\.0 kB/);
  expect(await cache.names()).toBe("a");
});

/** A process that has a lock on a file until it is told to end. */
async function lockedElsewhere(path: string, exclusive: boolean): Promise<AsyncDisposable> {
  const script = `const file = Deno.openSync(${JSON.stringify(path)}, { read: true, write: ${exclusive} });
    file.lockSync(${exclusive}); console.log("locked"); Deno.stdin.readSync(new Uint8Array(1));`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", script],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await Promise.all([reader.cancel(), child.stdin.close().catch(() => {}), child.status]);
    },
  };
}

Deno.test("an entry that another process uses is never removed, and goes first once it is not", async () => {
  await using dir = await tempDir();
  const cache = await TestCache.make(dir.path, "a", "b");
  {
    await using _user = await lockedElsewhere(`${cache.path("a")}/${RECORD_FILE}`, false);
    await cache.write("c", 2.5 * cache.entryBytes);
    expect(await cache.names()).toBe("a c");
    const failure = await cache.write("d", 1.5 * cache.entryBytes).catch((error) => error);
    expect(failure).toBeInstanceOf(CapacityError);
    expect(failure.message).toMatch(/Cannot keep .* kB in ".*": entries in use take .* and leave .*B?/);
    await expect(cache.write("a")).rejects.toThrow("another process uses it");
    // What is in use may be more than a bound that was lowered; less than nothing is not left.
    await expect(makeRoom(cache.dir, { maxBytes: 1000, incomingBytes: 0 })).rejects
      .toMatchObject({ details: { found: 0, expected: 0 } });
    expect(await cache.names()).toBe("a");
    await cache.write("c");
    await forgetEntry({ dir: cache.dir, manifestSha256: key("a") });
    expect(await cache.names()).toBe("a c");
  }
  await cache.usedAt("c", 1);
  await cache.write("d", 2.5 * cache.entryBytes);
  expect(await cache.names()).toBe("c d");
});

Deno.test("a load of this process keeps its entry, and one whose entry is just being removed goes without", async () => {
  await using dir = await tempDir();
  const cache = await TestCache.make(dir.path, "a");
  {
    using entry = await cache.open("a");
    await forgetEntry({ dir: cache.dir, manifestSha256: key("a") });
    await entry!.checkpoint.readTensor("lm_head.weight");
  }
  await using _remover = await lockedElsewhere(`${cache.path("a")}/${RECORD_FILE}`, true);
  expect(await cache.open("a")).toBeNull();
});

Deno.test("a folder that another process writes to is left alone, leftovers of its own included", async () => {
  await using dir = await tempDir();
  const cache = await TestCache.make(dir.path, "a");
  const leftovers = [`.${key("c")}-fp8.partial-x`, ".removed-y"];
  for (const name of leftovers) await Deno.mkdir(`${cache.dir}/${name}`);
  const all = [...leftovers.map((name) => name), "a"].sort().join(" ");
  {
    await using _writer = await lockedElsewhere(`${cache.dir}/.lock`, true);
    await expect(cache.write("b")).rejects.toThrow("another process is writing there");
    const tidied = tidyFolder(cache.dir, { maxBytes: 0, exists: () => Promise.resolve(true) });
    await expect(tidied).rejects.toBeInstanceOf(CapacityError);
    expect(await cache.names()).toBe(all);
  }
  await cache.write("b");
  expect(await cache.names()).toBe("a b");
});

Deno.test("tidyFolder() keeps to the bound, artifacts that are gone before others, and spoilt entries first", async () => {
  await using dir = await tempDir();
  const cache = await TestCache.make(dir.path, "a", "b", "c", "d");
  await Deno.remove(`${cache.path("d")}/${RECORD_FILE}`);
  const exists = (manifestSha256: string) => Promise.resolve(manifestSha256 !== key("c"));
  const tidy = (entries: number) => tidyFolder(cache.dir, { maxBytes: entries * cache.entryBytes, exists });
  await tidy(4);
  expect(await cache.names()).toBe("a b c d");
  await tidy(3);
  expect(await cache.names()).toBe("a b c");
  await tidy(2);
  expect(await cache.names()).toBe("a b");
  await tidy(1.5);
  expect(await cache.names()).toBe("b");
  await tidy(0);
  expect(await cache.names()).toBe("");
  await tidyFolder(`${dir.path}/nothing`, { maxBytes: 0, exists });
  await expect(Deno.stat(`${dir.path}/nothing`)).rejects.toThrow();
});

Deno.test("writeCacheEntry() keeps nothing under an artifact's name once other files have taken their place", async () => {
  await using dir = await tempDir();
  const cache = await TestCache.make(dir.path);
  const job = await cache.job("a");
  await Deno.remove(cache.source, { recursive: true });
  await writeCheckpoint(cache.source, { seed: 2 });
  const failure = await writeCacheEntry(job).catch((error) => error);
  expect(failure).toBeInstanceOf(FormatError);
  expect(failure.message).toContain("changed since they were loaded");
  expect(await cache.names()).toBe("");
});

import { expect } from "@std/expect";
import { join } from "node:path";
import { FormatError, NotFoundError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { expectedTensors } from "../../src/formats/architecture.ts";
import { loadTensors, rawSafetensors } from "../support/safetensors.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const MODELS = new URL("../fixtures/merge/models/", import.meta.url).pathname;
const CONFIG = await Deno.readTextFile(join(MODELS, "small-a/config.json"));

/** A model folder of these files (text or bytes). */
async function folder(files: Record<string, string | Uint8Array>): Promise<TempDir> {
  const dir = await tempDir();
  for (const [name, content] of Object.entries(files)) {
    await Deno.writeFile(
      dir.join(name),
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }
  return dir;
}

async function refusal(dir: string): Promise<Error> {
  try {
    (await openCheckpoint(dir))[Symbol.dispose]();
  } catch (error) {
    return error as Error;
  }
  throw new Error("Expected a refusal, the checkpoint was opened");
}

const one = (name: string) =>
  rawSafetensors(`{"${name}":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 2);
const index = (weightMap: unknown) => JSON.stringify({ metadata: { total_size: 4 }, weight_map: weightMap });

Deno.test("openCheckpoint() reads single and sharded folders alike", async () => {
  for (const name of ["alpha", "beta", "small-f32"]) {
    using checkpoint = await openCheckpoint(join(MODELS, name));
    expect([...checkpoint.tensors.keys()].filter((n) => expectedTensors(checkpoint.config).has(n)).length)
      .toBe(expectedTensors(checkpoint.config).size);
    for (const file of checkpoint.weightFiles) {
      for (const [tensor, { bytes, dtype, shape }] of await loadTensors(join(MODELS, name, file))) {
        expect(checkpoint.tensor(tensor)).toMatchObject({ dtype, shape, file });
        expect(await checkpoint.readTensor(tensor)).toEqual(bytes);
        const part = new Uint8Array(4);
        await checkpoint.readRange(tensor, 4, part);
        expect(part).toEqual(bytes.slice(4, 8));
      }
    }
  }
});

Deno.test("readTensor() answers concurrent reads of one file correctly", async () => {
  using checkpoint = await openCheckpoint(join(MODELS, "small-a"));
  const golden = await loadTensors(join(MODELS, "small-a/model.safetensors"));
  const names = [...golden.keys()];
  const read = await Promise.all(names.map((name) => checkpoint.readTensor(name)));
  names.forEach((name, i) => expect(read[i]).toEqual(golden.get(name)!.bytes));
});

Deno.test("readRange() refuses a range outside the tensor, an unknown tensor, and reading on after an abort", async () => {
  using checkpoint = await openCheckpoint(join(MODELS, "small-a"));
  await expect(checkpoint.readRange("model.norm.weight", 40, new Uint8Array(9))).rejects.toThrow(RangeError);
  await expect(checkpoint.readTensor("nope")).rejects.toThrow(/"nope" of model .*: there is none/);
  const reason = new Error("stop");
  await expect(checkpoint.readTensor("model.norm.weight", { signal: AbortSignal.abort(reason) })).rejects
    .toBe(reason);
});

Deno.test("readTensor() names the file that shrank after it was opened", async () => {
  await using dir = await folder({ "config.json": CONFIG, "model.safetensors": one("a") });
  using checkpoint = await openCheckpoint(dir.path);
  await Deno.truncate(dir.join("model.safetensors"), 10);
  await expect(checkpoint.readTensor("a")).rejects.toThrow(/model\.safetensors.*ends at byte/);
});

Deno.test("openCheckpoint() throws NotFoundError for no folder", async () => {
  expect(await refusal("/nonexistent/model")).toBeInstanceOf(NotFoundError);
});

const REFUSED: readonly [string, Record<string, string | Uint8Array>, RegExp][] = [
  ["a folder that is no model", { "notes.txt": "hello" }, /no config\.json/],
  ["a folder without weights", { "config.json": CONFIG }, /neither model\.safetensors nor \S+$/],
  [
    "weights that are pickled",
    { "config.json": CONFIG, "pytorch_model.bin": "\x80\x04." },
    /neither model\.safetensors nor \S+, but "pytorch_model\.bin", which is a pickle/,
  ],
  ["an index that climbs out", {
    "config.json": CONFIG,
    "model.safetensors.index.json": index({ a: "../x.safetensors" }),
  }, /"\.\.\/x\.safetensors"/],
  ["an index with an absolute path", {
    "config.json": CONFIG,
    "model.safetensors.index.json": index({ a: "/etc/x.safetensors" }),
  }, /"\/etc\/x/],
  ["an index with a backslash path", {
    "config.json": CONFIG,
    "model.safetensors.index.json": index({ a: "..\\x.safetensors" }),
  }, /mapped to/],
  ["an index that maps to no file name", {
    "config.json": CONFIG,
    "model.safetensors.index.json": index({ a: 7 }),
  }, /mapped to 7/],
  ["an index that names a hidden file, which has no hash", {
    "config.json": CONFIG,
    ".a.safetensors": one("a"),
    "model.safetensors.index.json": index({ a: ".a.safetensors" }),
  }, /mapped to "\.a\.safetensors", expected .* not a hidden one/],
  ["an index of something else than safetensors", {
    "config.json": CONFIG,
    "model.safetensors.index.json": index({ a: "config.json" }),
  }, /mapped to/],
  [
    "an index without weight_map",
    { "config.json": CONFIG, "model.safetensors.index.json": "{}" },
    /weight_map is missing/,
  ],
  ["an empty index", { "config.json": CONFIG, "model.safetensors.index.json": index({}) }, /names 0 shards/],
  ["an index of too many shards", {
    "config.json": CONFIG,
    "model.safetensors.index.json": index(
      Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`t${i}`, `s${i}.safetensors`])),
    ),
  }, /names 300 shards/],
  [
    "an index that is no JSON",
    { "config.json": CONFIG, "model.safetensors.index.json": "{" },
    /not valid JSON/,
  ],
  ["an index that lists a tensor twice", {
    "config.json": CONFIG,
    "model.safetensors.index.json": `{"weight_map":{"a":"1.safetensors","a":"2.safetensors"}}`,
  }, /occurs twice/],
  ["a missing shard", {
    "config.json": CONFIG,
    "1.safetensors": one("a"),
    "model.safetensors.index.json": index({ a: "1.safetensors", b: "2.safetensors" }),
  }, /names "2\.safetensors"/],
  ["a tensor missing from its shard", {
    "config.json": CONFIG,
    "1.safetensors": one("a"),
    "model.safetensors.index.json": index({ a: "1.safetensors", b: "1.safetensors" }),
  }, /places tensor "b"/],
  ["a tensor in two shards", {
    "config.json": CONFIG,
    "1.safetensors": one("a"),
    "2.safetensors": one("a"),
    "model.safetensors.index.json": index({ a: "1.safetensors", b: "2.safetensors" }),
  }, /"a" is in both/],
  ["a tensor the index places elsewhere", {
    "config.json": CONFIG,
    "1.safetensors": one("b"),
    "2.safetensors": one("a"),
    "model.safetensors.index.json": index({ a: "1.safetensors", b: "2.safetensors" }),
  }, /says "2\.safetensors"/],
  ["a tensor the index leaves out", {
    "config.json": CONFIG,
    "1.safetensors": one("z"),
    "model.safetensors.index.json": index({ a: "1.safetensors" }),
  }, /does not list it/],
  [
    "a truncated shard",
    { "config.json": CONFIG, "model.safetensors": one("a").slice(0, -1) },
    /ends at byte/,
  ],
  ["config.json that is an array", { "config.json": "[]" }, /found an array/],
];
for (const [what, files, message] of REFUSED) {
  Deno.test(`openCheckpoint() refuses ${what}`, async () => {
    await using dir = await folder(files);
    const error = await refusal(dir.path);
    expect(error).toBeInstanceOf(FormatError);
    expect(error.message).toMatch(message);
  });
}

Deno.test("openCheckpoint() refuses a symbolic link that leads outside and follows one that stays", async () => {
  await using outside = await folder({ "secret.safetensors": one("a") });
  await using dir = await folder({ "config.json": CONFIG, "real.safetensors": one("a") });
  const neighbour = `${dir.path}-2`; // whose path begins as the folder's does
  await Deno.rename(outside.path, neighbour);
  await Deno.symlink(join(neighbour, "secret.safetensors"), dir.join("model.safetensors"));
  const error = await refusal(dir.path);
  await Deno.rename(neighbour, outside.path);
  expect(error.message).toMatch(/inside the folder/);
  await Deno.remove(dir.join("model.safetensors"));
  await Deno.symlink("real.safetensors", dir.join("model.safetensors"));
  using checkpoint = await openCheckpoint(dir.path);
  expect([...checkpoint.tensors.keys()]).toEqual(["a"]);
});

Deno.test("openCheckpoint() follows the links of a hub cache from snapshots to blobs", async () => {
  await using cache = await tempDir();
  await Deno.mkdir(cache.join("blobs"));
  await Deno.mkdir(cache.join("snapshots", "abc"), { recursive: true });
  await Deno.writeTextFile(cache.join("blobs", "c0"), CONFIG);
  await Deno.writeFile(cache.join("blobs", "c1"), one("a"));
  await Deno.symlink("../../blobs/c0", cache.join("snapshots/abc/config.json"));
  await Deno.symlink("../../blobs/c1", cache.join("snapshots/abc/model.safetensors"));
  using checkpoint = await openCheckpoint(cache.join("snapshots", "abc"));
  expect(checkpoint.weightFiles).toEqual(["model.safetensors"]);
});

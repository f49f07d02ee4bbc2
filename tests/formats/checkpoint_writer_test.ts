import { expect } from "@std/expect";
import { createHash } from "node:crypto";
import { CapacityError, ConfigError } from "../../src/errors.ts";
import { hashArtifact, manifestSha256 } from "../../src/formats/artifact.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { CheckpointWriter } from "../../src/formats/checkpoint_writer.ts";
import type { TensorSpec } from "../../src/formats/safetensors.ts";
import { planShards } from "../../src/formats/shard_plan.ts";
import { TINY_CONFIG, writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";

const SPECS: TensorSpec[] = [
  { name: "a", dtype: "U8", shape: [4] },
  { name: "b", dtype: "U8", shape: [6] },
  { name: "c", dtype: "U8", shape: [2] },
];
const bytes = (n: number) => Uint8Array.from({ length: n }, (_, i) => i);

async function names(dir: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(dir))).map((entry) => entry.name).sort();
}

Deno.test("planShards() begins a shard where the limit would be passed, and lets one tensor exceed it", () => {
  const plan = (limit: number) =>
    planShards(SPECS, limit).map((s) => [s.file, s.tensors.map((t) => t.name).join("")]);
  expect(plan(12)).toEqual([["model.safetensors", "abc"]]);
  expect(plan(11)).toEqual([["model-00001-of-00002.safetensors", "ab"], [
    "model-00002-of-00002.safetensors",
    "c",
  ]]);
  expect(plan(1).map(([, tensors]) => tensors)).toEqual(["a", "b", "c"]);
});

Deno.test("planShards() refuses more shards than are read again", () => {
  const specs = Array.from({ length: 257 }, (_, i) => ({ name: `t${i}`, dtype: "F32" as const, shape: [2] }));
  expect(planShards(specs.slice(1), 8)).toHaveLength(256);
  expect(planShards(specs, 16)).toHaveLength(129);
  expect(() => planShards(specs, 8)).toThrow(ConfigError);
  expect(() => planShards(specs, 8)).toThrow("shards of 8 bytes: they would be 257, expected at most 256");
});

Deno.test("CheckpointWriter writes what openCheckpoint() reads back, hashed as it lies on disk", async () => {
  await using dir = await tempDir();
  for (const shardBytes of [9, 1000]) {
    const out = dir.join(`deep/er/${shardBytes}`);
    await using writer = await CheckpointWriter.create(out, SPECS, { shardBytes });
    expect(await writer.writeTensor("a", [bytes(4)])).toBe(
      createHash("sha256").update(bytes(4)).digest("hex"),
    );
    await writer.writeTensor("b", [bytes(1), bytes(5)]);
    await writer.writeTensor("c", [bytes(2)]);
    await writer.finishTensors();
    await writer.writeFile("config.json", JSON.stringify(TINY_CONFIG));
    await writer.commit();
    using checkpoint = await openCheckpoint(out);
    expect(await checkpoint.readTensor("b")).toEqual(Uint8Array.of(0, 0, 1, 2, 3, 4));
    const hashed = await hashArtifact(checkpoint.folder);
    expect(hashed).toEqual(writer.files.toSorted((a, b) => a.path < b.path ? -1 : 1));
    const lines = hashed.map((f) => `${f.sha256}  ${f.path}\n`).sort().join("");
    expect(manifestSha256(hashed)).toBe(createHash("sha256").update(lines).digest("hex"));
  }
  expect(await names(dir.join("deep/er"))).toEqual(["1000", "9"]);
});

Deno.test("CheckpointWriter leaves nothing behind, not even folders it made, unless committed", async () => {
  await using dir = await tempDir();
  {
    await using writer = await CheckpointWriter.create(dir.join("owner/name"), SPECS);
    await writer.writeTensor("a", [bytes(4)]);
    expect((await names(dir.join("owner"))).length).toBe(1);
  }
  expect(await names(dir.path)).toEqual([]);
});

Deno.test("CheckpointWriter stops at an abort between blocks and leaves nothing behind", async () => {
  await using dir = await tempDir();
  const controller = new AbortController();
  const reason = new Error("stop");
  function* blocks() {
    yield bytes(2);
    controller.abort(reason);
    yield bytes(2);
  }
  const write = async () => {
    await using writer = await CheckpointWriter.create(dir.join("out"), SPECS);
    await writer.writeTensor("a", blocks(), { signal: controller.signal });
  };
  await expect(write()).rejects.toBe(reason);
  expect(await names(dir.path)).toEqual([]);
});

Deno.test("CheckpointWriter keeps the first error when its temporary folder is gone by then", async () => {
  await using dir = await tempDir();
  const write = async () => {
    await using writer = await CheckpointWriter.create(dir.join("out"), SPECS);
    for (const name of await names(dir.path)) await Deno.remove(dir.join(name), { recursive: true });
    await writer.writeFile("config.json", "{}");
  };
  await expect(write()).rejects.toBeInstanceOf(ConfigError);
  expect(await names(dir.path)).toEqual([]);
});

Deno.test("CheckpointWriter tells of a disk that turns out full when a shard is flushed", async () => {
  await using dir = await tempDir();
  const { sync } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.sync = () => Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" }));
  try {
    await expect(writeCheckpoint(dir.join("out"))).rejects.toBeInstanceOf(CapacityError);
  } finally {
    Deno.FsFile.prototype.sync = sync;
  }
  expect(await names(dir.path)).toEqual([]);
});

Deno.test("CheckpointWriter takes an empty folder and refuses an occupied one, a file, and a parent that is a file", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.join("empty"));
  await writeCheckpoint(dir.join("empty"));
  expect(await names(dir.join("empty"))).toEqual(["config.json", "model.safetensors"]);
  const before = await Deno.readFile(dir.join("empty/model.safetensors"));
  await Deno.writeTextFile(dir.join("file"), "x");
  for (const target of ["empty", "file", "file/below"]) {
    await expect(writeCheckpoint(dir.join(target))).rejects.toBeInstanceOf(ConfigError);
  }
  expect(await Deno.readFile(dir.join("empty/model.safetensors"))).toEqual(before);
  expect(await names(dir.path)).toEqual(["empty", "file"]);
});

Deno.test("CheckpointWriter refuses tensors out of turn, of the wrong size, and a finish too soon", async () => {
  await using dir = await tempDir();
  await using writer = await CheckpointWriter.create(dir.join("out"), SPECS);
  await expect(writer.writeTensor("b", [bytes(6)])).rejects.toThrow(/out of turn/);
  await expect(writer.writeTensor("a", [bytes(3)])).rejects.toThrow(/3 bytes/);
  await expect(writer.finishTensors()).rejects.toThrow(/before all/);
});

Deno.test("hashArtifact() leaves out hidden files, folders and provenance.json", async () => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.join("m"), { files: { "tokenizer.json": "{}", "README.md": "hi" } });
  for (const name of [".git", "provenance.json"]) {
    await Deno.writeTextFile(dir.join("m", name), "x");
  }
  await Deno.mkdir(dir.join("m/sub"));
  using checkpoint = await openCheckpoint(dir.join("m"));
  expect((await hashArtifact(checkpoint.folder)).map((f) => f.path))
    .toEqual(["README.md", "config.json", "model.safetensors", "tokenizer.json"]);
});

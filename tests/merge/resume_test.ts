// kill -9 at any moment: the next merge to the same place goes on from what was finished, and ends in the same files.
import { expect } from "@std/expect";
import { fileURLToPath } from "node:url";
import { ConfigError } from "../../src/errors.ts";
import { StagedFolder } from "../../src/formats/staged_folder.ts";
import { inspectCheckpoint } from "../../src/merge/inspect.ts";
import { type MergeProgress, runMerge, type RunMergeOptions } from "../../src/merge/run.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { nextEdition } from "../support/edition.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CONFIG =
  "merge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters: {t: 0.4}\ndtype: bfloat16\n";
const SHARD_BYTES = 4000;

async function models(): Promise<TempDir> {
  const dir = await tempDir();
  await writeCheckpoint(dir.join("a"), { seed: 1, ancestorSeed: 9, files: { "tokenizer.json": "{}" } });
  await writeCheckpoint(dir.join("b"), { seed: 2, ancestorSeed: 9 });
  await Deno.writeTextFile(dir.join("config.yml"), CONFIG);
  return dir;
}

interface Run {
  /** Of the finished merge; null where the process was killed. */
  readonly manifestSha256: string | null;
  /** Moments the child passed, from 0 down. */
  readonly moments: number;
}

/** Runs the merge in a process of its own, killed at the given moment; 0 lets it run to its end. */
async function run(dir: TempDir, moment: number): Promise<Run> {
  const { success, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--quiet", "--no-prompt", "--allow-read", "--allow-write", "--allow-run", "--ignore-env"],
      ...[`${ROOT}tests/merge/kill_child.ts`, dir.path, String(SHARD_BYTES), String(moment)],
    ],
    cwd: ROOT,
  }).output();
  if (signal === "SIGKILL") return { manifestSha256: null, moments: moment };
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { manifestSha256, momentsLeft } = JSON.parse(new TextDecoder().decode(stdout));
  return { manifestSha256, moments: moment - momentsLeft };
}

function merge(dir: TempDir, options: Partial<RunMergeOptions> = {}) {
  return runMerge({
    config: CONFIG,
    outDir: dir.join("out"),
    resolve: (name) => Promise.resolve(dir.join(name)),
    shardBytes: SHARD_BYTES,
    ...options,
  });
}

async function names(path: string): Promise<readonly string[]> {
  return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
}
const CLEAN = ["a", "b", "config.yml", "out"];

/** Kills a merge at a moment when it has finished a shard. */
async function leaveFinishedShards(dir: TempDir, moment: number): Promise<void> {
  expect((await run(dir, moment)).manifestSha256).toBe(null);
  expect((await names(dir.join(".out.partial"))).some((name) => name.endsWith(".safetensors"))).toBe(true);
}

Deno.test("runMerge() killed at ten random moments always ends, on resume, in the same manifest", async () => {
  await using dir = await models();
  const whole = await run(dir, 0);
  await Deno.remove(dir.join("out"), { recursive: true });
  expect(whole.moments).toBeGreaterThan(50);
  for (let i = 0; i < 10; i++) {
    const moment = 1 + Math.floor(Math.random() * whole.moments);
    const killed = await run(dir, moment);
    // A kill in the last moments may come when the folder has its name already.
    const resumed = killed.manifestSha256 === null && !(await names(dir.path)).includes("out")
      ? await run(dir, 0)
      : null;
    const { manifestSha256, matchesProvenance } = await inspectCheckpoint(dir.join("out"));
    expect({ moment, manifestSha256, matchesProvenance }).toEqual({
      moment,
      manifestSha256: whole.manifestSha256,
      matchesProvenance: true,
    });
    if (resumed !== null) {
      expect(await names(dir.path)).toEqual(CLEAN);
    }
    await Deno.remove(dir.join("out"), { recursive: true });
    await Deno.remove(dir.join(".out.partial.lock")).catch(() => {});
  }
});

/** The stages and sizes that a merge after a killed one reports. */
async function resume(dir: TempDir, options: Partial<RunMergeOptions> = {}) {
  const seen: MergeProgress[] = [];
  const record = await merge(dir, { ...options, onProgress: (progress) => seen.push(progress) });
  const { matchesProvenance } = await inspectCheckpoint(dir.join("out"));
  expect(matchesProvenance).toBe(true);
  expect(await names(dir.path)).toEqual(CLEAN);
  const made = seen.filter(({ stage }) => stage === "merging");
  return {
    record,
    wasChecked: seen.some(({ stage }) => stage === "hashing"),
    madeBytes: made[0]?.totalBytes ?? 0,
  };
}

Deno.test("runMerge() takes up finished shards whose hash is right, and makes the others again", async () => {
  await using dir = await models();
  const { moments } = await run(dir, 0);
  const expected = await merge(dir, { outDir: dir.join("whole") });
  for (const path of ["out", "whole"]) await Deno.remove(dir.join(path), { recursive: true });
  const late = moments - 12; // all shards are finished, not all of the small files are written

  await leaveFinishedShards(dir, late);
  const taken = await resume(dir);
  expect(taken.record).toEqual(expected);
  expect(taken.wasChecked).toBe(true);
  await Deno.remove(dir.join("out"), { recursive: true });

  await leaveFinishedShards(dir, late);
  const [shard] = (await names(dir.join(".out.partial"))).filter((name) => name.endsWith(".safetensors"));
  const bytes = await Deno.readFile(dir.join(".out.partial", shard!));
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(dir.join(".out.partial", shard!), bytes);
  const repaired = await resume(dir);
  expect(repaired.record).toEqual(expected);
  expect(repaired.madeBytes).toBeGreaterThan(0);
  await Deno.remove(dir.join("out"), { recursive: true });

  for (
    const [what, options] of [
      ["another configuration", { config: CONFIG.replace("0.4", "0.6") }],
      ["other shards", { shardBytes: SHARD_BYTES * 2 }],
      ["no wish to", { resume: false }],
    ] as const
  ) {
    await leaveFinishedShards(dir, late);
    expect({ what, wasChecked: (await resume(dir, options)).wasChecked }).toEqual({
      what,
      wasChecked: false,
    });
    await Deno.remove(dir.join("out"), { recursive: true });
  }

  await leaveFinishedShards(dir, late);
  {
    using _program = nextEdition("slerp"); // its shards and those before would not be of one arithmetic
    expect((await resume(dir)).wasChecked).toBe(false);
  }
  await Deno.remove(dir.join("out"), { recursive: true });

  await leaveFinishedShards(dir, late);
  await Deno.utime(dir.join("b/model.safetensors"), 1, 1);
  expect((await resume(dir)).wasChecked).toBe(false);
});

Deno.test("runMerge() refuses a source whose content changed behind an unchanged name and date", async () => {
  await using dir = await models();
  const { moments } = await run(dir, 0);
  await Deno.remove(dir.join("out"), { recursive: true });
  await leaveFinishedShards(dir, moments - 12);
  const source = dir.join("b/model.safetensors");
  const { mtime, atime } = await Deno.stat(source);
  using file = await Deno.open(source, { write: true });
  await file.seek(-1, Deno.SeekMode.End);
  await file.write(Uint8Array.of(1));
  await file.utime(atime!, mtime!);
  await expect(merge(dir)).rejects.toThrow(/"model.safetensors" of model "b" changed since/);
  expect(await names(dir.path)).toEqual(["a", "b", "config.yml"]);
  expect((await merge(dir)).artifact.files.length).toBeGreaterThan(0);
});

Deno.test("runMerge() refuses a target that another merge is writing", async () => {
  await using dir = await models();
  {
    await using _other = await StagedFolder.claim(dir.join("out"));
    const error = await merge(dir).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as ConfigError).message).toContain("another process is writing it");
  }
  await merge(dir);
  expect(await names(dir.path)).toEqual(CLEAN);
});

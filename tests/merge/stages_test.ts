// Configurations of several documents: merged in order, each finding the results of the others by name.
import { expect } from "@std/expect";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError, MergeError, NotFoundError } from "../../src/errors.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { parentsOfRecord } from "../../src/merge/provenance.ts";
import { runMerge, type RunMergeOptions } from "../../src/merge/run.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { nextEdition } from "../support/edition.ts";
import { loadTensors } from "../support/safetensors.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const document = (name: string | null, a: string, b: string, t: number) =>
  `${name === null ? "" : `name: ${name}\n`}merge_method: slerp
base_model: ${a}
models: [{model: ${a}}, {model: ${b}}]
parameters: {t: ${t}}
dtype: float32
`;
const STAGED = [
  document("ab", "a", "b", 0.3),
  document("abc", "ab", "c", 0.6),
  document(null, "abc", "ab", 0.5),
]
  .join("---\n");

async function parents(): Promise<TempDir> {
  const dir = await tempDir();
  for (const [i, name] of ["a", "b", "c"].entries()) {
    await writeCheckpoint(dir.join(name), { seed: i + 1, ancestorSeed: 9 });
  }
  return dir;
}
function merge(dir: TempDir, config: string, options: Partial<RunMergeOptions> = {}) {
  const resolve = modelResolver({ cwd: dir.path, configDir: null });
  return runMerge({ config, outDir: dir.join("out"), resolve, ...options });
}
const names = (path: string) => [...Deno.readDirSync(path)].map((entry) => entry.name).sort();

Deno.test("runMerge() of several documents gives what merging one after the other gives, and keeps only the last", async () => {
  await using dir = await parents();
  const record = await merge(dir, STAGED);
  expect(names(dir.path)).toEqual(["a", "b", "c", "out"]);
  await merge(dir, document(null, "a", "b", 0.3), { outDir: dir.join("ab") });
  await merge(dir, document(null, "ab", "c", 0.6), { outDir: dir.join("abc") });
  await merge(dir, document(null, "abc", "ab", 0.5), { outDir: dir.join("by-hand") });
  const staged = await loadTensors(dir.join("out/model.safetensors"));
  const byHand = await loadTensors(dir.join("by-hand/model.safetensors"));
  for (const [name, { bytes }] of byHand) expect(staged.get(name)!.bytes).toEqual(bytes);

  expect(record.stages!.map(({ name }) => name)).toEqual(["ab", "abc"]);
  expect(record.sources.map(({ name }) => name)).toEqual(["abc", "ab"]);
  const made = new Map(record.stages!.map(({ name, record }) => [name, record.artifact.manifestSha256]));
  for (const source of [...record.sources, ...record.stages![1]!.record.sources]) {
    if (made.has(source.name)) expect(source.manifestSha256).toBe(made.get(source.name));
  }
  expect(record.configuration.text).toBe(STAGED);
  expect(parentsOfRecord(record).map(({ name }) => name)).toEqual(["a", "b", "c"]);
  expect(await Deno.readTextFile(dir.join("out/README.md"))).toMatch(
    /^---\nbase_model:\n {2}- a\n {2}- b\n {2}- c\n/,
  );
  expect(JSON.parse(await Deno.readTextFile(dir.join("out/provenance.json")))).toEqual(
    JSON.parse(JSON.stringify(record)),
  );
});

Deno.test("runMerge() of several documents leaves nothing when a late one fails or is aborted", async () => {
  await using dir = await parents();
  await writeCheckpoint(dir.join("narrow"), { config: { hidden_size: 8 } });
  const config = [document("ab", "a", "b", 0.3), document(null, "ab", "narrow", 0.5)].join("---\n");
  await expect(merge(dir, config)).rejects.toBeInstanceOf(MergeError);
  expect(names(dir.path)).toEqual(["a", "b", "c", "narrow"]);
  const controller = new AbortController();
  const reason = new Error("stop");
  const find = modelResolver({ cwd: dir.path, configDir: null });
  let asked = 0;
  const resolve = (name: string) => {
    // Only the second document merges it; once before, all parents are looked for.
    if (name === "c" && ++asked === 2) controller.abort(reason);
    return find(name);
  };
  await expect(merge(dir, STAGED, { resolve, signal: controller.signal })).rejects.toBe(reason);
  expect(names(dir.path)).toEqual(["a", "b", "c", "narrow"]);
});

/** Merges in a process that dies before it has finished the last document; tells when each stage was written. */
async function killedInTheLast(dir: TempDir, moment: number): Promise<readonly number[]> {
  await childMerge(dir, moment);
  expect(names(dir.path)).toEqual([
    ...[".out.partial", ".out.partial.lock", ".out.stages", ".out.stages.lock"],
    ...["a", "b", "c", "config.yml"],
  ]);
  return writingTimes(dir);
}
function writingTimes(dir: TempDir): readonly number[] {
  return ["0", "1"].map((stage) =>
    Deno.statSync(dir.join(".out.stages", stage, "model.safetensors")).mtime!.getTime()
  );
}

/** Killed at the given moment; 0 lets it run to its end. Returns how many moments it had. */
async function childMerge(dir: TempDir, moment: number, shardBytes = SHARD_BYTES): Promise<number> {
  const passed = await mergeUntil(dir, moment, shardBytes);
  expect(passed === null).toBe(moment !== 0);
  return passed ?? moment;
}
const SHARD_BYTES = 1e9;

/** The moments that a merge had in all; null where it was killed at the given one. */
async function mergeUntil(dir: TempDir, moment: number, shardBytes: number): Promise<number | null> {
  await Deno.writeTextFile(dir.join("config.yml"), STAGED);
  const child = fileURLToPath(new URL("./kill_child.ts", import.meta.url));
  const { signal, success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", child, dir.path, String(shardBytes), String(moment)],
  }).output();
  if (signal === "SIGKILL") return null;
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return moment - JSON.parse(new TextDecoder().decode(stdout)).momentsLeft;
}

/** Which file each shard is that is finished, of the output and of what comes before it. */
async function finishedShards(dir: TempDir): Promise<ReadonlyMap<string, string>> {
  const shards = new Map<string, string>();
  for (const [at, name] of [[".out.stages", "0"], [".out.stages", "1"], ["", "out"]] as const) {
    const folder = (path: string) => dir.join(at, path);
    for (const [place, isWhole] of [[folder(name), true], [folder(`.${name}.partial`), false]] as const) {
      const files = await Array.fromAsync(Deno.readDir(place), ({ name }) => name).catch(() => []);
      const journal = await Deno.readTextFile(join(place, ".journal.jsonl")).catch(() => "");
      for (const file of files.filter((file) => file.endsWith(".safetensors"))) {
        if (!isWhole && !journal.includes(`"kind":"shard","file":"${file}"`)) continue;
        const { ino, mtime } = await Deno.stat(join(place, file));
        shards.set(`${name}/${file}`, `${ino} of ${mtime!.toISOString()}`);
      }
    }
  }
  return shards;
}

Deno.test("runMerge() of several documents, killed, takes up whole stages, makes others again, and tidies up", async () => {
  await using dir = await parents();
  const late = await childMerge(dir, 0) - 20; // weights are finished, not all of the small files are written
  const expected = JSON.parse(await Deno.readTextFile(dir.join("out/provenance.json")));
  /** Merges again; tells which stages were written anew. */
  const again = async (before: readonly number[], options: Partial<RunMergeOptions> = {}) => {
    let made: readonly boolean[] = [];
    const onProgress = () => {
      const whole = names(dir.join(".out.stages")).filter((name) => !name.startsWith("."));
      if (whole.length === 2) {
        made = writingTimes(dir).map((time, i) => time !== before[i]);
      }
    };
    const record = await merge(dir, STAGED, { shardBytes: SHARD_BYTES, onProgress, ...options });
    expect(names(dir.path)).toEqual(["a", "b", "c", "config.yml", "out"]);
    return { made, record: JSON.parse(JSON.stringify(record)) };
  };
  const reset = () => Deno.remove(dir.join("out"), { recursive: true });

  await reset();
  expect(await again(await killedInTheLast(dir, late))).toEqual({ made: [false, false], record: expected });

  await reset();
  const damaged = await killedInTheLast(dir, late);
  await Deno.truncate(dir.join(".out.stages/1/model.safetensors"), 3000);
  expect(await again(damaged)).toEqual({ made: [false, true], record: expected });

  await reset();
  const unwanted = await killedInTheLast(dir, late);
  expect(await again(unwanted, { resume: false })).toEqual({ made: [true, true], record: expected });

  await reset();
  const ofBefore = await killedInTheLast(dir, late);
  {
    using _program = nextEdition("slerp");
    expect((await again(ofBefore)).made).toEqual([true, true]);
  }

  await reset();
  const outdated = await killedInTheLast(dir, late);
  await Deno.remove(dir.join("a"), { recursive: true });
  await writeCheckpoint(dir.join("a"), { seed: 7, ancestorSeed: 9 });
  const other = await again(outdated);
  expect(other.made).toEqual([true, true]);
  expect(other.record.artifact.manifestSha256).not.toBe(expected.artifact.manifestSha256);
});

Deno.test("runMerge() of several documents, killed at random moments over and over, makes no finished shard again", async () => {
  await using dir = await parents();
  const shardBytes = 4000; // several a document
  const moments = await childMerge(dir, 0, shardBytes);
  const expected = JSON.parse(await Deno.readTextFile(dir.join("out/provenance.json")));
  await Deno.remove(dir.join("out"), { recursive: true });
  let takenUp = 0;
  for (let round = 0; round < 4; round++) {
    const finished = new Map<string, string>();
    let passed: number | null = null;
    for (let kill = 0; passed === null; kill++) {
      // The first three die if they get that far; then it may end.
      const moment = kill < 3 ? 1 + Math.floor(Math.random() * moments * 0.7) : 0;
      passed = await mergeUntil(dir, moment, shardBytes);
      for (const [shard, file] of await finishedShards(dir)) {
        const before = finished.get(shard) ?? file;
        expect({ round, kill, moment, shard, file }).toEqual({ round, kill, moment, shard, file: before });
        if (finished.has(shard)) takenUp++;
        finished.set(shard, file);
      }
      if (names(dir.path).includes("out")) break; // killed when it had its name
    }
    const record = JSON.parse(await Deno.readTextFile(dir.join("out/provenance.json")));
    expect({ round, record }).toEqual({ round, record: expected });
    if (passed !== null) expect(names(dir.path)).toEqual(["a", "b", "c", "config.yml", "out"]);
    for (const name of names(dir.path)) {
      if (name.includes("out")) await Deno.remove(dir.join(name), { recursive: true });
    }
  }
  expect(takenUp).toBeGreaterThan(0);
});

Deno.test("runMerge() checks every document and the target before the first is merged", async () => {
  await using dir = await parents();
  let touched = 0;
  const onProgress = () => {
    touched++;
  };
  const wrong = [document("ab", "a", "b", 0.3), document(null, "ab", "c", 0.5).replace("slerp", "slurp")]
    .join("---\n");
  await expect(merge(dir, wrong, { onProgress })).rejects.toThrow(/:8:15: .*"slurp"/);
  const lost = STAGED.replace("model: c", "model: nowhere");
  await expect(merge(dir, lost, { onProgress })).rejects.toBeInstanceOf(NotFoundError);
  await Deno.mkdir(dir.join("out"));
  await Deno.writeTextFile(dir.join("out/precious"), "keep");
  await expect(merge(dir, STAGED, { onProgress })).rejects.toBeInstanceOf(ConfigError);
  expect(touched).toBe(0);
  expect(names(dir.path)).toEqual(["a", "b", "c", "out"]);
});

/** verifyModel() of merges of several documents: what no file holds any more is merged again, and held to its record. */
import { expect } from "@std/expect";
import type { MergeRecord, TensorRecord } from "../../src/merge/record.ts";
import { runMerge } from "../../src/merge/run.ts";
import { describeMismatch } from "../../src/merge/verify/mismatch.ts";
import { verifyModel, type VerifyOptions } from "../../src/merge/verify/verify.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const document = (name: string | null, [a, b]: readonly [string, string], t: number, dtype: string) =>
  `${name === null ? "" : `name: ${name}\n`}merge_method: slerp
base_model: ${a}
models: [{model: ${a}}, {model: ${b}}]
parameters: {t: ${t}}
dtype: ${dtype}
`;
const CONFIG = [
  document("ab", ["a", "b"], 0.3, "bfloat16"),
  document("abc", ["ab", "c"], 0.6, "float16"),
  document(null, ["abc", "ab"], 0.5, "bfloat16"),
].join("---\n");
const TENSORS = 21;
const PROJECTION = "model.layers.1.self_attn.q_proj.weight";

async function family(): Promise<TempDir> {
  const dir = await tempDir();
  for (const [i, name] of ["a", "b", "c"].entries()) {
    await writeCheckpoint(dir.join(name), { seed: i + 1, ancestorSeed: 9 });
  }
  await runMerge({
    config: CONFIG,
    outDir: dir.join("out"),
    resolve: (name) => Promise.resolve(dir.join(name)),
    shardBytes: 4000,
  });
  return dir;
}

function verify(dir: TempDir, options: Partial<VerifyOptions> = {}) {
  return verifyModel({
    dir: dir.join("out"),
    findSource: ({ name }) => Promise.resolve(dir.join(name)),
    ...options,
  });
}

/** As a forger would who knows of no other record. */
async function rewriteRecord(dir: TempDir, change: (record: MergeRecord) => MergeRecord): Promise<void> {
  const path = dir.join("out/provenance.json");
  const record: MergeRecord = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify(change(record)));
}
const inStage = (name: string, change: (record: MergeRecord) => MergeRecord) => (record: MergeRecord) => ({
  ...record,
  stages: record.stages!.map((stage) => stage.name === name ? { name, record: change(stage.record) } : stage),
});
const inTensor = (change: (tensor: TensorRecord) => TensorRecord) => (record: MergeRecord) => ({
  ...record,
  tensors: record.tensors.map((tensor) => tensor.name === PROJECTION ? change(tensor) : tensor),
});

const names = (dir: TempDir) => [...Deno.readDirSync(dir.path)].map(({ name }) => name).sort();

Deno.test("verifyModel() of several documents merges every stage again from the parents, and leaves nothing", async () => {
  await using dir = await family();
  const seen = new Set<string>();
  const ends = new Map<string, readonly unknown[]>();
  const found = await verify(dir, {
    onProgress: ({ stage, item, done, total, tensors }) => {
      expect(done).toBeLessThanOrEqual(total);
      ends.set(stage, [done - total, tensors?.done, tensors?.total]);
      if (stage === "documents") seen.add(item);
    },
  });
  expect(Object.fromEntries(ends)).toEqual({
    hashing: [0, undefined, undefined],
    parents: [0, undefined, undefined],
    documents: [0, 2 * TENSORS, 2 * TENSORS],
    tensors: [0, TENSORS, TENSORS],
  });
  expect(found.mismatches).toEqual([]);
  expect(found.tensors).toEqual({
    ...{ total: TENSORS, hashed: TENSORS, recomputed: TENSORS },
    ofStages: 2 * TENSORS,
  });
  expect(found.sources.map(({ name, state }) => `${name} ${state}`)).toEqual([
    "a MATCHES",
    "b MATCHES",
    "c MATCHES",
  ]);
  expect(seen.has(`ab: ${PROJECTION}`)).toBe(true);
  expect(seen.size).toBe(2 * TENSORS);
  expect(names(dir)).toEqual(["a", "b", "c", "out"]);
});

Deno.test("verifyModel() of several documents merges of each stage what a sample comes from", async () => {
  await using dir = await family();
  for (const seed of [0, 1, 2]) {
    const found = await verify(dir, { sample: 3, seed });
    expect(found.mismatches).toEqual([]);
    expect(found.tensors).toEqual({ total: TENSORS, hashed: 3, recomputed: 3, ofStages: 6 });
  }
});

Deno.test("verifyModel() of several documents without a parent says which, and merges nothing again", async () => {
  await using dir = await family();
  const found = await verify(dir, {
    findSource: ({ name }) => Promise.resolve(name === "b" ? null : dir.join(name)),
  });
  expect(found.ok).toBe(true);
  expect(found.sources.map(({ state }) => state)).toEqual(["MATCHES", "ABSENT", "MATCHES"]);
  expect(found.tensors).toEqual({ total: TENSORS, hashed: TENSORS, recomputed: 0, ofStages: 0 });
});

const FORGERIES: readonly {
  readonly what: string;
  readonly change: (record: MergeRecord) => MergeRecord;
  /** The beginnings of what is said. */
  readonly found: readonly string[];
}[] = [
  {
    what: "a stage's tensor hash",
    change: inStage("ab", inTensor((tensor) => ({ ...tensor, outputSha256: "0".repeat(64) }))),
    found: [`TENSOR_RECOMPUTED  in stage "ab", tensor "${PROJECTION}" is not what its parents give`],
  },
  {
    what: "a stage's cosine and dtype",
    change: inStage("abc", inTensor((tensor) => ({ ...tensor, cosine: 0.5, dtype: "F32" }))),
    found: [
      `PARAMETER  in stage "abc", the record's dtype of tensor "${PROJECTION}"`,
      `PARAMETER  in stage "abc", the record's cosine of tensor "${PROJECTION}"`,
    ],
  },
  {
    what: "a stage's t",
    change: inStage("ab", inTensor((tensor) => ({ ...tensor, t: 0.31 }))),
    found: [`PARAMETER  in stage "ab", the record's t of tensor "${PROJECTION}"`],
  },
  {
    what: "a stage's tensor that is not in its record",
    change: inStage("ab", (record) => ({
      ...record,
      tensors: record.tensors.filter(({ name }) => name !== PROJECTION),
    })),
    found: [`TENSOR_MISSING  in stage "ab", tensor "${PROJECTION}" is missing`],
  },
  {
    what: "a stage's manifest hash",
    change: inStage("ab", (record) => ({
      ...record,
      artifact: { ...record.artifact, manifestSha256: "1".repeat(64) },
    })),
    found: [
      `MANIFEST_HASH  in stage "ab", the recorded manifest hash`,
      `SOURCE_HASH  in stage "abc", parent "ab"`,
      `SOURCE_HASH  parent "ab"`,
    ],
  },
  {
    what: "a stage's configuration",
    change: inStage("abc", (record) => ({
      ...record,
      configuration: { ...record.configuration, text: CONFIG.replace("0.6", "0.7") },
    })),
    found: [`CONFIGURATION  in stage "abc", the record's configuration text`],
  },
  {
    what: "a stage that is left out",
    change: (record) => ({ ...record, stages: record.stages!.slice(1) }),
    found: [
      "PARAMETER  the record's stages of the merge is not what its configuration means",
      `UNREADABLE  the merge of these parents cannot be read: recorded configuration:4:18: The configuration names model "a"`,
    ],
  },
];
for (const { what, change, found } of FORGERIES) {
  Deno.test(`verifyModel() catches ${what}`, async () => {
    await using dir = await family();
    await rewriteRecord(dir, change);
    const { ok, mismatches } = await verify(dir);
    const said = mismatches.map(describeMismatch);
    expect(ok).toBe(false);
    for (const beginning of found) {
      if (!said.some((line) => line.startsWith(beginning))) {
        throw new Error(`${beginning}: ${said.join("\n")}`);
      }
    }
    expect(said.length).toBe(found.length);
    expect(names(dir)).toEqual(["a", "b", "c", "out"]);
  });
}

Deno.test("verifyModel() of several documents catches a parent that changed, by the tensor that is not what it gives", async () => {
  await using dir = await family();
  await Deno.remove(dir.join("b"), { recursive: true });
  await writeCheckpoint(dir.join("b"), { seed: 7, ancestorSeed: 9 });
  const said = (await verify(dir, { sample: 2 })).mismatches.map(describeMismatch);
  expect(said.some((line) => line.startsWith(`SOURCE_HASH  parent "b"`))).toBe(true);
  expect(said.filter((line) => line.startsWith(`TENSOR_RECOMPUTED  in stage "ab"`)).length).toBe(2);
  expect(said.filter((line) => line.startsWith("TENSOR_RECOMPUTED  tensor")).length).toBe(2);
});

/** verifyModel() names each kind of tampering, and nothing where nothing was touched. */
import { expect } from "@std/expect";
import { type FileHash, hashArtifact, manifestSha256, sha256 } from "../../src/formats/artifact.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { ModelFolder } from "../../src/formats/folder.ts";
import type { MergeRecord } from "../../src/merge/record.ts";
import { runMerge } from "../../src/merge/run.ts";
import { sampleTensors } from "../../src/merge/verify/tensors.ts";
import { type Verification, verifyModel } from "../../src/merge/verify/verify.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { failure } from "../support/failure.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const CONFIG = `slices:
  - sources:
      - { model: a, layer_range: [0, 2] }
      - { model: b, layer_range: [0, 2] }
merge_method: slerp
base_model: a
parameters:
  t:
    - { filter: self_attn, value: [0, 1] }
    - { filter: mlp, value: 0.25 }
    - { value: 0.5 }
dtype: bfloat16
`;
const ATTENTION = "model.layers.1.self_attn.q_proj.weight";

/** Two parents and their merge, in two shards and more. */
async function family(): Promise<TempDir> {
  const dir = await tempDir();
  await writeCheckpoint(dir.join("a"), { seed: 1, ancestorSeed: 3, files: { "tokenizer.json": "{}" } });
  await writeCheckpoint(dir.join("b"), { seed: 2, ancestorSeed: 3 });
  await runMerge({
    config: CONFIG,
    outDir: dir.join("out"),
    resolve: (name) => Promise.resolve(dir.join(name)),
    shardBytes: 4000,
  });
  return dir;
}

function verify(dir: TempDir, options: { parents?: boolean; sample?: number } = {}): Promise<Verification> {
  const { parents = true, sample } = options;
  return verifyModel({
    dir: dir.join("out"),
    findSource: ({ name }) => Promise.resolve(parents ? dir.join(name) : null),
    ...(sample === undefined ? {} : { sample }),
  });
}

/** Kind, subject and field of each finding, sorted. */
function findings({ mismatches }: Verification): readonly string[] {
  return mismatches.map(({ kind, subject, field }) => [kind, subject, field ?? ""].join(" ").trim()).sort();
}

async function readRecord(dir: TempDir): Promise<MergeRecord> {
  return JSON.parse(await Deno.readTextFile(dir.join("out", "provenance.json")));
}

/** As a forger would: the record is changed, and made to fit itself again. */
async function rewriteRecord(dir: TempDir, change: (record: MergeRecord) => MergeRecord): Promise<void> {
  const record = change(await readRecord(dir));
  await Deno.writeTextFile(dir.join("out", "provenance.json"), JSON.stringify(record));
}

/** The record's files as they are now: only what they contain can give the forger away. */
async function acceptFiles(dir: TempDir): Promise<void> {
  const files = await hashArtifact(await ModelFolder.open(dir.join("out")));
  await rewriteRecord(dir, (record) => ({
    ...record,
    artifact: { ...record.artifact, files, manifestSha256: manifestSha256(files) },
  }));
}

/** Flips a bit of a tensor's first byte; the name of its shard. */
async function flipTensorBit(dir: TempDir, tensor: string): Promise<string> {
  using checkpoint = await openCheckpoint(dir.join("out"));
  const { file, offset } = checkpoint.tensor(tensor);
  const path = dir.join("out", file);
  const bytes = await Deno.readFile(path);
  bytes[offset]! ^= 1;
  await Deno.writeFile(path, bytes);
  return file;
}

Deno.test("verifyModel() finds nothing in a fresh merge, with its parents and without", async () => {
  await using dir = await family();
  const whole = await verify(dir);
  expect(whole).toMatchObject({
    ok: true,
    mismatches: [],
    tensors: { total: 21, hashed: 21, recomputed: 21 },
  });
  expect(whole.manifestSha256).toBe((await readRecord(dir)).artifact.manifestSha256);
  expect(whole.sources.map(({ name, state }) => [name, state])).toEqual([["a", "MATCHES"], ["b", "MATCHES"]]);
  const alone = await verify(dir, { parents: false });
  expect(alone).toMatchObject({ ok: true, mismatches: [], tensors: { hashed: 21, recomputed: 0 } });
  expect(alone.sources.map(({ state }) => state)).toEqual(["ABSENT", "ABSENT"]);
});

Deno.test("verifyModel() merges again by every method, random ones included", async () => {
  await using dir = await tempDir();
  for (const [index, name] of ["a", "b", "c"].entries()) {
    await writeCheckpoint(dir.join(name), { seed: index + 1, ancestorSeed: 9 });
  }
  const cases: Readonly<Record<string, string>> = {
    linear: "{ normalize: true, weight: 0.5 }",
    ties: "{ density: 0.5, weight: 0.5 }",
    dare_ties: "{ density: 0.5, weight: 0.5 }",
    della: "{ density: 0.5, weight: 0.5, epsilon: 0.1 }",
    nearswap: "{ t: [0, 0.01] }",
    model_stock: "{}",
  };
  for (const [method, parameters] of Object.entries(cases)) {
    const models = method === "nearswap" ? ["a", "b"] : ["a", "b", "c"];
    const config = [
      `merge_method: ${method}`,
      `models: [${models.map((model) => `{ model: ${model} }`).join(", ")}]`,
      ...method === "linear" ? [] : ["base_model: a"],
      `parameters: ${parameters}`,
    ].join("\n");
    const outDir = dir.join(method);
    const resolve = (name: string) => Promise.resolve(dir.join(name));
    await runMerge({ config, outDir, resolve });
    const found = await verifyModel({ dir: outDir, findSource: ({ name }) => resolve(name) });
    expect([method, found.mismatches, found.tensors.recomputed]).toEqual([method, [], 21]);
  }
});

interface Tampering {
  readonly what: string;
  readonly tamper: (dir: TempDir) => Promise<unknown>;
  /** Some lines may name a shard, which is known only then. */
  readonly found: readonly (string | RegExp)[];
  /** Whether it shows without the parents, too. */
  readonly alone: boolean;
}

const TAMPERINGS: readonly Tampering[] = [
  {
    what: "a flipped bit in a shard",
    tamper: (dir) => flipTensorBit(dir, ATTENTION),
    found: [
      /^FILE_HASH model-0000\d-of-0000\d\.safetensors$/,
      `TENSOR_HASH ${ATTENTION}`,
      `TENSOR_RECOMPUTED ${ATTENTION}`,
    ],
    alone: true,
  },
  {
    what: "a flipped bit that files, manifest and tensor hashes were made to fit",
    async tamper(dir) {
      await flipTensorBit(dir, ATTENTION);
      await acceptFiles(dir);
      using checkpoint = await openCheckpoint(dir.join("out"));
      const outputSha256 = sha256(await checkpoint.readTensor(ATTENTION));
      await rewriteRecord(dir, (record) => ({
        ...record,
        tensors: record.tensors.map((tensor) =>
          tensor.name === ATTENTION ? { ...tensor, outputSha256 } : tensor
        ),
      }));
    },
    found: [`TENSOR_RECOMPUTED ${ATTENTION}`],
    alone: false,
  },
  {
    what: "an edited configuration file",
    tamper: (dir) => edit(dir.join("out", "mergekit_config.yml"), (text) => text.replace("0.25", "0.26")),
    found: ["CONFIGURATION mergekit_config.yml", "FILE_HASH mergekit_config.yml"],
    alone: true,
  },
  {
    what: "an edited configuration file whose hash was made to fit",
    async tamper(dir) {
      await edit(dir.join("out", "mergekit_config.yml"), (text) => text.replace("0.25", "0.26"));
      await acceptFiles(dir);
    },
    found: ["CONFIGURATION mergekit_config.yml"],
    alone: true,
  },
  {
    what: "an edited config.json",
    tamper: (dir) => edit(dir.join("out", "config.json"), (text) => text.replace("10000", "10001")),
    found: ["FILE_HASH config.json"],
    alone: true,
  },
  {
    what: "another t in the record",
    tamper: (dir) =>
      rewriteRecord(dir, (record) => ({
        ...record,
        tensors: record.tensors.map((tensor) => tensor.name === ATTENTION ? { ...tensor, t: 0.75 } : tensor),
      })),
    found: [`PARAMETER tensor "${ATTENTION}" t`],
    alone: true,
  },
  {
    what: "another filter in the record",
    tamper: (dir) =>
      rewriteRecord(dir, (record) => ({
        ...record,
        tensors: record.tensors.map((tensor) =>
          tensor.name === "model.norm.weight" ? { ...tensor, filter: "norm" } : tensor
        ),
      })),
    found: [`PARAMETER tensor "model.norm.weight" filter`],
    alone: true,
  },
  {
    what: "a recorded angle",
    tamper: (dir) =>
      rewriteRecord(dir, (record) => ({
        ...record,
        tensors: record.tensors.map((tensor) =>
          tensor.name === ATTENTION ? { ...tensor, cosine: 0.5 } : tensor
        ),
      })),
    found: [`PARAMETER tensor "${ATTENTION}" cosine`],
    alone: false,
  },
  {
    what: "a recorded configuration that says something else",
    tamper: (dir) =>
      rewriteRecord(dir, (record) => {
        const text = record.configuration.text.replace("0.25", "0.75");
        return { ...record, configuration: { ...record.configuration, text } };
      }),
    found: [
      "CONFIGURATION the record's configuration text",
      "PARAMETER the merge parameters",
      "PARAMETER the merge curves",
      ...["gate", "up", "down"].flatMap((part) =>
        [0, 1].map((layer) => `PARAMETER tensor "model.layers.${layer}.mlp.${part}_proj.weight" t`)
      ),
      ...["gate", "up", "down"].flatMap((part) =>
        [0, 1].map((layer) => `TENSOR_RECOMPUTED model.layers.${layer}.mlp.${part}_proj.weight`)
      ),
    ],
    alone: true,
  },
  {
    what: "another manifest hash",
    tamper: (dir) =>
      rewriteRecord(dir, (record) => ({
        ...record,
        artifact: { ...record.artifact, manifestSha256: "0".repeat(64) },
      })),
    found: ["MANIFEST_HASH artifact"],
    alone: true,
  },
  {
    what: "a missing and an extra file",
    async tamper(dir) {
      await Deno.rename(dir.join("out", "README.md"), dir.join("out", "readme.txt"));
    },
    found: ["FILE_EXTRA readme.txt", "FILE_MISSING README.md"],
    alone: true,
  },
  {
    what: "a truncated shard",
    async tamper(dir) {
      const [shard] = (await hashArtifact(await ModelFolder.open(dir.join("out")))).filter(isShard);
      await Deno.truncate(dir.join("out", shard!.path), shard!.sizeBytes - 1);
    },
    found: [/^FILE_HASH model-/, "UNREADABLE the checkpoint"],
    alone: true,
  },
  {
    what: "a swapped parent",
    async tamper(dir) {
      await Deno.remove(dir.join("b"), { recursive: true });
      await writeCheckpoint(dir.join("b"), { seed: 9, ancestorSeed: 3 });
    },
    found: ["SOURCE_HASH b model.safetensors", /^(TENSOR_RECOMPUTED|PARAMETER) /],
    alone: false,
  },
  {
    what: "a parent of another shape",
    async tamper(dir) {
      await Deno.remove(dir.join("b"), { recursive: true });
      await writeCheckpoint(dir.join("b"), { config: { hidden_size: 24 } });
    },
    found: [
      "SOURCE_HASH b config.json",
      "SOURCE_HASH b model.safetensors",
      "UNREADABLE the merge of these parents",
    ],
    alone: false,
  },
];

for (const { what, tamper, found, alone } of TAMPERINGS) {
  Deno.test(`verifyModel() catches ${what}`, async () => {
    await using dir = await family();
    await tamper(dir);
    const result = await verify(dir);
    expect(result.ok).toBe(false);
    const lines = findings(result);
    for (const expected of found) {
      expect(lines).toContainEqual(typeof expected === "string" ? expected : expect.stringMatching(expected));
    }
    for (const line of lines) {
      expect([line, found.some((each) => typeof each === "string" ? each === line : each.test(line))])
        .toEqual([line, true]);
    }
    expect([what, (await verify(dir, { parents: false })).ok]).toEqual([what, !alone]);
  });
}

Deno.test("verifyModel() catches a tensor that every run of a sample looks at, and only those", async () => {
  await using dir = await family();
  const record = await readRecord(dir);
  const drawn = sampleTensors(record, 5, 0).map(({ name }) => name);
  expect(drawn.length).toBe(5);
  expect(sampleTensors(record, 5, 0).map(({ name }) => name)).toEqual(drawn);
  expect(sampleTensors(record, 5, 1).map(({ name }) => name)).not.toEqual(drawn);
  expect(sampleTensors(record, 500, 0)).toEqual(record.tensors);
  const swap = (name: string) => (each: MergeRecord) => ({
    ...each,
    tensors: each.tensors.map((tensor) =>
      tensor.name === name ? { ...tensor, outputSha256: "0".repeat(64) } : tensor
    ),
  });
  const other = record.tensors.find(({ name }) => !drawn.includes(name))!.name;
  await rewriteRecord(dir, swap(other));
  expect(await verify(dir, { sample: 5 })).toMatchObject({ ok: true, tensors: { hashed: 5, recomputed: 5 } });
  await rewriteRecord(dir, swap(drawn[0]!));
  expect(findings(await verify(dir, { sample: 5 }))).toEqual([`TENSOR_HASH ${drawn[0]}`]);
});

Deno.test("verifyModel() refuses a model without a record, and a record that is none", async () => {
  await using dir = await family();
  expect((await failure(verifyModel({ dir: dir.join("a"), findSource: () => Promise.resolve(null) }))).code)
    .toBe("NOT_FOUND");
  await rewriteRecord(dir, (record) => ({ ...record, tensors: "all" as never }));
  expect((await failure(verify(dir))).code).toBe("FORMAT");
});

async function edit(path: string, change: (text: string) => string): Promise<void> {
  const text = await Deno.readTextFile(path);
  const changed = change(text);
  if (changed === text) throw new Error(`Nothing to change in ${path}`);
  await Deno.writeTextFile(path, changed);
}

function isShard({ path }: FileHash): boolean {
  return path.endsWith(".safetensors");
}

Deno.test("verifyModel() refuses a record whose sources' layers are no ranges", async () => {
  await using dir = await family();
  const path = dir.join("out", "provenance.json");
  const record = JSON.parse(await Deno.readTextFile(path));
  for (const layerRanges of [null, -1, "[0, 2]", [null], [[0]], [[0, "2"]]]) {
    const [first, ...others] = record.sources;
    const sources = [{ ...first, layerRanges }, ...others];
    await Deno.writeTextFile(path, JSON.stringify({ ...record, sources }));
    expect(await failure(verify(dir))).toMatchObject({
      code: "FORMAT",
      message: expect.stringContaining("sources.0.layerRanges"),
    });
  }
});

Deno.test("verifyModel() names what a record says wrongly of its sources", async () => {
  await using dir = await family();
  const path = dir.join("out", "provenance.json");
  const record = JSON.parse(await Deno.readTextFile(path));
  const [a, b] = record.sources;
  const sources = [{ ...a, layerRanges: [[0, 1]] }, { ...b, isBase: true }];
  await Deno.writeTextFile(path, JSON.stringify({ ...record, sources }));
  expect((await verify(dir)).mismatches).toMatchObject([
    { kind: "PARAMETER", subject: 'model "a"', field: "layerRanges", expected: "[[0,2]]", found: "[[0,1]]" },
    { kind: "PARAMETER", subject: 'model "b"', field: "isBase", expected: "false", found: "true" },
  ]);
});

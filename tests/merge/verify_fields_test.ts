/** verifyModel() holds every field of a record to something. */
import { expect } from "@std/expect";
import { GeodesicError } from "../../src/errors.ts";
import { runMerge } from "../../src/merge/run.ts";
import { verifyModel } from "../../src/merge/verify/verify.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";

const document = (name: string, other: string) =>
  `${name}merge_method: slerp
base_model: a
models: [{ model: ${other} }, { model: a }]
parameters: { t: [{ filter: self_attn, value: [0, 1] }, { value: 0.5 }] }
dtype: bfloat16
tokenizer_source: base
`;
const CONFIG = `${document("name: ab\n", "b")}---\n${document("", "ab")}`;

Deno.test("verifyModel() catches another value in any field of the record, or of that of a document before", async () => {
  await using dir = await tempDir();
  const vocab = Object.fromEntries(Array.from({ length: 32 }, (_, id) => [`t${id}`, id]));
  const files = { "tokenizer.json": JSON.stringify({ model: { type: "BPE", vocab, merges: [] } }) };
  for (const [i, name] of ["a", "b"].entries()) {
    const config = { num_hidden_layers: 1 };
    await writeCheckpoint(dir.join(name), { seed: i, ancestorSeed: 3, config, files });
  }
  const resolve = (name: string) => Promise.resolve(dir.join(name));
  const out = dir.join("out");
  await runMerge({ config: CONFIG, outDir: out, resolve });
  const verify = () => verifyModel({ dir: out, findSource: ({ name }) => resolve(name) });
  expect((await verify()).mismatches).toEqual([]);
  const path = `${out}/provenance.json`;
  const record = JSON.parse(await Deno.readTextFile(path));
  for (const keys of leavesOf(record)) {
    if (keys.at(-1) === "toolVersion") continue; // nothing tells which program it was
    const changed = structuredClone(record);
    const holder = keys.slice(0, -1).reduce((part, key) => part[key], changed);
    holder[keys.at(-1)!] = another(holder[keys.at(-1)!]);
    await Deno.writeTextFile(path, JSON.stringify(changed));
    const ok = await verify().then((found) => found.ok, (error) => {
      expect(error).toBeInstanceOf(GeodesicError);
      return false;
    });
    expect([keys.join("."), ok]).toEqual([keys.join("."), false]);
  }
});

/** Where values stand; of the items of a list, the last speaks for the others. */
function leavesOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  const keys = Array.isArray(value) ? Object.keys(value).slice(-1) : Object.keys(value);
  return keys.flatMap((key) => leavesOf((value as Record<string, unknown>)[key], [...path, key]));
}
function another(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value !== "string") return "bfloat16";
  if (value === "bfloat16") return "float16";
  return /^[0-9a-f]{64}$/.test(value) ? "0".repeat(64) : `${value}x`;
}

// Records of merges whose method computed otherwise when they were made: said once, and not tensor by tensor.
import { expect } from "@std/expect";
import type { MergeRecord } from "../../src/merge/record.ts";
import { describeMismatch } from "../../src/merge/verify/mismatch.ts";
import { verifyModel } from "../../src/merge/verify/verify.ts";
import { merge, pair } from "../support/merge_pair.ts";
import type { TempDir } from "../support/temp.ts";

const TIES = "merge_method: ties\nbase_model: a\nmodels: [{model: b, parameters: {weight: 1}}]\n";
const STAGED =
  `name: ab\n${TIES}---\nmerge_method: slerp\nbase_model: a\nmodels: [{model: a}, {model: ab}]\nparameters: {t: 0.5}\n`;

/** The record as a program before wrote it: it knew of no editions. */
async function forgetEditions(dir: TempDir): Promise<void> {
  const path = dir.join("out/provenance.json");
  const text = await Deno.readTextFile(path);
  const older = JSON.stringify(JSON.parse(text, (key, value) => key === "arithmetic" ? undefined : value));
  await Deno.writeTextFile(path, older);
}

async function verify(dir: TempDir, parents = true) {
  const findSource = ({ name }: { name: string }) => Promise.resolve(parents ? dir.join(name) : null);
  const { mismatches, tensors, ok } = await verifyModel({ dir: dir.join("out"), findSource });
  return { ok, said: mismatches.map(describeMismatch), ...tensors };
}

Deno.test("verifyModel() says of a merge of an older arithmetic that it is one, and still hashes it", async () => {
  await using dir = await pair();
  const record: MergeRecord = await merge(dir, { config: TIES });
  expect(record.arithmetic).toBe(2);
  expect(await verify(dir)).toMatchObject({ ok: true, recomputed: record.tensors.length });
  await forgetEditions(dir);
  expect(await verify(dir)).toMatchObject({
    said: [
      'ARITHMETIC  another edition of the arithmetic of "ties" made it, so it was not merged again: found 1, expected 2',
    ],
    hashed: record.tensors.length,
    recomputed: 0,
  });
  expect(await verify(dir, false)).toMatchObject({ ok: true, recomputed: 0 }); // nobody could merge it again
});

Deno.test("verifyModel() says so of a document before the output, whose method alone has changed", async () => {
  await using dir = await pair();
  const record = await merge(dir, { config: STAGED });
  expect(record.arithmetic).toBeUndefined(); // slerp has its first still: its records are what they always were
  expect(await verify(dir)).toMatchObject({ ok: true, recomputed: record.tensors.length });
  await forgetEditions(dir);
  const { said, recomputed, ofStages } = await verify(dir);
  expect(said).toEqual([
    'ARITHMETIC  in stage "ab", another edition of the arithmetic of "ties" made it, so it was not merged again: found 1, expected 2',
  ]);
  expect([recomputed, ofStages]).toEqual([0, 0]);
});

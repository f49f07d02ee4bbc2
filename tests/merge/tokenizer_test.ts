// Merges of models whose vocabularies differ, against what mergekit wrote, and what becomes of the tokenizer's files.
import { expect } from "@std/expect";
import { join } from "node:path";
import { FormatError, MergeError } from "../../src/errors.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import type { MergeRecord } from "../../src/merge/record.ts";
import { runMerge } from "../../src/merge/run.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { type GeneratedCheckpoint, writeCheckpoint } from "../support/checkpoint_generator.ts";
import { compareTensors } from "../support/compare.ts";
import { floats, type LoadedTensor, loadTensors } from "../support/safetensors.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

const FIXTURES = new URL("../fixtures/merge-tokenizer", import.meta.url).pathname;
const CASES = join(FIXTURES, "cases");
const readJson = async (path: string) => JSON.parse(await Deno.readTextFile(path));

/** The rows of a matrix in another order, so that tokens can be compared whatever their ids. */
function rowsInOrder(tensor: LoadedTensor, order: readonly number[]): LoadedTensor {
  const size = tensor.bytes.byteLength / tensor.shape[0]!;
  const bytes = new Uint8Array(order.length * size);
  order.forEach((row, i) => bytes.set(tensor.bytes.subarray(row * size, (row + 1) * size), i * size));
  return { ...tensor, shape: [order.length, ...tensor.shape.slice(1)], bytes };
}

/** Token → id as tokenizer.json says. */
async function tokenIds(dir: string): Promise<Record<string, number>> {
  const { model, added_tokens: added } = await readJson(join(dir, "tokenizer.json"));
  const entries = added.map(({ content, id }: { content: string; id: number }) => [content, id]);
  return { ...model.vocab, ...Object.fromEntries(entries) };
}

for (const name of [...Deno.readDirSync(CASES)].map((entry) => entry.name).sort()) {
  Deno.test(`runMerge() reproduces mergekit on ${name}`, async () => {
    await using dir = await tempDir();
    const out = dir.join("out");
    await runMerge({
      config: await Deno.readTextFile(join(CASES, name, "config.yaml")),
      outDir: out,
      resolve: modelResolver({ cwd: FIXTURES, configDir: null }),
    });
    const golden = await readJson(join(CASES, name, "expected/vocab.json"));
    const expected = await loadTensors(join(CASES, name, "expected/model.safetensors"));
    const found = await loadTensors(join(out, "model.safetensors"));
    expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());

    const ids = await tokenIds(out);
    expect(Object.keys(ids).sort()).toEqual(Object.keys(golden.vocab).sort());
    const { vocab_size: size } = await readJson(join(out, "config.json"));
    expect(size).toBe(golden.vocab_size);
    const tokens = Object.keys(golden.vocab);
    const padding = Array.from({ length: golden.embed_rows - tokens.length }, (_, i) => tokens.length + i);
    const order = (
      vocabulary: Record<string, number>,
    ) => [...tokens.map((token) => vocabulary[token]!), ...padding];
    let [elements, differing] = [0, 0];
    for (const [tensor, is] of found) {
      const byToken = tensor === "model.embed_tokens.weight" || tensor === "lm_head.weight";
      const wanted = expected.get(tensor)!;
      if (byToken) expect(is.shape[0]).toBe(golden.embed_rows);
      const difference = byToken
        ? compareTensors(rowsInOrder(is, order(ids)), rowsInOrder(wanted, order(golden.vocab)))
        : compareTensors(is, wanted);
      if (difference.maxUlp > 2) throw new Error(`${tensor}: ${JSON.stringify(difference)}`);
      elements += difference.elements;
      differing += difference.differing;
    }
    expect(differing / elements).toBeLessThan(1e-3);
    await openTokenizer(out); // our own reader takes it
  });
}

/** Golden files, and the tokenizers they were made with. */
import { fileURLToPath } from "node:url";
import { openTokenizer, type Tokenizer } from "../../src/tokenizer/tokenizer.ts";

const GOLDENS = new URL("../fixtures/tokenizer/", import.meta.url);
/** Third-party data, not part of the repository: tests that need it are ignored where it is absent. */
export const MISTRAL_DIR = fileURLToPath(
  new URL("../../../shared/fixtures/tokenizer/mistral-v1/", import.meta.url),
);
export const DEMO_DIR = fileURLToPath(new URL("../../demo/parents/helper/", import.meta.url));

export const mistralIsAbsent = await Deno.stat(MISTRAL_DIR).then(() => false, () => true);

const opened = new Map<string, Promise<Tokenizer>>();
/** Opened once for all tests of a file. */
export function tokenizerOf(dir: string): Promise<Tokenizer> {
  const known = opened.get(dir) ?? openTokenizer(dir);
  opened.set(dir, known);
  return known;
}

export async function readGoldens<T>(name: string): Promise<readonly T[]> {
  const text = await Deno.readTextFile(new URL(name, GOLDENS));
  return text.trim().split("\n").map((line) => JSON.parse(line) as T);
}

/**
 * The vocabulary of a model folder as its tokenizer.json lists it, added tokens included: token → id, checked for what
 * ids are used for here. What the tokenizer does with text is not its business, so that any kind of it can be merged.
 */
import { join } from "node:path";
import { FormatError } from "../errors.ts";
import { sha256 } from "../formats/artifact.ts";
import type { ModelFolder } from "../formats/folder.ts";
import { isJsonObject, type JsonObject, jsonType, parseJsonObject, quote } from "../formats/json.ts";

export const TOKENIZER_FILE = "tokenizer.json";

/** Far above any real vocabulary; ids index tables of rows. */
const MAX_TOKENS = 1 << 22;
/** Tokenizers without a tokenizer.json, which are not read. */
const OTHER_TOKENIZERS = ["tokenizer.model", "tokenizer.model.v3", "tekken.json", "vocab.json", "vocab.txt"];

export interface Vocabulary {
  readonly ids: ReadonlyMap<string, number>;
  /** Entries of `added_tokens` as written, by token. */
  readonly added: ReadonlyMap<string, JsonObject>;
  /** The whole file. */
  readonly json: JsonObject;
  /** Of the file. */
  readonly sha256: string;
}

/** null for a folder without any tokenizer. Throws FormatError for one that cannot be read. */
export async function readVocabulary(folder: ModelFolder): Promise<Vocabulary | null> {
  const bytes = await folder.readSmall(TOKENIZER_FILE);
  const fail = (problem: string) =>
    new FormatError(`Cannot read ${TOKENIZER_FILE} of model "${folder.dir}": ${problem}`, {
      dir: folder.dir,
      file: TOKENIZER_FILE,
    });
  if (bytes === undefined) {
    const files = await folder.list();
    const other = OTHER_TOKENIZERS.find((name) => files.includes(name));
    if (other === undefined) return null;
    throw fail(`there is none, and ${other} is not read in its place`);
  }
  const json = parseJsonObject(bytes, join(folder.dir, TOKENIZER_FILE));
  if (!isJsonObject(json.model)) throw fail(`"model" is ${jsonType(json.model)}, expected an object`);
  const ids = new Map<string, number>();
  const add = (token: unknown, id: unknown) => {
    const sound = typeof token === "string" && token !== "" && typeof id === "number" &&
      Number.isSafeInteger(id) &&
      id >= 0 && id < MAX_TOKENS;
    if (!sound) throw fail(`token ${quote(token)} has the id ${quote(id)}, expected 0 to ${MAX_TOKENS - 1}`);
    ids.set(token, id);
  };
  for (const [token, id] of piecesOf(json.model, fail)) add(token, id);
  const added = new Map<string, JsonObject>();
  const { added_tokens: list = [] } = json;
  if (list !== null && !Array.isArray(list)) {
    throw fail(`"added_tokens" is ${jsonType(list)}, expected a list`);
  }
  for (const entry of (list ?? []) as readonly unknown[]) {
    if (!isJsonObject(entry)) throw fail(`"added_tokens" holds ${jsonType(entry)}, expected objects`);
    add(entry.content, entry.id);
    added.set(entry.content as string, entry);
  }
  return { ids, added, json, sha256: sha256(bytes) };
}

/** An object of tokens and ids (BPE, WordPiece), or a list of [token, score] (Unigram). */
function piecesOf(
  { vocab }: JsonObject,
  fail: (problem: string) => FormatError,
): Iterable<[unknown, unknown]> {
  if (isJsonObject(vocab)) return Object.entries(vocab);
  if (!Array.isArray(vocab)) throw fail(`"model.vocab" is ${jsonType(vocab)}, expected an object or a list`);
  return vocab.map((entry: unknown, id) => [Array.isArray(entry) ? entry[0] : entry, id]);
}

/**
 * `tokenizer_source: base` asks to bring every model to the base's vocabulary before merging. Where all models already
 * share it, row for row, that is nothing to do, and only that case is carried out: this module recognises it.
 */
import { EMBEDDING_TENSOR } from "../formats/architecture.ts";
import type { Checkpoint } from "../formats/checkpoint.ts";
import { isJsonObject, type JsonObject } from "../formats/json.ts";

/** What stands against leaving all rows where they are; empty where nothing does. */
export async function vocabularyMismatch(
  checkpoints: ReadonlyMap<string, Checkpoint>,
  baseModel: string,
): Promise<readonly string[]> {
  const base = await readVocabulary(checkpoints.get(baseModel)!);
  if (base === undefined) {
    return [`tokenizer_source needs a tokenizer.json with a vocabulary in model "${baseModel}"`];
  }
  const problems: string[] = [];
  for (const [name, checkpoint] of checkpoints) {
    const rows = checkpoint.tensors.get(EMBEDDING_TENSOR)?.shape[0];
    if (rows !== base.size) {
      problems.push(
        `tokenizer_source is supported where vocabularies are equal: the base has ${base.size} tokens, ` +
          `the embedding of model "${name}" has ${rows} rows`,
      );
      continue;
    }
    const own = await readVocabulary(checkpoint);
    if (
      own === undefined || own.size !== base.size || [...own].some(([token, id]) => base.get(token) !== id)
    ) {
      problems.push(
        `tokenizer_source is supported where vocabularies are equal: that of model "${name}" is another`,
      );
    }
  }
  return problems;
}

/** Token → id, added tokens included; `undefined` without a tokenizer.json that has one. */
async function readVocabulary(checkpoint: Checkpoint): Promise<ReadonlyMap<string, number> | undefined> {
  const json = await checkpoint.folder.readJson("tokenizer.json");
  if (json === undefined || !isJsonObject(json.model)) return undefined;
  const vocabulary = new Map<string, number>(tokensOf(json.model));
  for (const added of Array.isArray(json.added_tokens) ? json.added_tokens : []) {
    if (!isJsonObject(added) || typeof added.content !== "string" || typeof added.id !== "number") continue;
    vocabulary.set(added.content, added.id);
  }
  return vocabulary.size > 0 ? vocabulary : undefined;
}

/** An object token → id (BPE, WordPiece), or a list of [token, score] (Unigram). */
function tokensOf({ vocab }: JsonObject): [string, number][] {
  if (Array.isArray(vocab)) {
    return vocab.map((entry: unknown, id) => [String(Array.isArray(entry) ? entry[0] : entry), id]);
  }
  return isJsonObject(vocab) ? Object.entries(vocab).map(([token, id]) => [token, Number(id)]) : [];
}

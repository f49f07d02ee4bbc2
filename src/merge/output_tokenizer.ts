/**
 * The tokenizer of the output: the lead model's, that extended by the tokens of the others, or another model's. A lead
 * model's tokens past its vocabulary size, for which it has no rows, are taken out first, as mergekit does.
 */
import { MergeError } from "../errors.ts";
import { isJsonObject, type JsonObject, quote } from "../formats/json.ts";
import type { TokenizerRequest } from "./tokenizer_request.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** A model as far as its vocabulary goes. */
export interface ModelVocabulary {
  readonly model: string;
  readonly vocabulary: Vocabulary;
  /** Ids from here on have no rows. */
  readonly size: number;
}

export interface OutputTokenizer {
  readonly ids: ReadonlyMap<string, number>;
  /** In the order of their ids. */
  readonly appended: readonly string[];
  /** How many the lead model had without rows. */
  readonly removed: number;
  /** tokenizer.json; null: as it lies in the model it comes from. */
  readonly json: JsonObject | null;
}

/** `lead` is one of `models`; `named` is the vocabulary of a model that the request names. */
export function buildTokenizer(
  request: TokenizerRequest,
  lead: ModelVocabulary,
  models: readonly ModelVocabulary[],
  named: Vocabulary | null,
): OutputTokenizer {
  const stripped = named ?? withoutUnused(lead);
  const wanted = new Map<string, JsonObject>(); // in order: plain tokens of all models, then added ones
  const special = new Map<string, JsonObject>(); // what any of the others has as an added token
  if (request.source === "union") {
    const others = models.filter(({ model }) => model !== lead.model);
    for (const { vocabulary, size } of others) {
      for (const [token, entry] of vocabulary.added) {
        if (vocabulary.ids.get(token)! < size) offer(special, token, entry);
      }
    }
    for (const { vocabulary, size } of others) {
      for (const [token, id] of vocabulary.ids) {
        if (id < size && !special.has(token)) offer(wanted, token, PLAIN_TOKEN);
      }
    }
    for (const [token, entry] of special) offer(wanted, token, entry);
  }
  for (const { token } of request.tokens) offer(wanted, token, PLAIN_TOKEN);
  const { ids, added, appended } = append(stripped, wanted, special);
  const removed = named === null ? lead.vocabulary.ids.size - stripped.ids.size : 0;
  const changed = added.length > stripped.added.size || removed > 0;
  return { ids, appended, removed, json: changed ? { ...stripped.json, added_tokens: added } : null };
}

/** What the Rust library makes of a token that is added by its text alone. */
const PLAIN_TOKEN: JsonObject = {
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: true,
  special: false,
};

function offer(wanted: Map<string, JsonObject>, token: string, entry: JsonObject): void {
  if (!wanted.has(token)) wanted.set(token, entry);
}

/**
 * Tokens that are new get ids after the last. One that is there already keeps its id, and stays what it is, unless it is
 * a plain one that is among the `special`: it becomes an added token, so that text is cut there as that model cuts it.
 */
function append(
  { ids, added }: Vocabulary,
  wanted: ReadonlyMap<string, JsonObject>,
  special: ReadonlyMap<string, JsonObject>,
) {
  const all = new Map(ids);
  const entries = [...added.values()];
  const appended: string[] = [];
  let next = 0;
  for (const id of ids.values()) next = Math.max(next, id + 1);
  for (const [content, entry] of wanted) {
    const id = all.get(content);
    if (id !== undefined) {
      if (special.has(content) && !added.has(content)) entries.push({ ...entry, id, content });
      continue;
    }
    all.set(content, next);
    entries.push({ ...entry, id: next, content });
    appended.push(content);
    next++;
  }
  return { ids: all, added: entries, appended };
}

function withoutUnused({ model, vocabulary, size }: ModelVocabulary): Vocabulary {
  const unused = new Set([...vocabulary.ids].filter(([, id]) => id >= size).map(([token]) => token));
  if (unused.size === 0) return vocabulary;
  const { json } = vocabulary;
  const inner = json.model as JsonObject;
  if (!isJsonObject(inner.vocab) || !Array.isArray(inner.merges)) {
    throw new MergeError(
      `Cannot merge the vocabulary of model "${model}": token ${quote([...unused][0])} has no row in its ` +
        `embedding, and only byte-pair tokenizers can do without it`,
      { model, token: [...unused][0] },
    );
  }
  const prefix = typeof inner.continuing_subword_prefix === "string" ? inner.continuing_subword_prefix : "";
  const kept = <T>(entries: Iterable<[string, T]>) => [...entries].filter(([token]) => !unused.has(token));
  const merges = inner.merges.filter((merge: unknown) => {
    const parts: readonly unknown[] = typeof merge === "string"
      ? merge.split(" ")
      : Array.isArray(merge)
      ? merge
      : [];
    const tokens = parts.filter((part) => typeof part === "string");
    const [left = "", right = ""] = tokens;
    return ![...tokens, left + right.slice(prefix.length)].some((token) => unused.has(token));
  });
  const added = new Map(kept(vocabulary.added));
  const vocab = Object.fromEntries(kept(Object.entries(inner.vocab)));
  return {
    ids: new Map(kept(vocabulary.ids)),
    added,
    json: { ...json, model: { ...inner, vocab, merges }, added_tokens: [...added.values()] },
    sha256: vocabulary.sha256,
  };
}

/**
 * tokenizer.json of an untrusted checkpoint, checked before any library sees it: byte-pair encodings (what every
 * Mistral-class model has), ids that are unique and bounded, merges that are pairs. Other kinds of tokenizer are
 * refused by name.
 */
import { FormatError } from "../errors.ts";
import { isJsonObject, type JsonObject, jsonType, quote } from "../formats/json.ts";
import { type CharacterSteps, characterSteps } from "./character_steps.ts";
import { checkTextSteps, type Fail } from "./text_steps.ts";

/** Far above any real vocabulary (the largest are near 2^18); bounds the tables that ids index. */
const MAX_TOKEN_ID = (1 << 22) - 1;
/** Bounds the work per character of the searches for added tokens. */
const MAX_ADDED_TOKEN_LENGTH = 256;

/** A token that is matched as a whole rather than composed: `<s>`, `[INST]`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Control tokens carry no text of their own. */
  readonly special: boolean;
  /** Swallow white space to the left or right when the token is written by a template. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  /** Only where no word goes on to the left or right of it. */
  readonly singleWord: boolean;
  /** Looked for in what the normalizer leaves of a text, and so gives way to those that are not. */
  readonly normalized: boolean;
  /** Its content, as it stands where it is looked for. */
  readonly written: string;
}

export interface TokenizerFile {
  /** The whole file, its shape checked as far as this module says. */
  readonly json: JsonObject;
  readonly model: JsonObject;
  /** Piece → id, without added tokens that the model does not list. */
  readonly vocabulary: ReadonlyMap<string, number>;
  readonly addedTokens: readonly AddedToken[];
  /** In words that the library knows. */
  readonly normalizer: JsonObject | null;
  /** What it does, where it leaves every character in its place. */
  readonly characterSteps: CharacterSteps | null;
  readonly preTokenizer: JsonObject | null;
  /** `null` where pieces are simply joined. */
  readonly decoder: JsonObject | null;
  /** The token that the post-processor puts before a text, null for none; undefined where there is no post-processor. */
  readonly firstToken: string | null | undefined;
}

/** Validates a parsed tokenizer.json; `file` is how messages call it. */
export function parseTokenizerFile(json: JsonObject, file: string): TokenizerFile {
  const fail = (field: string, found: unknown, expected: string): FormatError => {
    const what = found === undefined ? "nothing" : quote(found);
    return new FormatError(`Cannot read "${file}": "${field}" is ${what}, expected ${expected}`, {
      file,
      field,
      expected,
    });
  };
  const model = json.model;
  if (!isJsonObject(model)) throw fail("model", model, "an object");
  // Files of early 2023 do not name the type of a byte-pair model.
  if (model.type !== "BPE" && !(model.type === undefined && "merges" in model)) {
    throw fail("model.type", model.type, `"BPE"`);
  }
  if (model.dropout !== undefined && model.dropout !== null && model.dropout !== 0) {
    throw fail("model.dropout", model.dropout, "none, because encoding must be deterministic");
  }
  const { continuing_subword_prefix: prefix } = model;
  if (prefix !== undefined && prefix !== null && prefix !== "") {
    throw fail("model.continuing_subword_prefix", prefix, "none");
  }
  const vocabulary = parseVocabulary(model.vocab, fail);
  checkMerges(model.merges, fail);
  const { decoder = null } = json;
  if (decoder !== null && !isJsonObject(decoder)) throw fail("decoder", decoder, "an object or null");
  const normalizer = checkTextSteps(json.normalizer, "normalizer", fail);
  const steps = characterSteps(json.normalizer);
  const addedTokens = parseAddedTokens(json.added_tokens, vocabulary, fail).map((token) =>
    token.normalized && steps !== null
      ? { ...token, written: steps.prefix + steps.exchange(token.content) }
      : token
  );
  const preTokenizer = checkTextSteps(json.pre_tokenizer, "pre_tokenizer", fail);
  return {
    json,
    model,
    vocabulary,
    addedTokens,
    normalizer,
    characterSteps: steps,
    preTokenizer,
    decoder,
    firstToken: firstTokenOf(json.post_processor),
  };
}

/** Of any other kind of post-processor nothing is known, so it puts no token anywhere. */
function firstTokenOf(processor: unknown): string | null | undefined {
  if (!isJsonObject(processor)) return undefined;
  const { type, processors, single, cls } = processor;
  if (type === "Sequence" && Array.isArray(processors)) {
    return processors.map(firstTokenOf).find((token) => typeof token === "string") ?? null;
  }
  const first: unknown = Array.isArray(single) ? single[0] : undefined;
  if (type === "TemplateProcessing" && isJsonObject(first) && isJsonObject(first.SpecialToken)) {
    const { id } = first.SpecialToken;
    return typeof id === "string" ? id : null;
  }
  const isClassifying = type === "BertProcessing" || type === "RobertaProcessing";
  return isClassifying && Array.isArray(cls) && typeof cls[0] === "string" ? cls[0] : null;
}

function isTokenId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_TOKEN_ID;
}

function parseVocabulary(vocab: unknown, fail: Fail): Map<string, number> {
  if (!isJsonObject(vocab)) {
    throw fail("model.vocab", jsonType(vocab), "an object of pieces and ids");
  }
  const vocabulary = new Map<string, number>();
  const taken = new Set<number>();
  for (const [piece, id] of Object.entries(vocab)) {
    const field = `model.vocab[${quote(piece)}]`;
    if (!isTokenId(id)) throw fail(field, id, `an id from 0 to ${MAX_TOKEN_ID}`);
    if (taken.has(id)) throw fail(field, id, "an id that no other piece has");
    taken.add(id);
    vocabulary.set(piece, id);
  }
  if (vocabulary.size === 0) throw fail("model.vocab", "empty", "at least one piece");
  return vocabulary;
}

function checkMerges(merges: unknown, fail: Fail): void {
  if (!Array.isArray(merges)) throw fail("model.merges", merges, "a list of pairs");
  const isPair = (merge: unknown) =>
    typeof merge === "string"
      ? merge.includes(" ")
      : Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string");
  const bad = merges.findIndex((merge) => !isPair(merge) || typeof merge !== typeof merges[0]);
  if (bad >= 0) throw fail(`model.merges[${bad}]`, merges[bad], `a pair of pieces, written as in entry 0`);
}

function parseAddedTokens(
  list: unknown,
  vocabulary: ReadonlyMap<string, number>,
  fail: Fail,
): readonly AddedToken[] {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw fail("added_tokens", jsonType(list), "a list");
  const idOwner = new Map([...vocabulary].map(([piece, id]) => [id, piece]));
  const contents = new Set<string>();
  return list.map((entry: unknown, index): AddedToken => {
    const field = `added_tokens[${index}]`;
    if (!isJsonObject(entry)) throw fail(field, entry, "an object");
    const { id, content } = entry;
    if (!isTokenId(id)) throw fail(`${field}.id`, id, `an id from 0 to ${MAX_TOKEN_ID}`);
    if (typeof content !== "string" || content.length === 0 || content.length > MAX_ADDED_TOKEN_LENGTH) {
      throw fail(`${field}.content`, content, `a string of 1 to ${MAX_ADDED_TOKEN_LENGTH} characters`);
    }
    if (contents.has(content)) throw fail(`${field}.content`, content, "a token not listed before");
    if ((idOwner.get(id) ?? content) !== content) {
      throw fail(`${field}.id`, id, `an id other than that of ${quote(idOwner.get(id))}`);
    }
    contents.add(content);
    idOwner.set(id, content);
    return {
      id,
      content,
      special: entry.special === true,
      lstrip: entry.lstrip === true,
      rstrip: entry.rstrip === true,
      singleWord: entry.single_word === true,
      normalized: entry.normalized === true,
      written: content,
    };
  });
}

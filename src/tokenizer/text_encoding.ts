/**
 * Text to ids by @huggingface/tokenizers. The library is given the tokenizer without its added tokens, so that it knows
 * no control tokens at all: whatever text it gets is ordinary characters. Matching added tokens, where a trusted
 * template wrote them, is done here.
 */
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { FormatError } from "../errors.ts";
import { checkExpressions } from "./expressions.ts";
import { TokenTrie, type TrieMatch } from "./token_trie.ts";
import type { AddedToken, TokenizerFile } from "./tokenizer_json.ts";
import type { MarkedText } from "./untrusted_text.ts";

/** From one position of a text up to another. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

export class TextEncoding {
  readonly #library: LibraryTokenizer;
  /** Those that a normalizer may touch are looked for in what the others leave. */
  readonly #added: readonly TokenTrie<AddedToken>[];

  /** Throws FormatError where the library cannot work with the file, called `name` in messages. */
  constructor(file: TokenizerFile, name: string) {
    this.#added = [false, true].map((normalized) =>
      new TokenTrie(
        file.addedTokens.filter((token) => token.normalized === normalized)
          .map((token) => [token.content, token]),
      )
    );
    try {
      this.#library = new LibraryTokenizer({
        ...file.json,
        model: { ...file.model, type: "BPE", vocab: textVocabulary(file, name) },
        normalizer: file.normalizer,
        pre_tokenizer: file.preTokenizer,
        added_tokens: [],
        decoder: null,
        post_processor: null,
      }, {});
      checkExpressions([this.#library.normalizer, this.#library.pre_tokenizer], name);
    } catch (cause) {
      if (cause instanceof FormatError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FormatError(`Cannot use "${name}": ${reason}`, { file: name, reason }, { cause });
    }
  }

  /** Ids of a text in which nothing is a control token. Lone surrogates count as U+FFFD. */
  encodePlain(text: string): number[] {
    return this.#encodeSection(text.toWellFormed(), 0);
  }

  /**
   * Ids of a rendered prompt: added tokens outside of untrusted positions become single ids, as in the Rust `tokenizers`,
   * except that no normalizer touches their texts, so that each is found as a template writes it.
   */
  encodeMarked(marked: MarkedText): number[] {
    let parts: readonly (Stretch | AddedToken)[] = [{ start: 0, end: marked.text.length }];
    for (const added of this.#added) {
      parts = parts.flatMap((part) => "id" in part ? [part] : extract(added, marked, part));
    }
    return parts.flatMap((part) =>
      "id" in part ? [part.id] : this.#encodeSection(marked.text.slice(part.start, part.end), part.start)
    );
  }

  /** `start` 0 is the start of the whole text, where some tokenizers put a space. */
  #encodeSection(section: string, start: number): number[] {
    const { normalizer, pre_tokenizer: preTokenizer, model } = this.#library;
    if (model === null) throw new Error("the library was given a model");
    const normalized = normalizer === null || section === "" ? section : normalizer(section);
    if (normalized === "") return [];
    const words = preTokenizer === null ? [normalized] : preTokenizer(normalized, { section_index: start });
    return model(words).map((piece: string) => model.tokens_to_ids.get(piece) ?? model.unk_token_id!);
  }
}

const SPACE_BEFORE = /(?<!\p{White_Space})\p{White_Space}+$/u;
const SPACE_AFTER = /^\p{White_Space}+/u;
const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const WORD_BEFORE = new RegExp(`${WORD}$`, "u");
const WORD_AFTER = new RegExp(`^${WORD}`, "u");

/** Added tokens in a stretch of text, with the stretches between them that are not empty. */
function extract(
  added: TokenTrie<AddedToken>,
  { text, untrusted }: MarkedText,
  { start, end }: Stretch,
): (Stretch | AddedToken)[] {
  const parts: (Stretch | AddedToken)[] = [];
  const between = (end: number) => start < end ? [{ start, end }] : [];
  const first = start;
  for (let i = start; i < end;) {
    const found = longestToken(added, text, i, end, untrusted);
    if (found === undefined) {
      i++;
      continue;
    }
    const { value: token, end: behind } = found;
    const inWord = WORD_BEFORE.test(text.slice(Math.max(first, i - 2), i)) ||
      WORD_AFTER.test(text.slice(behind, Math.min(end, behind + 2)));
    if (!token.singleWord || !inWord) {
      const before = token.lstrip ? (SPACE_BEFORE.exec(text.slice(start, i))?.index ?? i - start) + start : i;
      parts.push(...between(before), token);
      start = behind + (token.rstrip ? SPACE_AFTER.exec(text.slice(behind, end))?.[0].length ?? 0 : 0);
    }
    i = behind;
  }
  return [...parts, ...between(end)];
}

/** The longest added token that begins at `start` and contains no untrusted position. */
function longestToken(
  added: TokenTrie<AddedToken>,
  text: string,
  start: number,
  end: number,
  untrusted: ReadonlySet<number>,
): TrieMatch<AddedToken> | undefined {
  let longest: TrieMatch<AddedToken> | undefined;
  let checked = start;
  for (const match of added.matches(text, start, end)) {
    for (; checked < match.end; checked++) if (untrusted.has(checked)) return longest;
    longest = match;
  }
  return longest;
}

/**
 * The vocabulary that text is composed of: control tokens are not part of it, so that no chain of merges can make
 * one, but the unknown token is what characters without a piece become.
 */
function textVocabulary(file: TokenizerFile, name: string): Readonly<Record<string, number>> {
  const vocabulary = new Map(file.vocabulary);
  for (const { content, special } of file.addedTokens) if (special) vocabulary.delete(content);
  const unknown = file.model.unk_token;
  if (unknown !== undefined && unknown !== null) {
    const id = file.vocabulary.get(String(unknown)) ??
      file.addedTokens.find(({ content }) => content === unknown)?.id;
    if (id === undefined) {
      throw new FormatError(`Cannot read "${name}": "model.unk_token" is in no vocabulary`, {
        file: name,
        field: "model.unk_token",
      });
    }
    vocabulary.set(String(unknown), id);
  }
  return Object.fromEntries(vocabulary);
}

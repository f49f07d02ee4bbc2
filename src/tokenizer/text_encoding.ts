/**
 * Text to ids by @huggingface/tokenizers. The library is given the tokenizer without its added tokens, so that it knows
 * no control tokens at all: whatever text it gets is ordinary characters. Matching added tokens, where a trusted
 * template wrote them, is done here.
 */
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { ConfigError, FormatError } from "../errors.ts";
import type { CharacterSteps } from "./character_steps.ts";
import { guardExpressions } from "./expressions.ts";
import { markedWords } from "./marked_words.ts";
import { Meter } from "./metered_expression.ts";
import { TokenTrie, type TrieMatch } from "./token_trie.ts";
import type { AddedToken, TokenizerFile } from "./tokenizer_json.ts";
import type { MarkedText } from "./untrusted_text.ts";

/** Times that a normalizer may make a text longer: NFD makes three letters of a Korean syllable. */
const MAX_GROWTH = 4;
const GROWTH_SLACK = 4096;

const encoder = new TextEncoder();

/** From one position of a text up to another. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** A text in which added tokens are looked for. */
interface Searched {
  readonly text: string;
  readonly isUntrusted: (position: number) => boolean;
}

/** Added tokens, which no normalizer touches or which are looked for in what it leaves. */
interface Added {
  readonly raw: TokenTrie<AddedToken>;
  readonly normalized: TokenTrie<AddedToken>;
}

export class TextEncoding {
  readonly #library: LibraryTokenizer;
  readonly #meter = new Meter();
  readonly #steps: CharacterSteps | null;
  readonly #added: Added;
  /** Those that control nothing, whoever writes them: runs of spaces, as in the vocabularies of code models. */
  readonly #spaces: Added;
  /** Null where a text is to be encoded as it has been split. */
  readonly #wordsOf: ((text: string) => readonly string[]) | null;
  /** Null where something stands for unknown characters. */
  readonly #knownPart: ((word: string) => string) | null;

  /** Throws FormatError where the library cannot work with the file, called `name` in messages. */
  constructor(file: TokenizerFile, name: string) {
    const { addedTokens } = file;
    this.#steps = file.characterSteps;
    this.#added = triesOf(addedTokens);
    this.#spaces = triesOf(addedTokens.filter(({ content, special }) => !special && /^\s+$/.test(content)));
    this.#wordsOf = markedWords(file.model, file.vocabulary);
    this.#knownPart = knownParts(file);
    try {
      this.#library = new LibraryTokenizer({
        ...file.json,
        model: { ...file.model, type: "BPE", vocab: textVocabulary(file, name), merges: textMerges(file) },
        normalizer: file.normalizer,
        pre_tokenizer: file.preTokenizer,
        added_tokens: [],
        decoder: null,
        post_processor: null,
      }, {});
      guardExpressions([this.#library.normalizer, this.#library.pre_tokenizer], name, this.#meter);
    } catch (cause) {
      if (cause instanceof FormatError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new FormatError(`Cannot use "${name}": ${reason}`, { file: name, reason }, { cause });
    }
  }

  /** Ids of a text in which no added token is found but white space. Lone surrogates count as U+FFFD. */
  encodePlain(text: string): number[] {
    return this.#encode({ text: text.toWellFormed(), isUntrusted: () => false }, this.#spaces);
  }

  /**
   * Ids of a rendered prompt: added tokens outside of untrusted positions become single ids, as in the Rust `tokenizers`:
   * first those that no normalizer touches, then the others, in what it leaves between them. Where it does more than
   * {@link CharacterSteps}, so that untrusted positions would be lost, these are found as the template writes them.
   */
  encodeMarked({ text, untrusted }: MarkedText): number[] {
    return this.#encode({ text, isUntrusted: (position) => untrusted.has(position) }, this.#added);
  }

  #encode(raw: Searched, added: Added): number[] {
    this.#meter.start(raw.text.length);
    return extract(added.raw, raw, { start: 0, end: raw.text.length }).flatMap((part) =>
      "id" in part ? [part.id] : this.#encodeBetween(raw, part, added)
    );
  }

  /** What stands between added tokens that no normalizer touches. */
  #encodeBetween(raw: Searched, { start, end }: Stretch, added: Added): number[] {
    const steps = this.#steps;
    if (steps === null) {
      return extract(added.normalized, raw, { start, end }).flatMap((part) =>
        "id" in part
          ? [part.id]
          : this.#encodeSection(this.#normalize(raw.text.slice(part.start, part.end)), part.start)
      );
    }
    const text = this.#normalize(raw.text.slice(start, end));
    const normalized: Searched = {
      text,
      isUntrusted: (position) => raw.isUntrusted(position - steps.prefix.length + start),
    };
    return extract(added.normalized, normalized, { start: 0, end: text.length }).flatMap((part) =>
      "id" in part ? [part.id] : this.#encodeSection(text.slice(part.start, part.end), start + part.start)
    );
  }

  #normalize(text: string): string {
    const { normalizer } = this.#library;
    const normalized: string = normalizer === null || text === "" ? text : normalizer(text);
    if (normalized.length <= MAX_GROWTH * text.length + GROWTH_SLACK) return normalized;
    throw new ConfigError(
      `Cannot encode a text of ${text.length} characters: the tokenizer's normalizer makes ${normalized.length} of them`,
      { length: text.length, normalized: normalized.length },
    );
  }

  /** `start` 0 is the start of the whole text, where some tokenizers put a space. */
  #encodeSection(normalized: string, start: number): number[] {
    const { pre_tokenizer: preTokenizer, model } = this.#library;
    if (model === null) throw new Error("the library was given a model");
    if (normalized === "") return [];
    const split = preTokenizer === null ? [normalized] : preTokenizer(normalized, { section_index: start });
    const knownPart = this.#knownPart;
    const known = knownPart === null ? split : split.map(knownPart);
    const words = this.#wordsOf === null ? known : known.flatMap(this.#wordsOf);
    // Unknown characters become one token, where the file says so, within a word.
    const pieces = model.fuse_unk ? words.flatMap((word) => model([word])) : model(words);
    return pieces.map((piece: string) => model.tokens_to_ids.get(piece) ?? model.unk_token_id!);
  }
}

function triesOf(tokens: readonly AddedToken[]): Added {
  const trie = (normalized: boolean) =>
    new TokenTrie(
      tokens.filter((token) => token.normalized === normalized && token.written !== "")
        .map((token) => [token.written, token]),
    );
  return { raw: trie(false), normalized: trie(true) };
}

const SPACE_BEFORE = /(?<!\p{White_Space})\p{White_Space}+$/u;
const SPACE_AFTER = /^\p{White_Space}+/u;
const WORD = String.raw`[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]`;
const WORD_BEFORE = new RegExp(`${WORD}$`, "u");
const WORD_AFTER = new RegExp(`^${WORD}`, "u");

/** Added tokens in a stretch of text, with the stretches between them that are not empty. */
function extract(
  added: TokenTrie<AddedToken>,
  searched: Searched,
  { start, end }: Stretch,
): (Stretch | AddedToken)[] {
  if (added.longest === 0) return start < end ? [{ start, end }] : [];
  const { text } = searched;
  const parts: (Stretch | AddedToken)[] = [];
  const between = (end: number) => start < end ? [{ start, end }] : [];
  const first = start;
  for (let i = start; i < end;) {
    const found = longestToken(added, searched, { start: i, end });
    if (found === undefined) {
      i++;
      continue;
    }
    const { value: token, end: behind } = found;
    const inWord = WORD_BEFORE.test(text.slice(Math.max(first, i - 2), i)) ||
      WORD_AFTER.test(text.slice(behind, Math.min(end, behind + 2)));
    if (!token.singleWord || !inWord) {
      // What the token before has swallowed is gone.
      const spaceBefore = SPACE_BEFORE.exec(text.slice(start, i))?.index ?? Math.max(0, i - start);
      const before = token.lstrip ? start + spaceBefore : i;
      const spaceAfter = token.rstrip ? SPACE_AFTER.exec(text.slice(behind, end))?.[0].length ?? 0 : 0;
      if (before < behind + spaceAfter) {
        parts.push(...between(before), token);
        start = behind + spaceAfter;
      }
    }
    i = behind;
  }
  return [...parts, ...between(end)];
}

/** The longest added token that begins at `start` and contains no untrusted position. */
function longestToken(
  added: TokenTrie<AddedToken>,
  { text, isUntrusted }: Searched,
  { start, end }: Stretch,
): TrieMatch<AddedToken> | undefined {
  let longest: TrieMatch<AddedToken> | undefined;
  let checked = start;
  for (const match of added.matches(text, start, end)) {
    for (; checked < match.end; checked++) if (isUntrusted(checked)) return longest;
    longest = match;
  }
  return longest;
}

/**
 * Gives words without their unknown characters where nothing stands for these: as in the Rust `tokenizers`, what is around
 * them may become one token.
 */
function knownParts({ model, vocabulary }: TokenizerFile): ((word: string) => string) | null {
  if (typeof model.unk_token === "string") return null;
  const hasBytes = (character: string) =>
    model.byte_fallback === true &&
    Array.from(encoder.encode(character), byteToken).every((byte) => vocabulary.has(byte));
  return (word) => {
    if (model.ignore_merges === true && vocabulary.has(word)) return word;
    let part = "";
    for (const character of word) if (vocabulary.has(character) || hasBytes(character)) part += character;
    return part;
  };
}

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
}

/** The merges of text: none gives a control token, so that what would be one stays in its parts. */
function textMerges({ model, addedTokens, vocabulary }: TokenizerFile): readonly unknown[] {
  const merges = model.merges as readonly (string | readonly string[])[];
  const control = new Set(
    addedTokens.filter(({ special, content }) => special && vocabulary.has(content)).map(({ content }) =>
      content
    ),
  );
  const whole = (merge: string | readonly string[]) =>
    typeof merge === "string" ? merge.replace(" ", "") : merge.join("");
  return merges.filter((merge) => !control.has(whole(merge)));
}

/**
 * The vocabulary that text is composed of: control tokens are not part of it, so that no text can make one, but the
 * unknown token is what characters without a piece become.
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

/**
 * Text to ids by @huggingface/tokenizers. The library is given the tokenizer without its added tokens, so that it knows
 * no control tokens at all: whatever text it gets is ordinary characters. Matching added tokens, where a trusted
 * template wrote them, is done here.
 */
import { Tokenizer as LibraryTokenizer } from "@huggingface/tokenizers";
import { FormatError } from "../errors.ts";
import { checkExpressions } from "./text_steps.ts";
import { TokenTrie } from "./token_trie.ts";
import type { AddedToken, TokenizerFile } from "./tokenizer_json.ts";
import type { MarkedText } from "./untrusted_text.ts";

export class TextEncoding {
  readonly #library: LibraryTokenizer;
  readonly #added: TokenTrie<AddedToken>;

  /** Throws FormatError where the library cannot work with the file, called `name` in messages. */
  constructor(file: TokenizerFile, name: string) {
    this.#added = new TokenTrie(file.addedTokens.map((token) => [token.content, token]));
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

  /** Ids of a rendered prompt: added tokens outside of untrusted positions become single ids. */
  encodeMarked({ text, untrusted }: MarkedText): number[] {
    const sections: (string | AddedToken)[] = [];
    let start = 0;
    for (let i = 0; i < text.length;) {
      const token = this.#addedTokenAt(text, i, untrusted);
      if (token === undefined) {
        i++;
        continue;
      }
      sections.push(text.slice(start, i), token);
      start = i += token.content.length;
    }
    sections.push(text.slice(start));
    return sections.flatMap((section, index) => {
      if (typeof section !== "string") return [section.id];
      const before = sections[index - 1] as AddedToken | undefined;
      const after = sections[index + 1] as AddedToken | undefined;
      if (after?.lstrip) section = section.trimEnd();
      if (before?.rstrip) section = section.trimStart();
      return this.#encodeSection(section, index);
    });
  }

  /** `index` 0 is the start of the whole text, where some tokenizers put a space. */
  #encodeSection(section: string, index: number): number[] {
    const { normalizer, pre_tokenizer: preTokenizer, model } = this.#library;
    if (model === null) throw new Error("the library was given a model");
    const normalized = normalizer === null || section === "" ? section : normalizer(section);
    if (normalized === "") return [];
    const words = preTokenizer === null ? [normalized] : preTokenizer(normalized, { section_index: index });
    return model(words).map((piece: string) => model.tokens_to_ids.get(piece) ?? model.unk_token_id!);
  }

  /** The longest added token that begins at `start` and contains no untrusted position. */
  #addedTokenAt(text: string, start: number, untrusted: ReadonlySet<number>): AddedToken | undefined {
    let token: AddedToken | undefined;
    let checked = start;
    for (const match of this.#added.matches(text, start)) {
      for (; checked < match.end; checked++) if (untrusted.has(checked)) return token;
      token = match.value;
    }
    return token;
  }
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

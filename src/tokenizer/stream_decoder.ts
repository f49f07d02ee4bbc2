/**
 * Token ids in, text out, one token at a time and never half a character. One of these belongs to one generation (or
 * one call of `decode`); it costs the same per token however long the text is.
 */
import { ConfigError } from "../errors.ts";
import type { TokenBytes } from "./token_bytes.ts";
import { Utf8Stream } from "./utf8.ts";

export class StreamDecoder {
  readonly #table: TokenBytes;
  readonly #utf8: Utf8Stream;
  /** Leading spaces that are still to be dropped. */
  #spacesToDrop: number;
  #started = false;
  readonly #afterPrompt: boolean;

  /** `afterPrompt`: the tokens continue a text, so that a leading space is part of it. */
  constructor(table: TokenBytes, options: { readonly afterPrompt: boolean }) {
    this.#table = table;
    this.#utf8 = new Utf8Stream(table);
    this.#afterPrompt = options.afterPrompt;
    this.#spacesToDrop = options.afterPrompt ? 0 : table.leadingSpaces;
  }

  /** The text that is complete with this token. Throws ConfigError for an id outside the vocabulary. */
  push(id: number): string {
    const bytes = this.#table.bytes[id];
    if (bytes === undefined) {
      throw new ConfigError(
        `Cannot decode token id ${id}: the vocabulary has ids 0 to ${this.#table.bytes.length - 1}`,
        { id, vocabSize: this.#table.bytes.length },
      );
    }
    if (bytes.length === 0) return ""; // A control token. It neither adds text nor ends a character.
    const isFirst = !this.#started && !this.#afterPrompt;
    const separator = this.#started ? this.#utf8.push(this.#table.separator) : "";
    this.#started = true;
    const written = isFirst ? this.#table.firstBytes.get(id) ?? bytes : bytes;
    return this.#dropSpaces(separator + this.#utf8.push(written));
  }

  /** What remains when no token follows: U+FFFD for a character that never became complete. */
  flush(): string {
    return this.#dropSpaces(this.#utf8.flush());
  }

  #dropSpaces(text: string): string {
    let start = 0;
    while (this.#spacesToDrop > 0 && text[start] === " ") {
      start++;
      this.#spacesToDrop--;
    }
    if (start < text.length) this.#spacesToDrop = 0;
    return text.slice(start);
  }
}

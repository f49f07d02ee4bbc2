/**
 * What the library lets through and must not: bytes that are no UTF-8 (its classes of characters take overlong forms and
 * surrogates, which a decoder replaces by other characters than were counted), and in JSON raw control characters
 * (a string with a bound on its length is kept free of line ends only). Takes them out of a mask.
 */
import { fromAlphabet } from "./alphabet.ts";
import type { TokenTable } from "./token_table.ts";

/** After these bytes the next may not be in this range; all else of UTF-8 the library sees to. */
const NEVER_AFTER: ReadonlyMap<number, readonly [low: number, high: number]> = new Map([
  [0xe0, [0x80, 0x9f]],
  [0xed, [0xa0, 0xbf]],
  [0xf0, [0x80, 0x8f]],
  [0xf4, [0x90, 0xbf]],
]);
const LINE_FEED = 0x0a;

export class ByteRules {
  /** Tokens that can never come, in whatever text. */
  readonly #invalid: Uint32Array;
  /** Tokens with a control character other than a line feed, which JSON needs between its values. */
  readonly #controls: Uint32Array;
  /** By the byte before, tokens that cannot follow it. */
  readonly #after: ReadonlyMap<number, Uint32Array>;
  /** By id; undefined for an empty token. */
  readonly #lastBytes: readonly (number | undefined)[];

  constructor({ tokens, vocabSize }: TokenTable) {
    const bytes = tokens.slice(0, vocabSize).map(fromAlphabet);
    const mark = (matches: (token: readonly number[]) => boolean) => {
      const words = new Uint32Array(Math.ceil(vocabSize / 32));
      for (const [id, token] of bytes.entries()) if (matches(token)) words[id >>> 5]! |= 1 << (id & 31);
      return words;
    };
    this.#invalid = mark((token) => token.some((byte, at) => isNever(byte) || isAfter(token[at - 1], byte)));
    // The rest of the last word, or a mask that forbids everything would not be known by its bits.
    if (vocabSize % 32 > 0) this.#invalid[this.#invalid.length - 1]! |= -1 << vocabSize % 32;
    this.#controls = mark((token) => token.some((byte) => byte < 0x20 && byte !== LINE_FEED));
    this.#after = new Map(
      [...NEVER_AFTER.keys()].map((lead) => [lead, mark(([first]) => isAfter(lead, first))]),
    );
    this.#lastBytes = bytes.map((token) => token.at(-1));
  }

  lastByte(id: number): number | undefined {
    return this.#lastBytes[id];
  }

  /** Clears bits of the mask for what comes after a byte. */
  apply(mask: Uint32Array, lastByte: number | undefined, isJson: boolean): void {
    clear(mask, this.#invalid);
    if (isJson) clear(mask, this.#controls);
    const after = lastByte === undefined ? undefined : this.#after.get(lastByte);
    if (after !== undefined) clear(mask, after);
  }
}

function isNever(byte: number): boolean {
  return byte === 0xc0 || byte === 0xc1 || byte >= 0xf5;
}

function isAfter(before: number | undefined, byte: number | undefined): boolean {
  const range = before === undefined ? undefined : NEVER_AFTER.get(before);
  return range !== undefined && byte !== undefined && byte >= range[0] && byte <= range[1];
}

function clear(mask: Uint32Array, bits: Uint32Array): void {
  for (let at = 0; at < mask.length; at++) mask[at]! &= ~bits[at]!;
}

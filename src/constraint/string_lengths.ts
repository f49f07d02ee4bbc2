/**
 * Lengths of strings, which a grammar can only count by a state for every character: with 32,000 tokens the library takes 20
 * ms to compile each. So it gets a grammar in which they are free, and another one in which they are counted, whose only
 * tokens are bytes, where a state takes a hundredth of that. Both step through an output together, and what the second one
 * says of the next characters is taken out of the first one's mask.
 *
 * In the second, what is never part of JSON asks for that: {@link CHARACTER} stands for any character of a string with a
 * length, {@link END} for its end, and neither is possible elsewhere.
 */
import { fromAlphabet } from "./alphabet.ts";
import type { TextGrammar } from "./text_limits.ts";
import type { TokenTable } from "./token_table.ts";

const CHARACTER = 1;
const END = 2;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SHORT_ESCAPES = new Set([...'"\\bfnrt'].map((character) => character.codePointAt(0)!));
/** Characters of a token; what has more never comes in such a string. */
const MAX_CHARACTERS = 64;

/** Of characters. Beyond 256 of something the library counts, but takes 16 KiB and 0.1 ms for each; a block is one. */
const BLOCK = 64;

/**
 * A string of so many characters, quotation marks included, in the grammar that counts; of those that are escaped, the short
 * ones.
 */
export function countedString(minLength: number, maxLength: number, prefix: string): TextGrammar {
  const [character, block] = [`${prefix}character`, `${prefix}block`];
  const times = (what: string, least: number, most = least) =>
    most === 0 ? '""' : `${what}{${least},${most}}`;
  const exactly = (count: number) =>
    `${times(block, Math.floor(count / BLOCK))} ${times(character, count % BLOCK)}`;
  const upTo = (count: number) => {
    const blocks = Math.floor(count / BLOCK);
    const rest = times(character, 0, count % BLOCK);
    if (blocks === 0) return rest;
    return `(${times(block, 0, blocks - 1)} ${times(character, 0, BLOCK - 1)} | ${
      times(block, blocks)
    } ${rest})`;
  };
  const others = maxLength === Infinity ? `${character}*` : upTo(maxLength - minLength);
  return {
    expression: String.raw`"\"" ${exactly(minLength)} ${others} ("\"" | [\u0002\u0002])`,
    rules: [
      String
        .raw`${character} ::= ([^\u0000-\u001f\u0022\u005c] | "\u005c" [\u0022\u005cbfnrt] | [\u0001\u0001])`,
      `${block} ::= ${character}{${BLOCK}}`,
    ],
  };
}

/** Of the grammar that counts, one token for each byte. */
export interface ByteMatcher {
  acceptToken(id: number): boolean;
  rollBack(count: number): void;
}

/** What of a token is within a string, from its beginning. */
interface Content {
  readonly characters: number;
  /** It ends the string, and what it has behind that begins no other one that it has anything of. */
  readonly ends: boolean;
  /** Its last character is the backslash of an escape. */
  readonly escapes: boolean;
}

/** A tokenizer's tokens, as strings with a length take them. */
export class LengthTokens {
  readonly bytes: readonly (readonly number[])[];
  /** By the number of their characters, tokens that stay in the string, and that end it. */
  readonly within: readonly Uint32Array[];
  readonly ending: readonly Uint32Array[];
  /** Only bytes with which no character begins. */
  readonly continuing: Uint32Array;
  /** Those that stay in the string and end with the backslash of an escape, and those that are the rest of one. */
  readonly escaping: Uint32Array;
  readonly escaped: Uint32Array;
  /** Tokens with the beginning of a string that may be one with a length, and something of it. */
  readonly beginning: readonly number[];
  /** Those of them that leave a character or an escape unfinished: what it comes to is not known. */
  readonly unfinished: Uint32Array;
  readonly maxCharacters: number;

  constructor({ tokens, vocabSize }: TokenTable) {
    this.bytes = tokens.slice(0, vocabSize).map(fromAlphabet);
    const empty = () => new Uint32Array(Math.ceil(vocabSize / 32));
    const contents = this.bytes.map(contentOf);
    this.maxCharacters = contents.reduce((most, content) => Math.max(most, content?.characters ?? 0), 0);
    const byCharacters = (ends: boolean) =>
      Array.from({ length: this.maxCharacters + 1 }, (_, characters) => {
        const words = empty();
        for (const [id, content] of contents.entries()) {
          if (content?.characters === characters && content.ends === ends) mark(words, id);
        }
        return words;
      });
    [this.within, this.ending] = [byCharacters(false), byCharacters(true)];
    [this.continuing, this.escaping, this.escaped, this.unfinished] = [empty(), empty(), empty(), empty()];
    const beginning: number[] = [];
    for (const [id, bytes] of this.bytes.entries()) {
      if (bytes.length > 0 && bytes.every(isContinuation)) mark(this.continuing, id);
      if (contents[id]?.escapes) mark(this.escaping, id);
      if (bytes.length === 1 && SHORT_ESCAPES.has(bytes[0]!)) mark(this.escaped, id);
      const quote = bytes.indexOf(QUOTE);
      if (quote < 0 || quote === bytes.length - 1) continue;
      beginning.push(id);
      if (isUnfinished(bytes)) mark(this.unfinished, id);
    }
    this.beginning = beginning;
  }
}

/** Steps through one output beside the matcher whose masks it narrows. */
export class StringLengths {
  readonly #matcher: ByteMatcher;
  readonly #tokens: LengthTokens;
  /** In a string with a length, at the last character that was complete. */
  #isInside = false;
  /** Since the last token. */
  #hasLooked = false;
  /** Bytes that the character that has begun still needs. */
  #missingBytes = 0;
  /** In such a string, behind the backslash of an escape. */
  #isEscaped = false;

  constructor(matcher: ByteMatcher, tokens: LengthTokens) {
    this.#matcher = matcher;
    this.#tokens = tokens;
  }

  /** Whether the output may go on with this token. */
  accept(id: number): boolean {
    // Without a mask since the last token, as where an output is taken up again, this is not known yet.
    const isWhole = this.#missingBytes === 0 && !this.#isEscaped;
    if (!this.#hasLooked && isWhole && this.#isCut(id)) this.#look();
    this.#hasLooked = false;
    this.#isEscaped = this.#isInside && !this.#isEscaped && has(this.#tokens.escaping, id);
    for (const byte of this.#tokens.bytes[id] ?? []) {
      if (!this.#matcher.acceptToken(byte)) return false;
      this.#missingBytes = isContinuation(byte) ? Math.max(0, this.#missingBytes - 1) : bytesBehind(byte);
    }
    return true;
  }

  /** Takes what would make a string too long or too short out of the mask. */
  apply(mask: Uint32Array): void {
    const { within, ending, continuing, escaped, beginning, unfinished } = this.#tokens;
    if (this.#isEscaped) return keep(mask, escaped);
    const isCut = this.#missingBytes > 0;
    if (isCut && this.#isInside) return keep(mask, continuing);
    const look = isCut ? null : this.#look();
    if (look !== null && this.#isInside) {
      const allowed = new Uint32Array(mask.length);
      for (let count = 0; count <= look.room && count < within.length; count++) {
        add(allowed, within[count]!);
        if (look.ends[count]) add(allowed, ending[count]!);
      }
      return keep(mask, allowed);
    }
    // Within a character of another string, too: with its rest a token may end that one and begin one with a length.
    for (const id of beginning) {
      if (!has(mask, id)) continue;
      if (has(unfinished, id) || !this.#fits(id)) mask[id >>> 5]! &= ~(1 << (id & 31));
    }
  }

  /** How many characters may come, as far as a token reaches, and behind how many of them the string may end. */
  #look(): { readonly room: number; readonly ends: readonly boolean[] } {
    const ends: boolean[] = [];
    let room = 0;
    for (;; room++) {
      const isEnd = this.#matcher.acceptToken(END);
      if (isEnd) this.#matcher.rollBack(1);
      ends.push(isEnd);
      if (room === this.#tokens.maxCharacters || !this.#matcher.acceptToken(CHARACTER)) break;
    }
    if (room > 0) this.#matcher.rollBack(room);
    this.#isInside = room > 0 || ends[0]!;
    this.#hasLooked = true;
    return { room, ends };
  }

  /** Whether it leaves a character or an escape of the string unfinished. */
  #isCut(id: number): boolean {
    return has(this.#tokens.escaping, id) || (this.#tokens.bytes[id]?.at(-1) ?? 0) >= 0x80;
  }

  #fits(id: number): boolean {
    const bytes = this.#tokens.bytes[id]!;
    const refused = bytes.findIndex((byte) => !this.#matcher.acceptToken(byte));
    const accepted = refused < 0 ? bytes.length : refused;
    if (accepted > 0) this.#matcher.rollBack(accepted);
    return refused < 0;
  }
}

/** Null for what cannot come in a string with a length, though all of its bytes could come one by one. */
function contentOf(bytes: readonly number[]): Content | null {
  let characters = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      const next = bytes.indexOf(QUOTE, at + 1);
      return next < 0 || next === bytes.length - 1 ? { characters, ends: true, escapes: false } : null;
    }
    if (isContinuation(byte)) continue;
    if (++characters > MAX_CHARACTERS) return null;
    if (byte !== BACKSLASH) continue;
    if (++at === bytes.length) return { characters, ends: false, escapes: true };
    if (!SHORT_ESCAPES.has(bytes[at]!)) return null;
  }
  return { characters, ends: false, escapes: false };
}

/** Ends within a character, or within an escape, as far as its own bytes tell. */
function isUnfinished(bytes: readonly number[]): boolean {
  const begins = bytes.findLastIndex((byte) => !isContinuation(byte));
  if (begins >= 0 && bytesBehind(bytes[begins]!) > bytes.length - 1 - begins) return true;
  const escape = bytes.lastIndexOf(BACKSLASH);
  if (escape < 0) return false;
  let backslashes = 0;
  while (bytes[escape - backslashes] === BACKSLASH) backslashes++;
  if (backslashes % 2 === 0) return false;
  const needed = bytes[escape + 1] === 0x75 ? 5 : 1; // \u0000
  return bytes.length - 1 - escape < needed;
}

function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Bytes of a character behind its first. */
function bytesBehind(first: number): number {
  if (first < 0xc0) return 0;
  return first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
}

function mark(words: Uint32Array, id: number): void {
  words[id >>> 5]! |= 1 << (id & 31);
}

function has(words: Uint32Array, id: number): boolean {
  return (words[id >>> 5]! >>> (id & 31) & 1) === 1;
}

function keep(words: Uint32Array, others: Uint32Array): void {
  for (let at = 0; at < words.length; at++) words[at]! &= others[at]!;
}

function add(words: Uint32Array, others: Uint32Array): void {
  for (let at = 0; at < words.length; at++) words[at]! |= others[at]!;
}

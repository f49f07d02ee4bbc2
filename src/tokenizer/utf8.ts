/**
 * UTF-8 as it arrives, a few bytes at a time: complete characters come out at once, an incomplete one is held back
 * until its last byte. What cannot become a character becomes U+FFFD: one for every byte, as SentencePiece does, or one for
 * what there is of a truncated character, as the Rust `tokenizers` do for byte-level tokens.
 */

const REPLACEMENT = "\ufffd";

/** Bytes of the sequence that `lead` begins, 0 where no character can begin so. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0; // continuation bytes, and C0/C1, which could only encode ASCII a second time
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}

/** Whether `byte` may be the second one after `lead`: rules out overlong forms, surrogates, and past U+10FFFF. */
function isSecondByte(lead: number, byte: number): boolean {
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return byte >= low && byte <= high;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export interface Utf8Options {
  /** U+FFFD for a character that is cut off: as many as it has bytes, or one. */
  readonly truncated: "each byte" | "at once";
}

export class Utf8Stream {
  readonly #truncated: Utf8Options["truncated"];
  /** Bytes of a character whose end is still missing; at most three. */
  #pending: number[] = [];

  constructor({ truncated }: Utf8Options = { truncated: "each byte" }) {
    this.#truncated = truncated;
  }

  /** The characters that are complete with these bytes. */
  push(bytes: Uint8Array): string {
    let text = "";
    for (const byte of bytes) text += this.#pushByte(byte);
    return text;
  }

  /** What is left at the end of the stream: U+FFFD for the bytes held back. */
  flush(): string {
    const { length } = this.#pending;
    const text = REPLACEMENT.repeat(this.#truncated === "at once" ? Math.min(1, length) : length);
    this.#pending = [];
    return text;
  }

  #pushByte(byte: number): string {
    const [lead] = this.#pending;
    if (lead === undefined) return this.#begin(byte);
    const continues = this.#pending.length === 1 ? isSecondByte(lead, byte) : (byte & 0xc0) === 0x80;
    if (!continues) return this.flush() + this.#begin(byte);
    this.#pending.push(byte);
    if (this.#pending.length < sequenceLength(lead)) return "";
    const character = decoder.decode(Uint8Array.from(this.#pending));
    this.#pending = [];
    return character;
  }

  #begin(byte: number): string {
    const length = sequenceLength(byte);
    if (length === 0) return REPLACEMENT;
    if (length === 1) return String.fromCharCode(byte);
    this.#pending = [byte];
    return "";
  }
}

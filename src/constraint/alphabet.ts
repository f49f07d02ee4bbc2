/** GPT-2's printable alphabet for bytes, in which tokens cross to the library: it takes UTF-8, and a token may be half a character. */

/** Printable Latin-1 stands for itself, the other 68 bytes, in order, for U+0100 onwards. */
const ALPHABET: readonly string[] = (() => {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(isPrintable(byte) ? byte : next++));
})();

const BYTES: ReadonlyMap<string, number> = new Map(ALPHABET.map((character, byte) => [character, byte]));

export function toAlphabet(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => ALPHABET[byte]).join("");
}

export function fromAlphabet(text: string): number[] {
  return Array.from(text, (character) => BYTES.get(character)!);
}

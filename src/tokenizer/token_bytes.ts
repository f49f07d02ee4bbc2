/**
 * What bytes of text each token stands for, read off the `decoder` of tokenizer.json. The decoders of Mistral-class
 * tokenizers map every token on its own (only the first token, or the first spaces, of a whole text are treated apart),
 * which is what lets text be streamed token by token. Decoders that look across tokens are refused by name.
 */
import { FormatError } from "../errors.ts";
import { isJsonObject, type JsonObject, quote } from "../formats/json.ts";
import type { TokenizerFile } from "./tokenizer_json.ts";
import type { Utf8Options } from "./utf8.ts";

export interface TokenBytes {
  /** By id; empty for control tokens, `undefined` for ids that are no token. */
  readonly bytes: readonly (Uint8Array | undefined)[];
  /** By id, of tokens that stand for other bytes where they begin a whole text. */
  readonly firstBytes: ReadonlyMap<number, Uint8Array>;
  /** How many leading spaces of a whole text belong to the tokenizer, not to the text. */
  readonly leadingSpaces: number;
  /** Written between any two tokens; empty except where the file names no decoder. */
  readonly separator: Uint8Array;
  /** What stands for a character that is cut off. */
  readonly truncated: Utf8Options["truncated"];
}

/** Far more than any tokenizer has. */
const MAX_STEPS = 64;
/** Times that replacements may make a piece longer, one after the other. */
const MAX_GROWTH = 64;

type PieceDecoder = (piece: string) => Uint8Array;
interface DecoderPlan {
  readonly decodePiece: PieceDecoder;
  /** Of the first token of a whole text, where it is decoded in another way. */
  readonly decodeFirst?: PieceDecoder;
  readonly leadingSpaces: number;
  readonly truncated?: Utf8Options["truncated"];
}
/** `from` becomes `to`, in the first token of a whole text `first`. */
interface Replacement {
  readonly from: string;
  readonly to: string;
  readonly first: string;
}

const encoder = new TextEncoder();
const EMPTY = new Uint8Array();

/** Builds the table for all tokens. `file` is how messages call tokenizer.json. */
export function tokenBytes(tokenizer: TokenizerFile, file: string): TokenBytes {
  const plan = planDecoder(tokenizer.decoder, file);
  const pieces = new Map([...tokenizer.vocabulary].map(([piece, id]) => [id, piece]));
  for (const { id, written } of tokenizer.addedTokens) pieces.set(id, written);
  const highestId = [...pieces.keys()].reduce((highest, id) => Math.max(highest, id), -1);
  const bytes = new Array<Uint8Array | undefined>(highestId + 1);
  for (const [id, piece] of pieces) bytes[id] = plan.decodePiece(piece);
  for (const { id, special } of tokenizer.addedTokens) if (special) bytes[id] = EMPTY;
  const firstBytes = new Map<number, Uint8Array>();
  if (plan.decodeFirst !== undefined) {
    for (const [id, piece] of pieces) {
      const first = plan.decodeFirst(piece);
      if (bytes[id]!.length > 0 && first.length !== bytes[id]!.length) firstBytes.set(id, first);
    }
  }
  const separator = tokenizer.decoder === null ? encoder.encode(" ") : EMPTY;
  const { leadingSpaces, truncated = "each byte" } = plan;
  return { bytes, firstBytes, leadingSpaces, separator, truncated };
}

function planDecoder(decoder: JsonObject | null, file: string): DecoderPlan {
  if (decoder === null) return { decodePiece: (piece) => encoder.encode(piece), leadingSpaces: 0 };
  const steps = decoder.type === "Sequence" && Array.isArray(decoder.decoders) ? decoder.decoders : [decoder];
  if (steps.length > MAX_STEPS) throw tooMuch(`${steps.length} decoder steps`, `${MAX_STEPS}`, file);
  const replacements: Replacement[] = [];
  let byteFallback = false, byteLevel = false, fused = false;
  let leadingSpaces = 0;
  for (const step of steps as unknown[]) {
    const type = isJsonObject(step) ? step.type : undefined;
    if (!isJsonObject(step) || byteLevel) throw unsupported(step, file);
    if (type === "Replace") replacements.push(readReplacement(step, file));
    else if (type === "ByteFallback") byteFallback = true;
    else if (type === "Fuse") fused = true;
    else if (type === "Strip") leadingSpaces += readStrip(step, fused, file);
    else if (type === "ByteLevel" && steps.length === 1) byteLevel = true;
    else if (type === "Metaspace" && !fused) replacements.push(readMetaspace(step));
    else throw unsupported(step, file);
  }
  if (byteLevel) return { decodePiece: decodeByteLevel, leadingSpaces: 0, truncated: "at once" };
  const growth = replacements.reduce((all, { from, to }) => all * Math.max(1, to.length / from.length), 1);
  if (growth > MAX_GROWTH) throw tooMuch(`pieces ${growth} times as long`, `${MAX_GROWTH} times`, file);
  const decoderWith = (written: "to" | "first"): PieceDecoder => (piece) => {
    const byte = byteFallback ? byteOf(piece) : undefined;
    if (byte !== undefined) return Uint8Array.of(byte);
    return encoder.encode(
      replacements.reduce((text, each) => text.replaceAll(each.from, () => each[written]), piece),
    );
  };
  const decodePiece = decoderWith("to");
  if (replacements.every(({ to, first }) => to === first)) return { decodePiece, leadingSpaces };
  return { decodePiece, decodeFirst: decoderWith("first"), leadingSpaces };
}

/** As the Rust `tokenizers` do: the first token has no space at all, unless the tokenizer puts none before a text. */
function readMetaspace(
  { replacement, prepend_scheme: scheme, add_prefix_space: prefixed }: JsonObject,
): Replacement {
  const prepends = (scheme ?? (prefixed === false ? "never" : "always")) !== "never";
  return { from: typeof replacement === "string" ? replacement : "▁", to: " ", first: prepends ? "" : " " };
}

function readReplacement(step: JsonObject, file: string): Replacement {
  const from = isJsonObject(step.pattern) ? step.pattern.String : undefined;
  if (typeof from !== "string" || from === "" || typeof step.content !== "string") {
    throw unsupported(step, file);
  }
  return { from, to: step.content, first: step.content };
}

/** Only what strips the start of the whole text can be streamed, hence only after `Fuse`. */
function readStrip(step: JsonObject, fused: boolean, file: string): number {
  const { content, start, stop } = step;
  const countable = typeof start === "number" && Number.isInteger(start) && start >= 0;
  if (!fused || content !== " " || !countable || stop !== 0) throw unsupported(step, file);
  return start;
}

/** The byte of a piece like `<0x0A>`. */
function byteOf(piece: string): number | undefined {
  const digits = /^<0x([0-9A-Fa-f]{2})>$/.exec(piece)?.[1];
  return digits === undefined ? undefined : parseInt(digits, 16);
}

/**
 * GPT-2's printable alphabet for bytes: printable Latin-1 stands for itself, the other 68 bytes, in order, for
 * U+0100 onwards.
 */
const BYTE_OF_CHARACTER: ReadonlyMap<string, number> = (() => {
  const isPrintable = (byte: number) =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const map = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    map.set(String.fromCharCode(isPrintable(byte) ? byte : next++), byte);
  }
  return map;
})();

/** A piece with a character outside the alphabet is an added token: plain text. */
function decodeByteLevel(piece: string): Uint8Array {
  const bytes = Array.from(piece, (character) => BYTE_OF_CHARACTER.get(character));
  return bytes.some((byte) => byte === undefined)
    ? encoder.encode(piece)
    : Uint8Array.from(bytes as readonly number[]);
}

function tooMuch(found: string, most: string, file: string): FormatError {
  return new FormatError(`Cannot read "${file}": "decoder" asks for ${found}, expected at most ${most}`, {
    file,
    field: "decoder",
  });
}

function unsupported(step: unknown, file: string): FormatError {
  return new FormatError(
    `Cannot read "${file}": decoder step ${
      quote(step)
    } is not supported, expected Replace, ByteFallback, Fuse, ` +
      `Strip at the start, Metaspace, or ByteLevel alone`,
    { file, field: "decoder" },
  );
}

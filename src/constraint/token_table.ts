/**
 * What a grammar must know of a tokenizer: the bytes of every token, in the alphabet of alphabet.ts.
 */
import { ModelFolder } from "../formats/folder.ts";
import { FormatError } from "../errors.ts";
import { toAlphabet } from "./alphabet.ts";
import { tokenBytes } from "../tokenizer/token_bytes.ts";
import { parseTokenizerFile } from "../tokenizer/tokenizer_json.ts";

export interface TokenTable {
  /** By id; empty for control tokens and for ids that are no token, which never come. */
  readonly tokens: readonly string[];
  /** Rows of the logits; ids beyond `tokens` never come. */
  readonly vocabSize: number;
  /** End the output once it is complete, and come at no other time. */
  readonly stopTokenIds: readonly number[];
}

/**
 * A token for every byte, and one that ends the output: a grammar that compiles for these is one, and compiles for others
 * if they are not too many.
 */
export const BYTE_TOKENS: TokenTable = {
  tokens: [...Array.from({ length: 256 }, (_, byte) => toAlphabet([byte])), ""],
  vocabSize: 257,
  stopTokenIds: [256],
};

const FILE = "tokenizer.json";

/** Of a checkpoint folder. A model without a tokenizer cannot be held to a text: FormatError. */
export async function readTokens(dir: string): Promise<readonly string[]> {
  const folder = await ModelFolder.open(dir);
  const json = await folder.readJson(FILE);
  if (json === undefined) {
    throw new FormatError(`Cannot constrain the output: the folder of the model has no ${FILE}`, {
      file: FILE,
    });
  }
  const { bytes } = tokenBytes(parseTokenizerFile(json, FILE), FILE);
  return Array.from(bytes, (token) => toAlphabet(token ?? []));
}

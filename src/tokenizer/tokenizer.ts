/**
 * A checkpoint's tokenizer: text and conversations to ids, ids to text. Text is always untrusted: a `</s>` in it is four
 * characters. Control tokens come into a prompt only by the chat template or on request (`bos`).
 */
import { ConfigError, FormatError } from "../errors.ts";
import { ModelFolder } from "../formats/folder.ts";
import { ChatTemplate, type TemplateMessage } from "./chat_template.ts";
import { StreamDecoder } from "./stream_decoder.ts";
import { TextEncoding } from "./text_encoding.ts";
import { type TokenBytes, tokenBytes } from "./token_bytes.ts";
import { readTokenizerConfig, type SpecialTokenRole, type TokenizerConfig } from "./tokenizer_config.ts";
import { parseTokenizerFile, type TokenizerFile } from "./tokenizer_json.ts";
import { UntrustedText } from "./untrusted_text.ts";

export type { TemplateMessage } from "./chat_template.ts";
export type { StreamDecoder } from "./stream_decoder.ts";

export interface EncodedPrompt {
  readonly text: string;
  readonly ids: readonly number[];
}

export interface EncodeOptions {
  /** Put the beginning-of-sequence token in front. */
  readonly bos?: boolean;
}

const FILE = "tokenizer.json";

/**
 * Opens the tokenizer of a checkpoint folder; `undefined` where it has no tokenizer.json. Throws FormatError for a
 * file that is not what it should be. The chat template is not looked at before it is used.
 */
export async function findTokenizer(folder: ModelFolder): Promise<Tokenizer | undefined> {
  const json = await folder.readJson(FILE);
  if (json === undefined) return undefined;
  return new Tokenizer(parseTokenizerFile(json, FILE), await readTokenizerConfig(folder));
}

/** Like {@link findTokenizer}; a folder without tokenizer is a FormatError. */
export async function openTokenizer(dir: string): Promise<Tokenizer> {
  const tokenizer = await findTokenizer(await ModelFolder.open(dir));
  if (tokenizer !== undefined) return tokenizer;
  throw new FormatError(`Cannot open the tokenizer of "${dir}": the folder has no ${FILE}`, {
    dir,
    file: FILE,
  });
}

export class Tokenizer {
  /** Ids are below this; the model's own vocabulary may be padded beyond it. */
  readonly vocabSize: number;
  /** Whether plain text is meant to follow the beginning-of-sequence token. */
  readonly addsBos: boolean;
  readonly #file: TokenizerFile;
  readonly #config: TokenizerConfig;
  readonly #encoding: TextEncoding;
  readonly #bytes: TokenBytes;
  readonly #untrusted: UntrustedText;
  #template: ChatTemplate | undefined;

  constructor(file: TokenizerFile, config: TokenizerConfig) {
    this.#file = file;
    this.#config = config;
    this.#encoding = new TextEncoding(file, FILE);
    this.#bytes = tokenBytes(file, FILE);
    this.#untrusted = new UntrustedText(
      file.addedTokens.map(({ content }) => content),
      file.characterSteps?.exchange,
    );
    this.vocabSize = this.#bytes.bytes.length;
    // As transformers 5 does: tokenizer.json decides, whatever other files say.
    const { bos_token: bos } = config.specialTokens;
    this.addsBos = bos !== undefined &&
      (file.firstToken === undefined ? config.addBosToken === true : file.firstToken === bos);
  }

  get hasChatTemplate(): boolean {
    return this.#config.chatTemplates.has("default");
  }

  /** Id of the token with this role; `undefined` where no file names one. */
  specialTokenId(role: SpecialTokenRole): number | undefined {
    const text = this.#config.specialTokens[role];
    if (text === undefined) return undefined;
    return this.#file.addedTokens.find(({ content }) => content === text)?.id ??
      this.#file.vocabulary.get(text);
  }

  /** Ids of plain text. Throws ConfigError when `bos` is asked for and there is no such token. */
  encode(text: string, options: EncodeOptions = {}): number[] {
    const ids = this.#encoding.encodePlain(text);
    if (options.bos !== true) return ids;
    const bos = this.specialTokenId("bos_token");
    if (bos !== undefined) return [bos, ...ids];
    throw new ConfigError("Cannot put a beginning-of-sequence token in front: the tokenizer has none", {
      field: "bos",
    });
  }

  /** Text of ids, without control tokens and without the space that the tokenizer puts before a text. */
  decode(ids: readonly number[]): string {
    const stream = this.streamDecoder({ afterPrompt: false });
    return ids.map((id) => stream.push(id)).join("") + stream.flush();
  }

  /**
   * Decodes ids one at a time. With `afterPrompt` the ids continue a text and a leading space is kept; otherwise
   * they are a text of their own, as in `decode`.
   */
  streamDecoder(options: { readonly afterPrompt: boolean }): StreamDecoder {
    return new StreamDecoder(this.#bytes, options);
  }

  /**
   * The prompt of a conversation by the checkpoint's chat template, and its ids. Control tokens are only those that the
   * template writes. Throws ConfigError where there is no template or the template refuses the messages.
   */
  encodeChat(messages: readonly TemplateMessage[]): EncodedPrompt {
    this.#template ??= ChatTemplate.of(this.#config);
    const marked = this.#template.render(messages, this.#untrusted);
    return { text: marked.text, ids: this.#encoding.encodeMarked(marked) };
  }
}

/** `geodesic tokenize MODEL`: text and conversations to ids, ids to text, a JSON line each. */
import { resolve } from "node:path";
import { ConfigError, GeodesicError, toErrorRecord } from "../errors.ts";
import { isJsonObject, type JsonObject, jsonType } from "../formats/json.ts";
import { openTokenizer, type TemplateMessage, type Tokenizer } from "../tokenizer/tokenizer.ts";
import type { Command, Invocation } from "./command.ts";
import { dataDirOf, dataDirOption } from "./data_dir.ts";
import { EXIT } from "./errors.ts";
import { findModelFolder } from "./find_model.ts";
import { readLines } from "./lines.ts";
import { openForReading } from "./read_file.ts";

const MAX_LINE_LENGTH = 16 * 1024 * 1024;

export const tokenizeCommand: Command = {
  name: "tokenize",
  summary: "Show the token ids of text, and the text of token ids",
  positionals: ["MODEL"],
  surplus: "text",
  options: {
    text: { type: "string", value: "TEXT", description: "Text to encode" },
    jsonl: {
      type: "string",
      value: "FILE",
      description: `Lines of {"text"}, {"messages"} or {"ids"}; - reads standard input`,
    },
    bos: { type: "boolean", description: "Put the beginning-of-sequence token in front" },
    data: dataDirOption,
    json: { type: "boolean", description: "Print errors as JSON, too" },
  },
  notes:
    `Prints {"ids", "text"} for each line. Messages go through the model's chat template, and text is the rendered\n` +
    "prompt. Where a line has several of these keys, messages is taken before text, and text before ids.\n" +
    "Text is plain text, so </s> in it is four ordinary characters.\n" +
    `A line that is refused gives an {"error"} line in its place, and exit code 1 in the end.`,
  async run(invocation) {
    const { terminal } = invocation;
    const text = invocation.text("text");
    const jsonl = invocation.text("jsonl");
    if ((text === undefined) === (jsonl === undefined)) {
      throw invocation.usageError("Give either --text or --jsonl");
    }
    const where = { ...terminal, dataDir: dataDirOf(invocation) };
    const { path } = await findModelFolder(invocation.positional("MODEL"), where);
    const tokenizer = await openTokenizer(path);
    const bos = invocation.flag("bos");
    if (text !== undefined) {
      terminal.print(jsonLine(encodeText(tokenizer, text, bos)));
      return EXIT.done;
    }
    return await tokenizeLines(invocation, tokenizer, { source: jsonl!, bos });
  },
};

interface Tokenized {
  readonly ids: readonly number[];
  readonly text: string;
}

async function tokenizeLines(
  { terminal, signal }: Invocation,
  tokenizer: Tokenizer,
  { source, bos }: { readonly source: string; readonly bos: boolean },
): Promise<number> {
  const name = source === "-" ? "standard input" : source;
  const stream = source === "-"
    ? terminal.stdin
    : await openForReading(resolve(terminal.userDir, source), "input");
  let number = 0, lines = 0, refused = 0;
  for await (const line of readLines(stream, { name, maxLength: MAX_LINE_LENGTH })) {
    signal.throwIfAborted();
    number++;
    if (line.trim() === "") continue;
    lines++;
    try {
      terminal.print(jsonLine(tokenizeLine(tokenizer, line, bos)));
    } catch (error) {
      if (!(error instanceof GeodesicError)) throw error;
      refused++;
      const { code, message, details } = toErrorRecord(error);
      const placed = {
        code,
        message: `${name}:${number}: ${message}`,
        details: { ...details, line: number },
      };
      terminal.print(jsonLine({ error: placed }));
    }
  }
  if (refused === 0) return EXIT.done;
  throw new ConfigError(`Refused ${refused} of ${lines} lines of ${name}, see the output`, {
    lines,
    refused,
  });
}

/** JSON without the characters that some readers take for line ends although JSON allows them in strings. */
function jsonLine(value: unknown): string {
  const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(value).replace(/[\x85\u2028\u2029]/g, escape);
}

function tokenizeLine(tokenizer: Tokenizer, line: string, bos: boolean): Tokenized {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new ConfigError("Cannot read the line: it is not JSON", {}, { cause });
  }
  if (!isJsonObject(value)) throw unusable(jsonType(value));
  if (value.messages !== undefined) return encodeMessages(tokenizer, value.messages, bos);
  if (value.text !== undefined) return encodeText(tokenizer, stringOf(value, "text"), bos);
  const { ids } = value;
  if (ids === undefined) throw unusable("an object with none of them");
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "number")) {
    throw new ConfigError(`Cannot decode the line: "ids" is ${jsonType(ids)}, expected a list of numbers`);
  }
  return { ids, text: tokenizer.decode(ids) };
}

function encodeText(tokenizer: Tokenizer, text: string, bos: boolean): Tokenized {
  return { ids: tokenizer.encode(text, { bos }), text: text.toWellFormed() };
}

/** A template that writes the beginning-of-sequence token itself is not given a second one. */
function encodeMessages(tokenizer: Tokenizer, messages: unknown, bos: boolean): Tokenized {
  if (!Array.isArray(messages)) {
    throw new ConfigError(`Cannot encode the line: "messages" is ${jsonType(messages)}, expected a list`);
  }
  const { ids, text } = tokenizer.encodeChat(messages.map(parseMessage));
  if (!bos || ids[0] === tokenizer.specialTokenId("bos_token")) return { ids, text };
  return { ids: [...tokenizer.encode("", { bos }), ...ids], text };
}

function parseMessage(message: unknown, index: number): TemplateMessage {
  if (!isJsonObject(message)) {
    throw new ConfigError(
      `Cannot encode the line: messages[${index}] is ${jsonType(message)}, expected an object`,
    );
  }
  return { role: stringOf(message, "role", index), content: stringOf(message, "content", index) };
}

function stringOf(object: JsonObject, key: string, index?: number): string {
  const value = object[key];
  if (typeof value === "string") return value;
  const field = index === undefined ? key : `messages[${index}].${key}`;
  throw new ConfigError(`Cannot encode the line: ${field} is ${jsonType(value)}, expected a string`, {
    field,
  });
}

function unusable(found: string): ConfigError {
  return new ConfigError(`Cannot read the line: found ${found}, expected one of text, messages and ids`);
}

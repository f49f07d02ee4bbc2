/**
 * tokenizer_config.json, special_tokens_map.json and chat_template.jinja: which tokens begin and end a sequence, and how
 * a conversation becomes a prompt. All of them are optional. As transformers does, special_tokens_map.json is read, and
 * wins, where tokenizer_config.json is of the time before it listed the added tokens.
 */
import { FormatError } from "../errors.ts";
import { Fields } from "../formats/fields.ts";
import type { ModelFolder } from "../formats/folder.ts";
import { isJsonObject, type JsonObject, jsonType } from "../formats/json.ts";

export const SPECIAL_TOKEN_ROLES = ["bos_token", "eos_token", "unk_token", "pad_token"] as const;
export type SpecialTokenRole = typeof SPECIAL_TOKEN_ROLES[number];

export interface TokenizerConfig {
  /** As the files write them; a role that no file fills is absent. */
  readonly specialTokens: Readonly<Partial<Record<SpecialTokenRole, string>>>;
  /** Further tokens by the names that templates call them: `mask_token`, `image_token`. */
  readonly namedTokens?: Readonly<Record<string, string>>;
  /** Whether plain text is meant to be preceded by the beginning-of-sequence token; `null` where no file says. */
  readonly addBosToken: boolean | null;
  /** Jinja source by name; `default` is the one for plain conversations. */
  readonly chatTemplates: ReadonlyMap<string, string>;
}

const CONFIG = "tokenizer_config.json";
const SPECIAL_TOKENS = "special_tokens_map.json";
const TEMPLATE = "chat_template.jinja";

export async function readTokenizerConfig(folder: ModelFolder): Promise<TokenizerConfig> {
  const config = await folder.readJson(CONFIG) ?? {};
  const map = isJsonObject(config.added_tokens_decoder) ? {} : await folder.readJson(SPECIAL_TOKENS) ?? {};
  const specialTokens: Partial<Record<SpecialTokenRole, string>> = {};
  for (const role of SPECIAL_TOKEN_ROLES) {
    const token = tokenText(map, SPECIAL_TOKENS, role) ?? tokenText(config, CONFIG, role);
    if (token !== undefined) specialTokens[role] = token;
  }
  const fields = new Fields(config, CONFIG);
  return {
    specialTokens,
    namedTokens: namedTokens({ ...config, ...map }),
    addBosToken: fields.has("add_bos_token") ? fields.boolean("add_bos_token", false) : null,
    chatTemplates: await readChatTemplates(folder, config),
  };
}

function namedTokens(json: JsonObject): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    const text = isJsonObject(value) ? value.content : value;
    if (/^[a-z]\w*_token$/i.test(name) && typeof text === "string" && text !== "") tokens[name] = text;
  }
  for (const role of SPECIAL_TOKEN_ROLES) delete tokens[role];
  return tokens;
}

/** A special token is written as its text or as an object with `content`. */
function tokenText(json: JsonObject, file: string, role: SpecialTokenRole): string | undefined {
  const value = json[role];
  if (value === undefined || value === null) return undefined;
  const text = isJsonObject(value) ? value.content : value;
  if (typeof text === "string" && text.length > 0) return text;
  throw new Fields(json, file).error(role, value, "a token's text, or an object with its content");
}

async function readChatTemplates(folder: ModelFolder, config: JsonObject): Promise<Map<string, string>> {
  const templates = new Map<string, string>();
  const written = config.chat_template ?? undefined;
  const fail = (field: string, found: unknown, expected: string) =>
    new FormatError(`Cannot read "${CONFIG}": "${field}" is ${jsonType(found)}, expected ${expected}`, {
      file: CONFIG,
      field,
    });
  if (typeof written === "string") templates.set("default", written);
  else if (Array.isArray(written)) {
    written.forEach((entry: unknown, index) => {
      if (
        !isJsonObject(entry) || typeof entry.name !== "string" || typeof entry.template !== "string"
      ) throw fail(`chat_template[${index}]`, entry, "an object with name and template");
      templates.set(entry.name, entry.template);
    });
  } else if (written !== undefined) throw fail("chat_template", written, "a string or a list of named ones");
  const file = await folder.readSmall(TEMPLATE);
  if (file !== undefined) templates.set("default", new TextDecoder().decode(file));
  return templates;
}

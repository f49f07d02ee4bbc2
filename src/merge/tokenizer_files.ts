/**
 * The files beside weights and config.json of a merged model: tokenizer, chat template and generation settings, copied
 * as they are from the model they come from, or rewritten where the merge changes the vocabulary or the template.
 */
import { join } from "node:path";
import { MergeError } from "../errors.ts";
import { COMPANION_FILES } from "../formats/companions.ts";
import type { ModelFolder } from "../formats/folder.ts";
import { isJsonObject, type JsonObject, parseJsonObject, parseKeepingNumbers } from "../formats/json.ts";
import { readTokenizerConfig } from "../tokenizer/tokenizer_config.ts";
import { mostCommonTemplate } from "./chat_templates.ts";
import type { MergePlan } from "./plan.ts";
import { TOKENIZER_FILE } from "./vocabulary.ts";

const TOKENIZER_CONFIG = "tokenizer_config.json";
/** Say the same as tokenizer.json, and would be wrong beside another one. */
const OTHER_FORMS: readonly string[] = [
  "added_tokens.json",
  "merges.txt",
  "tekken.json",
  "tokenizer.model",
  "tokenizer.model.v1",
  "tokenizer.model.v3",
  "vocab.json",
];
/** Take precedence over the template in tokenizer_config.json. */
const TEMPLATE_FILES: readonly string[] = ["chat_template.jinja", "chat_template.json"];

export interface CompanionFile {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** In the order of writing. */
export async function companionFiles(plan: MergePlan): Promise<readonly CompanionFile[]> {
  const folder = plan.vocabulary?.folder ?? plan.checkpoints.get(plan.leadModel)!.folder;
  const tokenizerJson = plan.vocabulary?.tokenizer.json ?? null;
  const template = await chosenTemplate(plan);
  const left = new Set([
    ...(tokenizerJson === null ? [] : OTHER_FORMS),
    ...(template === null ? [] : TEMPLATE_FILES),
  ]);
  const files: CompanionFile[] = [];
  for (const name of COMPANION_FILES.filter((each) => !left.has(each))) {
    const content = name === TOKENIZER_FILE && tokenizerJson !== null
      ? JSON.stringify(tokenizerJson)
      : name === TOKENIZER_CONFIG && (tokenizerJson !== null || template !== null)
      ? await tokenizerConfig(folder, tokenizerJson, template)
      : await folder.readSmall(name);
    if (content !== undefined) files.push({ name, content });
  }
  return files;
}

/** null: none is asked for, or "auto" found none. */
async function chosenTemplate({ config, checkpoints }: MergePlan): Promise<string | null> {
  if (config.chatTemplate !== "auto") return config.chatTemplate;
  const templates: string[] = [];
  for (const { folder } of checkpoints.values()) {
    const template = (await readTokenizerConfig(folder)).chatTemplates.get("default");
    if (template !== undefined) templates.push(template);
  }
  return mostCommonTemplate(templates);
}

async function tokenizerConfig(
  folder: ModelFolder,
  tokenizerJson: JsonObject | null,
  template: string | null,
): Promise<string | undefined> {
  const bytes = await folder.readSmall(TOKENIZER_CONFIG);
  if (bytes === undefined && template === null) return undefined;
  // Its model_max_length is often a number that no double holds.
  const config = bytes && parseKeepingNumbers(checkedText(bytes, join(folder.dir, TOKENIZER_CONFIG)));
  if (config === undefined && await folder.find(TOKENIZER_FILE) === undefined) {
    throw new MergeError(`Cannot set a chat_template: model "${folder.dir}" has no tokenizer`, {
      dir: folder.dir,
    });
  }
  const decoder = config?.added_tokens_decoder;
  const output = {
    ...config,
    ...(tokenizerJson !== null && isJsonObject(decoder)
      ? { added_tokens_decoder: addedTokensDecoder(tokenizerJson) }
      : {}),
    ...(template === null ? {} : { chat_template: template }),
  };
  return JSON.stringify(output, null, 2) + "\n";
}

/** The text of a JSON object that is sound. */
function checkedText(bytes: Uint8Array, file: string): string {
  parseJsonObject(bytes, file);
  return new TextDecoder().decode(bytes);
}

/** Added tokens by id, as newer tokenizer_config.json files repeat them. */
function addedTokensDecoder({ added_tokens: added }: JsonObject): JsonObject {
  const entries = (added as readonly JsonObject[]).map(({ id, ...entry }) => [String(id), entry]);
  return Object.fromEntries(entries);
}

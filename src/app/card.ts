/**
 * Model cards: Markdown behind YAML front matter, as model hubs have them. A card is a stranger's text: whatever in it
 * does not parse is left out.
 */
import { parse as parseYaml } from "yaml";
import { isJsonObject, type JsonObject } from "../formats/json.ts";

export interface Card {
  readonly license: string | null;
  /** Names of the models it was made from, as far as they are names. */
  readonly parents: readonly string[];
  /** Markdown without the front matter. */
  readonly description: string | null;
  /** All of the front matter; empty where there is none that parses. */
  readonly frontMatter: JsonObject;
}

export const MAX_CARD_BYTES = 256 * 1024;
const MAX_LICENSE_LENGTH = 100;
const MAX_PARENTS = 64;
/** `owner/name`, as hubs write it. */
const PARENT_PATTERN = /^\w[\w.-]{0,95}\/\w[\w.-]{0,95}$/;

export function parseCard(text: string): Card {
  const plain = text.replaceAll("\r\n", "\n");
  const [, yaml, body] = /^---\n(.*?)\n---\n?(.*)$/s.exec(plain) ?? [];
  const frontMatter = parseFrontMatter(yaml);
  return {
    license: licenseOf(frontMatter),
    parents: parentsOf(frontMatter),
    description: (body ?? plain).trim() || null,
    frontMatter,
  };
}

function parseFrontMatter(yaml: string | undefined): JsonObject {
  if (yaml === undefined) return {};
  try {
    const value: unknown = parseYaml(yaml, { maxAliasCount: 10, logLevel: "error" });
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/** As model hubs write it: an identifier, several of them, or `other` with a name beside it. */
function licenseOf({ license, license_name: name }: JsonObject): string | null {
  const told = license === "other" && typeof name === "string" ? name : license;
  const names: readonly unknown[] = Array.isArray(told) ? told : [told];
  if (names.length === 0 || !names.every((each) => typeof each === "string")) return null;
  const text = names.join(", ");
  return text.length <= MAX_LICENSE_LENGTH ? text : null;
}

function parentsOf({ base_model: told }: JsonObject): readonly string[] {
  const names: readonly unknown[] = Array.isArray(told) ? told : [told];
  const found = names.filter((name) => typeof name === "string" && PARENT_PATTERN.test(name)) as string[];
  return [...new Set(found)].slice(0, MAX_PARENTS);
}

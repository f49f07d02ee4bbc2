/**
 * Grammars as the library prints them, rule by rule. What is printed is not what the library reads: its `\xe9` is read on for
 * as long as digits follow, so that "année" comes out with another letter. {@link readable} writes that out.
 */

export interface Rule {
  readonly name: string;
  /** Each a sequence of elements; empty for no text. */
  readonly alternatives: readonly (readonly string[])[];
  /** What must follow. */
  readonly lookahead: string;
}

export function readable(printed: string): string {
  return printed.replace(
    /\\(?:x([\da-fA-F]{2})|[^])/g,
    (escape, hex) => hex === undefined ? escape : `\\u00${hex}`,
  );
}

/** By name, those that are alternatives of sequences. */
export function rulesOf(grammar: string): Map<string, Rule> {
  return new Map(
    grammar.split("\n").flatMap((line) => {
      const rule = parseRule(line);
      return rule === null ? [] : [[rule.name, rule] as const];
    }),
  );
}

export function ruleText({ name, alternatives, lookahead }: Rule): string {
  const sequences = alternatives.map((elements) => elements.length === 0 ? '""' : `(${elements.join(" ")})`);
  return `${name} ::= (${sequences.join(" | ")})${lookahead}`;
}

/**
 * Without the alternatives that never come to an end, such as an object that must hold another one of its kind: a model
 * that has begun one could not get out. RangeError where nothing is left.
 */
export function withoutEndless(grammar: string): string {
  const rules = rulesOf(grammar);
  /** What is no rule, or none of these, is a text. */
  const ending = new Set<string>();
  const isOptional = (element: string) => /\{0,/.test(element);
  const canEnd = (element: string) => !rules.has(nameIn(element)) || ending.has(nameIn(element));
  const canBe = (element: string) => canEnd(element) || isOptional(element);
  const users = new Map<string, Rule[]>();
  for (const rule of rules.values()) {
    for (const element of new Set(rule.alternatives.flat())) {
      const name = nameIn(element);
      if (rules.has(name)) users.set(name, [...users.get(name) ?? [], rule]);
    }
  }
  let waiting = [...rules.values()];
  while (waiting.length > 0) {
    const found = waiting.filter(({ name, alternatives }) =>
      !ending.has(name) && alternatives.some((elements) => elements.every(canBe))
    );
    for (const { name } of found) ending.add(name);
    waiting = [...new Set(found.flatMap(({ name }) => users.get(name) ?? []))];
  }
  if (ending.size === rules.size) return grammar;
  if (rules.has("root") && !ending.has("root")) throw new RangeError("Nothing of it ever comes to an end");
  return grammar.split("\n").flatMap((line) => {
    const rule = rules.get(line.split(" ", 1)[0]!);
    if (rule === undefined || rule.alternatives.every((elements) => elements.every(canEnd))) return [line];
    if (!ending.has(rule.name)) return [];
    const alternatives = rule.alternatives.filter((elements) => elements.every(canBe))
      .map((elements) => elements.filter(canEnd));
    return [ruleText({ ...rule, alternatives })];
  }).join("\n");
}

/** Of the rule that an element refers to, repeated or not. */
function nameIn(element: string): string {
  return isText(element) ? element : element.replace(/\{.*/, "");
}

export function isText(element: string): boolean {
  return element.startsWith('"');
}

/** Of `name ::= ((a b) | "" | (c))`, with or without a lookahead; null for what is written otherwise. */
function parseRule(line: string): Rule | null {
  const head = /^(\S+) ::= \(/.exec(line);
  if (head === null) return null;
  const body = line.slice(head[0].length - 1);
  const end = closing(body);
  if (end < 0) return null;
  const alternatives: string[][] = [];
  for (const part of split(body.slice(1, end), " | ")) {
    if (part === '""') alternatives.push([]);
    else if (part.startsWith("(") && closing(part) === part.length - 1) {
      alternatives.push(split(part.slice(1, -1), " ").filter((element) => element !== '""'));
    } else return null;
  }
  return { name: head[1]!, alternatives, lookahead: body.slice(end + 1) };
}

/** Where the bracket that text begins with is closed; -1 where it is not. */
function closing(text: string): number {
  let depth = 0;
  for (const { character, at } of outside(text)) {
    if (character === "(") depth++;
    if (character === ")" && --depth === 0) return at;
  }
  return -1;
}

/** At separators that stand in no brackets, texts or classes. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (const { character, at } of outside(text)) {
    if (character === "(" || character === "{") depth++;
    if (character === ")" || character === "}") depth--;
    if (depth > 0 || at < start || !text.startsWith(separator, at)) continue;
    parts.push(text.slice(start, at));
    start = at + separator.length;
  }
  return [...parts, text.slice(start)];
}

/** The characters that belong to no text and to no class. */
function* outside(text: string): Generator<{ readonly character: string; readonly at: number }> {
  let end = "";
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (end !== "" && character === "\\") at++;
    else if (end !== "") end = character === end ? "" : end;
    else if (character === '"' || character === "[") end = character === '"' ? '"' : "]";
    else yield { character, at };
  }
}

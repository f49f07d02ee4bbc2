/**
 * What the library would get wrong in a schema, as rules of our own: numbers with bounds, strings with patterns, formats or
 * lengths, and values that are given (of which it writes 0.1 as 0.10000000000000001, and a slash as an escape). Each goes to
 * the library as a constant with a name, and in the grammar that comes back a rule takes the place of that name. All else of
 * the schema stays as it is, to the character.
 */
import { literal } from "./grammar_characters.ts";
import { BOUNDS, integersBetween } from "./integer_ranges.ts";
import { numbersBetween } from "./number_ranges.ts";
import { DATA_INSIDE, NAMES_INSIDE, STRING_KEYWORDS } from "./schema_keywords.ts";
import { countedString } from "./string_lengths.ts";
import { limitsOf, patternAlone } from "./string_limits.ts";
import { textGrammar } from "./text_grammar.ts";
import { ANY_TEXT, type TextGrammar, type TextLimits } from "./text_limits.ts";
import { TextTerms } from "./text_terms.ts";

/** A string, a sign, or a number or word. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

const ANYTHING_INSIDE = [
  ["array", ["items", "prefixItems", "unevaluatedItems", "additionalItems"], '"items": true'],
  [
    "object",
    ["properties", "patternProperties", "additionalProperties", "unevaluatedProperties"],
    '"additionalProperties": true',
  ],
] as const;

/** Without exponents. */
const NUMBER = "-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?";

/** Those of classes included, of which a pattern has two for each. */
const MAX_RULES = 5000;

type Token = RegExpExecArray;
/** From a place in the schema's text to another. */
type Span = readonly [from: number, to: number];
interface Member {
  readonly key: Span;
  readonly value: Span;
}
type Members = ReadonlyMap<string, Member>;

export interface OwnRules {
  /** With constants in their places. */
  readonly schema: string;
  /** The grammar of `schema` with the rules; null where there are none. */
  readonly restore: ((grammar: string) => string) | null;
}

/**
 * What becomes of strings of which nothing but their length is asked: they are free, or counted by a rule for a grammar of
 * bytes (string_lengths.ts), or the library counts them, a state for every character.
 */
export type Lengths = "free" | "counted" | "library";

/**
 * `schema` is JSON that has been parsed before. RangeError where it holds what can be no rule: bounds with nothing between
 * them, an expression that is none.
 */
export function takeOwnRules(schema: string, lengths: Lengths): OwnRules {
  return new Reader(schema, lengths).read();
}

class Reader {
  readonly #schema: string;
  readonly #lengths: Lengths;
  readonly #tokens: Iterator<Token, undefined>;
  readonly #prefix: string;
  readonly #edits: { readonly span: Span; readonly text: string }[] = [];
  /** Keys that are edited already. */
  readonly #leftOut = new Set<Span>();
  readonly #rules: string[] = [];
  readonly #terms = new TextTerms();
  /** Names by what the strings are held to. */
  readonly #stringRules = new Map<string, string>();
  #names = 0;
  /** Of names of properties, which the library writes letter by letter. */
  readonly #nameRules: string[] = [];

  constructor(schema: string, lengths: Lengths) {
    this.#schema = schema;
    this.#lengths = lengths;
    this.#tokens = schema.matchAll(TOKEN);
    this.#prefix = unusedPrefix(JSON.stringify(JSON.parse(schema)));
  }

  read(): OwnRules {
    this.#value(this.#next(), { isData: false, namesOf: undefined });
    let end = 0;
    const parts = this.#edits.toSorted((a, b) => a.span[0] - b.span[0]).map(({ span: [from, to], text }) => {
      const before = this.#schema.slice(end, from);
      end = to;
      return before + text;
    });
    return {
      schema: parts.join("") + this.#schema.slice(end),
      restore: this.#rules.length === 0 ? null : (grammar) => this.#restore(grammar),
    };
  }

  #restore(grammar: string): string {
    const withNames = this.#nameRules.reduce((text, name) => {
      const letters = Array.from(name, (letter) => `"${letter}"`).join(" ");
      return text.replaceAll(String.raw`"\"" ${letters} "\""`, name);
    }, grammar.trimEnd());
    const constants = new RegExp(String.raw`\\"(${this.#prefix}\d+)\\"`, "g");
    const restored = withNames.replace(constants, '" $1 "');
    return `${restored.replace(/(?<=[( ])"" (?=\w)|(?<=\w) ""(?=[) ])/g, "")}\n${this.#rules.join("\n")}\n`;
  }

  #next(): Token {
    return this.#tokens.next().value!;
  }

  /** Reads the value that begins with this token. */
  #value(first: Token, place: { readonly isData: boolean; readonly namesOf: string | undefined }): Span {
    const { isData, namesOf } = place;
    let last = first;
    if (first[0] === "[") {
      for (last = this.#next(); last[0] !== "]"; last = this.#next()) {
        if (last[0] !== ",") this.#value(last, { isData, namesOf: undefined });
      }
    }
    if (first[0] === "{") {
      const members = new Map<string, Member>();
      const isSchema = !isData && namesOf === undefined;
      for (last = this.#next(); last[0] !== "}"; last = this.#next()) {
        if (last[0] === ",") continue;
        const name: string = JSON.parse(last[0]);
        const key = spanOf(last);
        if (namesOf === "patternProperties" && !isData) this.#edit(key, quoted(this.#nameRule(name)));
        this.#next(); // the colon
        const value = this.#value(this.#next(), {
          isData: isData || (isSchema && DATA_INSIDE.has(name)),
          namesOf: isSchema && NAMES_INSIDE.has(name) ? name : undefined,
        });
        members.set(name, { key, value });
      }
      if (isSchema) this.#schemaOf(members);
    }
    return [first.index, last.index + last[0].length];
  }

  #schemaOf(members: Members): void {
    // It says nothing (constraint.ts), but beside it the library lets any value in.
    this.#leaveOut(members, "propertyNames");
    const properties = members.get("properties");
    const names = properties === undefined
      ? []
      : Object.keys(JSON.parse(this.#schema.slice(...properties.value)));
    if (names.length > 0) {
      // With others beside them the library would let a name come twice.
      for (const others of ["additionalProperties", "unevaluatedProperties"]) this.#leaveOut(members, others);
    }
    for (const name of ["const", "enum"]) {
      const member = members.get(name);
      if (member !== undefined) return this.#given(name, member);
    }
    const type = members.get("type");
    if (type === undefined) return;
    const read = (name: string): unknown => {
      const member = members.get(name);
      return member === undefined ? undefined : JSON.parse(this.#schema.slice(...member.value));
    };
    const types = [read("type")].flat();
    for (const [each, says, by] of ANYTHING_INSIDE) {
      // Alone the type is enough; with a bound beside it the library lets nothing in.
      const isBare = types.includes(each) && !says.some((name) => members.has(name));
      if (isBare && !isSeveral(read("minProperties"))) this.#edit([type.key[0], type.key[0]], `${by}, `);
    }
    const rules = new Map<unknown, string>();
    const limits = types.includes("string") ? limitsOf(read) : null;
    const isLength = limits !== null && limits.regexes.length + limits.patterns.length === 0;
    if (limits !== null && (!isLength || this.#lengths === "counted")) {
      rules.set("string", this.#stringRule(limits));
    }
    if (types.includes("string")) {
      // Beside allOf the library would look neither at the type nor at anything in it.
      for (const name of ["minLength", "maxLength", "allOf"]) this.#leaveOut(members, name);
    }
    const lengths = isLength && this.#lengths === "library" ? lengthKeywords(limits) : "";
    const bounds = new Map(
      BOUNDS.filter((name) => members.has(name)).map((name) =>
        [name, this.#schema.slice(...members.get(name)!.value)] as const
      ),
    );
    const integers = types.includes("integer") ? integersBetween(bounds) : null;
    if (integers !== null) rules.set("integer", this.#rule(() => integers));
    if (types.includes("number") && bounds.size > 0) rules.set("number", this.#numberRule(bounds));
    if (rules.size === 0) {
      if (lengths !== "") this.#edit([type.key[0], type.key[0]], `${lengths}, `);
      return;
    }
    for (const name of [...STRING_KEYWORDS, ...BOUNDS]) this.#leaveOut(members, name);
    const branches = types.map((each) => {
      if (rules.has(each)) return `{"const":${quoted(rules.get(each)!)}}`;
      const beside = each === "string" && lengths !== "" ? `,${lengths}` : "";
      return `{"type":${quoted(each)}${beside}}`;
    });
    this.#edit(type.key, quoted("anyOf"));
    this.#edit(type.value, `[${branches.join()}]`);
  }

  /** A value, or one of several, as it is written but for white space and the escapes in strings. */
  #given(keyword: string, { key, value }: Member): void {
    const texts = new Set<string>();
    const tokens = this.#schema.slice(...value).matchAll(TOKEN);
    let depth = keyword === "enum" ? -1 : 0;
    let text = "";
    for (const [token] of tokens) {
      if (token === "]" || token === "}") depth--;
      const isBetween = depth < 0 || (depth === 0 && token === "," && keyword === "enum");
      if (isBetween) {
        if (text !== "") texts.add(text);
        text = "";
      } else text += token.startsWith('"') ? quoted(JSON.parse(token)) : token;
      if (token === "[" || token === "{") depth++;
    }
    if (text !== "") texts.add(text);
    if (texts.size === 0 || (keyword === "enum" && !this.#schema.startsWith("[", value[0]))) return;
    const name = this.#rule(() => `(${[...texts].map(literal).join(" | ")})`);
    this.#edit(key, quoted("const"));
    this.#edit(value, quoted(name));
  }

  #stringRule(limits: TextLimits): string {
    const key = JSON.stringify(limits);
    const known = this.#stringRules.get(key);
    if (known !== undefined) return known;
    const { minLength, maxLength, regexes, patterns } = limits;
    const name = this.#rule((prefix) => {
      if (regexes.length + patterns.length === 0) {
        return `(${this.#written(countedString(minLength, maxLength, prefix))})`;
      }
      const options = { prefix, inString: true };
      return String.raw`("\"" ${this.#written(textGrammar(limits, options, this.#terms))})`;
    });
    this.#stringRules.set(key, name);
    return name;
  }

  #numberRule(bounds: ReadonlyMap<string, string>): string {
    const limits = { ...ANY_TEXT, regexes: [NUMBER, ...numbersBetween(bounds)] };
    return this.#rule((prefix) =>
      `(${this.#written(textGrammar(limits, { prefix, inString: false }, this.#terms))})`
    );
  }

  #written({ expression, rules }: TextGrammar): string {
    this.#rules.push(...rules);
    if (this.#rules.length > MAX_RULES) {
      throw new RangeError(`Strings and numbers that come to more than ${MAX_RULES} rules`);
    }
    return expression;
  }

  #nameRule(regex: string): string {
    const name = this.#stringRule({ ...ANY_TEXT, ...patternAlone(regex) });
    this.#nameRules.push(name);
    return name;
  }

  /** Its name. */
  #rule(write: (prefix: string) => string): string {
    const name = `${this.#prefix}${this.#names++}`;
    this.#rules.push(`${name} ::= ${write(`${name}_`)}`);
    return name;
  }

  #leaveOut(members: Members, name: string): void {
    const key = members.get(name)?.key;
    if (key !== undefined && !this.#leftOut.has(key)) this.#edit(key, quoted("$comment"));
    if (key !== undefined) this.#leftOut.add(key);
  }

  #edit(span: Span, text: string): void {
    this.#edits.push({ span, text });
  }
}

/** As the library reads them: as whole numbers, where a schema may say 1e2, and of one schema, where it may say it in parts. */
function lengthKeywords({ minLength, maxLength }: TextLimits): string {
  return `"minLength": ${minLength}${maxLength === Infinity ? "" : `, "maxLength": ${maxLength}`}`;
}

/** A name may come twice; see schema_keywords.ts. */
function isSeveral(properties: unknown): boolean {
  return typeof properties === "number" && properties > 1;
}

function spanOf({ 0: token, index }: Token): Span {
  return [index, index + token.length];
}

function quoted(value: unknown): string {
  return JSON.stringify(value);
}

/** Of names that do not stand in a text, nor can the library make them of what does. */
function unusedPrefix(text: string): string {
  const used = new Set([...text.matchAll(/own(\d*)/g)].map(([, number]) => number));
  let number = 0;
  while (used.has(`${number}`)) number++;
  return `own${number}_`;
}

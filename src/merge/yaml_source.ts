/**
 * YAML text of strangers → plain values that still know where they stood. YAML 1.1, as PyYAML reads mergekit's files.
 * Refuses oversized texts, alias bombs, duplicate keys and unknown tags; every refusal, and every complaint of a later
 * stage, carries line and column.
 */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  visit,
} from "yaml";
import { ConfigError } from "../errors.ts";
import { quote } from "../formats/json.ts";

const MAX_TEXT = 1024 * 1024;
/** Each costs the library a walk over all anchors. */
const MAX_ALIASES = 1000;
/** How many nodes the aliases of one anchor may stand for. */
const MAX_ALIASED_NODES = 100;

/** Keys and indices from the top, such as `["slices", 0, "sources"]`. */
export type Path = readonly (string | number)[];

/** Each is a merge of its own; nobody chains more. */
const MAX_DOCUMENTS = 100;

/** The documents of a text, at least one; `file` is how messages call it. */
export function readYaml(text: string, file: string): readonly YamlSource[] {
  if (text.length > MAX_TEXT) {
    throw new ConfigError(
      `Cannot read "${file}": it has ${text.length} characters, at most ${MAX_TEXT} are read`,
      { file },
    );
  }
  const lines = new LineCounter();
  try {
    const parsed = parseAllDocuments(text, {
      version: "1.1",
      lineCounter: lines,
      prettyErrors: false,
      logLevel: "error", // its warnings would go to stderr, between the lines that are ours
      customTags: (tags) => tags.map(withoutShortBooleans),
      uniqueKeys: false, // checked below: the library's own check takes quadratic time
    });
    const documents: readonly (Document.Parsed | null)[] = parsed.length > 0 ? [...parsed] : [null];
    return documents.slice(0, MAX_DOCUMENTS + 1).map((document, index) => {
      const source = new YamlSource(document, { file, lines });
      if (index < MAX_DOCUMENTS) return source;
      throw source.error([], `expected at most ${MAX_DOCUMENTS} documents`);
    });
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const message = error instanceof Error ? error.message : String(error); // alias count, nesting depth
    throw new ConfigError(`Cannot read "${file}": ${message}`, { file }, { cause: error });
  }
}

/** YAML 1.1 also reads `y` and `n` as true and false; PyYAML does not, and they are letters that tokens and models have. */
function withoutShortBooleans<T>(tag: T): T {
  const { test } = tag as { readonly test?: RegExp };
  if (!(test instanceof RegExp) || !(test.test("y") || test.test("n"))) return tag;
  return { ...tag, test: new RegExp(`^(?![YyNn]$)(?:${test.source})`) };
}

interface Place {
  readonly file: string;
  readonly lines: LineCounter;
}

/** One document. */
export class YamlSource {
  readonly value: unknown;
  readonly #place: Place;
  readonly #root: Node | null;
  readonly #resolve: (node: Node | null) => Node | null;

  /** null: an empty text. */
  constructor(document: Document.Parsed | null, place: Place) {
    this.#place = place;
    const problem = document?.errors[0] ?? document?.warnings[0];
    if (problem !== undefined) throw this.#errorAt(problem.pos[0], problem.message);
    if (document !== null) this.#checkNodes(document);
    this.#root = document?.contents ?? null;
    this.#resolve = (node) => isAlias(node) && document !== null ? node.resolve(document) ?? null : node;
    this.value = document?.toJS({ maxAliasCount: MAX_ALIASED_NODES });
  }

  /** A complaint about the value at `path`; where that is absent, about the nearest place above it. */
  error(path: Path, message: string): ConfigError {
    return this.#errorAt(this.#offset(path, "value"), message, { field: formatPath(path) });
  }

  /** A complaint about the last key of `path` itself. */
  keyError(path: Path, message: string): ConfigError {
    return this.#errorAt(this.#offset(path, "key"), message, { field: formatPath(path) });
  }

  /** No key twice in a mapping, no alias within what it stands for, and not too many of them. */
  #checkNodes(document: Document.Parsed): void {
    let aliases = 0;
    visit(document, {
      Map: (_key, { items }) => {
        const keys = new Set<string>();
        for (const { key } of items) {
          if (!isScalar(key)) continue;
          const name = typeof key.value === "symbol" ? "<<" : String(key.value); // so the library reads a merge
          if (keys.has(name)) throw this.#errorAt(key.range?.[0] ?? 0, `key ${quote(name)} is not unique`);
          keys.add(name);
        }
      },
      Alias: (_key, { source, range }, path) => {
        if (path.some((node) => isNode(node) && "anchor" in node && node.anchor === source)) {
          throw this.#errorAt(range?.[0] ?? 0, `alias "*${source}" stands within its own anchor`);
        }
        if (++aliases > MAX_ALIASES) {
          throw this.#errorAt(range?.[0] ?? 0, `more than ${MAX_ALIASES} aliases`);
        }
      },
    });
  }

  #errorAt(offset: number, message: string, details: Record<string, unknown> = {}): ConfigError {
    const { file, lines } = this.#place;
    const { line, col } = lines.linePos(offset);
    const [shownLine, column] = [Math.max(line, 1), Math.max(col, 1)]; // an empty text has no line 1 for the counter
    return new ConfigError(`${file}:${shownLine}:${column}: ${message}`, {
      file,
      line: shownLine,
      column,
      ...details,
    });
  }

  #offset(path: Path, aim: "value" | "key"): number {
    let node = this.#resolve(this.#root);
    let offset = node?.range?.[0] ?? 0;
    for (const [depth, key] of path.entries()) {
      const found = child(node, key);
      if (found === undefined) break;
      // A nested mapping begins on the line after its key: there the key is the better place to point at.
      const atKey = isMap(found.value) || found.value === null ||
        (aim === "key" && depth === path.length - 1);
      offset = (atKey ? found.key : found.value)?.range?.[0] ?? offset;
      node = this.#resolve(found.value);
    }
    return offset;
  }
}

/** What lies under a key of a mapping or an index of a list; items of a list are their own key. */
function child(node: Node | null, key: string | number): { key: Node; value: Node | null } | undefined {
  if (isMap(node)) {
    const pairs = node.items as Pair<Node, Node | null>[];
    return pairs.find((pair) => isScalar(pair.key) && pair.key.value === key);
  }
  const item = isSeq(node) && typeof key === "number" ? node.items[key] as Node | undefined : undefined;
  return item && { key: item, value: item };
}

/** `slices[0].sources[1].layer_range` */
export function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, key) => typeof key === "number" ? `${text}[${key}]` : text === "" ? key : `${text}.${key}`,
    "",
  );
}

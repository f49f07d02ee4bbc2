/**
 * YAML text of strangers → plain values that still know where they stood. YAML 1.1, as PyYAML reads mergekit's files.
 * Refuses oversized texts, alias bombs, duplicate keys, unknown tags and several documents; every refusal, and every
 * complaint of a later stage, carries line and column.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from "yaml";
import { ConfigError } from "../errors.ts";

const MAX_TEXT = 1024 * 1024;
/** How many nodes aliases may stand for in all. */
const MAX_ALIASES = 100;

/** Keys and indices from the top, such as `["slices", 0, "sources"]`. */
export type Path = readonly (string | number)[];

export class YamlSource {
  readonly value: unknown;
  readonly #file: string;
  readonly #root: Node | null;
  readonly #lines: LineCounter;
  readonly #resolve: (node: Node | null) => Node | null;

  /** `file` is how messages call the text. */
  constructor(text: string, file: string) {
    this.#file = file;
    this.#lines = new LineCounter();
    if (text.length > MAX_TEXT) {
      throw new ConfigError(
        `Cannot read "${file}": it has ${text.length} characters, at most ${MAX_TEXT} are read`,
        { file },
      );
    }
    try {
      const document = parseDocument(text, {
        version: "1.1",
        lineCounter: this.#lines,
        prettyErrors: false,
        uniqueKeys: true,
      });
      const problem = document.errors[0] ?? document.warnings[0];
      if (problem !== undefined) throw this.#errorAt(problem.pos[0], problem.message);
      this.#root = document.contents;
      this.#resolve = (node) => isAlias(node) ? node.resolve(document) ?? null : node;
      this.value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      const message = error instanceof Error ? error.message : String(error); // alias count, nesting depth
      throw new ConfigError(`Cannot read "${file}": ${message}`, { file }, { cause: error });
    }
  }

  /** A complaint about the value at `path`; where that is absent, about the nearest place above it. */
  error(path: Path, message: string, details: Record<string, unknown> = {}): ConfigError {
    return this.#errorAt(this.#offset(path), message, { field: formatPath(path), ...details });
  }

  #errorAt(offset: number, message: string, details: Record<string, unknown> = {}): ConfigError {
    const { line, col } = this.#lines.linePos(offset);
    const [shownLine, column] = [Math.max(line, 1), Math.max(col, 1)]; // an empty text has no line 1 for the counter
    return new ConfigError(`${this.#file}:${shownLine}:${column}: ${message}`, {
      file: this.#file,
      line: shownLine,
      column,
      ...details,
    });
  }

  #offset(path: Path): number {
    let node = this.#resolve(this.#root);
    let offset = node?.range?.[0] ?? 0;
    for (const key of path) {
      let next: Node | null = null;
      if (isMap(node)) {
        const pair = (node.items as Pair<Node, Node | null>[]).find((p) =>
          isScalar(p.key) && p.key.value === key
        );
        if (pair === undefined) break;
        next = isScalar(pair.value) || isSeq(pair.value) ? pair.value : pair.key;
        offset = next.range?.[0] ?? offset;
        next = pair.value;
      } else if (isSeq(node) && typeof key === "number") {
        next = node.items[key] as Node | null ?? null;
        if (next === null) break;
        offset = next.range?.[0] ?? offset;
      } else break;
      node = this.#resolve(next);
    }
    return offset;
  }
}

/** `slices[0].sources[1].layer_range` */
export function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, key) => typeof key === "number" ? `${text}[${key}]` : text === "" ? key : `${text}.${key}`,
    "",
  );
}

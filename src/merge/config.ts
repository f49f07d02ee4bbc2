/**
 * A mergekit configuration, parsed and checked for form: what it says, not whether the models it names agree. Unknown
 * keys are refused by name, for a key that is silently ignored is a merge that is silently another one. Which
 * parameters exist is the merge method's business (see methods/).
 */
import { ConfigError } from "../errors.ts";
import { quote } from "../formats/json.ts";
import { CONFIG_DTYPE_NAMES, parseConfigDtype, type WeightDtype } from "../tensor/dtype.ts";
import { formatPath, type Path, YamlSource } from "./yaml_source.ts";

export type Scalar = number | boolean;
/** One entry of a filtered list: for output tensors whose name contains `filter`; null or "*": for all. */
export interface Conditional {
  readonly filter: string | null;
  readonly value: Scalar | readonly number[];
}
/** A number, a gradient over the layers of a slice, or a list of conditions of which the first that matches decides. */
export type Setting =
  | { readonly kind: "plain"; readonly value: Scalar | readonly number[] }
  | { readonly kind: "filtered"; readonly entries: readonly Conditional[] };

/** Settings by parameter name, with the place they stand in, for messages and lookups. */
export interface Parameters {
  readonly path: Path;
  readonly settings: ReadonlyMap<string, Setting>;
}

export interface InputSource {
  /** The name or path as written. */
  readonly model: string;
  /** Half open; null: all layers (the `models:` syntax). */
  readonly layerRange: readonly [number, number] | null;
  readonly parameters: Parameters;
  readonly path: Path;
}
export interface OutputSlice {
  readonly sources: readonly InputSource[];
  readonly baseModel: string | null;
  readonly parameters: Parameters;
  readonly path: Path;
}
export interface MergeConfig {
  readonly text: string;
  readonly method: string;
  readonly baseModel: string | null;
  /** Inputs are rounded to this before anything else; null: taken as they are. */
  readonly dtype: WeightDtype | null;
  /** Results are rounded to this when written; null: to `dtype`, or else to the base tensor's. */
  readonly outDtype: WeightDtype | null;
  readonly slices: readonly OutputSlice[];
  readonly parameters: Parameters;
  /** "base": all models must share the base model's vocabulary (see vocabulary.ts). */
  readonly tokenizerSource: "base" | null;
  /** Line and column for a complaint about a part of this configuration. */
  readonly error: (path: Path, message: string) => ConfigError;
}

/** Keys of mergekit that Geodesic knows but does not carry out; null switches them off, which is fine. */
const UNSUPPORTED = ["modules", "tokenizer", "chat_template"];
const TOP_KEYS = [
  "merge_method",
  "base_model",
  "dtype",
  "out_dtype",
  "slices",
  "models",
  "parameters",
  "tokenizer_source",
  ...UNSUPPORTED,
];

/** Parses YAML `text`; `file` is how messages call it. Throws ConfigError with line and column. */
export function parseMergeConfig(text: string, file: string): MergeConfig {
  const yaml = new YamlSource(text, file);
  const root = new Cursor(yaml, [], yaml.value).record(TOP_KEYS);
  for (const key of UNSUPPORTED) {
    if (root.has(key)) {
      throw root.get(key).fail(`"${key}" is not supported: ${SUPPORTED_INSTEAD}`);
    }
  }
  if (root.has("slices") === root.has("models")) {
    throw root.at(root.has("slices") ? "slices" : "models").fail(
      'expected exactly one of "slices" and "models"',
    );
  }
  const slices = root.has("slices")
    ? root.get("slices").list().map(parseSlice)
    : [parseModels(root.get("models"))];
  const byName = (name: string) => root.has(name) ? root.get(name).string() : null;
  return {
    text,
    method: root.at("merge_method").string(),
    baseModel: byName("base_model"),
    dtype: root.has("dtype") ? root.get("dtype").dtype() : null,
    outDtype: root.has("out_dtype") ? root.get("out_dtype").dtype() : null,
    slices,
    parameters: root.at("parameters").parameters(),
    tokenizerSource: root.has("tokenizer_source") ? root.get("tokenizer_source").tokenizerSource() : null,
    error: (path, message) => yaml.error(path, message),
  };
}
const SUPPORTED_INSTEAD =
  "tokenizer files are taken from the base model as they are, and all layers form one module";

function parseSlice(cursor: Cursor): OutputSlice {
  const slice = cursor.record(["sources", "base_model", "parameters"]);
  const sources = slice.at("sources").list().map((item) => {
    const source = item.record(["model", "layer_range", "parameters"]);
    return {
      model: source.at("model").string(),
      layerRange: source.at("layer_range").layerRange(),
      parameters: source.at("parameters").parameters(),
      path: item.path,
    };
  });
  return {
    sources,
    baseModel: slice.has("base_model") ? slice.get("base_model").string() : null,
    parameters: slice.at("parameters").parameters(),
    path: cursor.path,
  };
}

function parseModels(cursor: Cursor): OutputSlice {
  const sources = cursor.list().map((item) => {
    const source = item.record(["model", "parameters"]);
    return {
      model: source.at("model").string(),
      layerRange: null,
      parameters: source.at("parameters").parameters(),
      path: item.path,
    };
  });
  return {
    sources,
    baseModel: null,
    parameters: { path: cursor.path, settings: new Map() },
    path: cursor.path,
  };
}

/** A value and where it stands; each reader checks one form. */
class Cursor {
  readonly path: Path;
  readonly #yaml: YamlSource;
  readonly #value: unknown;

  constructor(yaml: YamlSource, path: Path, value: unknown) {
    this.#yaml = yaml;
    this.path = path;
    this.#value = value;
  }

  fail(message: string): ConfigError {
    return this.#yaml.error(this.path, message);
  }

  #wrong(expected: string): ConfigError {
    const found = this.#value === undefined || this.#value === null ? "missing" : quote(this.#value);
    const where = formatPath(this.path) || "the configuration";
    return this.fail(`${where} is ${found}, expected ${expected}`);
  }

  record(keys: readonly string[]): RecordCursor {
    const value = this.#value;
    if (typeof value !== "object" || value === null || Array.isArray(value) || value instanceof Date) {
      throw this.#wrong(`a mapping with ${keys.slice(0, 3).join(", ")}, …`);
    }
    for (const key of Object.keys(value)) {
      if (!keys.includes(key)) {
        const message = `unknown key ${quote(key)}, expected one of ${keys.join(", ")}`;
        throw this.#yaml.keyError([...this.path, key], message);
      }
    }
    return new RecordCursor(this.#yaml, this.path, value as Readonly<Record<string, unknown>>);
  }

  list(): Cursor[] {
    if (!Array.isArray(this.#value) || this.#value.length === 0) {
      throw this.#wrong("a list that is not empty");
    }
    return this.#value.map((item: unknown, i) => new Cursor(this.#yaml, [...this.path, i], item));
  }

  string(): string {
    if (typeof this.#value !== "string" || this.#value === "") throw this.#wrong("a string");
    return this.#value;
  }

  dtype(): WeightDtype {
    const dtype = typeof this.#value === "string" ? parseConfigDtype(this.#value) : undefined;
    if (dtype === undefined) throw this.#wrong(`one of ${CONFIG_DTYPE_NAMES.join(", ")}`);
    return dtype;
  }

  tokenizerSource(): "base" {
    if (this.#value === "base") return "base";
    throw this.#wrong('"base": vocabularies that differ are not supported yet');
  }

  layerRange(): readonly [number, number] {
    const value = this.#value;
    if (Array.isArray(value) && value.length === 2) {
      const [from, to] = value as unknown[];
      if (isLayer(from) && isLayer(to) && from < to) return [from, to];
    }
    throw this.#wrong("two integers [first, end) with 0 <= first < end");
  }

  parameters(): Parameters {
    const settings = new Map<string, Setting>();
    if (this.#value === undefined || this.#value === null) return { path: this.path, settings };
    if (typeof this.#value !== "object" || Array.isArray(this.#value) || this.#value instanceof Date) {
      throw this.#wrong("a mapping of parameter names to settings");
    }
    for (const [name, value] of Object.entries(this.#value)) {
      settings.set(name, new Cursor(this.#yaml, [...this.path, name], value).setting());
    }
    return { path: this.path, settings };
  }

  setting(): Setting {
    if (Array.isArray(this.#value) && this.#value.some((item) => typeof item === "object" && item !== null)) {
      return { kind: "filtered", entries: this.list().map((item) => item.#conditional()) };
    }
    return { kind: "plain", value: this.#plain("a number, a list of numbers, or a list of {filter, value}") };
  }

  #conditional(): Conditional {
    const entry = this.record(["filter", "value"]);
    return {
      filter: entry.has("filter") ? entry.get("filter").#filter() : null,
      value: entry.at("value").#plain("a number or a list of numbers"),
    };
  }

  /** Any string: the empty one is a part of every name. */
  #filter(): string {
    if (typeof this.#value !== "string") throw this.#wrong("a part of tensor names");
    return this.#value;
  }

  #plain(expected: string): Scalar | readonly number[] {
    const value = this.#value;
    if (typeof value === "boolean") return value;
    const items: readonly unknown[] = Array.isArray(value) ? value : [value];
    const infinite = items.findIndex((item) => typeof item === "number" && !Number.isFinite(item));
    if (infinite >= 0) {
      const path = Array.isArray(value) ? [...this.path, infinite] : this.path;
      throw this.#yaml.error(path, `${formatPath(path)} is ${items[infinite]}, expected a finite number`);
    }
    if (items.length === 0 || !items.every((item) => typeof item === "number")) throw this.#wrong(expected);
    return value as number | readonly number[];
  }
}

class RecordCursor {
  readonly #yaml: YamlSource;
  readonly #path: Path;
  readonly #record: Readonly<Record<string, unknown>>;

  constructor(yaml: YamlSource, path: Path, record: Readonly<Record<string, unknown>>) {
    this.#yaml = yaml;
    this.#path = path;
    this.#record = record;
  }

  /** Present and not null. */
  has(key: string): boolean {
    const value = Object.hasOwn(this.#record, key) ? this.#record[key] : undefined;
    return value !== undefined && value !== null;
  }

  get(key: string): Cursor {
    return new Cursor(this.#yaml, [...this.#path, key], this.#record[key]);
  }

  /** Like get(); an absent key reads as `undefined`, for readers that say so. */
  at(key: string): Cursor {
    return new Cursor(this.#yaml, [...this.#path, key], this.has(key) ? this.#record[key] : undefined);
  }
}

function isLayer(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= 1_000_000;
}

/**
 * Readers for the parts of a parsed YAML document: each checks one form and refuses anything else with line and column.
 * Unknown keys are refused by name, for a key that is silently ignored is a merge that is silently another one.
 */
import type { ConfigError } from "../errors.ts";
import { quote } from "../formats/json.ts";
import { CONFIG_DTYPE_NAMES, parseConfigDtype, type WeightDtype } from "../tensor/dtype.ts";
import type { Conditional, Parameters, Scalar, Setting } from "./settings.ts";
import { RECORD_LIMITS } from "./record.ts";
import { type Read, readAll, readEach } from "./problems.ts";
import { formatPath, type Path, type YamlSource } from "./yaml_source.ts";

/** A value and where it stands; each reader checks one form. */
export class Cursor {
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
    const record = this.#mapping(keys);
    this.#refuseUnknown(keys);
    return record;
  }

  /** What `readersOf` reads of a mapping; the complaints of all of them, and about every unknown key, come together. */
  parts<R extends Readonly<Record<string, () => unknown>>>(
    keys: readonly string[],
    readersOf: (record: RecordCursor) => R,
  ): Read<R> {
    const readers = readersOf(this.#mapping(keys));
    const { read } = readAll({ keys: () => this.#refuseUnknown(keys), read: () => readAll(readers) });
    return read;
  }

  #mapping(keys: readonly string[]): RecordCursor {
    if (!this.isMapping()) {
      throw this.#wrong(`a mapping with ${keys.slice(0, 3).join(", ")}, …`);
    }
    return new RecordCursor(this.#yaml, this.path, this.#value as Readonly<Record<string, unknown>>);
  }

  #refuseUnknown(keys: readonly string[]): void {
    const unknown = Object.keys(this.#value as object).filter((key) => !keys.includes(key));
    readEach(unknown, (key) => {
      const message = `unknown key ${quote(key)}, expected one of ${keys.join(", ")}`;
      throw this.#yaml.keyError([...this.path, key], message);
    });
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

  boolean(): boolean {
    if (typeof this.#value !== "boolean") throw this.#wrong("true or false");
    return this.#value;
  }

  integer(min: number, max: number): number {
    const value = this.#value;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw this.#wrong(`an integer from ${min} to ${max}`);
  }

  /** Whether a mapping stands here. */
  isMapping(): boolean {
    return typeof this.#value === "object" && this.#value !== null && !Array.isArray(this.#value) &&
      !(this.#value instanceof Date);
  }

  /** A mapping with keys of the user's choice. */
  entries(): readonly (readonly [string, Cursor])[] {
    if (!this.isMapping()) throw this.#wrong("a mapping");
    return Object.entries(this.#value as object).map(([key, value]) =>
      [key, new Cursor(this.#yaml, [...this.path, key], value)] as const
    );
  }

  /**
   * mergekit's reference to a model: `path`, `path@revision`, or `{model: {path, revision}}`. Comes out as `path` or
   * `path@revision`. Adapters (`path+adapter`) and other overrides are refused by name.
   */
  model(): string {
    if (!this.isMapping()) {
      const text = this.string();
      const [path, adapter] = text.split("+");
      if (adapter !== undefined) {
        throw this.fail(
          `${quote(text)} asks for the adapter ${quote(adapter)} on ${
            quote(path)
          }, and "lora" is not supported: ` +
            "for a folder with + in its name, write {model: {path: …}}",
        );
      }
      return this.#modelPath();
    }
    const reference = this.record(["model", "lora", "override_architecture"]);
    for (const key of ["lora", "override_architecture"]) {
      if (reference.has(key)) throw reference.get(key).fail(`"${key}" is not supported`);
    }
    return reference.at("model").#modelPath();
  }

  #modelPath(): string {
    if (!this.isMapping()) {
      const text = this.string();
      if (text.split("@").length > 2) throw this.fail(`${quote(text)} has more than one revision`);
      return this.#short(text);
    }
    const place = this.record(["path", "revision"]);
    const revision = place.has("revision") ? `@${place.get("revision").string()}` : "";
    return this.#short(place.at("path").string() + revision);
  }

  /** What others call something by. */
  name(): string {
    return this.#short(this.string());
  }

  #short(name: string): string {
    if (name.length <= RECORD_LIMITS.text) return name;
    throw this.#wrong(`a name of at most ${RECORD_LIMITS.text} characters`);
  }

  /** Of models: not empty, and not longer than a record holds. */
  sources(): Cursor[] {
    const sources = this.list();
    if (sources.length <= RECORD_LIMITS.sources) return sources;
    throw this.fail(
      `${formatPath(this.path)} has ${sources.length} models, expected at most ${RECORD_LIMITS.sources}`,
    );
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
    if (!this.isMapping()) throw this.#wrong("a mapping of parameter names to settings");
    readEach(this.entries(), ([name, cursor]) => settings.set(name, cursor.setting()));
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
    if (typeof this.#value === "string" && this.#value.length <= RECORD_LIMITS.text) return this.#value;
    throw this.#wrong(`a part of tensor names, of at most ${RECORD_LIMITS.text} characters`);
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
    if (items.length > RECORD_LIMITS.gradient) throw this.#wrong(`at most ${RECORD_LIMITS.gradient} numbers`);
    return value as number | readonly number[];
  }
}

export class RecordCursor {
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

/**
 * Typed access to the fields of a parsed JSON object. Each getter checks presence, type and range, and its refusal
 * names file, field, what was found and what was expected. `null` counts as absent, as in Hugging Face configurations.
 */
import { FormatError } from "../errors.ts";
import { type JsonObject, quote } from "./json.ts";

export interface NumberRange {
  readonly min: number;
  readonly max: number;
}

const MAX_TOKEN_ID = 2 ** 31 - 1;

export class Fields {
  readonly #object: JsonObject;
  readonly #file: string;

  constructor(object: JsonObject, file: string) {
    this.#object = object;
    this.#file = file;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#object, name) && this.#object[name] !== null;
  }

  /** The raw value; `undefined` where absent or null. */
  raw(name: string): unknown {
    return this.has(name) ? this.#object[name] : undefined;
  }

  integer(name: string, range: NumberRange, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    if (
      typeof value === "number" && Number.isSafeInteger(value) && value >= range.min && value <= range.max
    ) {
      return value;
    }
    throw this.error(name, value, `an integer from ${range.min} to ${range.max}`);
  }

  number(name: string, range: NumberRange, fallback?: number): number {
    const value = this.raw(name) ?? fallback;
    if (typeof value === "number" && value >= range.min && value <= range.max) return value;
    throw this.error(name, value, `a number from ${range.min} to ${range.max}`);
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.raw(name) ?? fallback;
    if (typeof value === "boolean") return value;
    throw this.error(name, value, "true or false");
  }

  string(name: string, fallback?: string): string {
    const value = this.raw(name) ?? fallback;
    if (typeof value === "string") return value;
    throw this.error(name, value, "a string");
  }

  optionalString(name: string): string | null {
    return this.has(name) ? this.string(name) : null;
  }

  optionalInteger(name: string, range: NumberRange): number | null {
    return this.has(name) ? this.integer(name, range) : null;
  }

  optionalNumber(name: string, range: NumberRange): number | null {
    return this.has(name) ? this.number(name, range) : null;
  }

  /** A token id; some configurations write -1 for "none". */
  optionalTokenId(name: string): number | null {
    const id = this.optionalInteger(name, { min: -1, max: MAX_TOKEN_ID });
    return id === -1 ? null : id;
  }

  /** Token ids: absent → [], one number → [it], a list of numbers → itself. */
  tokenIds(name: string): readonly number[] {
    const value = this.raw(name) ?? [];
    const ids: unknown[] = Array.isArray(value) ? value : [value];
    for (const id of ids) {
      if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 0 || id > MAX_TOKEN_ID) {
        throw this.error(name, value, `a token id or a list of them, each from 0 to ${MAX_TOKEN_ID}`);
      }
    }
    return ids as number[];
  }

  error(name: string, found: unknown, expected: string): FormatError {
    const what = found === undefined ? "nothing" : quote(found);
    return new FormatError(`Cannot read "${this.#file}": field "${name}" is ${what}, expected ${expected}`, {
      file: this.#file,
      field: name,
      found: what,
      expected,
    });
  }
}

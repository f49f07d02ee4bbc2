/**
 * Several complaints as one error, so that who writes a configuration learns of them in one go: `details.problems` holds
 * each in words of its own, with its place where it has one.
 */
import { ConfigError, GeodesicError, NotFoundError } from "../errors.ts";

/** Enough to work on; a text of a megabyte can be wrong in many more places. */
const MAX_PROBLEMS = 100;
/** In the message itself. */
const SHOWN_PROBLEMS = 8;

type Readers = Readonly<Record<string, () => unknown>>;
export type Read<R extends Readers> = { readonly [K in keyof R]: ReturnType<R[K]> };

/** What each of `readers` gives, in their order; ConfigError with the complaints of all that refuse. */
export function readAll<R extends Readers>(readers: R): Read<R> {
  const keys = Object.keys(readers);
  const values = readEach(keys, (key) => readers[key]!());
  return Object.fromEntries(keys.map((key, i) => [key, values[i]])) as Read<R>;
}

/** What `read` gives for each item; ConfigError with the complaints about all that it refuses. */
export function readEach<T, V>(items: readonly T[], read: (item: T) => V): readonly V[] {
  const errors: ConfigError[] = [];
  const values: V[] = [];
  for (const item of items) {
    try {
      values.push(read(item));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      errors.push(error);
      if (errors.flatMap(problemsOf).length >= MAX_PROBLEMS) break;
    }
  }
  throwAll(errors);
  return values;
}

/** Throws where there is an error: the only one as it is, several as one; `more` are problems in words. */
export function throwAll(errors: readonly GeodesicError[], more: readonly string[] = []): void {
  const first = errors.find((error) => error instanceof ConfigError) ?? errors[0];
  if (first === undefined) return;
  if (errors.length === 1 && more.length === 0) throw first;
  const problems = [...errors.flatMap(problemsOf), ...more];
  const ErrorClass = first instanceof ConfigError ? ConfigError : NotFoundError;
  throw new ErrorClass(summaryOf(problems), { ...first.details, problems }, { cause: first });
}

/** The first of them in one line. */
export function summaryOf(problems: readonly string[]): string {
  const more = problems.length > SHOWN_PROBLEMS ? `; and ${problems.length - SHOWN_PROBLEMS} more` : "";
  return problems.slice(0, SHOWN_PROBLEMS).join("; ") + more;
}

/** What an error says, problem by problem. */
export function problemsOf(error: GeodesicError): readonly string[] {
  const { problems } = error.details;
  return Array.isArray(problems) ? problems.map(String) : [error.message];
}

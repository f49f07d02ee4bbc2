/**
 * Names of properties, as the library must get them. It puts a name between quotation marks of its own grammar as it
 * stands, so that a quotation mark would end the string there and a backslash would be taken for an escape of that
 * grammar: a name such as `a\nb` would come out as one that holds a line end. Here names are written as JSON writes them,
 * and that as the grammar does. All else of the schema stays as it is, to the character: numbers keep their digits.
 */
import { DATA_INSIDE, NAMES_INSIDE } from "./schema_keywords.ts";

/** A string, a sign, or a number or word. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s"{}[\],:]+/g;

/** What the keys and strings of a value are. */
interface Place {
  /** The keyword whose names the keys of this object are. */
  readonly namesOf?: string | undefined;
  readonly isData?: boolean;
  readonly areRequired?: boolean;
}

/** `schema` is JSON that has been parsed before. */
export function escapeNames(schema: string): string {
  const edits: { readonly at: number; readonly length: number; readonly text: string }[] = [];
  const tokens = schema.matchAll(TOKEN);
  const next = () => tokens.next().value!;
  const escapeToken = ({ 0: token, index }: RegExpExecArray) => {
    const text = JSON.stringify(escaped(JSON.parse(token)));
    edits.push({ at: index, length: token.length, text });
  };
  /** Reads the value that begins with this token. */
  const value = (first: RegExpExecArray, place: Place): void => {
    const { namesOf, isData = false, areRequired = false } = place;
    if (first[0] === "[") {
      for (let token = next(); token[0] !== "]"; token = next()) {
        if (token[0] !== ",") value(token, { isData, areRequired });
      }
    } else if (first[0] === "{") {
      for (let token = next(); token[0] !== "}"; token = next()) {
        if (token[0] === ",") continue;
        if (namesOf === "properties") escapeToken(token);
        const key: string = JSON.parse(token[0]);
        next(); // the colon
        const isKeyword = namesOf === undefined && !isData;
        value(next(), {
          namesOf: isKeyword && NAMES_INSIDE.has(key) ? key : undefined,
          isData: isData || (isKeyword && DATA_INSIDE.has(key)),
          areRequired: isKeyword && key === "required",
        });
      }
    } else if (areRequired && first[0].startsWith('"')) escapeToken(first);
  };
  value(next(), {});
  let end = 0;
  const parts = edits.flatMap(({ at, length, text }) => {
    const before = schema.slice(end, at);
    end = at + length;
    return [before, text];
  });
  return parts.join("") + schema.slice(end);
}

function escaped(name: string): string {
  return JSON.stringify(name).slice(1, -1).replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}

/**
 * Keeps apart what a chat template writes and what people wrote. A template joins both into one string, in which a
 * `</s>` typed by a user looks like the template's own. So before rendering, characters of the contents that could
 * take part in a control token are exchanged for private-use stand-ins, and afterwards these are put back and
 * remembered: no control token may contain such a position. Contents without anything like a part of a control
 * token reach the template unchanged.
 *
 * A template may also take a part out of a content, as one that deletes every `/think` does, and so make `</s>` of
 * `<//thinks>`. That is why every mark (`<` and such) with which tokens are told from words is exchanged, too.
 */
import { ConfigError } from "../errors.ts";
import { TokenTrie } from "./token_trie.ts";

/** What is looked for in a token, the likeliest first. Neither letters, which have a case, nor what JSON escapes. */
const MARKS = "<[|{(@#&$=^~*`!?;:/>]}),%_+-.";

const PRIVATE_USE = { first: 0xe000, last: 0xf8ff };

export interface MarkedText {
  readonly text: string;
  /** Positions (UTF-16 code units) that no added token may contain. */
  readonly untrusted: ReadonlySet<number>;
}

export class UntrustedText {
  /** One behind the other. */
  readonly #all: string;
  readonly #forward: TokenTrie<true>;
  readonly #backward: TokenTrie<true>;
  readonly #exchange: (text: string) => string;
  /** Of every token one, where it has any. */
  readonly #marks: RegExp | null;

  /**
   * `tokens`: contents of the added tokens. Where a normalizer writes characters as others before tokens are looked for,
   * `exchange` does, too: what is one only then is guarded as well.
   */
  constructor(tokens: readonly string[], exchange: (text: string) => string = (text) => text) {
    const written = [...new Set([...tokens, ...tokens.map(exchange)])];
    this.#all = written.join("\0");
    this.#exchange = exchange;
    const marks = new Set(
      written.flatMap((token) => Array.from(MARKS).find((mark) => token.includes(mark)) ?? []),
    );
    this.#marks = marks.size === 0 ? null : new RegExp(`[${[...marks].map(escaped).join("")}]`, "g");
    this.#forward = new TokenTrie(written.map((token) => [token, true]));
    this.#backward = new TokenTrie(written.map((token) => [reverse(token), true]));
  }

  /**
   * Renders with guarded contents. `render` gets them in the same order, and what gives the text that stands there for any
   * part of them; `otherTexts` are all other strings it may
   * write (the template itself), so that no stand-in is among them.
   */
  render(
    contents: readonly string[],
    otherTexts: readonly string[],
    render: (guarded: readonly string[], plain: (text: string) => string) => string,
  ): MarkedText {
    const guards = contents.map((content) => {
      const exchanged = this.#exchange(content);
      const guards = this.#positionsToGuard(content);
      return exchanged === content ? guards : new Set([...guards, ...this.#positionsToGuard(exchanged)]);
    });
    const standIns = new StandIns([...contents, ...otherTexts]);
    const guarded = contents.map((content, index) => standIns.put(content, guards[index]!));
    return standIns.restore(render(guarded, (text) => standIns.plain(text)));
  }

  /**
   * One position in every part of the content that could be a part of an added token: tokens that lie inside, the
   * content's end where a token may begin, its start where one may end, and the whole of a short content.
   * White space is never chosen, because templates trim it. Besides, every mark of a token.
   */
  #positionsToGuard(content: string): ReadonlySet<number> {
    const guarded = new Set<number>();
    for (const { index } of this.#marks === null ? [] : content.matchAll(this.#marks)) guarded.add(index);
    const guard = (start: number, end: number) => {
      const offset = content.slice(start, end).search(/\S/);
      if (offset < 0) return false;
      guarded.add(start + offset);
      // The template is never given half of a character.
      if (content.codePointAt(start + offset)! > 0xffff) guarded.add(start + offset + 1);
      return true;
    };
    const end = content.trimEnd().length;
    const begin = content.length - content.trimStart().length;
    for (let i = 0; i < end; i++) {
      // Longer ones that begin here contain what is guarded of the shortest that is not white space.
      for (const match of this.#forward.matches(content, i)) if (guard(i, match.end)) break;
    }
    const longest = this.#forward.longest - 1;
    for (let start = Math.max(begin, end - longest); start < end; start++) {
      if (this.#forward.isProperPrefix(content, start, end)) guard(start, end);
    }
    const head = reverse(content.slice(begin, Math.min(end, begin + longest)));
    for (let start = 0; start < head.length; start++) {
      if (this.#backward.isProperPrefix(head, start, head.length)) guard(begin, begin + head.length - start);
    }
    const middle = content.slice(begin, end);
    if (middle.length < longest && this.#all.includes(middle)) guard(begin, end);
    return guarded;
  }
}

/** Private-use characters that occur in none of the texts involved, each standing for one code unit. */
class StandIns {
  readonly #texts: readonly string[];
  readonly #standInOf = new Map<string, string>();
  readonly #unitOf = new Map<string, string>();
  #next = PRIVATE_USE.first;

  constructor(texts: readonly string[]) {
    this.#texts = texts;
  }

  put(content: string, positions: ReadonlySet<number>): string {
    if (positions.size === 0) return content;
    const units = content.split("");
    for (const position of positions) units[position] = this.#standIn(units[position]!);
    return units.join("");
  }

  /** With what the stand-ins stand for. */
  plain(text: string): string {
    if (this.#unitOf.size === 0) return text;
    return text.replace(/[\ue000-\uf8ff]/g, (unit) => this.#unitOf.get(unit) ?? unit);
  }

  restore(rendered: string): MarkedText {
    const untrusted = new Set<number>();
    if (this.#unitOf.size === 0) return { text: rendered, untrusted };
    const units = rendered.split("");
    units.forEach((unit, position) => {
      const original = this.#unitOf.get(unit);
      if (original === undefined) return;
      units[position] = original;
      untrusted.add(position);
    });
    return { text: units.join(""), untrusted };
  }

  #standIn(unit: string): string {
    const known = this.#standInOf.get(unit);
    if (known !== undefined) return known;
    while (this.#next <= PRIVATE_USE.last) {
      const candidate = String.fromCharCode(this.#next++);
      if (this.#texts.some((text) => text.includes(candidate))) continue;
      this.#standInOf.set(unit, candidate);
      this.#unitOf.set(candidate, unit);
      return candidate;
    }
    throw new ConfigError("Cannot render the messages: they use every private-use character there is");
  }
}

function escaped(mark: string): string {
  return `\\u${mark.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function reverse(text: string): string {
  return text.split("").reverse().join("");
}

/** What somebody may have meant by a word that is none of those known: the ones that it differs from by a slip or two. */

/** A slip for so many characters is taken for one. */
const CHARACTERS_PER_SLIP = 3;
const MAX_SUGGESTIONS = 3;
/** Of a stranger's word: beyond it nobody has mistyped anything. */
const MAX_LENGTH = 100;

/** `; did you mean "a" or "b"?` of what {@link nearest} found; empty for nothing. */
export function didYouMean(near: readonly string[]): string {
  return near.length === 0 ? "" : `; did you mean ${near.map((one) => `"${one}"`).join(" or ")}?`;
}

/** The nearest of `known`, by edit distance without regard to case; `partly`: to any part of them, as to one of a path. */
export function nearest(
  word: string,
  known: Iterable<string>,
  { partly = false }: { readonly partly?: boolean } = {},
): readonly string[] {
  if (word === "" || word.length > MAX_LENGTH) return [];
  const most = Math.floor(word.length / CHARACTERS_PER_SLIP);
  const found = [...known].map((one) => ({
    one,
    slips: slips(word.toLowerCase(), one.toLowerCase(), partly),
  }))
    .filter(({ one, slips }) => slips <= most && one.length <= 2 * MAX_LENGTH);
  const least = Math.min(...found.map(({ slips }) => slips));
  return found.filter(({ slips }) => slips === least).map(({ one }) => one).sort().slice(0, MAX_SUGGESTIONS);
}

/**
 * Characters to put in, take out or replace, and neighbours to swap (optimal string alignment); `partly` counts none for
 * what stands in `to` before and behind (Sellers).
 */
function slips(from: string, to: string, partly: boolean): number {
  let before: number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, column) => partly ? 0 : column);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const isSame = from[i - 1] === to[j - 1];
      let least = Math.min(row[j - 1]! + (isSame ? 0 : 1), row[j]! + 1, next[j - 1]! + 1);
      const isSwapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (isSwapped) least = Math.min(least, before[j - 2]! + 1);
      next.push(least);
    }
    [before, row] = [row, next];
  }
  return partly ? Math.min(...row) : row.at(-1)!;
}

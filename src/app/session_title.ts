/** What a session is called when nobody has named it: the first words of the first question. */

const MAX_LENGTH = 60;

/** One line of at most 60 characters, cut between words; null where nothing printable was said. */
export function titleOf(question: string): string | null {
  // Control, format (bidirectional overrides among them) and unassigned characters have no place in a list.
  const text = question.slice(0, MAX_LENGTH * 20).toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Cn}\p{Co}\uFFFD\s]+/gu, " ").trim();
  if (text === "") return null;
  const characters = [...text];
  if (characters.length <= MAX_LENGTH) return text;
  const cut = characters.slice(0, MAX_LENGTH - 1).join("");
  const lastSpace = cut.lastIndexOf(" ");
  return `${(lastSpace > MAX_LENGTH / 3 ? cut.slice(0, lastSpace) : cut).trimEnd()}…`;
}

/** The help texts, made from the commands' own descriptions, in lines as long as the screen's. */
import { type Command, COMMON_OPTIONS, type OptionSpec } from "./command.ts";

/** Lines that people read well, and of a text that goes elsewhere than to a screen. */
const MOST_COLUMNS = 100;
const LEAST_COLUMNS = 40;
/** Beside a left column that would leave less, descriptions stand below it. */
const LEAST_DESCRIPTION = 30;

const FAMILIES: Readonly<Record<string, string>> = {
  keys: "Make, list and revoke the API keys of a data folder",
  audit: "Show what admins have done, and prove that the record is whole",
};

export function overview(commands: readonly Command[], columns?: number): string {
  const width = widthOf(columns);
  return [
    ...wrapped("geodesic: merge checkpoints along the geodesic between them, and serve the result", width),
    "",
    "Usage: geodesic COMMAND …",
    "",
    ...table(commands.map((command) => [command.name, command.summary]), width),
    "",
    ...wrapped("geodesic COMMAND --help tells more; geodesic --version the version.", width),
    ...wrapped(
      'From the checkout, geodesic is "deno task -q geodesic"; without Deno, put "npx -y" in front.',
      width,
    ),
    ...wrapped("Exit codes: 0 done, 1 the work failed, 2 wrong usage, 130 interrupted.", width),
  ].join("\n");
}

/** Of the commands of two words that begin with `word`. */
export function overviewOf(word: string, family: readonly Command[], columns?: number): string {
  const width = widthOf(columns);
  return [
    ...wrapped(`${FAMILIES[word] ?? word}.`, width),
    "",
    `Usage: geodesic ${word} COMMAND …`,
    "",
    ...table(family.map(({ name, summary }) => [name, summary]), width),
    "",
    ...wrapped(`geodesic ${word} COMMAND --help tells more.`, width),
  ].join("\n");
}

export function helpOf(command: Command, columns?: number): string {
  const width = widthOf(columns);
  const usage = ["Usage: geodesic", command.name, ...command.positionals, "[OPTIONS]"].join(" ");
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS });
  return [
    ...wrapped(`${command.summary}.`, width),
    "",
    usage,
    "",
    ...table(options.map(([name, spec]) => [optionName(name, spec), spec.description]), width),
    ...command.notes === undefined
      ? []
      : ["", ...paragraphs(command.notes).flatMap((text) => wrapped(text, width))],
  ].join("\n");
}

function widthOf(columns = MOST_COLUMNS): number {
  return Math.min(MOST_COLUMNS, Math.max(LEAST_COLUMNS, columns));
}

function optionName(name: string, spec: OptionSpec): string {
  return spec.type === "boolean" ? `--${name}` : `--${name} ${spec.value ?? "VALUE"}`;
}

function table(rows: readonly (readonly [string, string])[], width: number): readonly string[] {
  const left = Math.max(...rows.map(([name]) => name.length));
  const isBeside = width - left - 4 >= LEAST_DESCRIPTION;
  const indent = isBeside ? left + 4 : 6;
  return rows.flatMap(([name, description]) => {
    const [first = "", ...rest] = wrapped(description, width - indent);
    const lines = isBeside ? [`  ${name.padEnd(left)}  ${first}`] : [`  ${name}`, " ".repeat(indent) + first];
    return [...lines, ...rest.map((line) => " ".repeat(indent) + line)];
  });
}

/** Notes are broken into lines where their source is; a line that ends with a sentence ends a paragraph. */
function paragraphs(notes: string): readonly string[] {
  return notes.replaceAll(/(?<![.:])\n/g, " ").split("\n");
}

/** In lines of at most `width`, but for words that are longer. */
function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

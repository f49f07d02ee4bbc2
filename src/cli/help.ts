/** The help texts, made from the commands' own descriptions. */
import { type Command, COMMON_OPTIONS, type OptionSpec } from "./command.ts";

export function overview(commands: readonly Command[]): string {
  return [
    "geodesic: merge checkpoints along the geodesic between them, and serve the result",
    "",
    "Usage: geodesic COMMAND …",
    "",
    ...columns(commands.map((command) => [command.name, command.summary])),
    "",
    "geodesic COMMAND --help tells more; geodesic --version the version.",
    "Exit codes: 0 done, 1 the work failed, 2 wrong usage, 130 interrupted.",
  ].join("\n");
}

export function helpOf(command: Command): string {
  const usage = ["Usage: geodesic", command.name, ...command.positionals, "[OPTIONS]"].join(" ");
  const options = Object.entries({ ...command.options, ...COMMON_OPTIONS });
  return [
    `${command.summary}.`,
    "",
    usage,
    "",
    ...columns(options.map(([name, spec]) => [optionName(name, spec), spec.description])),
    ...command.notes === undefined ? [] : ["", command.notes],
  ].join("\n");
}

function optionName(name: string, spec: OptionSpec): string {
  return spec.type === "boolean" ? `--${name}` : `--${name} ${spec.value ?? "VALUE"}`;
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

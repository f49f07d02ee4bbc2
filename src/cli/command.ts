/**
 * What a command is to the command line: its name, its help, its options, and what it does. Parsing is node:util's
 * parseArgs with one difference: a value may begin with a dash (`--presence-penalty -0.5`), as in every other tool.
 */
import { parseArgs } from "node:util";
import { didYouMean, nearest } from "../app/suggest.ts";
import { isErrorWithCode, UsageError } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

export interface OptionSpec {
  readonly type: "string" | "boolean";
  /** May be given several times. */
  readonly multiple?: true;
  /** What the value is called in the help. */
  readonly value?: string;
  readonly description: string;
}

export interface Command {
  readonly name: string;
  /** One line, for the overview. */
  readonly summary: string;
  /** Names of the arguments, all of them required. */
  readonly positionals: readonly string[];
  /** The option that takes what many would give as one argument more. */
  readonly surplus?: string;
  /** The flag with which the last argument may be left out. */
  readonly lastUnless?: string;
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Further paragraphs of the help. */
  readonly notes?: string;
  /** What an interruption leaves, in a sentence for whoever interrupts; nothing where absent. */
  readonly leaves?: string;
  /** Resolves to the exit code: 0 done, 1 the work failed. Throws what it cannot do. */
  run(invocation: Invocation): Promise<number>;
}

type Value = string | boolean | readonly (string | boolean)[] | undefined;

/** A parsed command line with the world it runs in. */
export class Invocation {
  readonly terminal: Terminal;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  readonly #command: Command;
  readonly #values: Readonly<Record<string, Value>>;
  readonly #positionals: readonly string[];

  /** Throws UsageError where `args` do not fit the command. */
  constructor(command: Command, args: readonly string[], world: { terminal: Terminal; signal: AbortSignal }) {
    this.#command = command;
    this.terminal = world.terminal;
    this.signal = world.signal;
    const { values, positionals } = parse(command, args);
    this.#values = values;
    this.#positionals = positionals;
  }

  /** The argument of this name. */
  positional(name: string): string {
    const value = this.#positionals[this.#command.positionals.indexOf(name)];
    if (value === undefined) throw new Error(`The command ${this.#command.name} has no argument ${name}`);
    return value;
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  texts(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
  }

  /** A whole number in the given range. */
  integer(name: string, range: { readonly min: number; readonly max: number }): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= range.min && value <= range.max) return value;
    throw this.usageError(
      `--${name} is "${text}", expected a whole number from ${range.min} to ${range.max}`,
    );
  }

  /** One of the words given; the first of them where the option is absent. */
  choice<T extends string>(
    name: string,
    words: readonly [T, ...T[]],
    { ignoreCase = false }: { readonly ignoreCase?: boolean } = {},
  ): T {
    const text = this.text(name);
    if (text === undefined) return words[0];
    const word = words.find((candidate) => candidate === (ignoreCase ? text.toLowerCase() : text));
    if (word !== undefined) return word;
    throw this.usageError(`--${name} is "${text}", expected ${oneOf(words)}`);
  }

  usageError(message: string): UsageError {
    return new UsageError(message, this.#command.name);
  }
}

/** What every command takes. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  help: { type: "boolean", description: "Show this help" },
};

function parse(
  command: Command,
  args: readonly string[],
): { values: Readonly<Record<string, Value>>; positionals: readonly string[] } {
  const options = { ...command.options, ...COMMON_OPTIONS };
  try {
    const { values, positionals } = parseArgs({
      args: joinDashedValues(args, options),
      options: Object.fromEntries(
        Object.entries(options).map((
          [name, { type, multiple }],
        ) => [name, { type, multiple: multiple ?? false }]),
      ),
      allowPositionals: true,
      strict: true,
    });
    const { length } = command.positionals;
    const needed = command.lastUnless !== undefined && values[command.lastUnless] === true
      ? length - 1
      : length;
    if (positionals.length >= needed && positionals.length <= length) {
      refuseEmpty(command, options, values, positionals);
      return { values: values as never, positionals };
    }
    const expected = length === 0 ? "no arguments" : command.positionals.slice(0, needed).join(" and ");
    const meant = positionals.length > length && command.surplus !== undefined
      ? `; did you mean --${command.surplus} ${describe([positionals.slice(length).join(" ")])}?`
      : "";
    throw new UsageError(`Found ${describe(positionals)}, expected ${expected}${meant}`, command.name);
  } catch (error) {
    if (!isErrorWithCode(error, /^ERR_PARSE_ARGS_/)) throw error;
    throw new UsageError(explain(error, args, options), command.name, { cause: error });
  }
}

/** What parseArgs complains of, in the words of this command line. */
function explain(
  error: Error & { readonly code: string },
  args: readonly string[],
  options: Readonly<Record<string, OptionSpec>>,
): string {
  const [, name = "", long = ""] = /'(-{1,2}([^' ]*))/.exec(error.message) ?? [];
  const spec = options[long];
  if (error.code === "ERR_PARSE_ARGS_INVALID_OPTION_VALUE" && spec !== undefined) {
    return spec.type === "boolean"
      ? `${name} takes no value`
      : `${name} needs a value, ${spec.value ?? "VALUE"}`;
  }
  if (error.code !== "ERR_PARSE_ARGS_UNKNOWN_OPTION") return error.message;
  // `-json` is read as five options of one letter; what was typed tells more.
  const typed = name.startsWith("--") ? name : args.find((arg) => arg.startsWith(name)) ?? name;
  const known = Object.keys(options).map((option) => `--${option}`);
  const meant = didYouMean(nearest(`--${typed.replace(/^-+/, "").replaceAll("_", "-")}`, known));
  const path = meant === "" && !name.startsWith("--")
    ? '; an argument that begins with a dash goes behind "--"'
    : "";
  return `There is no option "${typed}"${meant}${path}`;
}

function oneOf(words: readonly string[]): string {
  return [words.slice(0, -1).join(", "), words.at(-1)].filter((part) => part !== "").join(" or ");
}

/** As of a shell's variable that is not set; a path would be the folder where the user stands. A text may be empty. */
function refuseEmpty(
  command: Command,
  options: Readonly<Record<string, OptionSpec>>,
  values: Readonly<Record<string, Value>>,
  positionals: readonly string[],
): void {
  const at = positionals.indexOf("");
  if (at >= 0) throw new UsageError(`${command.positionals[at]} is empty`, command.name);
  for (const [name, { value = "TEXT" }] of Object.entries(options)) {
    if (value.endsWith("TEXT") || ![values[name]].flat().includes("")) continue;
    throw new UsageError(`--${name} is empty, expected ${value}`, command.name);
  }
}

function describe(positionals: readonly string[]): string {
  return positionals.length === 0 ? "no argument" : positionals.map((value) => `"${value}"`).join(", ");
}

/** `--name -value` → `--name=-value`, unless what follows is an option of the command itself. */
function joinDashedValues(args: readonly string[], options: Readonly<Record<string, OptionSpec>>): string[] {
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const next = args[i + 1];
    if (arg === "--") return [...joined, ...args.slice(i)];
    const takesValue = arg.startsWith("--") && options[arg.slice(2)]?.type === "string";
    if (takesValue && next?.startsWith("-") && !isOption(next, options)) {
      joined.push(`${arg}=${next}`);
      i++;
    } else joined.push(arg);
  }
  return joined;
}

function isOption(arg: string, options: Readonly<Record<string, OptionSpec>>): boolean {
  return arg.startsWith("--") && Object.hasOwn(options, arg.slice(2).split("=", 1)[0]!);
}

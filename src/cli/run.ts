/**
 * Finds the command, runs it, and turns whatever happens into output and an exit code. Interrupting aborts the command's
 * signal, so that it can clean up; interrupting again, a moment later, ends the process at once.
 */
import { didYouMean, nearest } from "../app/suggest.ts";
import { VERSION } from "../version.ts";
import { type Command, Invocation } from "./command.ts";
import { EXIT, exitCodeOf, formatError, InterruptedError, UsageError } from "./errors.ts";
import { helpOf, overview, overviewOf } from "./help.ts";
import type { Terminal } from "./terminal.ts";

const INTERRUPTS = ["SIGINT", "SIGTERM"] as const satisfies readonly Deno.Signal[];

/**
 * A terminal sends Ctrl-C to everything that runs in it, and a task runner passes it on once more: signals closer than this
 * are one.
 */
const SAME_INTERRUPT_MS = 500;

/** Runs one command line and resolves to the exit code. Never rejects. */
export async function runCli(
  args: readonly string[],
  commands: readonly Command[],
  terminal: Terminal,
): Promise<number> {
  try {
    return await dispatch(args, commands, terminal);
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return EXIT.done; // the reader of our output has seen enough
    terminal.writeStatus(formatError(error, { json: args.includes("--json") }) + "\n");
    return exitCodeOf(error);
  }
}

async function dispatch(
  args: readonly string[],
  commands: readonly Command[],
  terminal: Terminal,
): Promise<number> {
  const [name] = args;
  if (name === undefined) throw new UsageError("No command given");
  if (name === "help" && args.length > 1) {
    return await dispatch([...args.slice(1), "--help"], commands, terminal);
  }
  if (isHelp(name) || name === "help") return print(terminal, overview(commands, terminal.columns));
  if (name === "--version") return print(terminal, VERSION);
  const family = familyOf(name, commands);
  if (family.length > 0 && (isHelp(args[1]) || args[1] === "help")) {
    return print(terminal, overviewOf(name, family, terminal.columns));
  }
  const command = findCommand(args, commands);
  const rest = args.slice(command.name.split(" ").length);
  const end = rest.indexOf("--");
  if ((end < 0 ? rest : rest.slice(0, end)).some(isHelp)) {
    return print(terminal, helpOf(command, terminal.columns));
  }
  using interrupts = listenForInterrupts(command);
  const { signal } = interrupts;
  try {
    return await command.run(new Invocation(command, rest, { terminal, signal }));
  } catch (error) {
    // A command that was cut short may fail in any way; the interruption is the reason.
    const isOwn = error instanceof Deno.errors.BrokenPipe || error instanceof InterruptedError;
    throw signal.aborted && !isOwn ? signal.reason : error;
  }
}

/** A name may have two words: `keys create`. */
function findCommand(args: readonly string[], commands: readonly Command[]): Command {
  const found = commands.find(({ name }) => name.split(" ").every((word, index) => word === args[index]));
  if (found !== undefined) return found;
  const [first, second] = args as [string, string?];
  const seconds = familyOf(first, commands).map(({ name }) => name.slice(first.length + 1));
  if (seconds.length > 0 && (second === undefined || second.startsWith("-"))) {
    throw new UsageError(`${first} needs one of: ${seconds.join(", ")}`, first);
  }
  if (seconds.length > 0) throw new UsageError(noCommand(second!, seconds, `${first} `), first);
  const names = new Set(commands.map(({ name }) => name.split(" ")[0]!));
  throw new UsageError(noCommand(first, [...names, "--help", "--version"]));
}

/** With what was perhaps meant, or else with all that there are. */
function noCommand(word: string, known: readonly string[], family = ""): string {
  const meant = didYouMean(nearest(word, known).map((name) => family + name));
  return `There is no command "${family}${word}"${
    meant || `, only ${known.map((name) => family + name).join(", ")}`
  }`;
}

/** The commands of two words that begin with this one. */
function familyOf(word: string, commands: readonly Command[]): readonly Command[] {
  return commands.filter(({ name }) => name.startsWith(`${word} `));
}

function isHelp(arg: string | undefined): boolean {
  return arg === "--help" || arg === "-h";
}

function print(terminal: Terminal, text: string): number {
  terminal.print(text);
  return EXIT.done;
}

function listenForInterrupts({ leaves }: Command): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  let firstMs = -Infinity;
  const handlers = INTERRUPTS.map((name) => {
    const handler = () => {
      const nowMs = performance.now();
      if (!controller.signal.aborted) firstMs = nowMs;
      else if (nowMs - firstMs >= SAME_INTERRUPT_MS) Deno.exit(EXIT.interrupted);
      controller.abort(new InterruptedError(name, leaves));
    };
    Deno.addSignalListener(name, handler);
    return [name, handler] as const;
  });
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => handlers.forEach(([name, handler]) => Deno.removeSignalListener(name, handler)),
  };
}

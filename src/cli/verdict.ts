/** What a check has found: in words, and as an exit code. */
import { EXIT } from "./errors.ts";
import type { Terminal } from "./terminal.ts";

/** The exit code, which tells those who read no more of the words, too, that something is wrong. */
export function printVerdict(terminal: Pick<Terminal, "print">, words: string, isGood: boolean): number {
  try {
    terminal.print(words);
  } catch (error) {
    if (isGood || !(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  return isGood ? EXIT.done : EXIT.failed;
}

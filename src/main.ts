/**
 * The program: hands its arguments to the command line and ends with its exit code. This is the composition root; what
 * lies in different folders and must not know each other meets here.
 */
import { mergeCommand } from "./cli/merge.ts";
import { generateCommand } from "./cli/generate.ts";
import { inspectCommand } from "./cli/inspect.ts";
import { runCli } from "./cli/run.ts";
import { processTerminal } from "./cli/terminal.ts";
import { tokenizeCommand } from "./cli/tokenize.ts";

if (import.meta.main) {
  Deno.exit(
    await runCli(
      Deno.args,
      [mergeCommand, generateCommand, tokenizeCommand, inspectCommand],
      processTerminal(),
    ),
  );
}

/**
 * The program: hands its arguments to the command line and ends with its exit code. This is the composition root: the
 * schema and the use cases, which do not know the command line, meet it here.
 */
import { fileURLToPath } from "node:url";
import type { Command } from "./cli/command.ts";
import { auditCommands } from "./cli/audit.ts";
import { generateCommand } from "./cli/generate.ts";
import { inspectCommand } from "./cli/inspect.ts";
import { keysCommands } from "./cli/keys.ts";
import { mergeCommand } from "./cli/merge.ts";
import { migrateCommand } from "./cli/migrate.ts";
import { modelsCommand } from "./cli/models.ts";
import { pullCommand } from "./cli/pull.ts";
import { runCli } from "./cli/run.ts";
import { serveCommands } from "./cli/serve.ts";
import { processTerminal } from "./cli/terminal.ts";
import { tokenizeCommand } from "./cli/tokenize.ts";
import { tuneCommand } from "./cli/tune.ts";
import { verifyCommand } from "./cli/verify.ts";

/** All that the command line knows. */
export const COMMANDS: readonly Command[] = [
  ...serveCommands({
    // Loaded when it is served: the other commands start without it in a fraction of the time.
    loadSchema: async () => (await import("../schema/index.ts")).buildSchema(),
    demoDir: fileURLToPath(new URL("../demo/", import.meta.url)),
    catalogueDir: fileURLToPath(new URL("../catalogue/", import.meta.url)),
  }),
  mergeCommand,
  generateCommand,
  tokenizeCommand,
  inspectCommand,
  verifyCommand,
  tuneCommand,
  modelsCommand,
  pullCommand,
  migrateCommand,
  ...keysCommands,
  ...auditCommands,
];

if (import.meta.main) Deno.exit(await runCli(Deno.args, COMMANDS, processTerminal()));

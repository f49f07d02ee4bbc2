/** What strangers wrote cannot steer the terminal that shows it. */
import { expect } from "@std/expect";
import { inspectCommand } from "../../src/cli/inspect.ts";
import { printableText } from "../../src/cli/printable.ts";
import { Invocation } from "../../src/cli/command.ts";
import { formatError } from "../../src/cli/errors.ts";
import { processTerminal } from "../../src/cli/terminal.ts";
import { ConfigError } from "../../src/errors.ts";
import { modelResolver } from "../../src/merge/model_paths.ts";
import { runMerge } from "../../src/merge/run.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";

Deno.test("formatError() keeps an error on one line, without control characters", () => {
  const error = new ConfigError("a\n  b\x1b[2Jc\u202ed\u2028e");
  expect(formatError(error, { json: false })).toBe("error: a b\ufffd[2Jc\ufffdd\ufffde [CONFIG]");
});

Deno.test("printableText() keeps lines, tabs and directions, and nothing that steers a terminal", () => {
  expect(printableText("a\tb\n\u200fc\x1b[2J\r\x07\x9b")).toBe("a\tb\n\u200fc\ufffd[2J\ufffd\ufffd\ufffd");
});

Deno.test("inspect shows a forged record without what would steer the terminal", async () => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.join("a"));
  const record = await runMerge({
    config: "merge_method: slerp\nbase_model: a\nmodels: [{model: a}]\nparameters: {t: 0}\n",
    outDir: dir.join("out"),
    resolve: modelResolver({ cwd: dir.path, configDir: null }),
  });
  const forged = { ...record, method: "\x1b]0;owned\x07\nweights   12 GB" };
  await Deno.writeTextFile(dir.join("out/provenance.json"), JSON.stringify(forged));
  const lines: string[] = [];
  const terminal = {
    ...processTerminal(),
    userDir: dir.path,
    defaultDataDir: dir.join("data"),
    print: (line: string) => void lines.push(line + "\n"),
  };
  const { signal } = new AbortController();
  expect(await inspectCommand.run(new Invocation(inspectCommand, ["out"], { terminal, signal }))).toBe(0);
  expect(lines.join("")).toMatch(/^provenance +\ufffd\]0;owned\ufffd\ufffdweights {3}12 GB, Geodesic/m);
  // deno-lint-ignore no-control-regex -- none may be left but line ends
  expect(lines.join("")).not.toMatch(/[\x00-\x09\x0b-\x1f]/);
});

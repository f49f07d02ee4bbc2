/** `--arch-info FILE`, the same for all commands that lay out the tensors of a merge. */
import { resolve } from "node:path";
import { parseJsonObject } from "../formats/json.ts";
import { type ArchitectureDefinition, parseArchitecture } from "../merge/architecture_definition.ts";
import type { Invocation, OptionSpec } from "./command.ts";
import { readTextFile } from "./read_file.ts";

/** Real descriptions have a few kilobytes. */
const MAX_BYTES = 1024 * 1024;

export const architectureOption: OptionSpec = {
  type: "string",
  multiple: true,
  value: "FILE",
  description: "mergekit's JSON description of an architecture's tensors; repeatable",
};

export async function architecturesOf(invocation: Invocation): Promise<readonly ArchitectureDefinition[]> {
  return await Promise.all(
    invocation.texts("arch-info").map(async (file) => {
      const path = resolve(invocation.terminal.userDir, file);
      const text = await readTextFile(path, { what: "architecture", maxBytes: MAX_BYTES });
      return parseArchitecture(parseJsonObject(new TextEncoder().encode(text), file), file);
    }),
  );
}

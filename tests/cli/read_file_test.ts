/** Files that the user names: regular ones, pipes, and what cannot be read. */
import { expect } from "@std/expect";
import { ConfigError, NotFoundError } from "../../src/errors.ts";
import { readTextFile } from "../../src/cli/read_file.ts";
import { tempDir } from "../support/temp.ts";
import { failure } from "../support/failure.ts";

const read = (path: string, maxBytes = 1000) => readTextFile(path, { what: "note", maxBytes });

Deno.test("readTextFile() reads a file and a pipe", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("file"), "grüße");
  expect(await read(dir.join("file"))).toBe("grüße");
  const { success } = await new Deno.Command("mkfifo", { args: [dir.join("pipe")] }).output();
  expect(success).toBe(true);
  const [text] = await Promise.all([read(dir.join("pipe")), Deno.writeTextFile(dir.join("pipe"), "through")]);
  expect(text).toBe("through");
});

Deno.test("readTextFile() says why it cannot read", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("large"), "x".repeat(1001));
  await Deno.writeFile(dir.join("binary"), Uint8Array.of(0x61, 0xff));
  await Deno.writeFile(dir.join("cut"), Uint8Array.of(0x61, 0xc3));
  const cases = [
    ["none", NotFoundError, /Cannot read note ".*none": no such file/],
    ["large/none", NotFoundError, /no such file/],
    ["", ConfigError, /it is not a file/],
    ["large", ConfigError, /it has more than 1000 bytes/],
    ["binary", ConfigError, /it is not UTF-8 text/],
    ["cut", ConfigError, /it is not UTF-8 text/],
  ] as const;
  for (const [name, kind, message] of cases) {
    const error = await failure(read(dir.join(name)));
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(message);
  }
});

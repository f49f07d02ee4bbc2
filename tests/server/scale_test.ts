/** Two hundred watchers at once, and a hundred that come and go; soak_check.ts does the same for longer. */
import { expect } from "@std/expect";
import { fileURLToPath } from "node:url";

Deno.test("watchers that read miss nothing, and those that do not or are killed leave nothing behind", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--v8-flags=--expose-gc", "tests/server/soak_check.ts", "100"],
    cwd: fileURLToPath(new URL("../../", import.meta.url)),
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  expect({ code, stderr: code === 0 ? "" : text.decode(stderr) + text.decode(stdout) }).toEqual({
    code: 0,
    stderr: "",
  });
  expect(JSON.parse(text.decode(stdout))).toMatchObject({
    watchers: 200,
    killed: 100,
    unitsHeld: 0,
    errors: [],
  });
});

/** `deno task test` runs every folder of tests, each once. */
import { expect } from "@std/expect";

const ROOT = new URL("../../", import.meta.url);

Deno.test("test-compute and test-system have each folder of tests between them, once", async () => {
  const { tasks } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  expect(tasks["test"].command).toBe("deno task -q test-compute && deno task -q test-system");
  const named = ["test-compute", "test-system"].flatMap((task) =>
    [...tasks[task].command.matchAll(/ tests\/(\S+)/g)].map(([, folder]) => folder)
  );
  const folders: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(new URL("tests/", ROOT))) {
    expect(isDirectory || !name.endsWith("_test.ts")).toBe(true);
    if (!isDirectory) continue;
    const files = await Array.fromAsync(Deno.readDir(new URL(`tests/${name}/`, ROOT)));
    if (files.some((file) => file.name.endsWith("_test.ts"))) folders.push(name);
  }
  expect(named.toSorted()).toEqual(folders.toSorted());
});

/** `geodesic tune` on a real device: what it prints, what it keeps, and what it refuses. */
import { expect } from "@std/expect";
import { tempDir } from "../support/temp.ts";
import { deviceTest, geodesic, geodesicHere, ROOT, startCli } from "./support.ts";

const MODEL = `${ROOT}tests/fixtures/forward/gqa`;

deviceTest("tune keeps what it finds in the data folder, and generate takes it", async () => {
  await using dir = await tempDir();
  const args = [
    "--quantization",
    "none",
    "--rows",
    "1",
    "--prompts",
    "0",
    "--tries",
    "1",
    "--data",
    dir.path,
  ];
  const { code, stdout, stderr } = await geodesic(["tune", MODEL, "--json", ...args]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/gateUp, 1 row: core_lanes .*ms a step/),
  });
  const { adapter, path, steps, ...held } = JSON.parse(stdout);
  expect(held).toEqual({ quantization: "none", precision: "f32", accumulation: "f32", prompts: [] });
  expect(adapter).toContain("llvmpipe");
  expect(steps).toEqual([{ rows: 1, beforeMs: expect.any(Number), afterMs: expect.any(Number) }]);
  expect(path.startsWith(`${dir.path}/tuned/`)).toBe(true);

  // Broken, it is said: so it is looked at.
  await Deno.writeTextFile(path, "{}");
  const prompt = ["--prompt-ids", "1,5,9", "--max-tokens", "2", "--ignore-eos"];
  const generated = await geodesic(["generate", MODEL, ...prompt, "--data", dir.path]);
  expect(generated).toEqual({
    code: 0,
    stdout: expect.any(String),
    stderr: expect.stringContaining(`Cannot use the tuned forms in "${path}"`),
  });
});

deviceTest("tune that is interrupted keeps what it was through with, and says what and where", async () => {
  await using dir = await tempDir();
  const child = startCli(["tune", MODEL, "--quantization", "none", "--rows", "1", "--data", dir.path]);
  let stderr = "";
  for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
    // One matrix after the other: gate and up have been tried out.
    if (/^down, 1 row: /m.test(chunk) && !/^down, 1 row: /m.test(stderr)) child.kill("SIGTERM");
    stderr += chunk;
  }
  expect((await child.status).code).toBe(130);
  const [{ name }] = await Array.fromAsync(Deno.readDir(`${dir.path}/tuned`)) as [Deno.DirEntry];
  expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
    new RegExp(
      `^error: Interrupted\\. What was found for \\d places? \\(.*a matrix and a number of rows\\) is kept in ${dir.path}/tuned/${name} \\[INTERRUPTED\\]$`,
    ),
  );
  const { forms, trying } = JSON.parse(await Deno.readTextFile(`${dir.path}/tuned/${name}`));
  expect([forms.length > 0, trying]).toEqual([true, undefined]);
  await child.stdout.cancel();
});

const REFUSED: Readonly<Record<string, readonly [args: readonly string[], code: number, stderr: RegExp]>> = {
  "rows that are no numbers": [
    ["--rows", "1,x"],
    2,
    /--rows is "1,x", expected numbers from 1 to 999 such as 1,4/,
  ],
  "prompts that are too long to be one step": [
    ["--prompts", "16,600"],
    1,
    /Cannot tune for prompts of 600 tokens: a step takes 512 of them at most/,
  ],
  "rows that no kernel has a form for": [
    ["--rows", "7"],
    1,
    /Cannot tune for 7 rows: the kernels have forms for 1, 4/,
  ],
  "sums in f16 of what is in f32": [["--accumulation", "f16"], 2, /has no effect with --precision f32/],
  "no tries": [["--tries", "0"], 2, /--tries is "0", expected a whole number from 1 to 1000/],
};
for (const [what, [args, expected, message]] of Object.entries(REFUSED)) {
  deviceTest(`tune refuses ${what}`, async () => {
    const { code, stdout, stderr } = await geodesicHere(["tune", MODEL, ...args]);
    expect({ code, stdout, stderr }).toEqual({
      code: expected,
      stdout: "",
      stderr: expect.stringMatching(message),
    });
  });
}

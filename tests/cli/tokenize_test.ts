/** `geodesic tokenize` on the demo, and on the golden files where Mistral's tokenizer is at hand. */
import { expect } from "@std/expect";
import { MISTRAL_DIR, mistralIsAbsent, readGoldens } from "../tokenizer/support.ts";
import { tempDir } from "../support/temp.ts";
import { DEMO, geodesicHere as geodesic, jsonLines } from "./support.ts";

const HELPER = `${DEMO}/parents/helper`;

Deno.test("tokenize --text prints ids and text, with bos on request", async () => {
  const plain = await geodesic(["tokenize", "demo/parents/helper", "--text", "Hello </s>"]);
  expect(plain.code).toBe(0);
  const [{ ids, text }] = jsonLines(plain.stdout) as readonly [{ ids: number[]; text: string }];
  expect(text).toBe("Hello </s>");
  expect(ids.every((id) => id > 2)).toBe(true);
  const withBos = await geodesic(["tokenize", "parents/helper", "--text", "Hello </s>", "--bos"], {
    userDir: DEMO,
  });
  expect(jsonLines(withBos.stdout)).toEqual([{ ids: [1, ...ids], text }]);
});

Deno.test("tokenize --text takes text that looks like an option", async () => {
  const { code, stdout } = await geodesic(["tokenize", HELPER, "--text", "-- x"]);
  expect(code).toBe(0);
  expect(jsonLines(stdout)).toEqual([{ ids: expect.any(Array), text: "-- x" }]);
});

Deno.test("tokenize --jsonl answers every line in its place and fails in the end where one was refused", async () => {
  const lines = [
    { text: "Hi" },
    { messages: [{ role: "user", content: "Hi" }] },
    { messages: [{ role: "assistant", content: "Hi" }] },
    { ids: [1, 300, 2] },
    { ids: [99999] },
    { ids: "1" },
    { ids: [1], text: "Hi", messages: [{ role: "user", content: "Hi" }] },
    { messages: [{ role: "user" }] },
    [],
  ];
  const stdin = lines.map((line) => JSON.stringify(line)).join("\n") + "\n\nnot json\n";
  const { code, stdout, stderr } = await geodesic(["tokenize", HELPER, "--jsonl", "-"], { stdin });
  expect(code).toBe(1);
  expect(stderr).toBe("error: Refused 6 of 10 lines of standard input, see the output [CONFIG]\n");
  const refusal = (line: number, message: string) => ({
    error: {
      code: "CONFIG",
      message: expect.stringMatching(new RegExp(`^standard input:${line}: .*${message}`)),
      details: expect.objectContaining({ line }),
    },
  });
  expect(jsonLines(stdout)).toEqual([
    { ids: expect.any(Array), text: "Hi" },
    { ids: expect.any(Array), text: "<s>[INST] Hi [/INST]" },
    refusal(3, "Conversation roles must alternate"),
    { ids: [1, 300, 2], text: expect.any(String) },
    refusal(5, "Cannot decode token id 99999"),
    refusal(6, `"ids" is a string, expected a list of numbers`),
    { ids: expect.any(Array), text: "<s>[INST] Hi [/INST]" },
    refusal(8, "messages.0..content is missing"),
    refusal(9, "found an array"),
    refusal(11, "it is not JSON"),
  ]);
});

Deno.test("tokenize --jsonl keeps every result on one line, whatever its reader takes for a line end", async () => {
  const text = "a\u0085b\u2028c\u2029d\u000be\u001cf\r\ng";
  const stdin = JSON.stringify({ text });
  const { stdout } = await geodesic(["tokenize", HELPER, "--jsonl", "-"], { stdin });
  // deno-lint-ignore no-control-regex -- line ends of Unicode, and what Python takes for one
  expect(stdout.trimEnd().split(/[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]/).length).toBe(1);
  expect(jsonLines(stdout)).toEqual([{ ids: expect.any(Array), text }]);
});

Deno.test("tokenize --jsonl FILE reads from where the user stands", async () => {
  await using dir = await tempDir();
  await Deno.writeTextFile(dir.join("lines.jsonl"), '{"ids": [300]}');
  const { code, stdout } = await geodesic(["tokenize", HELPER, "--jsonl", "lines.jsonl"], {
    userDir: dir.path,
  });
  expect(code).toBe(0);
  expect(jsonLines(stdout)).toEqual([{ ids: [300], text: expect.any(String) }]);
});

Deno.test("tokenize --bos gives no second one to a prompt whose template writes it", async () => {
  const stdin = JSON.stringify({ messages: [{ role: "user", content: "Hi" }] });
  const { stdout } = await geodesic(["tokenize", HELPER, "--jsonl", "-", "--bos"], { stdin });
  const [{ ids }] = jsonLines(stdout) as readonly [{ ids: number[] }];
  expect(ids.filter((id) => id === 1)).toEqual([1]);
});

Deno.test({
  name: "tokenize --jsonl gives the golden ids",
  ignore: mistralIsAbsent,
  fn: async () => {
    interface Golden {
      readonly text: string;
      readonly ids: readonly number[];
    }
    const goldens = await readGoldens<Golden>("encode.jsonl");
    const stdin = goldens.map(({ text }) => JSON.stringify({ text })).join("\n");
    const encoded = await geodesic(["tokenize", MISTRAL_DIR, "--jsonl", "-"], { stdin });
    expect(encoded.code).toBe(0);
    expect((jsonLines(encoded.stdout) as readonly Golden[]).map(({ ids }) => ids))
      .toEqual(goldens.map(({ ids }) => ids));
  },
});

const bad: readonly (readonly [string, readonly string[], RegExp])[] = [
  [
    "a model that is nowhere",
    ["no/such", "--text", "a"],
    /no folder at .*no\/such, and none of that name is registered in .* \[NOT_FOUND\]/,
  ],
  ["a folder without tokenizer", ["tests", "--text", "a"], /the folder has no tokenizer\.json \[FORMAT\]/],
  [
    "a file that is nowhere",
    ["demo/parents/helper", "--jsonl", "none.jsonl"],
    /none\.jsonl": no such file \[NOT_FOUND\]/,
  ],
];
for (const [what, args, message] of bad) {
  Deno.test(`tokenize explains ${what}`, async () => {
    const { code, stdout, stderr } = await geodesic(["tokenize", ...args]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(message);
    expect(stderr.split("\n").length).toBe(2);
  });
}

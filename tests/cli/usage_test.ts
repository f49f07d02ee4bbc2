/** What the command line says about itself and about command lines it cannot understand. */
import { expect } from "@std/expect";
import { DEMO, geodesic, geodesicHere } from "./support.ts";

Deno.test("geodesic --help lists the commands, and each command explains itself", async () => {
  const { code, stdout, stderr } = await geodesicHere(["--help"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const commands = [...stdout.matchAll(/^ {2}(\w+(?: \w+)?) {2}/gm)].map(([, name]) => name!);
  expect(commands).toContain("merge");
  expect(commands).toContain("tokenize");
  const helps = await Promise.all(commands.map((command) => geodesicHere([...command.split(" "), "--help"])));
  for (const [index, help] of helps.entries()) {
    expect(help.code).toBe(0);
    expect(help.stdout).toContain(`Usage: geodesic ${commands[index]}`);
    expect(help.stdout).toContain("--help");
    expect(await geodesicHere(["help", ...commands[index]!.split(" ")])).toEqual(help);
  }
});

Deno.test("geodesic keys --help and audit --help tell of their commands alone", async () => {
  for (
    const [family, first] of [["keys", "Make, list and revoke"], ["audit", "Show what admins have done"]]
  ) {
    const { code, stdout } = await geodesicHere([family!, "--help"]);
    expect([code, stdout.split("\n")[0], stdout.includes("geodesic: merge")]).toEqual([
      0,
      expect.stringContaining(first!),
      false,
    ]);
    expect(stdout).toContain(`Usage: geodesic ${family} COMMAND`);
    expect(await geodesicHere([family!, "help"])).toEqual({ code, stdout, stderr: "" });
  }
});

Deno.test("help keeps to the lines of the screen, narrow or wide", async () => {
  for (const [columns, most] of [[40, 40], [80, 80], [300, 100], [undefined, 100], [1, 40]] as const) {
    for (const command of ["generate", "serve", "merge", "tune", "keys"]) {
      const { stdout } = await geodesicHere([command, "--help"], { columns });
      const long = stdout.split("\n").filter((line) => line.length > most && !line.startsWith("Usage: "));
      expect([command, columns, long]).toEqual([command, columns, []]);
    }
  }
});

Deno.test("geodesic --version prints the version", async () => {
  const { code, stdout } = await geodesic(["--version"]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
});

const wrong: readonly (readonly [string, readonly string[], string])[] = [
  ["no command", [], "No command given"],
  ["an unknown command", ["fly"], `There is no command "fly"`],
  ["half a command", ["keys"], "keys needs one of: create, list, revoke (see geodesic keys --help)"],
  ["half a command with an option", ["audit", "--data", "x"], "audit needs one of: "],
  ["a command with a slip", ["generat", "x"], 'There is no command "generat"; did you mean "generate"? (see'],
  ["a second word with a slip", ["keys", "creat"], '"keys creat"; did you mean "keys create"?'],
  ["a second word that is far from all", ["keys", "x"], '"keys x", only keys create, keys list, keys revoke'],
  ["a command in place of an option", ["version"], 'did you mean "--version"?'],
  ["an unknown option", ["merge", "a", "b", "--fast"], 'There is no option "--fast" (see'],
  ["an option with a slip", ["merge", "a", "b", "--thread=3"], '"--thread"; did you mean "--threads"?'],
  [
    "an option of the API",
    ["generate", "a", "--max_tokens", "3"],
    '"--max_tokens"; did you mean "--max-tokens"?',
  ],
  ["an option with one dash", ["generate", "a", "-prompt", "x"], '"-prompt"; did you mean "--prompt"?'],
  ["a path that looks like an option", ["inspect", "-m"], 'begins with a dash goes behind "--"'],
  ["an option at the end", ["inspect", "a", "--data"], "--data needs a value, DIR"],
  ["a flag with a value", ["inspect", "a", "--json=1"], "--json takes no value"],
  ["a role that is none", ["keys", "create", "--role", "boss"], "expected generator, viewer or admin"],
  ["a key without a label", ["keys", "create", "--label", ""], '--label is "", expected 1 … 100 characters'],
  ["a plan of nothing", ["merge", "--plan"], "Found no argument, expected CONFIG (see"],
  ["a missing argument", ["merge", "a"], `Found "a", expected CONFIG and OUT`],
  ["an argument too many", ["tokenize", "a", "b", "--text", "x"], `Found "a", "b", expected MODEL`],
  ["a prompt that is no option", ["generate", "a", "Hello"], '; did you mean --prompt "Hello"?'],
  ["a prompt without quotes", ["generate", "a", "Hello", "you"], '; did you mean --prompt "Hello you"?'],
  ["a text that is no option", ["tokenize", "a", "Hi"], 'expected MODEL; did you mean --text "Hi"?'],
  ["an option without its value", ["tokenize", "a", "--text"], "--text needs a value, TEXT"],
  [
    "two options that exclude each other",
    ["tokenize", "demo/parents/helper"],
    "Give either --text or --jsonl",
  ],
  [
    "two constraints",
    ["generate", "demo/parents/helper", "--prompt", "x", "--regex", "a", "--choice", "b"],
    "Give only one of --json-schema, --regex and --choice",
  ],
  [
    "a mass of more than all",
    ["generate", "x", "--top-p", "3"],
    "Invalid --top-p: found 3, expected more than 0",
  ],
  [
    "an answer of nothing",
    ["generate", "x", "--max-tokens", "0"],
    "Invalid --max-tokens: found 0, expected 1",
  ],
  ["an empty stop", ["generate", "x", "--stop", "a", "--stop", ""], 'Invalid --stop[1]: found ""'],
  ["an empty choice", ["generate", "x", "--choice", ""], "Invalid --choice[0]: found a text of 0 characters"],
  [
    "a schema that is none",
    ["generate", "x", "--json-schema", "{"],
    "Invalid --json-schema: found text that is not",
  ],
  [
    "a bias without a number",
    ["generate", "demo/parents/helper", "--prompt", "x", "--logit-bias", "7"],
    '--logit-bias is "7", expected a token id and a number',
  ],
  [
    "a number that is none",
    ["merge", "a", "b", "--threads", "many"],
    '--threads is "many", expected a whole number',
  ],
  ["an origin that is none", ["serve", "--cors", "*"], '--cors is "*", expected an origin'],
  ["an unknown policy", ["serve", "--introspection", "on"], '--introspection is "on", expected roles or off'],
  ["operations that lie nowhere", ["serve", "--persisted", "no.json"], "there is no such file"],
  [
    "models that lie nowhere",
    ["serve", "--models", "/nofolder"],
    '--models is "/nofolder": there is no such folder',
  ],
  ["a host that is none", ["serve", "--host", "a b"], '--host is "a b", expected an address or a name'],
  ["a folder without a name", ["serve", "--data", ""], "--data is empty, expected DIR"],
  ["an argument without a name", ["merge", "a", ""], "OUT is empty"],
  ["no rate at all", ["serve", "--rate", "0"], '--rate is "0", expected a whole number'],
  ["a size that is none", ["merge", "a", "b", "--out-shard-size", "big"], '--out-shard-size is "big"'],
  [
    "a size without its unit",
    ["serve", "--gpu-memory", "20"],
    '--gpu-memory is "20", 20 bytes, expected at least 1',
  ],
  ["a model without a path", ["merge", "a", "b", "--model", "x"], '--model is "x", expected NAME=PATH'],
  ["a model named twice", ["merge", "a", "b", "--model", "x=1", "--model", "x=2"], `--model names "x" twice`],
];
for (const [what, args, message] of wrong) {
  Deno.test(`geodesic refuses ${what} in one line with exit code 2`, async () => {
    const { code, stdout, stderr } = await geodesicHere(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: .*\(see geodesic .*--help\) \[USAGE\]\n$/);
    expect(stderr).toContain(message);
  });
}

Deno.test("generate names the option where a value does not go with the model", async () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [
      ["--max-tokens", "2000"],
      "Invalid --max-tokens: found 2000, expected at most the context of 1024 tokens",
    ],
    [
      ["--min-tokens", "30", "--max-tokens", "20"],
      "Invalid --min-tokens: found 30, expected at most --max-tokens, which is 20",
    ],
    [
      ["--stop-token-ids", "2,5000"],
      "Invalid --stop-token-ids[1]: found 5000, expected a token id, 0 … 2047",
    ],
    [["--logit-bias", "5000=1"], "Invalid --logit-bias[0]: found 5000, expected a token id, 0 … 2047"],
    [["--prompt", ""], "Invalid --prompt: expected at least one character"],
  ];
  for (const [options, message] of cases) {
    const args = ["generate", `${DEMO}/parents/helper`, "--prompt", "Hi", ...options];
    expect(await geodesicHere(args)).toEqual({ code: 1, stdout: "", stderr: `error: ${message} [CONFIG]\n` });
  }
  const ids = ["generate", `${DEMO}/parents/helper`, "--prompt-ids", "1,5000", "--json"];
  expect(JSON.parse((await geodesicHere(ids)).stderr)).toEqual({
    code: "CONFIG",
    message: "Invalid --prompt-ids[1]: found 5000, expected 0 … 2047",
    details: { field: "prompt.tokenIds[1]", option: "--prompt-ids" },
  });
});

Deno.test("serve refuses a folder of GEODESIC_MODELS that is not there", async () => {
  const { code, stderr } = await geodesicHere(["serve"], { modelDirs: ["/tmp", "/nofolder"] });
  expect([code, stderr]).toEqual([
    2,
    expect.stringMatching(
      /^error: GEODESIC_MODELS names "\/nofolder": there is no such folder .*\[USAGE\]\n$/,
    ),
  ]);
});

Deno.test({
  name: "an output that cannot be written fails the command, a remark that cannot does not",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const text = ["tokenize", `${DEMO}/parents/helper`, "--text", "Hi"];
    const full = await geodesic(text, { shell: 'exec "$0" "$@" >/dev/full' });
    expect([full.code, full.stderr]).toEqual([
      1,
      'error: Cannot write "standard output": no space left [CAPACITY]\n',
    ]);
    const dir = await Deno.makeTempDir();
    const keys = ["keys", "create", "--data", dir];
    const { code, stdout } = await geodesic(keys, { shell: 'exec "$0" "$@" 2>/dev/full' });
    await Deno.remove(dir, { recursive: true });
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^gsk_\w+\n$/)]);
  },
});

Deno.test("geodesic reports errors as an object with --json", async () => {
  const { code, stderr } = await geodesicHere(["merge", "nowhere.yml", "out", "--json"]);
  expect(code).toBe(1);
  expect(JSON.parse(stderr)).toEqual({
    code: "NOT_FOUND",
    message: expect.stringContaining("nowhere.yml"),
    details: { path: expect.stringContaining("nowhere.yml") },
  });
});

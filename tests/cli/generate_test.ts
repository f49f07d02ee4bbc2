/** `geodesic generate` on WebGPU: golden continuations, the demo's reference answers, and what it refuses. */
import { expect } from "@std/expect";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { ADMIN, TestGateway } from "../support/gateway.ts";
import { writeOverflowingCheckpoint } from "../support/overflowing_checkpoint.ts";
import { tempDir } from "../support/temp.ts";
import { DEMO, deviceTest, geodesic, geodesicHere, ROOT, startCli } from "./support.ts";

const FORWARD = `${ROOT}tests/fixtures/forward`;
/** All of them: tests/model/golden_test.ts. */
const GOLDEN = ["gqa", "sliding-window"];
const HELPER = "demo/parents/helper";

interface Golden {
  readonly input_ids: readonly number[];
  readonly greedy_continuation: readonly number[];
  readonly greedy_logprobs: readonly number[];
}
interface Reference {
  readonly model: string;
  readonly messages: readonly { readonly content: string }[];
  readonly prompt_ids: readonly number[];
  readonly output_ids: readonly number[];
  readonly text: string;
}
interface Output {
  readonly promptTokenIds: readonly number[];
  readonly tokenIds: readonly number[];
  readonly text: string;
  readonly finishReason: string;
  readonly logprobs:
    | readonly {
      readonly id: number;
      readonly logprob: number;
      readonly top: readonly { readonly id: number }[];
    }[]
    | null;
  readonly timings: Readonly<Record<string, number>>;
}

/** Runs `generate MODEL … --json` and returns its object. */
async function generate(model: string, ...args: readonly string[]): Promise<Output> {
  const { code, stdout, stderr } = await geodesic(["generate", model, "--json", ...args]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}

Deno.test("generate answers for a registered model with nothing but what was registered", async () => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.join("folder"));
  await using test = await TestGateway.make();
  await test.gateway.models.register(ADMIN, { path: dir.join("folder"), name: "ours/first" });
  await writeCheckpoint(dir.join("other"), { seed: 2 });
  await Deno.copyFile(dir.join("other/model.safetensors"), dir.join("folder/model.safetensors"));
  const args = ["generate", "ours/first", "--prompt-ids", "1", "--data", test.dir.path];
  const { code, stderr } = await geodesicHere(args, { userDir: dir.path });
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/files of model "ours\/first" have changed.*NOT_FOUND/),
  ]);
});

const [reference] = (await Deno.readTextFile(`${DEMO}/eval/reference.jsonl`)).trim().split("\n")
  .map((line): Reference => JSON.parse(line))
  .filter(({ model, messages, output_ids }) =>
    model === "helper" && messages.length === 1 && output_ids.length < 20
  );

deviceTest(
  "generate --prompt-ids continues golden prompts as the reference does, without a tokenizer",
  async () => {
    for (const name of GOLDEN) {
      const golden: Golden = JSON.parse(await Deno.readTextFile(`${FORWARD}/${name}/case.json`));
      const output = await generate(
        `${FORWARD}/${name}`,
        "--prompt-ids",
        golden.input_ids.join(","),
        "--temperature",
        "0",
        "--max-tokens",
        String(golden.greedy_continuation.length),
        "--ignore-eos",
        "--logprobs",
        "2",
      );
      expect({ name, tokenIds: output.tokenIds }).toEqual({ name, tokenIds: golden.greedy_continuation });
      expect(output.promptTokenIds).toEqual(golden.input_ids);
      expect({ text: output.text, finishReason: output.finishReason }).toEqual({
        text: "",
        finishReason: "LENGTH",
      });
      for (const [index, { id, logprob, top }] of output.logprobs!.entries()) {
        expect(id).toBe(output.tokenIds[index]);
        // Two float32 implementations; see the fixtures' tolerance for logits.
        expect(Math.abs(logprob - golden.greedy_logprobs[index]!)).toBeLessThan(1e-3);
        expect([top.length, top[0]!.id]).toEqual([2, id]);
      }
    }
  },
);

deviceTest("generate says why there is no text where the model has no tokenizer", async () => {
  const said = await geodesic(["generate", `${FORWARD}/gqa`, "--prompt-ids", "1", "--max-tokens", "1"]);
  expect(said).toEqual({
    code: 0,
    stdout: "\n",
    stderr: "note: the model has no tokenizer, so there is no text; --json shows the ids\n",
  });
});

deviceTest(
  "generate --prompt answers as the demo's reference does, and counts what a step costs",
  async () => {
    const output = await generate(HELPER, "--prompt", reference!.messages[0]!.content, "--temperature", "0");
    expect(output).toEqual({
      promptTokenIds: reference!.prompt_ids,
      tokenIds: reference!.output_ids,
      text: reference!.text,
      finishReason: "STOP",
      logprobs: null,
      timings: expect.objectContaining({
        steps: reference!.output_ids.length,
        submitsPerStep: 1,
        dispatchesPerStep: expect.any(Number),
        readbackBytesPerStep: expect.any(Number),
        ttftMs: expect.any(Number),
        decodeTokensPerSecond: expect.any(Number),
      }),
    });
  },
);

deviceTest("generate says what it had said, and why no more, where activations are beyond f16", async () => {
  await using dir = await tempDir();
  await writeOverflowingCheckpoint(dir.path);
  const args = ["generate", dir.path, "--prompt-ids", "6", "--temperature", "0", "--max-tokens", "5"];
  const { code, stdout, stderr } = await geodesic([...args, "--precision", "f16"]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" }); // Without a tokenizer there is no text.
  expect(stderr).toBe(
    `error: Model "${dir.path}" has logits that are not finite at output token 4: its activations left the range of ` +
      "f16, which ends at 65,504; serve or run it with --precision f32 [NOT_FINITE]\n",
  );
  const { code: json, stderr: object } = await geodesic([...args, "--precision", "f16", "--json"]);
  expect(json).toBe(1);
  expect(JSON.parse(object)).toMatchObject({
    code: "NOT_FINITE",
    details: { outputToken: 4, precision: "f16" },
  });
  const { tokenIds } = await generate(dir.path, ...args.slice(2));
  expect([tokenIds.length, tokenIds.slice(0, 3)]).toEqual([5, [7, 8, 9]]);
});

deviceTest(
  "generate --kv-cache-dtype fp8 changes log-probabilities a little, and takes a dispatch a layer",
  async () => {
    const args = ["--prompt", "Hello!", "--temperature", "0", "--max-tokens", "3", "--logprobs", "0"];
    const [full, fp8] = [
      await generate(HELPER, ...args),
      await generate(HELPER, ...args, "--kv-cache-dtype", "fp8"),
    ];
    expect(fp8.timings["dispatchesPerStep"]! - full.timings["dispatchesPerStep"]!).toBe(8);
    const [expected, found] = [full.logprobs![0]!.logprob, fp8.logprobs![0]!.logprob];
    expect(found).not.toBe(expected);
    expect(Math.abs(found - expected)).toBeLessThan(0.1); // 0.004 in the mean (bench/RESULTS.md)
  },
);

deviceTest("generate holds its output to a choice, a schema from a file, and biases", async () => {
  await using dir = await tempDir();
  const path = `${dir.path}/schema.json`;
  await Deno.writeTextFile(
    path,
    '{"type": "array", "items": {"enum": [1, 2]}, "minItems": 1, "maxItems": 3}',
  );
  const answer = async (...args: string[]) => {
    const { text, finishReason } = await generate(
      HELPER,
      "--prompt",
      "Hello!",
      "--max-tokens",
      "60",
      ...args,
    );
    expect(finishReason).toBe("STOP");
    return text;
  };
  // Left to itself the model says red.
  const choices = ["--temperature", "0", "--choice", "red", "--choice", "green"];
  const beginsGreen = ["--logit-bias", "1993=100", "--logit-bias", "7=-1.5"];
  expect(await answer(...choices, ...beginsGreen)).toBe("green");
  expect([1, 2]).toContain(JSON.parse(await answer("--temperature", "1.5", "--json-schema", path))[0]);
  const refused = await geodesic(["generate", HELPER, "--prompt", "x", "--regex", "(", "--json"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("Invalid --regex: Unterminated group at character 2");
});

deviceTest("generate streams the text to stdout and nothing else", async () => {
  const args = ["generate", HELPER, "--prompt", reference!.messages[0]!.content, "--temperature", "0"];
  const { code, stdout, stderr } = await geodesic(args);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: reference!.text + "\n", stderr: "" });
});

deviceTest("generate that is interrupted ends the line of what it has said", async () => {
  const prompt = "Tell me a story.";
  const child = startCli([
    "generate",
    "demo/parents/storyteller",
    "--prompt",
    prompt,
    "--max-tokens",
    "1000",
  ]);
  let stdout = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    if (stdout === "") child.kill("SIGINT");
    stdout += decoder.decode(bytes, { stream: true });
  }
  expect(stdout).toMatch(/^[^\n].*\n$/s);
  const stderr = await new Response(child.stderr).text();
  expect({ code: (await child.status).code, stderr }).toEqual({
    code: 130,
    stderr: "error: Interrupted [INTERRUPTED]\n",
  });
});

deviceTest("generate --stop ends before the string, --raw and --prompt-ids continue the text", async () => {
  const stopAt = reference!.text.slice(4, 9);
  const question = reference!.messages[0]!.content;
  const stopped = await generate(HELPER, "--prompt", question, "--temperature", "0", "--stop", stopAt);
  expect(stopped.finishReason).toBe("STOP_STRING");
  expect(stopped.text).toBe(reference!.text.slice(0, 4));
  expect(reference!.output_ids.slice(0, stopped.tokenIds.length)).toEqual(stopped.tokenIds);
  const raw = await generate(
    HELPER,
    "--prompt",
    "Once upon",
    "--raw",
    "--temperature",
    "0",
    "--max-tokens",
    "3",
  );
  expect(raw.promptTokenIds[0]).toBe(1);
  expect(raw.promptTokenIds.length).toBeLessThan(6);
  expect(raw.text).toMatch(/^ /);
  const ids = raw.promptTokenIds.join(",");
  const same = await generate(HELPER, "--prompt-ids", ids, "--temperature", "0", "--max-tokens", "3");
  expect([same.tokenIds, same.text]).toEqual([raw.tokenIds, raw.text]);
});

deviceTest("generate repeats itself with the same seed, and runs in FP8", async () => {
  const args = [
    "--prompt",
    "Tell me a story.",
    "--temperature",
    "0.9",
    "--max-tokens",
    "12",
    "--quantization",
    "fp8",
  ];
  const [one, same, other] = await Promise.all(
    ["7", "7", "8"].map((seed) => generate(HELPER, ...args, "--seed", seed)),
  );
  expect(same!.tokenIds).toEqual(one!.tokenIds);
  expect(other!.tokenIds).not.toEqual(one!.tokenIds);
});

deviceTest("generate takes sampling from the checkpoint where no option sets it", async () => {
  await using dir = await tempDir();
  for await (const { name } of Deno.readDir(`${DEMO}/parents/helper`)) {
    await Deno.copyFile(`${DEMO}/parents/helper/${name}`, dir.join(name));
  }
  await Deno.writeTextFile(
    dir.join("generation_config.json"),
    JSON.stringify({ do_sample: false, max_new_tokens: 3, eos_token_id: 2 }),
  );
  const output = await generate(dir.path, "--prompt", reference!.messages[0]!.content);
  expect(output.tokenIds).toEqual(reference!.output_ids.slice(0, 3));
  const longer = await generate(dir.path, "--prompt", reference!.messages[0]!.content, "--max-tokens", "4");
  expect(longer.tokenIds).toEqual(reference!.output_ids.slice(0, 4));
});

const refused: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  ["no prompt", [HELPER], 2, /Give either --prompt or --prompt-ids/],
  [
    "ids that are none",
    [HELPER, "--prompt-ids", "1,x"],
    2,
    /--prompt-ids is "1,x", expected token ids, such as 1,2,3/,
  ],
  [
    "a temperature that is none",
    [HELPER, "--prompt", "a", "--temperature", "hot"],
    2,
    /--temperature is "hot", expected a number/,
  ],
  [
    "a temperature out of range",
    [HELPER, "--prompt", "a", "--temperature", "-1"],
    2,
    /Invalid --temperature: found -1, expected 0 … 2/,
  ],
  [
    "a precision that is none",
    [HELPER, "--prompt", "a", "--precision", "f64"],
    2,
    /--precision is "f64", expected f32 or f16/,
  ],
  [
    "a KV cache that is none",
    [HELPER, "--prompt", "a", "--kv-cache-dtype", "int4"],
    2,
    /--kv-cache-dtype is "int4", expected auto or fp8/,
  ],
  [
    "sums in f16 of what is f32 unless said otherwise",
    [HELPER, "--prompt", "a", "--accumulation", "f16"],
    2,
    /--accumulation f16 has no effect with --precision f32: give --precision f16, too/,
  ],
  [
    "sums in f16 of what is f32, said outright",
    [HELPER, "--prompt", "a", "--accumulation", "f16", "--precision", "f32"],
    2,
    /--accumulation f16 has no effect with --precision f32/,
  ],
  [
    "an accumulation that is none",
    [HELPER, "--prompt", "a", "--accumulation", "bf16"],
    2,
    /--accumulation is "bf16", expected f32 or f16/,
  ],
  ["a folder that is no model", ["tests", "--prompt", "a"], 1, /the folder has no config\.json \[FORMAT\]/],
  [
    "a model that is nowhere",
    ["no/model", "--prompt", "a"],
    1,
    /Cannot find model "no\/model".* \[NOT_FOUND\]/,
  ],
  [
    "text for a model without tokenizer",
    ["tests/fixtures/forward/gqa", "--prompt", "a"],
    1,
    /no tokenizer.* \[CONFIG\]/,
  ],
  [
    "an id outside the vocabulary",
    [HELPER, "--prompt-ids", "1,5000"],
    1,
    /found 5000, expected 0 … 2047 \[CONFIG\]/,
  ],
  [
    "a prompt longer than the context",
    [HELPER, "--prompt", "story ".repeat(1200)],
    1,
    /The prompt has 1208 tokens, and at most 1023 fit .* 1024 tokens: shorten it \[CAPACITY\]/,
  ],
  [
    "a stop string without tokenizer",
    ["tests/fixtures/forward/gqa", "--prompt-ids", "1", "--stop", "x"],
    1,
    /no tokenizer \[CONFIG\]/,
  ],
];
for (const [what, args, code, message] of refused) {
  Deno.test(`generate explains ${what} in one line`, async () => {
    const result = await geodesicHere(["generate", ...args]);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code, stdout: "" });
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toMatch(/^error: [^\n]*\n$/);
  });
}

/**
 * llama.cpp beside us, in the same run: a GGUF file of Mistral 7B's shape in Q8_0 (8.5 bits a weight, ours are 8), its
 * prompts and its decoding as node-llama-cpp's Vulkan build does them, and ours over a random model of the same shape. Where
 * the package is not there or has no Vulkan, the reason is the result. It is nobody's dependency and nothing downloads it:
 * `deno cache --no-lock npm:node-llama-cpp@3.22.1` puts it where it is found, or GEODESIC_LLAMA names its file to import.
 */
import { fileURLToPath } from "node:url";
import { MISTRAL_7B_SHAPE } from "../../tests/support/checkpoint_generator.ts";
import { writeGguf } from "./gguf.ts";
import { type Lab, round } from "./harness.ts";
import type { LlamaAnswer, LlamaPlan } from "./llama_child.ts";
import { decode, prefill, randomModel } from "./step.ts";

const TIMEOUT_MS = 180_000;

export async function llama(lab: Lab): Promise<unknown> {
  const { software } = lab.gpu.info;
  const layers = software ? 1 : 32;
  const plan: LlamaPlan = software
    ? { gpu: false, contextSize: 256, prompts: [16], decodeFrom: [64], decodeTokens: 4, rounds: 1 }
    : {
      gpu: "vulkan",
      contextSize: 4608,
      prompts: [128, 1024],
      decodeFrom: [64, 1000],
      decodeTokens: 100,
      rounds: 3,
    };
  const dir = await Deno.makeTempDir({ prefix: "geodesic-llama-" });
  try {
    const path = `${dir}/random-q8_0.gguf`;
    const bytes = await writeGguf(path, shapeOf(layers));
    const theirs = await ask(path, plan);
    if ("leftOut" in theirs) return theirs;
    const ours = await time(lab, layers, plan);
    const table = (which: "promptMs" | "decodeMs", unit: string) =>
      Object.entries(theirs[which]).map(([tokens, ms]) => ({
        [unit]: Number(tokens),
        llamaMs: round(ms, 3),
        ourMs: round(ours[which][tokens]!, 3),
        theirsOverOurs: round(ms / ours[which][tokens]!, 2),
      }));
    return {
      llama: { device: theirs.device, release: theirs.release, gigabytes: round(bytes / 1e9, 2) },
      prompts: table("promptMs", "tokens"),
      decoding: table("decodeMs", "context"),
    };
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

function shapeOf(layers: number) {
  const shape = MISTRAL_7B_SHAPE;
  return {
    layers,
    hiddenSize: shape.hidden_size,
    intermediateSize: shape.intermediate_size,
    queryHeads: shape.num_attention_heads,
    kvHeads: shape.num_key_value_heads,
    headDim: 128,
    vocabSize: shape.vocab_size,
    contextLength: shape.max_position_embeddings,
  };
}

async function ask(model: string, plan: LlamaPlan): Promise<LlamaAnswer> {
  // A file's own imports are found in the folder it was installed in.
  const local = Deno.env.get("GEODESIC_LLAMA") !== undefined;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...[
        "run",
        "--quiet",
        "--cached-only",
        "--no-lock",
        "--no-config",
        `--node-modules-dir=${local ? "manual" : "none"}`,
        "-A",
      ],
      fileURLToPath(new URL("./llama_child.ts", import.meta.url)),
      ...[model, JSON.stringify(plan)],
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const { code, signal, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const text = new TextDecoder();
  const answer = text.decode(stdout).trim().split("\n").at(-1) ?? "";
  if (code === 0 && answer.startsWith("{")) return JSON.parse(answer);
  const reason = text.decode(stderr).trim().split("\n").slice(-3).join(" ");
  return { leftOut: `its process ended with ${signal ?? code}: ${reason}` };
}

async function time(lab: Lab, layers: number, { contextSize, prompts, decodeFrom, decodeTokens }: LlamaPlan) {
  const precision = lab.gpu.has("shader-f16") ? "f16" : "f32";
  using runner = await randomModel(lab, { layers, precision, maxSequences: 1, maxContext: contextSize });
  const promptMs: Record<string, number> = {};
  for (const tokens of prompts) promptMs[tokens] = (await prefill(runner, tokens)).ms;
  const decodeMs: Record<string, number> = {};
  for (const context of decodeFrom) {
    const stepsPerSubmit = Math.min(4, decodeTokens);
    const submits = Math.ceil(decodeTokens / stepsPerSubmit);
    decodeMs[context] = (await decode(runner, { batch: 1, context, submits, stepsPerSubmit })).msPerStep;
  }
  return { promptMs, decodeMs };
}

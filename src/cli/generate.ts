/** `geodesic generate MODEL`: text or ids in, text or a JSON object out, on an engine of its own. */
import { randomBytes } from "node:crypto";
import { tunedDirOf } from "../app/compose.ts";
import { buildPrompt } from "../app/generate/prompt.ts";
import { type ServedText, servedTextOf } from "../app/generate/served_text.ts";
import { resolveSampling, samplingOfCheckpoint } from "../app/sampling.ts";
import type { PromptSource } from "../app/types.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import { createWorkerEngine } from "../engine/client.ts";
import type { LoadProgress } from "../engine/protocol.ts";
import { ConfigError, GeodesicError } from "../errors.ts";
import { openCheckpoint } from "../formats/checkpoint.ts";
import type { Command, Invocation } from "./command.ts";
import { dataDirOf, dataDirOption } from "./data_dir.ts";
import { EXIT } from "./errors.ts";
import { findModelFolder } from "./find_model.ts";
import { printableText } from "./printable.ts";
import { generateLocally, type LocalRequest, type LocalResult } from "./local_generation.ts";
import { Progress } from "./progress.ts";
import {
  explained,
  inOptions,
  parseSamplingOptions,
  parseTokenIds,
  samplingOptions,
} from "./sampling_options.ts";
import {
  accumulationOf,
  accumulationOption,
  kvCacheDtypeOption,
  precisionOption,
  quantizationOption,
  speculationOption,
} from "./weight_options.ts";

export const generateCommand: Command = {
  name: "generate",
  summary: "Generate text with a model, here and now",
  positionals: ["MODEL"],
  surplus: "prompt",
  options: {
    prompt: {
      type: "string",
      value: "TEXT",
      description: "A user's message, put through the model's chat template",
    },
    raw: {
      type: "boolean",
      description: "Take --prompt as plain text to be continued, without the template",
    },
    "prompt-ids": {
      type: "string",
      value: "1,2,…",
      description: "Token ids, taken as they are, instead of --prompt",
    },
    ...samplingOptions,
    quantization: quantizationOption,
    precision: precisionOption,
    "kv-cache-dtype": kvCacheDtypeOption,
    accumulation: accumulationOption,
    speculation: speculationOption,
    data: dataDirOption,
    json: { type: "boolean", description: "Print one JSON object at the end (errors, too) instead of text" },
  },
  notes:
    "MODEL is a folder or the name of a registered model. What no option sets is taken from the model's\n" +
    "generation_config.json. A model without tokenizer works with --prompt-ids and gives ids, but no text.",
  async run(invocation) {
    try {
      return await generate(invocation);
    } catch (error) {
      throw error instanceof GeodesicError ? inOptions(error) : error;
    }
  },
};

async function generate(invocation: Invocation): Promise<number> {
  const { terminal, signal } = invocation;
  const request = await readRequest(invocation);
  const json = invocation.flag("json");
  if (invocation.text("logprobs") !== undefined && !json) {
    terminal.writeStatus("note: --logprobs are shown with --json only\n");
  }
  await using engine = createWorkerEngine();
  using progress = new LoadBar(invocation);
  let hasText = false;
  const onText = (text: string) => {
    progress.end();
    terminal.write(terminal.isScreen ? printableText(text) : text);
    hasText = true;
  };
  try {
    const onLoad = (state: LoadProgress) => progress.update(state);
    const result = await generateLocally(engine, request, { signal, onLoad, ...json ? {} : { onText } });
    progress.end();
    terminal.print(json ? JSON.stringify(toJson(request, result)) : "");
    if (request.served.tokenizer === null && !json) {
      terminal.writeStatus("note: the model has no tokenizer, so there is no text; --json shows the ids\n");
    }
  } catch (error) {
    if (hasText) terminal.print(""); // What is said of it has a line of its own.
    throw error;
  }
  return EXIT.done;
}

async function readRequest(invocation: Invocation): Promise<LocalRequest> {
  const { terminal, signal } = invocation;
  const requested = await parseSamplingOptions(invocation);
  const source = promptSource(invocation);
  const quantization = invocation.choice("quantization", ["none", "fp8"]);
  const precision = invocation.choice("precision", ["f32", "f16"]);
  const kvCacheDtype = invocation.choice("kv-cache-dtype", ["auto", "fp8"]);
  const accumulation = accumulationOf(invocation);
  const speculation = invocation.choice("speculation", ["auto", "off"]);
  const where = { ...terminal, dataDir: dataDirOf(invocation), checking: signal };
  const model = invocation.positional("MODEL");
  const { path } = await findModelFolder(model, where);
  using checkpoint = await openCheckpoint(path, { signal });
  const served = await servedTextOf(checkpoint);
  const contextLength = checkpoint.config.maxPositionEmbeddings;
  const defaults = {
    origin: "CHECKPOINT",
    values: samplingOfCheckpoint(checkpoint.generationConfig),
  } as const;
  const { values: sampling } = resolveSampling(requested, [defaults], {
    ...{ contextLength, vocabSize: served.vocabSize, drawSeed },
  });
  if (sampling.stop.length > 0 && served.tokenizer === null) {
    throw new ConfigError("Cannot stop at strings: the model has no tokenizer", { field: "stop" });
  }
  const tokenizer = "text" in source ? requireTokenizer(served) : null;
  const ids = tokenizer !== null && "text" in source && invocation.flag("raw")
    ? tokenizer.encode(source.text, { bos: tokenizer.addsBos })
    : undefined;
  const prompt = buildPrompt(served, ids === undefined ? source : { tokenIds: ids }, {
    history: null,
    contextLength,
  });
  return {
    model,
    path,
    quantization,
    precision,
    kvCacheDtype,
    accumulation,
    speculation,
    tunedDir: tunedDirOf(where.dataDir),
    promptTokenIds: prompt.tokenIds,
    continuesText: prompt.continuesText,
    sampling,
    served,
    maxContext: Math.min(contextLength, prompt.tokenIds.length + sampling.maxTokens),
  };
}

function promptSource(invocation: Invocation): Exclude<PromptSource, { readonly messages: unknown }> {
  const text = invocation.text("prompt");
  const ids = invocation.text("prompt-ids");
  if ((text === undefined) === (ids === undefined)) {
    throw invocation.usageError("Give either --prompt or --prompt-ids");
  }
  if (text !== undefined) return { text };
  if (invocation.flag("raw")) {
    throw invocation.usageError("--raw goes with --prompt, ids are always taken as they are");
  }
  return { tokenIds: explained(invocation, "prompt-ids", () => parseTokenIds(ids!)) };
}

/** Without a tokenizer nothing but ids will do. */
function requireTokenizer({ tokenizer }: ServedText): Tokenizer {
  if (tokenizer !== null) return tokenizer;
  const details = { field: "prompt" };
  throw new ConfigError("Cannot encode the prompt: the model has no tokenizer, give --prompt-ids", details);
}

/** The object that scripts rely on. */
function toJson(request: LocalRequest, { tokens, text, finishReason, timings, loadMs }: LocalResult) {
  const withLogprobs = request.sampling.logprobs >= 0;
  return {
    promptTokenIds: request.promptTokenIds,
    tokenIds: tokens.map(({ id }) => id),
    text,
    finishReason,
    logprobs: withLogprobs
      ? tokens.map(({ id, logprob, top }) => ({ id, logprob: logprob ?? null, top: top ?? [] }))
      : null,
    timings: { ...timings, loadMs },
  };
}

/** Progress of the load, on a screen only: elsewhere nobody waits for it. */
class LoadBar implements Disposable {
  #bar: Progress | undefined;

  constructor({ terminal }: Invocation) {
    if (terminal.isInteractive) this.#bar = new Progress(terminal);
  }

  update({ loadedBytes, totalBytes }: LoadProgress): void {
    this.#bar?.update({ stage: "Loading", doneBytes: loadedBytes, totalBytes });
  }

  /** What comes next has a line of its own. */
  end(): void {
    this.#bar?.[Symbol.dispose]();
    this.#bar = undefined;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

function drawSeed(): bigint {
  return randomBytes(8).readBigUInt64LE();
}

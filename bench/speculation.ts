/**
 * What guessing the next tokens saves, in steps, on an output that repeats itself and on one that does not: the helper
 * of the demo tells a story; and it subtracts and, not allowed to stop, goes on subtracting. The outputs with and
 * without guesses are compared before anything is reported.
 */
import { fileURLToPath } from "node:url";
import { Engine } from "../src/engine/engine.ts";
import type { EngineMessage, EngineMetrics, Speculation } from "../src/engine/protocol.ts";
import { MessageTurns } from "../src/engine/turns.ts";
import { GpuDevice } from "../src/gpu/device.ts";
import { loadModel } from "../src/model/load.ts";
import { GREEDY } from "../src/model/sampling.ts";
import type { Figure } from "./figure.ts";

const DEMO = fileURLToPath(new URL("../demo/", import.meta.url));
const ROUNDS = 3;
const MAX_TOKENS = 200;

interface Run {
  readonly tokens: readonly number[];
  readonly steps: number;
  readonly drafted: number;
  readonly accepted: number;
  readonly ms: number;
}

export async function benchSpeculation(): Promise<readonly Figure[]> {
  const lines = (await Deno.readTextFile(`${DEMO}eval/reference.jsonl`)).trim().split("\n");
  const references: { model: string; id: string; prompt_ids: number[] }[] = lines
    .map((line) => JSON.parse(line)).filter(({ model }) => model === "helper");
  const promptOf = (id: string) => references.find((reference) => reference.id === id)!.prompt_ids;
  const prompts = {
    "a story": promptOf("storyteller/pair/0"),
    "one sum after the other": promptOf("helper/sub/8"),
  };
  using device = await GpuDevice.open();
  const figures: Figure[] = [];
  for (const [name, prompt] of Object.entries(prompts)) {
    const rounds: { readonly on: Run; readonly off: Run }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const on = await run(device, prompt, "auto");
      const off = await run(device, prompt, "off");
      if (on.tokens.join() !== off.tokens.join()) {
        throw new Error(`With guesses the tokens are ${on.tokens.join()}, without ${off.tokens.join()}`);
      }
      rounds.push({ on, off });
    }
    const [{ on, off }] = rounds as [typeof rounds[number]];
    const ratios = rounds.map(({ on, off }) => off.ms / on.ms).sort((a, b) => a - b);
    figures.push(
      {
        name: `${name}: steps without guesses / with`,
        value: off.steps / on.steps,
        unit: "×",
        note: `${off.steps} / ${on.steps}; ${on.accepted} of ${on.drafted} guesses right`,
      },
      {
        name: `${name}: with guesses / without`,
        value: ratios[ROUNDS >> 1]!,
        unit: "× tokens/s",
        note: `on ${device.info.adapter}`,
      },
    );
  }
  return figures;
}

/** One greedy answer by an engine of its own; milliseconds and steps from the first token to the last. */
async function run(device: GpuDevice, prompt: readonly number[], speculation: Speculation): Promise<Run> {
  using turns = new MessageTurns();
  const tokens: number[] = [];
  let metrics: EngineMetrics | null = null;
  let waiting: { type: EngineMessage["type"]; resolve: () => void } | null = null;
  let firstMs = 0;
  const engine = new Engine({
    load: ({ path, maxContext }, { signal }) =>
      loadModel(device, path, {
        quantization: "none",
        precision: "f32",
        maxContext,
        maxSequences: 1,
        signal,
      }),
    emit: (message) => {
      if (message.type === "metrics") metrics = message;
      if (message.type === "tokens") {
        if (tokens.length === 0) firstMs = performance.now();
        tokens.push(...message.tokens.map(({ id }) => id));
      }
      if (message.type === "failed") throw new Error(message.error.message);
      if (message.type === waiting?.type) waiting.resolve();
    },
    turn: () => turns.next(),
    now: () => performance.now(),
    onInternalError: (error) => {
      throw error;
    },
  });
  const until = (type: EngineMessage["type"]) => new Promise<void>((resolve) => waiting = { type, resolve });
  const path = `${DEMO}parents/helper`;
  const size = { maxContext: prompt.length + MAX_TOKENS, maxSequences: 1 };
  const loaded = until("loaded");
  engine.dispatch({
    type: "load",
    modelKey: "m",
    path,
    quantization: "none",
    precision: "f32",
    speculation,
    ...size,
  });
  await loaded;
  const finished = until("finished");
  const sampling = { ...GREEDY, seed: "0", maxTokens: MAX_TOKENS };
  engine.dispatch({
    type: "submit",
    requestId: "r",
    modelKey: "m",
    promptTokenIds: prompt,
    sampling,
    eosTokenIds: [],
  });
  await finished;
  const ms = performance.now() - firstMs;
  engine.dispatch({ type: "metrics" });
  const { steps, models: [model] } = metrics!;
  const { draftedTokens: drafted, acceptedTokens: accepted } = model!;
  const closed = until("closed");
  engine.dispatch({ type: "close" });
  await closed;
  return { tokens, steps, drafted, accepted, ms };
}

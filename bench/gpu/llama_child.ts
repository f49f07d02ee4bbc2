/**
 * Times llama.cpp by way of node-llama-cpp, in a process of its own, so that neither its driver nor a crash is ours.
 * `deno run --no-lock -A bench/gpu/llama_child.ts MODEL.gguf PLAN`: PLAN is JSON, see {@link LlamaPlan}; one line of JSON on
 * stdout is the answer. The package is no dependency of Geodesic: it is looked for when this runs, and only then.
 */

/** Where a checkout that must not download finds the package: a file to import. */
const PACKAGE = Deno.env.get("GEODESIC_LLAMA") ?? "npm:node-llama-cpp@3.22.1";

export interface LlamaPlan {
  readonly gpu: "vulkan" | false;
  readonly contextSize: number;
  /** Of prompts to be timed. */
  readonly prompts: readonly number[];
  /** Tokens before those whose decoding is timed. */
  readonly decodeFrom: readonly number[];
  readonly decodeTokens: number;
  readonly rounds: number;
}

export type LlamaAnswer =
  | {
    readonly device: string;
    readonly release: string;
    /** Milliseconds, by the prompt's length: until its last token's logits are there. */
    readonly promptMs: Readonly<Record<string, number>>;
    /** Milliseconds a token, by the context's length. */
    readonly decodeMs: Readonly<Record<string, number>>;
  }
  | { readonly leftOut: string };

interface Sequence {
  clearHistory(): Promise<void>;
  evaluate(tokens: readonly number[], options: object): AsyncGenerator<number>;
}

async function run(modelPath: string, plan: LlamaPlan): Promise<LlamaAnswer> {
  const { getLlama } = await import(PACKAGE);
  const llama = await getLlama({ gpu: plan.gpu, build: "never", logLevel: "error" });
  if (plan.gpu !== false && llama.gpu !== plan.gpu) return { leftOut: `its backend here is ${llama.gpu}` };
  const model = await llama.loadModel({ modelPath, gpuLayers: plan.gpu === false ? 0 : "max" });
  const context = await model.createContext({
    contextSize: plan.contextSize,
    batchSize: 512,
    flashAttention: true,
  });
  const sequence: Sequence = context.getSequence();
  const ids = (count: number) => Array.from({ length: count }, (_, i) => 259 + (i * 7919) % 30_000);
  // Greedy, and never the end.
  const options = { temperature: 0, evaluationPriority: 5, yieldEogToken: true };

  /** Milliseconds to the first token, and a token after it. */
  const time = async (prompt: number, tokens: number) => {
    await sequence.clearHistory();
    const startMs = performance.now();
    let [firstMs, count] = [0, 0];
    const found: number[] = [];
    for await (const id of sequence.evaluate(ids(prompt), options)) {
      if (count === 0) firstMs = performance.now();
      found.push(id);
      if (count++ === tokens) break;
    }
    const perToken = tokens === 0 ? 0 : (performance.now() - firstMs) / tokens;
    return { promptMs: firstMs - startMs, perToken, text: found.join() };
  };
  const again = new Set([(await time(16, 8)).text, (await time(16, 8)).text]);
  if (again.size !== 1) throw new Error(`Greedy tokens differ: ${[...again].join(" / ")}`);

  const median = async (measure: () => Promise<number>) => {
    const times: number[] = [];
    for (let round = 0; round < plan.rounds; round++) times.push(await measure());
    return times.sort((a, b) => a - b)[times.length >> 1]!;
  };
  const promptMs: Record<string, number> = {};
  for (const prompt of plan.prompts) {
    promptMs[prompt] = await median(async () => (await time(prompt, 0)).promptMs);
  }
  const decodeMs: Record<string, number> = {};
  for (const context of plan.decodeFrom) {
    decodeMs[context] = await median(async () => (await time(context, plan.decodeTokens)).perToken);
  }
  const [device = "CPU"] = plan.gpu === false ? [] : await llama.getGpuDeviceNames();
  return { device, release: llama.llamaCppRelease?.release ?? "unknown", promptMs, decodeMs };
}

if (import.meta.main) {
  const [modelPath, plan] = Deno.args as [string, string];
  const answer = await run(modelPath, JSON.parse(plan)).catch((error): LlamaAnswer => ({
    leftOut: error instanceof Error ? error.message : String(error),
  }));
  console.log(`\n${JSON.stringify(answer)}`);
  Deno.exit(0);
}

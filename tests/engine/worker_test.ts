/**
 * The whole way down: client, Worker, engine, runner, kernels, on a real device with a trained model; and the same with
 * the Worker in a process of its own. What it says is held against the references that were made when the model was
 * trained.
 */
import { expect } from "@std/expect";
import { createWorkerEngine, PortEngineClient } from "../../src/engine/client.ts";
import { openProcessPort } from "../../src/engine/process_port.ts";
import type { EngineClient, RequestMessage, SubmitCommand } from "../../src/engine/protocol.ts";
import { hasDevice } from "../gpu/device.ts";
import { failure } from "../support/failure.ts";
import { SAMPLING } from "../support/fake_engine.ts";
import { tempDir } from "../support/temp.ts";

const HELPER = new URL("../../demo/parents/helper", import.meta.url).pathname;
const EOS = [2];

interface Reference {
  readonly model: string;
  readonly prompt_ids: readonly number[];
  readonly output_ids: readonly number[];
  /** Smallest lead of the best logit over the second; another order of summation may cross one that is tiny. */
  readonly min_margin: number;
}

/** References of the helper model with a clear lead everywhere, shortest first. */
function references(): Reference[] {
  const text = Deno.readTextFileSync(new URL("../../demo/eval/reference.jsonl", import.meta.url));
  return text.trim().split("\n").map((line): Reference => JSON.parse(line))
    .filter(({ model, min_margin }) => model === "helper" && min_margin > 1e-3)
    .sort((a, b) => a.output_ids.length - b.output_ids.length);
}

const load = (path: string) => ({
  modelKey: "helper",
  path,
  quantization: "none",
  precision: "f32",
  maxContext: 256,
  maxSequences: 4,
} as const);

interface Run {
  readonly ids: number[];
  readonly messages: RequestMessage[];
  readonly last: RequestMessage;
}

function run(
  engine: EngineClient,
  requestId: string,
  promptTokenIds: readonly number[],
  sampling: Partial<SubmitCommand["sampling"]> = {},
  onMessage: (message: RequestMessage) => void = () => {},
): Promise<Run> {
  const messages: RequestMessage[] = [];
  const params = { ...SAMPLING, maxTokens: 200, ...sampling };
  const command = { requestId, modelKey: "helper", promptTokenIds, sampling: params, eosTokenIds: EOS };
  return new Promise((resolve) =>
    engine.submit(command, (message) => {
      messages.push(message);
      onMessage(message);
      if (message.type !== "finished" && message.type !== "failed") return;
      const ids = messages.flatMap((m) => m.type === "tokens" ? m.tokens.map(({ id }) => id) : []);
      resolve({ ids, messages, last: message });
    })
  );
}

const ENGINES: Readonly<Record<string, () => EngineClient>> = {
  "createWorkerEngine()": createWorkerEngine,
  "openProcessPort()": () => new PortEngineClient(openProcessPort()),
};

/** One test for each kind of engine: they are to be the same for those who use them. */
function engineTest(criterion: string, body: (engine: EngineClient) => Promise<void>): void {
  for (const [name, create] of Object.entries(ENGINES)) {
    Deno.test({
      name: `${name} ${criterion}`,
      ignore: !hasDevice,
      fn: async () => {
        await using engine = create();
        const device = await engine.ready();
        expect(device.kernelsSha256).toMatch(/^[0-9a-f]{64}$/);
        await body(engine);
      },
    });
  }
}

engineTest(
  "takes no larger KV cache than it is told to, and none that does not hold a whole context",
  async (engine) => {
    const whole = await engine.load(load(HELPER));
    const least = whole.kvCacheBytes / load(HELPER).maxSequences;
    await engine.unload("helper");
    const { kvCacheBytes } = await engine.load({ ...load(HELPER), kvCacheBytes: 2.5 * least });
    expect(kvCacheBytes).toBe(2.5 * least);
    await engine.unload("helper");
    const error = await failure(engine.load({ ...load(HELPER), kvCacheBytes: least - 1 }));
    expect(error).toMatchObject({ code: "CAPACITY", details: { found: 240, expected: 256 } });
  },
);

engineTest("streams the demo model's reference answers", async (engine) => {
  const stages = new Set<string>();
  const loaded = await engine.load(load(HELPER), { onProgress: ({ stage }) => stages.add(stage) });
  expect(loaded).toMatchObject({ modelKey: "helper", maxContext: 256, vocabSize: 2048 });
  expect([...stages]).toEqual(["READING", "UPLOADING", "WARMING_UP"]);
  for (const [index, { prompt_ids, output_ids }] of references().slice(0, 4).entries()) {
    const { ids, last } = await run(engine, `r${index}`, prompt_ids);
    expect(ids).toEqual([...output_ids]);
    expect(last).toMatchObject({ type: "finished", reason: "STOP", promptTokens: prompt_ids.length });
    if (last.type !== "finished") throw new Error(last.type);
    const { steps, submitsPerStep, readbackBytesPerStep, dispatchesPerStep, ttftMs } = last.timings;
    // Counts, so they hold on any machine: embed, five a layer, lm_head, two to sample; one id of four bytes back.
    expect({ steps, submitsPerStep, readbackBytesPerStep, dispatchesPerStep }).toEqual({
      steps: output_ids.length,
      submitsPerStep: 1,
      readbackBytesPerStep: 4,
      dispatchesPerStep: 4 + 5 * 8,
    });
    expect(ttftMs).toBeGreaterThan(0);
  }
});

engineTest("gives concurrent requests what each gets alone", async (engine) => {
  await engine.load(load(HELPER));
  const [greedy, sampled] = references();
  const warm = { temperature: 0.9, topP: 0.95, seed: "12345678901234567890", logprobs: 2, maxTokens: 24 };
  const repeated = {
    repetitionPenalty: 1.3,
    frequencyPenalty: 0.2,
    maxTokens: 24,
    seed: "3",
    temperature: 1,
  };
  const requests: [readonly number[], Partial<SubmitCommand["sampling"]>][] = [
    [greedy!.prompt_ids, {}],
    [sampled!.prompt_ids, warm],
    [greedy!.prompt_ids, repeated],
  ];
  const alone: Run[] = [];
  for (const [index, [prompt, sampling]] of requests.entries()) {
    alone.push(await run(engine, `alone${index}`, prompt, sampling));
  }
  const together = await Promise.all(
    requests.map(([prompt, sampling], index) => run(engine, `together${index}`, prompt, sampling)),
  );
  // Tokens, and with them log-probabilities to the last bit.
  const tokens = ({ messages }: Run) => messages.flatMap((m) => m.type === "tokens" ? m.tokens : []);
  expect(together.map(tokens)).toEqual(alone.map(tokens));
  expect((await engine.metrics()).models).toMatchObject([{ running: 0 }]);
});

engineTest("cancels mid-stream and empties the batch", async (engine) => {
  await engine.load(load(HELPER));
  const [{ prompt_ids } = { prompt_ids: [1] }] = references();
  const sampling = { ignoreEos: true, maxTokens: 200 };
  const { ids, last } = await run(engine, "r", prompt_ids, sampling, ({ type }) => {
    if (type === "tokens") engine.cancel("r");
  });
  expect(last).toMatchObject({ type: "finished", reason: "CANCELLED", completionTokens: ids.length });
  expect((await engine.metrics()).models).toMatchObject([{ running: 0, waiting: 0 }]);
  await engine.unload("helper"); // Waits for the steps that were in flight.
  const { steps, lastBatchSize } = await engine.metrics();
  // One step was being read and one ran ahead when the cancellation arrived. No other was submitted after it.
  expect(steps).toBeLessThanOrEqual(ids.length + 2);
  expect(lastBatchSize).toBe(0);
});

engineTest(
  "reports what is wrong with a folder or a request, and lives on",
  async (engine) => {
    await using dir = await tempDir();
    await expect(engine.load(load(dir.path))).rejects.toMatchObject({
      code: expect.stringMatching(/NOT_FOUND|FORMAT/),
    });
    const early = await run(engine, "early", [1]);
    expect(early.last).toMatchObject({ type: "failed", error: { code: "NOT_FOUND" } });
    await engine.load(load(HELPER));
    const long = await run(engine, "long", Array(256).fill(1));
    const details = { promptTokens: 256, maxContext: 256 };
    expect(long.last).toMatchObject({ type: "failed", error: { code: "CAPACITY", details } });
    expect((await run(engine, "fine", [1], { maxTokens: 2 })).ids.length).toBe(2);
  },
);

engineTest("ends a running request when it is disposed", async (engine) => {
  await engine.load(load(HELPER));
  const started = Promise.withResolvers<void>();
  const running = run(
    engine,
    "r",
    [1],
    { ignoreEos: true },
    ({ type }) => type === "tokens" && started.resolve(),
  );
  await started.promise;
  await engine[Symbol.asyncDispose]();
  expect((await running).last).toMatchObject({ type: "finished", reason: "CANCELLED" });
});

Deno.test({
  name: "createWorkerEngine() has unloaded every driver when its disposal resolves, so that exiting is safe",
  ignore: !hasDevice || Deno.build.os !== "linux",
  fn: async () => {
    const child = new URL("./driver_child.ts", import.meta.url).pathname;
    // As one who starts Deno without the tasks, which choose the backends.
    const { DENO_WEBGPU_BACKEND: _, ...env } = Deno.env.toObject();
    const { code, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", child],
      env,
      clearEnv: true,
      stderr: "inherit",
    }).output();
    expect({ code, ...JSON.parse(new TextDecoder().decode(stdout)) }).toEqual({
      code: 0,
      openGl: 0,
      vulkan: 0,
    });
  },
});

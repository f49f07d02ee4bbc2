/**
 * The host's time to prepare a decode step with as many dispatches as Mistral 7B's, on whatever adapter there is: layers
 * are as many, widths small, so that a device is soon done and the host's processors are its own. Tokens are held against
 * the float64 oracle first. The calls that preparing makes are made again without it, which tells wgpu's time from ours.
 */
import { GpuDevice } from "../src/gpu/device.ts";
import { chooseTuning } from "../src/kernels/tuning.ts";
import { loadModel } from "../src/model/load.ts";
import type { BlockId, ModelRunner, PreparedStep, Slot } from "../src/model/runner.ts";
import { GREEDY as SAMPLING } from "../src/model/sampling.ts";
import { generate, GREEDY } from "../tests/model/harness.ts";
import { judge, randomPrompt } from "../tests/model/random_case.ts";
import { loadOracle } from "../tests/oracle/forward.ts";
import { MISTRAL_7B_SHAPE, writeCheckpoint } from "../tests/support/checkpoint_generator.ts";
import { tempDir } from "../tests/support/temp.ts";
import { type Figure, quantile } from "./figure.ts";
import { silence, Tape, type TapeTimes } from "./tape.ts";

const ROUNDS = 100;
const SILENT_ROUNDS = 1000;
const CONTEXT = 512;
const VOCAB = 256;
const PROMPT = 20;
/** Of a log-probability in f32. */
const TOLERANCE = 1e-3;

const CONFIG = {
  hidden_size: 32,
  intermediate_size: 32,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 32,
  num_hidden_layers: MISTRAL_7B_SHAPE.num_hidden_layers,
  vocab_size: VOCAB,
  max_position_embeddings: CONTEXT,
};

export async function benchHost(): Promise<readonly Figure[]> {
  await using dir = await tempDir();
  await writeCheckpoint(dir.path, { config: CONFIG, seed: 5, gain: 2 });
  using device = await GpuDevice.open();
  using runner = await loadModel(device, dir.path, {
    quantization: "none",
    precision: "f32",
    maxContext: CONTEXT,
    maxSequences: 2,
    // Kernels and bindings are those of a GPU.
    tuning: chooseTuning({ ...device.info, software: false }),
  });
  await verify(runner, dir.path);
  const one = await measure(device, runner, 1);
  const four = await measure(device, runner, 4);
  return [
    { name: "dispatches a step", value: one.dispatches, unit: "", note: `on ${device.info.adapter}` },
    ...figures("a step", one),
    ...figures("four steps in a submit", four),
  ];
}

/** Greedy tokens of a prompt with their log-probabilities. */
async function verify(runner: ModelRunner, dir: string): Promise<void> {
  const prompt = randomPrompt(VOCAB, PROMPT, 5);
  const init = { ...GREEDY, sampling: { ...SAMPLING, logprobs: 5 } };
  const job = { prompt, count: 6, slot: 0, firstBlock: 0, init };
  const [tokens] = await generate(runner, [job], { stepsPerSubmit: 3 });
  const { logprobError, shortfall } = judge(await loadOracle(dir), prompt, tokens!);
  if (logprobError < TOLERANCE && shortfall < TOLERANCE && tokens!.length === job.count) return;
  throw new Error(`Tokens are ${tokens!.map(({ id }) => id)}, off by ${logprobError} and ${shortfall}`);
}

interface Measured {
  readonly dispatches: number;
  readonly steps: number;
  /** Milliseconds of each round. */
  readonly preparing: readonly number[];
  readonly replays: readonly TapeTimes[];
  /** With a WebGPU that does nothing. */
  readonly own: readonly number[];
}

async function measure(device: GpuDevice, runner: ModelRunner, steps: number): Promise<Measured> {
  const slot = 0 as Slot;
  runner.initSlot(slot, { ...GREEDY, promptTokenIds: new Uint32Array(1) });
  const blocks = Math.ceil(CONTEXT / runner.limits.blockSize);
  const blockTable = Array.from({ length: blocks }, (_, block) => block as BlockId);
  let position = PROMPT;
  const prepare = (): PreparedStep => {
    if (position + steps > CONTEXT) position = PROMPT;
    const plans = Array.from({ length: steps }, () => {
      return { prompts: [], decodes: [{ slot, position: position++, blockTable }] };
    });
    return runner.prepare(plans);
  };
  const own: number[] = [];
  {
    // First, for by the end of it the compiler has done what it can.
    using _ = silence();
    for (let round = 0; round < SILENT_ROUNDS; round++) {
      const begin = performance.now();
      const prepared = prepare();
      own.push(performance.now() - begin);
      await prepared.submit().collect();
    }
  }
  let recorded: PreparedStep | null = null;
  const tape = Tape.of(() => recorded = prepare());
  await recorded!.submit().collect();
  const preparing: number[] = [];
  const replays: TapeTimes[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    const prepared = prepare();
    preparing.push(performance.now() - begin);
    await prepared.submit().collect();
    replays.push(tape.replay(device.handle));
    // Waits before it returns, as collect() does. Its promise would come after a sleep, with cold caches.
    void device.handle.queue.onSubmittedWorkDone();
  }
  return { dispatches: tape.dispatches / steps, steps, preparing, replays, own };
}

/** Microseconds, the least of many, for whatever else the machine does only adds. */
function figures(of: string, { dispatches, steps, preparing, replays, own }: Measured): Figure[] {
  const least = (values: readonly number[]) => quantile(values, 0) * 1000;
  const part = (pick: (times: TapeTimes) => number) => least(replays.map(pick));
  const prepared = least(preparing);
  const row = (name: string, value: number, note?: string): Figure => {
    return { name: `${of}: ${name}`, value, unit: "µs", ...note !== undefined && { note } };
  };
  return [
    row("preparing", prepared, `median ${(quantile(preparing, 0.5) * 1000).toFixed(0)}`),
    row("preparing, a dispatch", prepared / (dispatches * steps)),
    row("of it recording", part(({ recording }) => recording)),
    row("of it finish()", part(({ finishing }) => finishing)),
    row("of it writeBuffer()", part(({ writing }) => writing)),
    row("of it our own", least(own)),
  ];
}

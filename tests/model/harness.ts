/**
 * Models for tests: the fixtures by name, their goldens, and two ways in. `TestModel` goes below the runner and reads the
 * logits of every row; `generate` drives a runner as an engine would.
 */
import { sha256 } from "../../src/formats/artifact.ts";
import { type Checkpoint, openCheckpoint } from "../../src/formats/checkpoint.ts";
import type { GpuBuffer } from "../../src/gpu/buffer.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { StepEncoder } from "../../src/gpu/encoder.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { ReadbackRing } from "../../src/gpu/readback.ts";
import { type LinearOverride, withDefaults } from "../../src/kernels/linear.ts";
import { chooseTuning, type DeviceTuning, portableTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { Forward } from "../../src/model/forward.ts";
import { type LoadOptions, startPacking } from "../../src/model/load.ts";
import type {
  BlockId,
  DecodeRow,
  KvCacheDtype,
  ModelRunner,
  PendingStep,
  Precision,
  PromptChunk,
  Quantization,
  SampledToken,
  Slot,
  SlotInit,
  StepPlan,
} from "../../src/model/runner.ts";
import { RowQuantizer } from "../../src/model/row_quantizer.ts";
import { GREEDY as GREEDY_SAMPLING } from "../../src/model/sampling.ts";
import { planSizes } from "../../src/model/sizes.ts";
import { StepUploads } from "../../src/model/step_uploads.ts";
import { formatsOf, loadWeights, type ModelWeights } from "../../src/model/weights.ts";
import { readSafetensors, toNumbers } from "../oracle/checkpoint.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

export const fixture = (name: string) => `${ROOT}tests/fixtures/forward/${name}`;
export const demoParent = (name: string) => `${ROOT}demo/parents/${name}`;

export const LOAD: LoadOptions = {
  quantization: "none",
  precision: "f32",
  maxContext: 1024,
  maxSequences: 8,
};

export interface Golden {
  readonly input_ids: readonly number[];
  readonly greedy_continuation: readonly number[];
  readonly greedy_margins: readonly number[];
  readonly facts: Readonly<Record<string, unknown>>;
}

export async function golden(name: string): Promise<Golden> {
  return JSON.parse(await Deno.readTextFile(`${fixture(name)}/case.json`));
}

/** One tensor of the expected values as numbers. */
export async function expectedValues(name: string, tensor: string, file = "expected"): Promise<Float64Array> {
  const tensors = await readSafetensors(`${fixture(name)}/${file}.safetensors`);
  return toNumbers(tensors.get(tensor)!);
}

/** A sequence's rows in a step: its block table, and (token, position) per row. */
export interface RowRun {
  readonly table: readonly number[];
  readonly tokens: ArrayLike<number>;
  readonly start: number;
  /** Computed as rows of a prompt unless said otherwise; these come first. */
  readonly family?: "prompt" | "decode";
}

/** The weights alone, packed in this thread unless `threads` says otherwise. */
export async function uploadWeights(
  device: GpuDevice,
  checkpoint: Checkpoint,
  { owned, quantization, threads = 0, checksums, quantizeOn = "host", ...options }: {
    owned: DisposableStack;
    quantization: Quantization;
    threads?: number;
    checksums?: Map<string, number>;
    maxBindableBytes?: number;
    quantizeOn?: "device" | "host";
  },
): Promise<ModelWeights> {
  const { maxBindableBytes = device.maxBindableBytes } = options;
  using rows = startPacking(checkpoint, threads, undefined);
  using quantizer = quantizeOn === "device" ? await RowQuantizer.create(device, { maxBindableBytes }) : null;
  const context = { device, checkpoint, rows, quantizer, owned, maxBindableBytes, checksums };
  return await loadWeights({ ...context, onBytes: () => {}, signal: undefined }, quantization);
}

/** What a buffer holds. */
export async function readBuffer(device: GpuDevice, buffer: GpuBuffer): Promise<Uint8Array<ArrayBuffer>> {
  using arena = new ParamsArena(device, 1);
  using ring = await ReadbackRing.create(device, { depth: 1, bytes: buffer.bytes });
  const step = new StepEncoder(device, arena);
  const ticket = ring.enqueue(step, buffer, 0, buffer.bytes);
  step.submit();
  return new Uint8Array(await ring.read(ticket));
}

/** SHA-256 of each buffer of a model's weights. */
export async function weightHashes(device: GpuDevice, weights: ModelWeights): Promise<string[]> {
  const { embedding, layers, finalGain, lmHead } = weights;
  const matrices = [embedding, ...layers.flatMap((l) => [l.qkv, l.output, l.gateUp, l.down]), lmHead];
  const gains = [
    finalGain,
    ...layers.flatMap(({ inputGain, postAttentionGain, headGains }) => [
      inputGain,
      postAttentionGain,
      ...headGains === null ? [] : [headGains],
    ]),
  ];
  const slices = matrices.flatMap((matrix) => matrix.slices);
  const buffers = [...gains, ...slices.flatMap((slice) => [slice.weights, slice.channels])];
  const hashes: string[] = [];
  for (const buffer of buffers) hashes.push(sha256(await readBuffer(device, buffer)));
  return hashes;
}

/** A forward pass whose every row's logits can be read. */
export class TestModel implements Disposable {
  readonly vocabSize: number;
  readonly blockSize: number;
  readonly #device: GpuDevice;
  readonly #forward: Forward;
  readonly #params: ParamsArena;
  readonly #uploads: StepUploads;
  readonly #readback: ReadbackRing;
  readonly #owned: DisposableStack;

  private constructor(
    device: GpuDevice,
    forward: Forward,
    params: ParamsArena,
    uploads: StepUploads,
    readback: ReadbackRing,
    owned: DisposableStack,
    sizes: { vocabSize: number; blockSize: number },
  ) {
    this.#device = device;
    this.#forward = forward;
    this.#params = params;
    this.#uploads = uploads;
    this.#readback = readback;
    this.#owned = owned;
    this.vocabSize = sizes.vocabSize;
    this.blockSize = sizes.blockSize;
  }

  static async load(
    device: GpuDevice,
    dir: string,
    options: {
      quantization?: Quantization;
      precision?: Precision;
      kvCacheDtype?: KvCacheDtype;
      maxBindableBytes?: number;
      maxContext?: number;
      maxRows?: number;
      tuning?: DeviceTuning;
      /** Room for the parts of so many rows' attention. */
      partRows?: number;
      quantizeOn?: "device" | "host";
    } = {},
  ): Promise<TestModel> {
    const { quantization = "none", precision = "f32", maxContext = 512, maxRows = 32 } = options;
    using checkpoint = await openCheckpoint(dir);
    using owned = new DisposableStack();
    const maxBindableBytes = options.maxBindableBytes ?? device.maxBindableBytes;
    const { config } = checkpoint;
    const tuning = options.tuning ?? chooseTuning(device.info);
    const planned = planSizes(config, {
      precision,
      kvCacheDtype: options.kvCacheDtype,
      maxContext,
      maxSequences: maxRows,
      maxBindableBytes: device.maxBindableBytes,
      tuning,
      formats: formatsOf(checkpoint, quantization),
    });
    const { partRows = planned.parts.partRows } = options;
    const sizes = { ...planned, parts: { ...planned.parts, partRows } };
    const { quantizeOn = "host" } = options;
    const weights = await uploadWeights(device, checkpoint, {
      owned,
      maxBindableBytes,
      quantization,
      quantizeOn,
    });
    const forward = await Forward.create({ device, config, sizes, weights, precision, tuning, owned });
    const params = owned.use(new ParamsArena(device, forward.dispatches));
    const uploads = owned.use(new StepUploads(device, forward.planWriter.capacity));
    const bytes = maxRows * config.vocabSize * 4;
    const readback = owned.use(await ReadbackRing.create(device, { depth: 1, bytes }));
    return new TestModel(device, forward, params, uploads, readback, owned.move(), sizes.limits);
  }

  /** Runs all rows in one step; logits [rows, vocabSize] of every one. */
  async run(runs: readonly RowRun[]): Promise<Float32Array> {
    const { planWriter, logits } = this.#forward;
    planWriter.reset();
    const decodes = runs.findIndex(({ family }) => family === "decode");
    for (const [index, { table, tokens, start }] of runs.entries()) {
      if (index === decodes) planWriter.endPrompts();
      const at = planWriter.addTable(table, table.length);
      for (let i = 0; i < tokens.length; i++) {
        planWriter.addSample(
          planWriter.addRow({ token: tokens[i]!, slot: 0, position: start + i, table: at }),
        );
      }
    }
    if (decodes === -1) planWriter.endPrompts();
    this.#uploads.reset();
    const step = new StepEncoder(this.#device, this.#params);
    this.#forward.encode(step, this.#uploads);
    this.#uploads.flush();
    const ticket = this.#readback.enqueue(step, logits, 0, planWriter.samples * this.vocabSize * 4);
    step.submit();
    return new Float32Array(await this.#readback.read(ticket));
  }

  /** Runs one sequence from position 0 in chunks of at most `chunk` rows; logits of every row. */
  async runPrompt(
    tokens: readonly number[],
    chunk = 32,
    { firstBlock = 0, family = "prompt" }: {
      readonly firstBlock?: number;
      readonly family?: RowRun["family"];
    } = {},
  ): Promise<Float32Array> {
    const table = blocks(tokens.length, this.blockSize, firstBlock);
    const result = new Float32Array(tokens.length * this.vocabSize);
    for (let start = 0; start < tokens.length; start += chunk) {
      const part = tokens.slice(start, start + chunk);
      result.set(await this.run([{ table, tokens: part, start, family }]), start * this.vocabSize);
    }
    return result;
  }

  [Symbol.dispose](): void {
    this.#owned[Symbol.dispose]();
  }
}

/** The tunables of every linear kernel on every kind of device. */
export function everyTuning(): Readonly<Record<LinearOverride, number>>[] {
  return [portableTuning(true), portableTuning(false), subgroupTuning(32)].flatMap((
    { matrices, halves = {} },
  ) =>
    [...Object.values(matrices), ...Object.values(halves)].flatMap(({ decode, prompt }) =>
      [...decode, ...prompt].map(withDefaults)
    )
  );
}

/** Block ids for so many tokens, backwards from somewhere in the middle, each once. */
export function blocks(tokens: number, blockSize: number, first = 0): BlockId[] {
  const count = Math.ceil(tokens / blockSize);
  return Array.from({ length: count }, (_, i) => first + (2 * count + 2 - i) % count as BlockId);
}

export const GREEDY: SlotInit = {
  sampling: GREEDY_SAMPLING,
  bannedUntilMinTokens: [],
  promptTokenIds: new Uint32Array(0),
  outputTokenIds: [],
};

/** A sequence for {@link generate}. */
export interface Job {
  readonly prompt: readonly number[];
  readonly count: number;
  readonly slot: number;
  readonly firstBlock: number;
  /** Step at which it joins the batch. */
  readonly joins?: number;
  readonly init?: SlotInit;
}

/** Runs jobs together as the engine does, a submit prepared while the one before runs; sampled tokens per job. */
export async function generate(
  runner: ModelRunner,
  jobs: readonly Job[],
  { stepsPerSubmit = 1, waits = false }: {
    readonly stepsPerSubmit?: number;
    /** Each submit for all that came before, so that the device idles. */
    readonly waits?: boolean;
  } = {},
): Promise<SampledToken[][]> {
  const nextPlans = planner(runner, jobs);
  const outputs: SampledToken[][] = jobs.map(() => []);
  let pending: PendingStep | null = null;
  const collect = async () => {
    for (const token of (await pending?.collect() ?? []).flat()) {
      outputs[jobs.findIndex(({ slot }) => slot === token.slot)]!.push(token);
    }
    pending = null;
  };
  while (true) {
    const plans = nextPlans(stepsPerSubmit);
    if (plans.length === 0) break;
    if (waits) await collect();
    const prepared = runner.prepare(plans, { isDeviceIdle: pending === null });
    await collect();
    pending = prepared.submit();
  }
  await collect();
  return outputs;
}

/** Gives the next steps of {@link generate}, at most so many; initialises the slots of those that join. */
function planner(runner: ModelRunner, jobs: readonly Job[]): (count: number) => StepPlan[] {
  const { blockSize } = runner.limits;
  const tables = jobs.map(({ prompt, count, firstBlock }) =>
    blocks(prompt.length + count, blockSize, firstBlock)
  );
  const submitted = jobs.map(() => 0);
  let stepIndex = 0;
  const next = (): StepPlan | null => {
    for (;; stepIndex++) {
      const prompts: PromptChunk[] = [];
      const decodes: DecodeRow[] = [];
      let waiting = false;
      jobs.forEach(({ prompt, count, joins = 0, init = GREEDY, ...job }, index) => {
        const slot = job.slot as Slot;
        const blockTable = tables[index]!;
        if (stepIndex < joins) waiting = true;
        else if (submitted[index] === 0) {
          const tokenIds = Uint32Array.from(prompt);
          runner.initSlot(slot, { ...init, promptTokenIds: tokenIds });
          prompts.push({ slot, tokenIds, start: 0, replay: false, sample: true, blockTable });
          submitted[index] = 1;
        } else if (submitted[index]! < count) {
          decodes.push({ slot, position: prompt.length + submitted[index]! - 1, blockTable });
          submitted[index]!++;
        }
      });
      if (prompts.length + decodes.length === 0 && waiting) continue;
      stepIndex++;
      return prompts.length + decodes.length === 0 ? null : { prompts, decodes };
    }
  };
  return (count) => {
    const plans: StepPlan[] = [];
    for (let plan; plans.length < count && (plan = next()) !== null;) plans.push(plan);
    return plans;
  };
}

/** Largest difference with where it is, so that a failure says something. */
export function worst(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): { index: number; error: number } {
  let result = { index: -1, error: actual.length === expected.length ? 0 : Infinity };
  for (let index = 0; index < expected.length; index++) {
    const error = Math.abs(actual[index]! - expected[index]!);
    if (!(error <= result.error)) result = { index, error };
  }
  return result;
}

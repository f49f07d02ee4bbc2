/**
 * The whole model of Mistral 7B's shape with random FP8 weights made on the device: decode at several batch sizes and
 * context lengths, prefill, time to the first token; each as measured by the host, as a client would see it.
 */
import { parseModelConfig } from "../../src/formats/config.ts";
import type { WeightFormat } from "../../src/kernels/linear.ts";
import { chooseTuning, type DeviceTuning } from "../../src/kernels/tuning.ts";
import { uniformFormats } from "../../src/model/cost.ts";
import { MistralRunner } from "../../src/model/mistral.ts";
import { layOut, type MatrixSlice, type PackedMatrix } from "../../src/model/packed_matrix.ts";
import {
  type BlockId,
  type KvCacheDtype,
  type ModelRunner,
  NOT_FINITE,
  type PendingStep,
  type Precision,
  type SampledToken,
  type Slot,
} from "../../src/model/runner.ts";
import { GREEDY, type SamplingParams } from "../../src/model/sampling.ts";
import { planSizes } from "../../src/model/sizes.ts";
import type { ModelWeights } from "../../src/model/weights.ts";
import { MISTRAL_7B_SHAPE, TINY_CONFIG } from "../../tests/support/checkpoint_generator.ts";
import { type Lab, randomBfloats, randomCodes, round } from "./harness.ts";

const CHUNK = 32 * 2 ** 20;

export interface StepOptions {
  readonly layers: number;
  readonly precision: Precision;
  readonly maxSequences: number;
  readonly maxContext: number;
  readonly tuning?: DeviceTuning;
  readonly kvCacheDtype?: KvCacheDtype;
}

function plan(lab: Lab, options: StepOptions) {
  const { precision, maxSequences, maxContext, layers, kvCacheDtype = "auto" } = options;
  const device = lab.gpu;
  const shape = {
    ...TINY_CONFIG,
    ...MISTRAL_7B_SHAPE,
    rope_theta: 1e6,
    head_dim: 128,
    num_hidden_layers: layers,
  };
  const config = parseModelConfig(shape, "config.json");
  const maxBindableBytes = device.maxBindableBytes;
  const tuning = options.tuning ?? chooseTuning(device.info);
  const sizes = planSizes(config, {
    precision,
    kvCacheDtype,
    maxContext,
    maxSequences,
    maxBindableBytes,
    tuning,
    formats: uniformFormats(config, { embedding: "bf16", weights: "fp8" }),
  });
  return { device, config, sizes, tuning, precision };
}

/** Weights whose every matrix is a repetition of one random chunk, of finite logits; on `owned`. */
export function randomWeights(lab: Lab, options: StepOptions, owned: DisposableStack): ModelWeights {
  const { device, config, sizes } = plan(lab, options);
  const codes = lab.buffer(CHUNK);
  lab.fill(codes, randomCodes(CHUNK, 7));
  const bfloats = lab.buffer(CHUNK);
  lab.fill(bfloats, randomBfloats(CHUNK / 2, 7));
  const matrix = (
    label: string,
    inputs: number,
    pairs: number,
    format: WeightFormat = "fp8",
  ): PackedMatrix => {
    const { maxBindableBytes } = device;
    const { groups, pairBytes, slices: ranges } = layOut({ inputs, pairs, format, maxBindableBytes });
    const slices = ranges.map((range): MatrixSlice => {
      const bytes = range.pairs * pairBytes;
      const weights = owned.use(device.createBuffer({ label, bytes }));
      const channels = owned.use(device.createBuffer({ label, bytes: range.pairs * 16 }));
      const encoder = device.handle.createCommandEncoder();
      for (let at = 0; at < bytes; at += CHUNK) {
        const source = format === "bf16" ? bfloats : codes;
        encoder.copyBufferToBuffer(source, 0, weights.handle, at, Math.min(CHUNK, bytes - at));
      }
      device.handle.queue.submit([encoder.finish()]);
      const scale = 256 / (100 * Math.sqrt(inputs)); // Codes have a standard deviation near 100.
      const terms = new Float32Array(range.pairs * 4);
      for (let i = 0; i < terms.length; i += 2) terms[i] = scale;
      device.handle.queue.writeBuffer(channels.handle, 0, terms);
      return { ...range, weights, channels };
    });
    return { format, groups, slices };
  };
  const gain = () => {
    const buffer = owned.use(device.createBuffer({ label: "gain", bytes: sizes.hiddenStride * 4 }));
    device.handle.queue.writeBuffer(buffer.handle, 0, new Float32Array(sizes.hiddenStride).fill(1));
    return buffer;
  };
  const { hiddenSize, intermediateSize, queryHeads, kvHeads, headDim, vocabSize } = config;
  return {
    embedding: matrix("embedding", hiddenSize, vocabSize / 2, "bf16"),
    layers: Array.from({ length: options.layers }, () => ({
      inputGain: gain(),
      headGains: null,
      qkv: matrix("qkv", hiddenSize, (queryHeads + 2 * kvHeads) * headDim / 2),
      output: matrix("output", queryHeads * headDim, hiddenSize / 2),
      postAttentionGain: gain(),
      gateUp: matrix("gate up", hiddenSize, intermediateSize),
      down: matrix("down", intermediateSize, hiddenSize / 2),
    })),
    finalGain: gain(),
    lmHead: matrix("head", hiddenSize, vocabSize / 2),
  };
}

/** A model of weights that the caller keeps, or of random ones of its own. */
export async function randomModel(
  lab: Lab,
  options: StepOptions,
  weights?: ModelWeights,
): Promise<ModelRunner> {
  using owned = new DisposableStack();
  return await MistralRunner.create({
    ...plan(lab, options),
    weights: weights ?? randomWeights(lab, options, owned),
    memory: { weightBytes: 0, kvCacheBytes: 0, totalBytes: 0 },
    owned,
  });
}

/** Slots 0 … batch − 1, each with the same share of the blocks. */
export function sequences(runner: ModelRunner, batch: number) {
  const { blockCount, maxContext, blockSize } = runner.limits;
  const each = Math.min(Math.floor(blockCount / batch), Math.ceil(maxContext / blockSize));
  return Array.from({ length: batch }, (_, index) => ({
    slot: index as Slot,
    blockTable: Array.from({ length: each }, (_, block) => (index * each + block) as BlockId),
  }));
}

export function initSlots(
  runner: ModelRunner,
  batch: number,
  sampling: Partial<SamplingParams> = {},
  stopTokenIds: readonly number[] = [],
): void {
  for (const { slot } of sequences(runner, batch)) {
    runner.initSlot(slot, {
      sampling: { ...GREEDY, ...sampling },
      bannedUntilMinTokens: [],
      stopTokenIds,
      promptTokenIds: new Uint32Array(1),
      outputTokenIds: [],
    });
  }
}

/** Throws unless every sequence has its token of every step: one that has stopped costs nothing from then on. */
export function requireTokens(steps: readonly (readonly SampledToken[])[], batch: number): void {
  const whole = steps.every((sampled) =>
    sampled.length === batch && sampled.every(({ id }) => id !== NOT_FINITE)
  );
  if (!whole) {
    throw new Error("A sequence has stopped, or its logits are not finite: such steps are not timed");
  }
}

/**
 * Tokens a second over all sequences, as a client of the runner would see them, `ahead` steps to a submit. Throws as
 * requireTokens() does.
 */
export async function decode(
  runner: ModelRunner,
  { batch, context, submits, stepsPerSubmit = 4, sampling = {} }: {
    readonly batch: number;
    readonly context: number;
    readonly submits: number;
    readonly stepsPerSubmit?: number;
    readonly sampling?: Partial<SamplingParams>;
  },
) {
  initSlots(runner, batch, sampling);
  const rows = sequences(runner, batch);
  let position = context;
  const prepare = () =>
    runner.prepare(Array.from({ length: stepsPerSubmit }, () => {
      const at = position++;
      return { prompts: [], decodes: rows.map((row) => ({ ...row, position: at })) };
    }));
  let running = prepare().submit();
  const host = { prepareMs: 0, waitMs: 0, submitMs: 0 };
  const warmUp = Math.ceil(submits / 2);
  let dispatches = 0;
  for (let turn = 0; turn < submits + warmUp; turn++) {
    const t0 = performance.now();
    const next = prepare();
    const t1 = performance.now();
    const sampled = await running.collect();
    const t2 = performance.now();
    running = next.submit();
    requireTokens(sampled, batch);
    dispatches = next.costs[0]!.dispatches;
    if (turn < warmUp) continue;
    host.prepareMs += (t1 - t0) / submits;
    host.waitMs += (t2 - t1) / submits;
    host.submitMs += (performance.now() - t2) / submits;
  }
  requireTokens(await running.collect(), batch);
  const ms = (host.prepareMs + host.waitMs + host.submitMs) / stepsPerSubmit;
  const aSubmit = Object.fromEntries(Object.entries(host).map(([name, value]) => [name, round(value, 3)]));
  return { msPerStep: round(ms, 3), tokensPerSecond: round(1000 * batch / ms, 1), dispatches, ...aSubmit };
}

/** Milliseconds from the first chunk's preparation to the first token of a prompt. */
export async function prefill(
  runner: ModelRunner,
  tokens: number,
  { rounds = 3, inPieces = true }: {
    readonly rounds?: number;
    /** As the engine does: a device that idles is handed the first chunk in pieces. */
    readonly inPieces?: boolean;
  } = {},
) {
  initSlots(runner, 1);
  const [{ slot, blockTable }] = sequences(runner, 1) as [ReturnType<typeof sequences>[number]];
  const ids = Uint32Array.from({ length: tokens }, (_, i) => (i * 7919) % 32000);
  const most = runner.limits.maxPromptTokens;
  const times: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const begin = performance.now();
    let last: PendingStep | null = null;
    for (let start = 0; start < tokens; start += most) {
      const tokenIds = ids.subarray(start, Math.min(tokens, start + most));
      const sample = start + tokenIds.length === tokens;
      const chunk = { slot, tokenIds, start, sample, blockTable, replay: false };
      const next = runner.prepare([{ prompts: [chunk], decodes: [] }], {
        isDeviceIdle: last === null && inPieces,
      });
      await last?.collect();
      last = next.submit();
    }
    requireTokens(await last!.collect(), 1);
    if (round > 0) times.push(performance.now() - begin);
  }
  const ms = times.sort((a, b) => a - b)[times.length >> 1]!;
  return { ms: round(ms, 1), tokensPerSecond: round(1000 * tokens / ms, 0) };
}

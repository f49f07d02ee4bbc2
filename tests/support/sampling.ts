/** What tests of sampling share: neutral parameters, seeded noise, a chi-squared test, and a run of the kernel. */
import type { GpuDevice } from "../../src/gpu/device.ts";
import { StepEncoder } from "../../src/gpu/encoder.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { ReadbackRing } from "../../src/gpu/readback.ts";
import { STOPPED } from "../../src/model/plan.ts";
import { NOT_FINITE, type SampledToken, type Slot } from "../../src/model/runner.ts";
import { Sampler, SAMPLER_DISPATCHES } from "../../src/model/sampler.ts";
import { GREEDY, type SamplingParams } from "../../src/model/sampling.ts";
import type { SampleInput } from "../oracle/sample.ts";

/** Everything off; temperature 1. */
export const SAMPLING: SamplingParams = { ...GREEDY, temperature: 1, maxTokens: 100, ignoreEos: false };

/** What cuts a distribution, in every way. */
export const PARAMETERS: Readonly<Record<string, Partial<SamplingParams>>> = {
  "temperature 1": {},
  "temperature 0.5": { temperature: 0.5 },
  "temperature 2": { temperature: 2 },
  "top-k 1": { topK: 1 },
  "top-k 5": { topK: 5 },
  "top-k beyond the vocabulary": { topK: 1_000_000 },
  "top-p 0.1": { topP: 0.1 },
  "top-p 0.9": { topP: 0.9 },
  "top-p next to nothing": { topP: 1e-40 },
  "min-p 0.05": { minP: 0.05 },
  "min-p 1": { minP: 1 },
  "typical-p 0.3": { typicalP: 0.3 },
  "typical-p 0.95": { typicalP: 0.95 },
  "top-k and top-p": { topK: 20, topP: 0.8 },
  "typical-p and min-p": { typicalP: 0.5, minP: 0.2 },
  "everything": { temperature: 0.8, topK: 40, typicalP: 0.9, topP: 0.95, minP: 0.02 },
};

/** [count] normal deviates with this standard deviation, from a seed. */
export function normals(count: number, deviation: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed;
  const next = () => { // mulberry32
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return (((word ^ (word >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  };
  return Float32Array.from(
    { length: count },
    () => deviation * Math.sqrt(-2 * Math.log(next())) * Math.cos(2 * Math.PI * next()),
  );
}

/**
 * Pearson's statistic of [seen, expected] pairs, those expected fewer than 5 times pooled, and its 99.9 % point by
 * Wilson and Hilferty's approximation. Infinitely far with nothing left to vary.
 */
export function chiSquared(
  pairs: readonly (readonly [number, number])[],
): { statistic: number; critical: number } {
  const large = pairs.filter(([, expected]) => expected >= 5);
  const small = pairs.filter(([, expected]) => expected < 5);
  const pooled = small.reduce(([a, b], [c, d]) => [a + c, b + d] as const, [0, 0] as const);
  const bins = pooled[1] > 0 ? [...large, pooled] : large;
  const statistic = bins.reduce((sum, [seen, expected]) => sum + (seen - expected) ** 2 / expected, 0);
  const degrees = bins.length - 1;
  if (degrees === 0) return { statistic, critical: 1e-9 };
  const spread = 2 / (9 * degrees);
  return { statistic, critical: degrees * (1 - spread + 3.0902 * Math.sqrt(spread)) ** 3 };
}

/** Bits of the ids that may come. */
export function maskOf(allowed: readonly number[], vocabSize: number): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(vocabSize / 32));
  for (const id of allowed) words[id >>> 5]! |= 1 << (id & 31);
  return words;
}

export interface SamplerRun {
  /** Of each row's first token within its output; 0 unless given. */
  readonly indices?: readonly number[];
  /** Tokens in a row from the same logits, each a step of its own. */
  readonly steps?: number;
  /** Rows go on from their slot's last token, which ends those that have stopped; false unless given. */
  readonly continues?: boolean;
  /** Of the kernel; its own unless given. */
  readonly listCapacity?: number;
}

/** One slot per input; all tokens, step by step, in the order of the inputs. */
export async function runSampler(
  device: GpuDevice,
  inputs: readonly SampleInput[],
  { indices = [], steps = 1, continues = false, listCapacity = 512 }: SamplerRun = {},
): Promise<SampledToken[]> {
  const vocabSize = inputs[0]!.logits.length;
  const values = new Float32Array(inputs.length * vocabSize);
  for (const [row, { logits }] of inputs.entries()) values.set(logits, row * vocabSize);
  using logits = device.createBuffer({ label: "logits", bytes: values.byteLength });
  using tokens = device.createBuffer({ label: "tokens", bytes: inputs.length * 4 });
  using params = new ParamsArena(device, SAMPLER_DISPATCHES);
  using sampler = await Sampler.create(device, {
    maxSequences: inputs.length,
    maxSamples: inputs.length,
    vocabSize,
    logits,
    tokens,
    overrides: { listCapacity },
  });
  const most = sampler.maxResultBytes + tokens.bytes;
  using readback = await ReadbackRing.create(device, { depth: 1, bytes: most });
  device.handle.queue.writeBuffer(logits.handle, 0, values);
  for (const [slot, { sampling, banned, prompt }] of inputs.entries()) {
    sampler.initSlot(slot as Slot, {
      sampling,
      bannedUntilMinTokens: banned,
      promptTokenIds: Uint32Array.from(prompt),
      outputTokenIds: [],
    });
    const { allowed } = inputs[slot]!;
    if (allowed !== undefined) sampler.setMask(slot as Slot, maskOf(allowed, vocabSize));
  }
  const all: SampledToken[] = [];
  for (let step = 0; step < steps; step++) {
    const encoder = new StepEncoder(device, params);
    const rows = inputs.map((_, slot) => ({
      slot: slot as Slot,
      index: (indices[slot] ?? 0) + step,
      continues,
    }));
    const batch = sampler.encode(encoder, rows);
    const records = readback.enqueue(encoder, sampler.results, 0, batch.bytes);
    const ids = { source: tokens, offset: 0, bytes: tokens.bytes };
    const ticket = readback.append(records, encoder, ids);
    encoder.submit();
    const result = await readback.read(ticket);
    const found = sampler.decode(batch, result.slice(0, batch.bytes));
    const written = new Uint32Array(result, batch.bytes);
    for (const { slot, id } of found) {
      const next = id === NOT_FINITE ? STOPPED : id;
      if (written[slot] !== next) {
        throw new Error(`tokens[${slot}] is ${written[slot]}, the record says ${id}`);
      }
    }
    all.push(...found);
  }
  return all;
}

/** Rows with a logit that is NaN or infinite have no token, whatever would have been made of it, and end their slot; others do not. */
import { expect } from "@std/expect";
import { StepEncoder } from "../../src/gpu/encoder.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { ReadbackRing } from "../../src/gpu/readback.ts";
import { STOPPED } from "../../src/model/plan.ts";
import { NOT_FINITE, type Slot } from "../../src/model/runner.ts";
import { Sampler, SAMPLER_DISPATCHES } from "../../src/model/sampler.ts";
import type { SamplingParams } from "../../src/model/sampling.ts";
import { gpuTest } from "../gpu/device.ts";
import type { SampleInput } from "../oracle/sample.ts";
import { normals, runSampler, SAMPLING } from "../support/sampling.ts";

/** Of f32: infinities, quiet and signalling NaN of either sign. */
const BITS = [0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff];

/** The logits with these bits at `id`. */
function broken(logits: Float32Array, id: number, bits: number): Float32Array {
  const copy = logits.slice();
  new Uint32Array(copy.buffer)[id] = bits;
  return copy;
}

function input(
  logits: Float32Array,
  sampling: Partial<SamplingParams>,
  rest: Partial<SampleInput> = {},
): SampleInput {
  return { logits, sampling: { ...SAMPLING, ...sampling }, prompt: [], output: [], banned: [], ...rest };
}

/** Every way that a row is sampled; `id` is the one whose logit is broken. */
function ways(logits: Float32Array, id: number): Readonly<Record<string, SampleInput>> {
  const others = [...logits.keys()].filter((other) => other !== id);
  const biases = (bias: number) => [{ tokenId: id, bias }];
  return {
    "greedy": input(logits, { temperature: 0 }),
    "temperature": input(logits, { temperature: 0.7 }),
    "top-k": input(logits, { topK: 3 }),
    "top-p and min-p": input(logits, { topP: 0.9, minP: 0.01 }),
    "typical-p": input(logits, { typicalP: 0.8 }),
    "log-probabilities": input(logits, { temperature: 0, logprobs: 20 }),
    "a bias for it": input(logits, { temperature: 0, logitBias: biases(100) }),
    "a bias against it": input(logits, { logitBias: biases(-100) }),
    "penalties": input(logits, { repetitionPenalty: 1.3, frequencyPenalty: 1 }, { prompt: [id] }),
    "banned": input(logits, { temperature: 0, minTokens: 9 }, { banned: [id] }),
    "masked": input(logits, { temperature: 0 }, { allowed: others.slice(0, 3) }),
    "all masked": input(logits, { temperature: 0.7 }, { allowed: [] }),
  };
}

gpuTest("sample has no token for a row with one logit that is NaN or infinite", async (device) => {
  for (const vocabSize of [1, 61, 2049]) {
    const logits = normals(vocabSize, 3, vocabSize);
    for (const [at, id] of [0, vocabSize >> 1, vocabSize - 1].entries()) {
      for (const bits of BITS.slice(2 * at, 2 * at + 2)) {
        const cases = ways(broken(logits, id, bits), id);
        const healthy = ways(logits, id);
        const [names, inputs] = [Object.keys(cases), Object.values(cases)];
        const found = await runSampler(device, [...inputs, ...Object.values(healthy)]);
        const ids = (from: number) =>
          names.map((name, at) => ({ name, vocabSize, id, bits, found: found[from + at]!.id }));
        for (const one of ids(0)) expect(one).toEqual({ ...one, found: NOT_FINITE });
        // Neither what others' rows hold, nor masks, bans and biases, make a row one of these.
        for (const one of ids(names.length)) expect(one.found).toBeLessThan(vocabSize);
      }
    }
  }
});

gpuTest("sample leaves rows alone beside one without a token, and ends that one's slot", async (device) => {
  const logits = normals(300, 3, 1);
  const way = { repetitionPenalty: 1.2, topP: 0.9, logprobs: 3, seed: 5n };
  const [healthy, ill] = [input(logits, way), input(broken(logits, 77, 0x7fc00000), way)];
  const alone = await runSampler(device, [healthy], { steps: 3, continues: true });
  const found = await runSampler(device, [ill, healthy, ill], { steps: 3, continues: true });
  const of = (slot: number) => found.filter((token) => token.slot === slot);
  expect(of(1).map((token) => ({ ...token, slot: 0 }))).toEqual(alone);
  for (const slot of [0, 2]) {
    expect(of(slot)).toEqual(
      [NOT_FINITE, STOPPED, STOPPED].map((id) => ({ slot, id, logprob: NaN, top: [] })),
    );
  }
});

gpuTest(
  "a slot whose drafts come to no token has stopped once that is settled, and no count of it is read",
  async (device) => {
    const vocabSize = 70;
    const values = normals(vocabSize, 3, 4);
    using logits = device.createBuffer({ label: "logits", bytes: 2 * values.byteLength });
    using tokens = device.createBuffer({ label: "tokens", bytes: 4 });
    using params = new ParamsArena(device, SAMPLER_DISPATCHES);
    const sizes = { maxSequences: 1, maxSamples: 2, vocabSize };
    using sampler = await Sampler.create(device, { ...sizes, logits, tokens });
    using readback = await ReadbackRing.create(device, { depth: 1, bytes: sampler.maxResultBytes });
    const slot = 0 as Slot;
    const sampling = { ...SAMPLING, temperature: 0, frequencyPenalty: 1 };
    const init = {
      sampling,
      bannedUntilMinTokens: [],
      promptTokenIds: new Uint32Array(),
      outputTokenIds: [],
    };
    sampler.initSlot(slot, init);
    device.handle.queue.writeBuffer(logits.handle, 0, values);
    const step = async (drafts: readonly number[] | null) => {
      const encoder = new StepEncoder(device, params);
      const rows = drafts === null ? [{ slot, index: 2, continues: true }] : [0, 1].map((n) => ({
        slot,
        index: n,
        continues: true,
        drafts: Uint32Array.from(drafts.slice(0, n)),
      }));
      const batch = sampler.encode(encoder, rows);
      const ticket = readback.enqueue(encoder, sampler.results, 0, batch.bytes);
      encoder.submit();
      return sampler.decode(batch, await readback.read(ticket)).map(({ id }) => id);
    };
    const best = values.indexOf(values.reduce((a, b) => Math.max(a, b)));
    device.handle.queue.writeBuffer(logits.handle, values.byteLength, broken(values, 69, 0x7f800000).slice());
    expect(await step([best])).toEqual([best, NOT_FINITE]);
    expect(await step([best])).toEqual([best, NOT_FINITE]); // Nothing is decided before it is settled.
    sampler.settle(slot, [best, NOT_FINITE]);
    expect(await step(null)).toEqual([STOPPED]);
    sampler.initSlot(slot, init);
    expect(await step(null)).toEqual([best]);
  },
);

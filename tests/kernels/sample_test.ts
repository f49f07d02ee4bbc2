/** The sampling kernel against the float64 oracle: tokens one by one, distributions, exact sets, log-probabilities. */
import { expect } from "@std/expect";
import type { GpuDevice } from "../../src/gpu/device.ts";
import type { SamplingParams } from "../../src/model/sampling.ts";
import { gpuTest } from "../gpu/device.ts";
import { draw, greedy, logprobs, philox, type SampleInput, support, uniform } from "../oracle/sample.ts";
import { chiSquared, normals, PARAMETERS, runSampler, SAMPLING } from "../support/sampling.ts";

/** What the kernel is to return for the token at `index` of its output. */
function expected(input: SampleInput, index: number): number {
  const left = input.sampling.temperature === 0 ? [] : support(input);
  return left.length === 0 ? greedy(input) : draw(left, uniform(input.sampling.seed, index));
}

function input(
  logits: ArrayLike<number>,
  sampling: Partial<SamplingParams>,
  rest: Partial<SampleInput> = {},
) {
  const params = { ...SAMPLING, ...sampling };
  return { logits, sampling: params, prompt: [], output: [], banned: [], ...rest } satisfies SampleInput;
}

Deno.test("philox() of the oracle gives the known answers of the reference code", () => {
  const hex = (words: number[]) => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");
  const ones = Array(4).fill(0xffffffff);
  expect(hex(philox([0, 0, 0, 0], [0, 0]))).toBe("6627e8d5 e169c58d bc57ac4c 9b00dbd8");
  expect(hex(philox(ones, ones.slice(2)))).toBe("408f276d 41c83b0e a20bc7c6 6d5451fd");
  const pi = [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344];
  expect(hex(philox(pi, [0xa4093822, 0x299f31d0]))).toBe("d16cfe09 94fdcceb 5001e420 24126ea1");
});

/** As devices have room for, more or less of it, and too short for nearly everything. */
const LIST_CAPACITIES = [512, 128, 20];

gpuTest("sample draws the oracle's tokens, one by one, from a list or by search", async (device) => {
  const rows = 4;
  for (const vocabSize of [8, 61, 256, 2049]) {
    const logits = normals(vocabSize, 3, vocabSize);
    const cases = Object.entries(PARAMETERS).flatMap(([name, sampling]) =>
      Array.from({ length: rows }, (_, row) => ({
        name,
        index: row * 7,
        input: input(logits, { ...sampling, seed: BigInt(row) * 0x1_0000_0003n }),
      }))
    );
    const wanted = cases.map((one) => ({ name: one.name, id: expected(one.input, one.index) }));
    const [inputs, indices] = [cases.map((one) => one.input), cases.map(({ index }) => index)];
    for (const listCapacity of LIST_CAPACITIES) {
      if (listCapacity < 512 && vocabSize <= listCapacity) continue; // as if it were 512
      const found = (await runSampler(device, inputs, { indices, listCapacity }))
        .map(({ id }, at) => ({ name: cases[at]!.name, id }));
      expect({ vocabSize, listCapacity, found }).toEqual({ vocabSize, listCapacity, found: wanted });
    }
  }
});

gpuTest("sample draws the oracle's tokens from a vocabulary of 32 k", async (device) => {
  const cases: Partial<SamplingParams>[] = [
    { temperature: 0.8 },
    { topK: 50, topP: 0.95 },
    { topK: 256 },
    { topP: 0.9, temperature: 0.7 },
    { minP: 0.05 },
    { topP: 0.95, minP: 0.01 },
    { topK: 100, typicalP: 0.6, topP: 0.9, minP: 0.02 },
  ];
  // As a language model's rows are: a few tokens far above the rest, or not.
  const peaks = [0, 8, 16];
  const inputs = cases.flatMap((sampling, at) =>
    peaks.map((height, row) => {
      const logits = normals(32_000, 3, 10 * at + row);
      for (let id = 0; id < 32_000; id += 4001) logits[id]! += height;
      return input(logits, { ...sampling, seed: BigInt(row) });
    })
  );
  const wanted = inputs.map((one) => expected(one, 5));
  const indices = inputs.map(() => 5);
  for (const listCapacity of LIST_CAPACITIES) {
    const found = (await runSampler(device, inputs, { indices, listCapacity })).map(({ id }) => id);
    expect({ listCapacity, found }).toEqual({ listCapacity, found: wanted });
  }
});

gpuTest("sample reaches vocabularies of 256 k, of odd size too", async (device) => {
  for (const vocabSize of [262_144, 128_001]) {
    const logits = normals(vocabSize, 2, 5);
    logits[vocabSize - 1] = 30;
    const cases = [{ temperature: 0 }, { topK: 1000, topP: 0.5 }, { temperature: 2, topP: 0.99 }];
    const inputs = cases.map((sampling) => input(logits, { ...sampling, logprobs: 3 }));
    const found = await runSampler(device, inputs);
    expect(found.map(({ id }) => id)).toEqual(inputs.map((one) => expected(one, 0)));
    expect(found[0]).toMatchObject({ id: vocabSize - 1, top: [{ id: vocabSize - 1 }, {}, {}] });
  }
});

gpuTest("sample picks the lowest id among equals when greedy", async (device) => {
  const flat = new Float32Array(300);
  const late = new Float32Array(300).fill(-3);
  late[299] = late[257] = late[258] = -2.5;
  const zeros = new Float32Array(300).fill(-1);
  zeros[5] = -0;
  zeros[9] = 0;
  const inputs = [flat, late, zeros].map((logits) => input(logits, { temperature: 0 }));
  expect((await runSampler(device, inputs)).map(({ id }) => id)).toEqual([0, 257, 5]);
});

/** With a dozen draws for each that is in the set: a token outside never comes, and each one inside does. */
const AWKWARD: readonly [name: string, logits: number[], Partial<SamplingParams>, ids: number[]][] = [
  ["top-k cuts a flat row by id", Array(10).fill(1), { topK: 4 }, [0, 1, 2, 3]],
  ["top-k cuts equals at the edge by id", [1, 2, 1, 3, 1, 1], { topK: 4 }, [0, 1, 2, 3]],
  ["top-p keeps the token that crosses", [Math.log(4), Math.log(3), Math.log(2), 0], { topP: 0.65 }, [0, 1]],
  ["top-p goes one further past the sum", [Math.log(4), Math.log(3), Math.log(2), 0], { topP: 0.75 }, [
    0,
    1,
    2,
  ]],
  ["top-p of a flat row counts ids", Array(8).fill(-2), { topP: 0.5 }, [0, 1, 2, 3]],
  ["top-p of a flat row rounds up", Array(8).fill(-2), { topP: 0.51 }, [0, 1, 2, 3, 4]],
  ["top-p of one-hot", [0, 0, 80, 0], { topP: 0.01 }, [2]],
  ["top-p after a cut by id does not let ids back in", Array(12).fill(0), { topK: 6, topP: 0.99 }, [
    0,
    1,
    2,
    3,
    4,
    5,
  ]],
  ["min-p 1 keeps the equals of the best", [2, 5, 5, 1, 5], { minP: 1 }, [1, 2, 4]],
  ["min-p relative to the best", [0, -1, -2, -3], { minP: 0.1 }, [0, 1, 2]],
  ["min-p sees tempered probabilities", [0, -1, -2, -3], { minP: 0.1, temperature: 0.5 }, [0, 1]],
  ["typical-p leaves the best token out", [2, 1, 1, 1, 1, 1, 1, 1, 1, 1], { typicalP: 0.3 }, [1, 2, 3, 4]],
  ["typical-p of a flat row counts ids", Array(10).fill(3), { typicalP: 0.45 }, [0, 1, 2, 3, 4]],
  [
    "min-p after typical-p is relative to what is left",
    [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.9, 0.9, 0.9],
    { typicalP: 0.8, minP: 0.35 },
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  ],
  ["top-p on what typical-p left", [2, 1, 1, 1, 1, 1, 1, 1, 1, 1], { typicalP: 0.3, topP: 0.5 }, [1, 2]],
];

gpuTest("sample draws from exactly the oracle's set in awkward rows", async (device) => {
  for (const [name, logits, sampling, ids] of AWKWARD) {
    const one = input(logits, sampling);
    const left = support(one).map(({ id }) => id).sort((a, b) => a - b);
    for (const listCapacity of [512, 1]) {
      const found = [...new Set(await drawMany(device, one, 12 * ids.length, listCapacity))].sort((a, b) =>
        a - b
      );
      expect({ name, listCapacity, left, found }).toEqual({ name, listCapacity, left: ids, found: ids });
    }
  }
});

/** Everything that changes a distribution, in company. */
const COMBINATIONS: Readonly<Record<string, Partial<SamplingParams>>> = {
  "bias and top-p": { logitBias: [{ tokenId: 3, bias: 2 }, { tokenId: 30, bias: -1 }], topP: 0.8 },
  "bias against repetition": { logitBias: [{ tokenId: 4, bias: 3 }], repetitionPenalty: 1.5, topK: 12 },
  "minimum, temperature and min-p": { minTokens: 1000, temperature: 1.5, minP: 0.05 },
  "minimum, bias of a banned id, typical-p": {
    minTokens: 1000,
    logitBias: [{ tokenId: 1, bias: 50 }],
    typicalP: 0.8,
  },
  "all of them": {
    logitBias: [{ tokenId: 3, bias: 1.5 }, { tokenId: 1, bias: 9 }],
    repetitionPenalty: 1.2,
    minTokens: 1000,
    temperature: 1.4,
    topK: 25,
    typicalP: 0.95,
    topP: 0.9,
    minP: 0.01,
  },
};

gpuTest("sample follows the oracle's distribution", async (device) => {
  const draws = 256;
  for (const [name, sampling] of Object.entries({ ...PARAMETERS, ...COMBINATIONS })) {
    const rest = { prompt: [3, 4, 5, 4], banned: [1, 2] };
    const one = input(normals(40, 1.5, 11), { ...sampling, seed: 99n }, rest);
    const counts = new Map<number, number>();
    for (const id of await drawMany(device, one, draws)) counts.set(id, (counts.get(id) ?? 0) + 1);
    const left = support(one);
    const outside = [...counts.keys()].filter((id) => !left.some((token) => token.id === id));
    expect({ name, outside }).toEqual({ name, outside: [] });
    const { statistic, critical } = chiSquared(left.map(({ id, p }) => [counts.get(id) ?? 0, p * draws]));
    if (statistic >= critical) throw new Error(`${name}: chi-squared ${statistic}, at most ${critical}`);
  }
});

gpuTest("sample applies the penalties to what prompt and output hold", async (device) => {
  const logits = normals(97, 2, 3);
  const cases: Partial<SamplingParams>[] = [
    { repetitionPenalty: 1.8 },
    { repetitionPenalty: 0.4 },
    { presencePenalty: 1.5 },
    { presencePenalty: -2 },
    { frequencyPenalty: 0.7 },
    { repetitionPenalty: 1.3, presencePenalty: 0.5, frequencyPenalty: 0.25, topP: 0.9 },
  ];
  for (const temperature of [0, 1]) {
    const prompts = cases.map((_, slot) => [slot, slot + 1, 50, 50]);
    const inputs = cases.map((sampling, slot) =>
      input(logits, { ...sampling, temperature, seed: BigInt(slot) }, { prompt: prompts[slot]! })
    );
    const found = await runSampler(device, inputs, { steps: 24 });
    for (const [slot, one] of inputs.entries()) {
      const output: number[] = [];
      for (let step = 0; step < 24; step++) output.push(expected({ ...one, output }, step));
      expect(found.filter((token) => token.slot === slot).map(({ id }) => id)).toEqual(output);
    }
  }
});

gpuTest("sample adds biases before the penalties", async (device) => {
  const logits = normals(500, 2, 8);
  const every = Array.from({ length: 300 }, (_, at) => ({ tokenId: 499 - at, bias: (at % 7) - 3 }));
  const cases: Partial<SamplingParams>[] = [
    { logitBias: [{ tokenId: 77, bias: 100 }] },
    { logitBias: [{ tokenId: 499, bias: 3 }, { tokenId: 0, bias: -2.5 }], topP: 0.9 },
    { logitBias: every, topK: 30 },
    // The bias turns the sign by which the repetition penalty goes.
    { logitBias: [{ tokenId: 5, bias: 12 }, { tokenId: 6, bias: -12 }], repetitionPenalty: 1.7, minP: 0.01 },
    { logitBias: every, repetitionPenalty: 1.2, frequencyPenalty: 0.4, typicalP: 0.9 },
  ];
  for (const temperature of [0, 1.3]) {
    const inputs = cases.map((sampling, slot) =>
      input(logits, { ...sampling, temperature, seed: BigInt(slot) }, { prompt: [5, 6, 77] })
    );
    const found = await runSampler(device, inputs, { steps: 12 });
    for (const [slot, one] of inputs.entries()) {
      const output: number[] = [];
      for (let step = 0; step < 12; step++) output.push(expected({ ...one, output }, step));
      expect(found.filter((token) => token.slot === slot).map(({ id }) => id)).toEqual(output);
    }
  }
});

gpuTest("sample bans ids while fewer than minTokens are out", async (device) => {
  const logits = [1, 9, 8, 2];
  const one = input(logits, { temperature: 0, minTokens: 3 }, { banned: [1, 2] });
  const all = input([1, 5, 2, 4], { temperature: 0, minTokens: 3 }, { banned: [0, 1, 2, 3] });
  const warm = input(logits, { temperature: 1, minTokens: 3 }, { banned: [1, 2] });
  const found = await runSampler(device, [one, all, warm], { steps: 5 });
  const of = (slot: number) => found.filter((token) => token.slot === slot).map(({ id }) => id);
  expect(of(0)).toEqual([3, 3, 3, 1, 1]);
  // With nothing left but banned ids: the lowest of them.
  expect(of(1)).toEqual([0, 0, 0, 1, 1]);
  expect(of(2).slice(0, 3).every((id) => id === 0 || id === 3)).toBe(true);
});

gpuTest("sample never takes what a mask forbids, on any of its ways", async (device) => {
  for (const vocabSize of [61, 2049]) {
    const logits = normals(vocabSize, 3, vocabSize);
    const sparse = [1, 31, 32, 60];
    const dense = Array.from({ length: vocabSize }, (_, id) => id).filter((id) => id % 3 > 0);
    for (const allowed of [sparse, dense, [vocabSize - 1]]) {
      const settings: Partial<SamplingParams>[] = [
        ...Object.values(PARAMETERS),
        ...Object.values(COMBINATIONS),
        { temperature: 0 },
        { temperature: 0, logitBias: [{ tokenId: 0, bias: 100 }], logprobs: 3 },
      ];
      const rest = { allowed, prompt: [3, 4], banned: [1, 2] };
      const inputs = settings.map((sampling, row) => input(logits, { ...sampling, seed: BigInt(row) }, rest));
      for (const listCapacity of LIST_CAPACITIES) {
        const found = await runSampler(device, inputs, { listCapacity });
        const wanted = inputs.map((one) => expected(one, 0));
        expect({ vocabSize, found: found.map(({ id }) => id) }).toEqual({ vocabSize, found: wanted });
        expect(wanted.filter((id) => !allowed.includes(id))).toEqual([]);
      }
    }
  }
});

gpuTest(
  "sample keeps to the mask where that leaves only what is banned, and to id 0 where it leaves nothing",
  async (device) => {
    const logits = [2, 9, 1, 4, -3e38];
    const minimum = { temperature: 0, minTokens: 3 };
    const inputs = [
      input(logits, minimum, { allowed: [1, 4], banned: [1] }),
      input(logits, minimum, { allowed: [1], banned: [1] }),
      input(logits, {}, { allowed: [] }),
      input(logits, { temperature: 0 }),
    ];
    const wanted = [4, 1, 0, 1];
    expect(inputs.map((one) => expected(one, 0))).toEqual(wanted);
    expect((await runSampler(device, inputs)).map(({ id }) => id)).toEqual(wanted);
  },
);

const EXTREME: readonly [name: string, logits: number[]][] = [
  ["huge values", Array.from({ length: 70 }, (_, id) => (id - 35) * 1e36)],
  ["subnormal values", Array.from({ length: 70 }, (_, id) => id * 1e-40)],
  ["largest finite values", Array.from({ length: 70 }, (_, id) => id % 2 === 0 ? 3.4e38 : -3.4e38)],
];

gpuTest("sample returns an id whatever finite numbers the logits are", async (device) => {
  for (const [name, logits] of EXTREME) {
    const settings: Partial<SamplingParams>[] = [
      ...Object.values(PARAMETERS),
      { temperature: 0 },
      { temperature: 1e-45 },
      { temperature: 1e-30, topP: 0.5 },
      { repetitionPenalty: 1e-40, presencePenalty: 2, logprobs: 20 },
    ];
    const found = await runSampler(
      device,
      settings.map((sampling) => input(logits, { logprobs: 5, ...sampling }, { prompt: [1, 2, 3] })),
    );
    for (const token of found) {
      for (const { id, logprob } of [token, ...token.top]) {
        expect({ name, inRange: id < 70 }).toEqual({ name, inRange: true });
        expect(Number.isFinite(logprob)).toBe(true);
        expect(logprob).toBeLessThanOrEqual(0);
      }
    }
  }
});

gpuTest("sample reports log-probabilities of the model's own distribution", async (device) => {
  const logits = normals(2048, 4, 21);
  logits[100] = logits[200] = 13;
  logits[7] = -3e38;
  const changes = { temperature: 2, topK: 3, repetitionPenalty: 1.9, presencePenalty: 1 };
  const wanted = [0, 1, 20, -1];
  const inputs = wanted.map((count) => input(logits, { ...changes, logprobs: count }, { prompt: [100] }));
  const found = await runSampler(device, inputs);
  expect(await runSampler(device, inputs, { listCapacity: 20 })).toEqual(found);
  const reference = logprobs(logits);
  const best = reference.map((logprob, id) => ({ id, logprob }))
    .sort((a, b) => b.logprob - a.logprob || a.id - b.id);
  for (const [row, { id, logprob, top }] of found.entries()) {
    if (wanted[row]! < 0) {
      expect([logprob, top.length]).toEqual([NaN, 0]);
      continue;
    }
    // f32 sums of 2048 terms in a tree and a logarithm good to 2^-21: far inside 1e-4.
    expect(Math.abs(logprob - reference[id]!)).toBeLessThan(1e-5);
    expect(top.map((token) => token.id)).toEqual(best.slice(0, wanted[row]).map((token) => token.id));
    for (const [rank, token] of top.entries()) {
      expect(Math.abs(token.logprob - best[rank]!.logprob)).toBeLessThan(1e-5);
    }
  }
});

gpuTest("sample lists no more alternatives than there are tokens", async (device) => {
  const found = await runSampler(device, [
    input([1, -3e38, 3, -3e38], { logprobs: 20 }),
    input(Array(4).fill(4), { logprobs: 20 }, { allowed: [] }),
  ]);
  expect(found.map(({ top }) => top.map(({ id }) => id))).toEqual([[2, 0, 1, 3], [0, 1, 2, 3]]);
  expect(found[0]!.top.at(-1)).toEqual({ id: 3, logprob: -9999 });
});

gpuTest("sample gives a row the same bits alone and in any batch", async (device) => {
  const settings: Partial<SamplingParams>[] = [...Object.values(PARAMETERS), {
    repetitionPenalty: 1.2,
    topP: 0.7,
  }];
  const inputs = settings.map((sampling, row) =>
    input(normals(777, 3, row), { ...sampling, seed: BigInt(row), logprobs: 20 }, { prompt: [row, 40] })
  );
  const together = await runSampler(device, inputs, { steps: 3 });
  const backwards = await runSampler(device, inputs.toReversed(), { steps: 3 });
  const last = inputs.length - 1;
  for (const [row, one] of inputs.entries()) {
    const alone = await runSampler(device, [one], { steps: 3 });
    const of = (all: typeof alone, slot: number) =>
      all.filter((token) => token.slot === slot).map(({ slot: _, ...token }) => token);
    expect(of(together, row)).toEqual(of(alone, 0));
    expect(of(backwards, last - row)).toEqual(of(alone, 0));
  }
});

/** Draws at output indices 0 … count − 1 of one request, from a step of many rows each. */
async function drawMany(
  device: GpuDevice,
  one: SampleInput,
  count: number,
  listCapacity = 512,
): Promise<number[]> {
  const inputs = Array.from({ length: count }, () => one);
  const indices = inputs.map((_, index) => index);
  return (await runSampler(device, inputs, { indices, listCapacity })).map(({ id }) => id);
}

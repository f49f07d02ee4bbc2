/**
 * Guessed tokens: what is guessed, when, and that nobody can tell from an answer. The fake runner samples every row as if the
 * guesses before it were right, keeps what wrong ones leave in the cache, and refuses a slot whose guesses are in flight.
 */
import { expect } from "@std/expect";
import fc from "fast-check";
import { NgramIndex } from "../../src/engine/ngram_index.ts";
import { Speculator } from "../../src/engine/speculator.ts";
import { FakeEngine, SAMPLING, submitCommand } from "../support/fake_engine.ts";
import { REPEATING, soloTokens } from "../support/fake_tokens.ts";
import { runs } from "../support/properties.ts";

/** The last place where the longest of the runs that the index keeps came before; the same by looking everywhere. */
function continuationOf(tokens: readonly number[], count: number): number[] {
  for (const run of [4, 3, 2]) {
    const end = tokens.slice(-run).join();
    for (let place = tokens.length - 1; place >= run && tokens.length >= run; place--) {
      if (tokens.slice(place - run, place).join() !== end) continue;
      const all = [...tokens];
      while (all.length < place + count) all.push(all[place + all.length - tokens.length]!);
      return all.slice(place, place + count);
    }
  }
  return [];
}

Deno.test("NgramIndex.continuation() is what came after the longest run that came before, the last time", () => {
  let [found, all] = [0, 0];
  fc.assert(
    fc.property(fc.array(fc.nat(5), { maxLength: 60 }), fc.integer({ min: 0, max: 6 }), (tokens, count) => {
      const index = new NgramIndex(tokens.length);
      for (const [length, token] of tokens.entries()) {
        const actual = [...index.continuation(count)];
        const expected = continuationOf(tokens.slice(0, length), count);
        all++;
        // The index forgets a run whose hash another has taken, and finds a shorter one or nothing.
        if (actual.join() === expected.join()) found++;
        index.add(token);
      }
    }),
    { numRuns: runs(200) },
  );
  expect(found / all).toBeGreaterThan(0.9);
});

Deno.test("NgramIndex with room forgets nothing", () => {
  fc.assert(fc.property(fc.array(fc.nat(4), { maxLength: 40 }), (tokens) => {
    const index = new NgramIndex(2 ** 16);
    for (const [length, token] of tokens.entries()) {
      expect([...index.continuation(5)]).toEqual(continuationOf(tokens.slice(0, length), 5));
      index.add(token);
    }
  }));
});

Deno.test("Speculator begins after four right guesses, ends after two wrong ones, and fits its window", () => {
  const cycle = [1, 2, 3, 4, 5];
  const speculator = new Speculator([...cycle, ...cycle], 1000);
  const pays = [1, 2, 3, 4].map((token) => {
    speculator.add(token);
    return speculator.pays;
  });
  expect(pays).toEqual([false, false, false, true]);
  expect([...speculator.drafts(3)]).toEqual([5, 1]);
  speculator.checked(2);
  expect([...speculator.drafts(9)]).toEqual([5, 1, 2]);
  expect([...speculator.drafts(1)]).toEqual([5]);
  speculator.checked(0);
  expect([...speculator.drafts(9)]).toEqual([5]);
  speculator.add(50);
  expect(speculator.pays).toBe(true);
  speculator.add(51);
  expect(speculator.pays).toBe(false);
  expect([...speculator.drafts(9)]).toEqual([]);
});

const request = fc.record({
  prompt: fc.array(fc.nat(5), { minLength: 1, maxLength: 20 }),
  maxTokens: fc.integer({ min: 1, max: 90 }),
  minTokens: fc.nat(30),
  eos: fc.array(fc.nat(63), { maxLength: 3 }),
  seed: fc.integer({ min: Number(REPEATING), max: Number(REPEATING) + 50 }),
  ticks: fc.nat(40),
  cancel: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
});

Deno.test("Engine answers with the same tokens whether or not it guesses, and leaks nothing", async () => {
  const totals = { drafted: 0, accepted: 0, preemptions: 0, steps: 0, single: 0 };
  const requests = fc.array(request, { minLength: 1, maxLength: 4 });
  const sizes = fc.record({
    blockSize: fc.integer({ min: 1, max: 7 }),
    spareTokens: fc.nat(60),
    stepsPerSubmit: fc.integer({ min: 1, max: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(requests, sizes, async (script, { blockSize, spareTokens, stepsPerSubmit }) => {
      const maxContext = 96;
      const limits = { maxContext, blockSize, blockCount: Math.ceil((maxContext + spareTokens) / blockSize) };
      for (const speculates of [true, false]) {
        const options = { stepsPerSubmit, batch: { speculates } };
        const fake = await FakeEngine.withModel({ limits }, options);
        const cancelled = new Set<string>();
        for (const [index, { prompt, maxTokens, minTokens, eos, seed, ticks, cancel }] of script.entries()) {
          const sampling = { maxTokens, minTokens, seed: `${seed}` };
          fake.send(submitCommand(`r${index}`, prompt, sampling, { eosTokenIds: eos }));
          for (let tick = 0; tick < ticks; tick++) await fake.tick();
          if (!cancel) continue;
          cancelled.add(`r${index}`);
          fake.send({ type: "cancel", requestId: `r${index}` });
        }
        await fake.drain();
        expect(fake.internalErrors).toEqual([]);
        for (const [index, { prompt, maxTokens, minTokens, eos, seed }] of script.entries()) {
          const init = {
            sampling: { ...SAMPLING, minTokens, seed: BigInt(seed), stop: [] },
            bannedUntilMinTokens: eos,
            promptTokenIds: Uint32Array.from(prompt),
            outputTokenIds: [],
          };
          const all = soloTokens(init, Math.min(maxTokens, maxContext - prompt.length), 64);
          const stop = all.findIndex((token, place) => place >= minTokens && eos.includes(token));
          const whole = stop < 0 ? all : all.slice(0, stop + 1);
          const tokens = fake.tokens(`r${index}`);
          const end = fake.end(`r${index}`);
          expect(tokens).toEqual(cancelled.has(`r${index}`) ? whole.slice(0, tokens.length) : whole);
          expect(end).toMatchObject({ type: "finished", completionTokens: tokens.length });
        }
        const metrics = fake.metrics();
        const { draftedTokens, acceptedTokens, preemptions, ...model } = metrics.models[0]!;
        expect(model).toMatchObject({ running: 0, waiting: 0, usedBlocks: 0 });
        totals.drafted += draftedTokens;
        totals.accepted += acceptedTokens;
        totals.preemptions += speculates ? preemptions : 0;
        totals[speculates ? "steps" : "single"] += metrics.steps;
        if (!speculates) expect(draftedTokens).toBe(0);
      }
    }),
    {
      numRuns: runs(150),
      // Once asked for more blocks than there were: those that wrong guesses leave behind were counted as free.
      examples: [[
        [
          {
            prompt: [3, 0, 4, 4, 0, 4, 5, 0, 2, 3, 4, 4],
            maxTokens: 67,
            minTokens: 0,
            eos: [],
            seed: 545,
            ticks: 19,
            cancel: false,
          },
          {
            prompt: Array(9).fill(0),
            maxTokens: 7,
            minTokens: 0,
            eos: [],
            seed: 500,
            ticks: 0,
            cancel: false,
          },
        ],
        { blockSize: 7, spareTokens: 0, stepsPerSubmit: 4 },
      ]],
    },
  );
  const { drafted, accepted, preemptions, steps, single } = totals;
  // Or the test does not show what it says: enough right, enough wrong, some of it in little memory.
  expect([accepted > 500, drafted - accepted > 200, preemptions > 0]).toEqual([true, true, true]);
  expect(steps).toBeLessThan(single);
});

async function serve(count: number, speculation?: "off") {
  const limits = { maxContext: 96, blockCount: 200, maxSequences: 4 };
  const fake = new FakeEngine({ limits });
  const load = { type: "load", modelKey: "m", path: "/x", quantization: "none", precision: "f32" } as const;
  const size = { maxContext: 96, maxSequences: 4 };
  fake.send({ ...load, ...size, ...speculation && { speculation } });
  await fake.drain();
  // This seed repeats two tokens for long.
  for (let index = 0; index < count; index++) {
    fake.send(submitCommand(`r${index}`, [0, 3, 0, 3], { maxTokens: 60, seed: `${REPEATING + 3n}` }));
  }
  await fake.drain();
  const { steps, models: [model] } = fake.metrics();
  const end = fake.end("r0");
  if (end.type !== "finished") throw new Error("A request failed");
  return { steps, accepted: model!.acceptedTokens, drafted: model!.draftedTokens, timings: end.timings };
}

Deno.test("Engine guesses for one sequence and for two, not for three, and not where it is told not to", async () => {
  const one = await serve(1);
  expect(one.accepted).toBeGreaterThan(10);
  expect(one.drafted).toBeGreaterThanOrEqual(one.accepted);
  expect(one.steps).toBe(60 - one.accepted);
  expect(one.timings.steps).toBe(one.steps);
  const two = await serve(2);
  expect(two.accepted).toBe(2 * one.accepted);
  expect(two.steps).toBeLessThan(60);
  expect(await serve(3)).toMatchObject({ drafted: 0 });
  expect(await serve(1, "off")).toMatchObject({ drafted: 0, steps: 60 });
});

Deno.test("Engine prepares nothing beside guesses, and takes the next request as soon as they are read", async () => {
  const events: string[] = [];
  const fake = await FakeEngine.withModel({
    limits: { maxContext: 96, blockCount: 200 },
    onEvent: (event) => events.push(event),
  });
  fake.send(submitCommand("r0", [0, 3, 0, 3], { maxTokens: 60, seed: `${REPEATING + 3n}` }));
  while (fake.metrics().models[0]!.acceptedTokens === 0) await fake.tick();
  fake.send(submitCommand("r1", [1], { maxTokens: 1 }));
  const seen = events.length;
  while (fake.of("r1").at(-1)?.type !== "finished") await fake.tick();
  // One step of guesses at most before the newcomer's.
  expect(events.slice(seen).filter((event) => event.startsWith("prepare")).length).toBeLessThanOrEqual(3);
  await fake.drain();
  expect(fake.tokens("r0").length).toBe(60);
  // Whatever follows guesses finds the device idle.
  expect(fake.runner.idleSubmits.length).toBeGreaterThan(5);
});

/** Sequences that must be told which tokens may come: blocked meanwhile, beside others that are not. */
import { expect } from "@std/expect";
import fc from "fast-check";
import type { TokenMatcher } from "../../src/constraint/service.ts";
import type { OpenMatcher } from "../../src/engine/constraints.ts";
import { CapacityError, ConfigError } from "../../src/errors.ts";
import { FakeEngine, settle, submitCommand } from "../support/fake_engine.ts";
import { FAKE_LIMITS } from "../support/fake_runner.ts";
import { soloTokens } from "../support/fake_tokens.ts";
import { runs } from "../support/properties.ts";
import { maskOf } from "../support/sampling.ts";

const CONSTRAINT = { regex: "a" };
const PROMPT = [1, 2, 3];

/** Lets the n-th token be one of a few ids, and answers when told to. */
class Script {
  readonly opened: string[] = [];
  disposed = 0;
  /** Ids of the n-th token; past the end the output is complete. */
  readonly allowed: readonly (readonly number[])[];
  readonly #held: (() => void)[] | null;

  constructor(allowed: readonly (readonly number[])[], { holds = false } = {}) {
    this.allowed = allowed;
    this.#held = holds ? [] : null;
  }

  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  /** Gives the next `count` answers. */
  answer(count = 1): Promise<void> {
    for (const resolve of this.#held!.splice(0, count)) resolve();
    return settle();
  }

  readonly open: OpenMatcher = async ({ modelKey }) => {
    this.opened.push(modelKey);
    let taken = 0;
    const mask = () => {
      const ids = this.allowed[taken];
      return ids === undefined ? null : maskOf(ids, FAKE_LIMITS.vocabSize);
    };
    await this.#turn();
    const matcher: TokenMatcher = {
      get mask() {
        return mask();
      },
      accept: async (id) => {
        if (!this.allowed[taken]!.includes(id)) throw new Error(`Token ${id} was not allowed`);
        taken++;
        await this.#turn();
        return mask();
      },
      [Symbol.dispose]: () => void this.disposed++,
    };
    return matcher;
  };

  #turn(): Promise<void> {
    return new Promise((resolve) => this.#held === null ? resolve() : this.#held.push(resolve));
  }
}

const constrained = (requestId: string, sampling = {}) =>
  submitCommand(requestId, PROMPT, { constraint: CONSTRAINT, maxTokens: 20, ...sampling });

Deno.test("a constrained output has the tokens that the masks allow, and ends when it is complete", async () => {
  const script = new Script([[5], [6, 7], [8]]);
  const fake = await FakeEngine.withModel({ stepsPerSubmit: 4 }, { openMatcher: script.open });
  fake.send(constrained("c"));
  await fake.drain();
  expect(fake.tokens("c")).toEqual([5, expect.any(Number), 8]);
  expect(fake.end("c")).toMatchObject({ type: "finished", reason: "STOP", completionTokens: 3 });
  expect({ opened: script.opened, disposed: script.disposed }).toEqual({ opened: ["m"], disposed: 1 });
  expect(fake.metrics().models[0]).toMatchObject({ running: 0, waiting: 0 });
});

Deno.test("a deadline ends a request though the loop sleeps and everybody waits for a grammar", async () => {
  const script = new Script([[5]], { holds: true });
  const timers: { ms: number; ring: () => void; cleared: boolean }[] = [];
  const setTimer = (ring: () => void, ms: number) => {
    const timer = { ms, ring, cleared: false };
    timers.push(timer);
    return () => void (timer.cleared = true);
  };
  const fake = await FakeEngine.withModel({}, { openMatcher: script.open, setTimer });
  const submit = (id: string, deadlineMs?: number) =>
    submitCommand(
      id,
      PROMPT,
      { constraint: CONSTRAINT, maxTokens: 3 },
      deadlineMs === undefined ? {} : { deadlineMs },
    );
  fake.send(submit("late", 500), submit("later", 900), submit("patient"));
  await fake.drain();
  expect(timers.filter(({ cleared }) => !cleared).length).toBe(1);
  for (const id of ["late", "later"]) {
    const timer = timers.at(-1)!;
    expect(timer.cleared).toBe(false);
    fake.nowMs += timer.ms;
    timer.ring();
    await fake.drain();
    expect(fake.end(id)).toMatchObject({
      type: "failed",
      error: { code: "CAPACITY", details: { reason: "DEADLINE" } },
    });
  }
  expect(timers.every(({ cleared }) => cleared)).toBe(true); // Nobody else has a deadline.
  await script.answer(3);
  await fake.drain();
  await script.answer(3);
  await fake.drain();
  expect(fake.end("patient")).toMatchObject({ type: "finished" });
});

Deno.test("while a mask is waited for, others go on and get what they get alone", async () => {
  const script = new Script([[5], [6], [7]], { holds: true });
  const fake = await FakeEngine.withModel({ stepsPerSubmit: 4 }, { openMatcher: script.open });
  fake.send(constrained("c"), submitCommand("free", [4, 5], { maxTokens: 12, seed: "9" }));
  await fake.drain();
  // The first in line has not got its grammar yet, and stands aside.
  expect(fake.end("free")).toMatchObject({ type: "finished", reason: "LENGTH" });
  expect(fake.tokens("c")).toEqual([]);
  await script.answer();
  await fake.drain();
  expect(fake.tokens("c")).toEqual([5]);
  fake.send(submitCommand("late", [4, 5], { maxTokens: 12, seed: "9" }));
  await fake.drain();
  expect(fake.tokens("late")).toEqual(fake.tokens("free"));
  const init = submitCommand("x", [4, 5], { maxTokens: 12 });
  const solo = soloTokens(
    {
      sampling: { ...init.sampling, seed: 9n, stop: [] },
      promptTokenIds: Uint32Array.of(4, 5),
      outputTokenIds: [],
      bannedUntilMinTokens: [],
    },
    12,
    64,
  );
  expect(fake.tokens("late")).toEqual(solo);
  await script.answer();
  await fake.drain();
  await script.answer();
  await fake.drain();
  expect(fake.tokens("c")).toEqual([5, 6, 7]);
  await script.answer();
  await fake.drain();
  expect(fake.end("c")).toMatchObject({ reason: "STOP" });
});

Deno.test("a request is cancelled at once, whether its grammar or a mask is waited for", async () => {
  for (const answers of [0, 1]) {
    const script = new Script([[5], [6]], { holds: true });
    const fake = await FakeEngine.withModel({}, { openMatcher: script.open });
    fake.send(constrained("c"));
    await fake.drain();
    await script.answer(answers);
    await fake.drain();
    expect(fake.tokens("c").length).toBe(answers);
    fake.send({ type: "cancel", requestId: "c" });
    await fake.drain();
    expect(fake.end("c")).toMatchObject({ reason: "CANCELLED", completionTokens: answers });
    await script.answer();
    await fake.drain();
    expect({ answers, disposed: script.disposed }).toEqual({ answers, disposed: 1 });
    expect(fake.end("c")).toMatchObject({ reason: "CANCELLED" });
    expect(fake.metrics().models[0]).toMatchObject({ running: 0, waiting: 0 });
  }
});

Deno.test("a constraint that cannot be had fails its request alone, with its own error", async () => {
  const openMatcher: OpenMatcher = () =>
    Promise.reject(new ConfigError("Cannot compile", { field: "constraint.regex" }));
  for (const options of [{ openMatcher }, {}]) {
    const fake = await FakeEngine.withModel({}, options);
    fake.send(constrained("c"), submitCommand("free", PROMPT, { maxTokens: 3 }));
    await fake.drain();
    expect(fake.end("c")).toMatchObject({ type: "failed", error: { code: "CONFIG" } });
    expect(fake.end("free")).toMatchObject({ type: "finished" });
    expect(fake.internalErrors).toEqual([]);
  }
});

Deno.test("a matcher that fails in the middle ends its request with what came before", async () => {
  let taken = 0;
  const openMatcher: OpenMatcher = () =>
    Promise.resolve({
      mask: maskOf([5], 64),
      accept: () =>
        ++taken < 2 ? Promise.resolve(maskOf([5], 64)) : Promise.reject(new CapacityError("Too slow")),
      [Symbol.dispose]() {},
    });
  const fake = await FakeEngine.withModel({}, { openMatcher });
  fake.send(constrained("c"));
  await fake.drain();
  expect(fake.tokens("c")).toEqual([5, 5]);
  expect(fake.end("c")).toMatchObject({ type: "failed", error: { code: "CAPACITY" } });
});

Deno.test("unloading and losing the device end what is blocked", async () => {
  for (const command of [{ type: "unload", modelKey: "m" }, { type: "close" }] as const) {
    const script = new Script([[5]], { holds: true });
    const fake = await FakeEngine.withModel({}, { openMatcher: script.open });
    fake.send(constrained("c"));
    await fake.drain();
    fake.send(command);
    await fake.drain();
    expect(fake.end("c")).toMatchObject({ reason: "CANCELLED" });
    expect(fake.runner.disposed).toBe(true);
    await script.answer();
    expect(script.disposed).toBe(1);
  }
});

Deno.test("any mixture in little memory ends, each output as alone and within its masks", async () => {
  const request = fc.record({
    length: fc.integer({ min: 1, max: 9 }),
    maxTokens: fc.integer({ min: 1, max: 14 }),
    masks: fc.option(fc.array(fc.uniqueArray(fc.nat(63), { minLength: 1, maxLength: 4 }), { maxLength: 10 })),
    priority: fc.integer({ min: 0, max: 2 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 7 }), async (requests) => {
      const scripts = requests.map(({ masks }) => new Script([[1], ...masks ?? []]));
      const openMatcher: OpenMatcher = (one) =>
        scripts[Number((one.constraint as { regex: string }).regex)]!.open(one);
      const limits = { blockCount: 7, maxContext: 24 };
      const run = async (only: readonly number[]) => {
        const fake = await FakeEngine.withModel({ limits, stepsPerSubmit: 3 }, { openMatcher });
        for (const index of only) {
          const { length, maxTokens, masks, priority } = requests[index]!;
          const prompt = Array.from({ length }, (_, at) => (at * 7 + index) % 64);
          const constraint = masks === null ? null : { regex: String(index) };
          fake.send(
            submitCommand(String(index), prompt, { maxTokens, seed: String(index), constraint }, {
              priority,
            }),
          );
        }
        await fake.drain();
        expect(fake.internalErrors).toEqual([]);
        return only.map((index) => ({
          end: fake.end(String(index)).type,
          tokens: fake.tokens(String(index)),
        }));
      };
      const all = requests.map((_, index) => index);
      const together = await run(all);
      for (const index of all) expect(together[index]).toEqual((await run([index]))[0]);
    }),
    { numRuns: runs(60) },
  );
});

/**
 * The batch against the fake runner, command by command, with one submit in flight and one prepared as the engine has
 * it. After every command the books must balance: each block that a table names is used, no other is, and slots and
 * sequences are where they should be. The runner holds the plans against what its cache contains.
 */
import { expect } from "@std/expect";
import fc from "fast-check";
import { Batch, type BatchSubmit } from "../../src/engine/batch.ts";
import { Sequence } from "../../src/engine/sequence.ts";
import { RequestClock } from "../../src/engine/timings.ts";
import type { PendingStep, RunnerLimits } from "../../src/model/runner.ts";
import { SAMPLING } from "../support/fake_engine.ts";
import { FakeRunner } from "../support/fake_runner.ts";
import { REPEATING, soloTokens } from "../support/fake_tokens.ts";
import { runs } from "../support/properties.ts";

const LIMITS = {
  maxSequences: 3,
  blockSize: 3,
  blockCount: 9,
  maxContext: 24,
  maxPromptTokens: 7,
  maxDrafts: 3,
  maxSamples: 8,
  vocabSize: 64,
};

interface Order {
  readonly shared: number;
  readonly own: number;
  readonly maxTokens: number;
  readonly priority: number;
  readonly seed: number;
}

/** Does what the engine does, without its messages. */
class Driver {
  readonly runner: FakeRunner;
  readonly batch: Batch;
  readonly all: Sequence[] = [];
  #inFlight: { readonly submit: BatchSubmit; readonly pending: PendingStep } | null = null;
  #fails = false;
  readonly #maxSteps: number;

  constructor(limits: RunnerLimits, maxSteps: number) {
    const onCollect = () => this.#fails ? Promise.reject(new Error("failed")) : undefined;
    this.runner = new FakeRunner({ limits, onCollect });
    this.batch = new Batch(limits, { mixedPromptTokens: 3 });
    this.#maxSteps = maxSteps;
  }

  submit({ shared, own, maxTokens, priority, seed }: Order): void {
    const tokens = Array.from(
      { length: shared + own },
      (_, i) => i < shared ? i : (this.all.length * 5 + i) % 64,
    );
    const sequence = new Sequence({
      requestId: `r${this.all.length}`,
      promptTokenIds: Uint32Array.from(tokens),
      sampling: { ...SAMPLING, maxTokens, seed: BigInt(seed), stop: [] },
      stopTokenIds: [],
      priority,
      deadlineMs: null,
      contextTokens: LIMITS.maxContext,
      blockSize: LIMITS.blockSize,
      clock: new RequestClock(0),
    });
    this.all.push(sequence);
    this.batch.enqueue(sequence);
  }

  /** One turn; false when there is nothing to do. */
  async turn({ fails = false } = {}): Promise<boolean> {
    const submit = this.batch.next(this.#maxSteps);
    for (const { sequence, slot } of submit?.admitted ?? []) {
      const { sampling, promptTokenIds, outputTokenIds } = sequence;
      this.runner.initSlot(slot, { sampling, promptTokenIds, outputTokenIds, bannedUntilMinTokens: [] });
    }
    const prepared = submit && this.runner.prepare(submit.steps.map(({ plan }) => plan));
    const last = this.#inFlight;
    this.#inFlight = null;
    this.#fails = fails;
    const samples = await last?.pending.collect().catch(() => null);
    if (submit !== null) this.#inFlight = { submit, pending: prepared!.submit() };
    if (last !== null && samples === null) {
      for (const { sequence } of last.submit.steps.flatMap(({ rows }) => rows)) this.batch.end(sequence);
      this.batch.settle(last.submit);
    } else if (last !== null) this.batch.complete(last.submit, samples!);
    return submit !== null || last !== null;
  }

  check(): void {
    const { batch, all } = this;
    const tables = all.flatMap(({ placement }) => placement === null ? [] : [placement.blockTable]);
    expect(batch.usedBlocks).toBe(new Set(tables.flat()).size);
    expect(batch.usedBlocks + batch.cachedBlocks).toBeLessThanOrEqual(LIMITS.blockCount);
    expect(batch.freeSlots).toBe(LIMITS.maxSequences - tables.length);
    const lists = [...batch.waiting, ...batch.running];
    expect(new Set(lists).size).toBe(lists.length);
    expect(lists.length + batch.returning).toBe(all.filter(({ ended }) => !ended).length);
    for (const sequence of all) {
      if (sequence.ended && sequence.stepsInFlight === 0) expect(sequence.placement).toBe(null);
      const solo = { sampling: sequence.sampling, promptTokenIds: sequence.promptTokenIds };
      const init = { ...solo, outputTokenIds: [], bannedUntilMinTokens: [] };
      expect(sequence.outputTokenIds).toEqual(soloTokens(init, sequence.completionTokens, LIMITS.vocabSize));
    }
  }
}

type Model = Record<string, never>;
class Act implements fc.AsyncCommand<Model, Driver, true> {
  constructor(readonly name: string, readonly act: (driver: Driver) => unknown) {}
  check = () => Promise.resolve(true);
  async run(_: Model, driver: Driver): Promise<void> {
    await this.act(driver);
    driver.check();
  }
  toString = () => this.name;
}

const order: fc.Arbitrary<Order> = fc.record({
  shared: fc.nat(12),
  own: fc.integer({ min: 1, max: 8 }),
  maxTokens: fc.integer({ min: 1, max: 20 }),
  priority: fc.integer({ min: -1, max: 1 }),
  seed: fc.constantFrom(7, Number(REPEATING), Number(REPEATING) + 1),
});

Deno.test("Batch keeps its books through arrivals, cancels, failures and exhaustion, and serves everybody", async () => {
  let [preemptions, accepted] = [0, 0];
  const commands = fc.commands<Model, Driver, true>([
    order.map((values) => new Act(`submit ${JSON.stringify(values)}`, (driver) => driver.submit(values))),
    order.map((values) => new Act(`submit ${JSON.stringify(values)}`, (driver) => driver.submit(values))),
    fc.nat(20).map((pick) =>
      new Act(`cancel ${pick}`, ({ all, batch }) => pick < all.length && batch.end(all[pick]!))
    ),
    fc.constant(new Act("fail", (driver) => driver.turn({ fails: true }))),
    ...Array.from({ length: 6 }, () => fc.constant(new Act("turn", (driver) => driver.turn()))),
  ], { maxCommands: 80 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 4 }), commands, async (maxSteps, script) => {
      const driver = new Driver(LIMITS, maxSteps);
      await fc.asyncModelRun(() => ({ model: {}, real: driver }), script);
      for (let turns = 0; await driver.turn(); turns++) {
        driver.check();
        expect(turns).toBeLessThan(driver.all.length * 100 + 10);
      }
      expect(driver.all.every(({ ended }) => ended)).toBe(true);
      expect(driver.batch.usedBlocks).toBe(0);
      expect(driver.batch.freeSlots).toBe(LIMITS.maxSequences);
      preemptions += driver.batch.counts.preemptions;
      accepted += driver.batch.counts.accepted;
    }),
    { numRuns: runs(300) },
  );
  expect([preemptions > 0, accepted > 0]).toEqual([true, true]); // Or the test does not show what it says.
});

Deno.test("Batch never preempts the first in rank, and the first always gets on", async () => {
  await fc.assert(fc.asyncProperty(fc.array(order, { minLength: 2, maxLength: 8 }), async (orders) => {
    const driver = new Driver(LIMITS, 1);
    for (const values of orders) driver.submit(values);
    while (await driver.turn()) {
      const [first] = driver.batch.running;
      if (first === undefined) continue;
      // Whoever is the first stays it until it ends, for the ranks of those who wait are no better.
      const { completionTokens, computed } = first;
      for (let turn = 0; turn < 4 && !first.ended; turn++) await driver.turn();
      expect(first.preempted).toBe(false);
      expect(first.ended || first.completionTokens > completionTokens || first.computed > computed).toBe(
        true,
      );
    }
  }));
});

/** Watchers that fall behind, or go away and come back. */
import { expect } from "@std/expect";
import fc from "fast-check";
import { coalesceTokens } from "../../src/app/generate/coalesce.ts";
import type { GenerationEvent } from "../../src/app/types.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, collect, HELPER, TestGateway } from "../support/gateway.ts";

const input = { model: HELPER, prompt: { text: "Tell me." } };
const idsOf = (events: readonly GenerationEvent[]) =>
  events.flatMap((event) => event.kind === "tokens" ? event.tokens.map(({ id }) => id) : []);
const textOf = (events: readonly GenerationEvent[]) =>
  events.map((event) => event.kind === "tokens" ? event.text : "").join("");

Deno.test("coalesceTokens() keeps every token, every other event, and the order; seq are those of the log", () => {
  const kinds = fc.array(fc.constantFrom("tokens", "queued", "loading"), { maxLength: 30 });
  fc.assert(fc.property(kinds, (kinds) => {
    const events = kinds.map((kind, index) => ({
      kind,
      seq: index + 5,
      text: `${index} `,
      tokens: [{ id: index }],
    })) as unknown as GenerationEvent[];
    const merged = coalesceTokens(events);
    expect(idsOf(merged)).toEqual(idsOf(events));
    expect(textOf(merged)).toBe(textOf(events));
    expect(merged.filter(({ kind }) => kind !== "tokens")).toEqual(
      events.filter(({ kind }) => kind !== "tokens"),
    );
    for (const [index, event] of merged.entries()) {
      const next = merged[index + 1];
      if (next !== undefined) expect(next.seq).toBeGreaterThan(event.seq);
      if (next !== undefined && event.kind === "tokens") expect(next.kind).not.toBe("tokens");
    }
    expect(merged.at(-1)?.seq).toBe(events.at(-1)?.seq);
  }));
});

Deno.test("generations.events() gives a watcher that has fallen behind fewer events with the same tokens", async () => {
  await using test = await TestGateway.make();
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, input);
  const watch = (coalesce: boolean) => generations.events(ALICE, id, { coalesce })[Symbol.asyncIterator]();
  const slow = watch(true);
  const exact = watch(false);
  for (const stream of [slow, exact]) expect((await stream.next()).value?.kind).toBe("queued");
  const prompt = collect(generations.events(ALICE, id, { coalesce: true }));
  const request = await test.engine.request(0);
  for (let step = 0; step < 300; step++) {
    request.tokens(300 + step % 50);
    test.clock.advance(50);
    // Whoever reads at once gets each event as it is.
    await new Promise((resolve) => setTimeout(resolve));
  }
  request.finish("LENGTH");
  const whole = await collect(generations.events(ALICE, id, { coalesce: true }));
  expect(whole.map(({ seq }) => seq)).toEqual(whole.map((_, index) => index + 1));
  expect(await prompt).toEqual(whole);
  const rest = async (stream: typeof slow) => {
    const events: GenerationEvent[] = [];
    for (let next = await stream.next(); !next.done; next = await stream.next()) events.push(next.value);
    return events;
  };
  expect(await rest(exact)).toEqual(whole.slice(1));
  const few = await rest(slow);
  expect(few.length).toBeLessThan(whole.length / 10);
  expect(idsOf(few)).toEqual(idsOf(whole));
  expect(textOf(few)).toBe(textOf(whole));
  expect(few.at(-1)).toEqual(whole.at(-1));
  // Continuing behind anything it has seen gives exactly what follows.
  for (const { seq } of few) {
    expect(await collect(generations.events(ALICE, id, { afterSeq: seq, coalesce: true }))).toEqual(
      whole.slice(seq),
    );
  }
});

Deno.test("generations with CANCEL wait for a watcher to come back, as long as they were told", async () => {
  await using test = await TestGateway.make({ disconnectGraceMs: 5_000 });
  const { generations } = test.gateway;
  for (
    const { graceMs, given, back } of [
      { graceMs: 5_000, given: undefined, back: false },
      { graceMs: 5_000, given: undefined, back: true },
      { graceMs: 60_000, given: 60_000, back: false },
    ]
  ) {
    const index = test.engine.requests.length;
    const { id } = await generations.start(ALICE, {
      ...input,
      onDisconnect: "CANCEL",
      ...given === undefined ? {} : { disconnectGraceMs: given },
    });
    const request = await test.engine.request(index);
    const leave = async () => {
      const stream = generations.events(ALICE, id, {})[Symbol.asyncIterator]();
      await stream.next();
      return () => stream.return?.();
    };
    await (await leave())();
    test.clock.advance(graceMs - 1);
    expect(request.cancelled).toBe(false);
    if (back) {
      const leaveAgain = await leave();
      test.clock.advance(10 * graceMs);
      expect(request.cancelled).toBe(false);
      await leaveAgain();
      test.clock.advance(graceMs - 1);
      expect(request.cancelled).toBe(false);
    }
    const tail = collect(generations.events(ADMIN, id, {}));
    test.clock.advance(1);
    expect((await tail).at(-1)?.kind).toBe("cancelled");
    expect(request.cancelled).toBe(true);
  }
});

Deno.test("generations with CANCEL and no grace are cancelled at once; a wrong grace is refused", async () => {
  await using test = await TestGateway.make({ disconnectGraceMs: 5_000 });
  const { generations } = test.gateway;
  const { id } = await generations.start(ALICE, { ...input, onDisconnect: "CANCEL", disconnectGraceMs: 0 });
  const request = await test.engine.request(0);
  const stream = generations.events(ALICE, id, {})[Symbol.asyncIterator]();
  await stream.next();
  await stream.return?.();
  expect((await collect(generations.events(ADMIN, id, {}))).at(-1)?.kind).toBe("cancelled");
  expect(request.cancelled).toBe(true);
  for (const disconnectGraceMs of [-1, 3_600_001]) {
    const error = await failure(generations.start(ALICE, { ...input, disconnectGraceMs }));
    expect([error.code, error.details["field"]]).toEqual(["CONFIG", "disconnectGraceMs"]);
  }
});

/** Signs of life on request: between events, with the last one's seq, on either subscription, and never unasked. */
import { expect } from "@std/expect";
import { heartbeatMs, Heartbeats } from "../../schema/heartbeat.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { finished, tokens } from "../support/fake_log.ts";
import { startWatched, untilNoStreams } from "../support/watching.ts";

/** A source that says what the test tells it to. */
class Source implements AsyncIterableIterator<number> {
  #next: PromiseWithResolvers<IteratorResult<number>> | undefined;
  reads = 0;
  returned = false;

  next(): Promise<IteratorResult<number>> {
    this.reads++;
    this.#next = Promise.withResolvers();
    return this.#next.promise;
  }
  say(value: number): void {
    this.#next!.resolve({ done: false, value });
  }
  fail(error: Error): void {
    this.#next!.reject(error);
  }
  return(): Promise<IteratorResult<number>> {
    this.returned = true;
    this.#next?.resolve({ done: true, value: undefined });
    return Promise.resolve({ done: true, value: undefined });
  }
  [Symbol.asyncIterator](): this {
    return this;
  }
}

const beat = (last: number | undefined) => -(last ?? 0);

Deno.test("Heartbeats come in silence, carry the last value, and lose nothing that comes meanwhile", async () => {
  const source = new Source();
  const stream = new Heartbeats(source, 5, beat);
  expect(await stream.next()).toEqual({ done: false, value: -0 });
  expect(await stream.next()).toEqual({ done: false, value: -0 });
  expect(source.reads).toBe(1);
  source.say(7);
  expect(await stream.next()).toEqual({ done: false, value: 7 });
  expect(await stream.next()).toEqual({ done: false, value: -7 });
  // Reads at once are answered in turn, each event once.
  const reads = [stream.next(), stream.next()];
  source.say(8);
  expect((await reads[0])?.value).toBe(8);
  expect((await reads[1])?.value).toBe(-8);
  source.fail(new Error("broken"));
  await expect(stream.next()).rejects.toThrow("broken");
  await stream.return();
  expect(source.returned).toBe(true);
});

Deno.test("Heartbeats end at once, and leave no timer behind", async () => {
  const source = new Source();
  const stream = new Heartbeats(source, 1_000_000, beat);
  const waiting = stream.next();
  await Promise.resolve();
  await stream.return();
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

Deno.test("heartbeatMs() takes 1 to 300 seconds, or nothing", () => {
  expect([undefined, null, 1, 300].map(heartbeatMs)).toEqual([null, null, 1_000, 300_000]);
  for (const seconds of [0, -1, 301]) expect(() => heartbeatMs(seconds)).toThrow("heartbeatSeconds");
});

Deno.test("Subscription.generationEvents sends heartbeats from which a client can continue", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const id = await startWatched(api);
  fake.lastLog.push(tokens("a"));
  const watch = `subscription ($id: ID!, $beat: Int, $after: Int) {
    generationEvents(id: $id, heartbeatSeconds: $beat, afterSeq: $after) {
      __typename seq generationId at ... on TokensGenerated { text } } }`;
  const stream = api.subscribe(watch, { id, beat: 1 });
  const event = async () => (await stream.next()).value?.data.generationEvents;
  expect(await event()).toMatchObject({ __typename: "TokensGenerated", seq: 1 });
  expect(await event()).toEqual({
    __typename: "GenerationHeartbeat",
    seq: 1,
    generationId: id,
    at: expect.stringMatching(/^\d{4}-/),
  });
  const late = api.subscribe(watch, { id, beat: 1, after: 1 });
  expect((await late.next()).value.data.generationEvents).toMatchObject({
    __typename: "GenerationHeartbeat",
    seq: 1,
  });
  fake.lastLog.push(finished("a"));
  for (const each of [stream, late]) {
    let last = (await each.next()).value.data.generationEvents;
    while (last.__typename === "GenerationHeartbeat") last = (await each.next()).value.data.generationEvents;
    expect(last).toMatchObject({ __typename: "GenerationFinished", seq: 2 });
  }
  const refused = await api.subscribe(watch, { id, beat: 0 }).next();
  expect(refused.value.errors[0].extensions).toMatchObject({
    code: "CONFIG",
    details: { field: "heartbeatSeconds" },
  });
  await Promise.all([stream.next(), late.next()]);
  await untilNoStreams(api);
});

/** The source of a subscription: it ends at once, frees what it holds once, and never reads ahead. */
import { expect } from "@std/expect";
import { SubscriptionSource } from "../../schema/subscription_source.ts";

const DONE = { done: true, value: undefined };

class Place implements Disposable {
  freed = 0;
  [Symbol.dispose](): void {
    this.freed++;
  }
}

/** A source that a test answers by hand. */
class Source implements AsyncIterableIterator<number> {
  readonly reads: PromiseWithResolvers<IteratorResult<number>>[] = [];
  returned = 0;
  signal: AbortSignal | undefined;
  [Symbol.asyncIterator](): this {
    return this;
  }
  next(): Promise<IteratorResult<number>> {
    const read = Promise.withResolvers<IteratorResult<number>>();
    this.reads.push(read);
    return read.promise;
  }
  return(): Promise<IteratorResult<number>> {
    this.returned++;
    return Promise.resolve({ done: true, value: undefined });
  }
}

function setUp() {
  const source = new Source();
  const place = new Place();
  const connection = new AbortController();
  const stream = new SubscriptionSource<number>((signal) => {
    source.signal = signal;
    return source;
  }, {
    signal: connection.signal,
    place,
    mapError: (error) => new Error(`mapped ${(error as Error).message}`),
  });
  return { source, place, connection, stream };
}

for (const how of ["return()", "its connection's signal"] as const) {
  Deno.test(`SubscriptionSource ends by ${how} while its source still waits`, async () => {
    const { source, place, connection, stream } = setUp();
    const pending = stream.next();
    if (how === "return()") expect(await stream.return()).toEqual(DONE);
    else connection.abort();
    // The read was never answered: that the promise settles is the whole point.
    expect(await pending).toEqual(DONE);
    expect(await stream.next()).toEqual(DONE);
    expect(source.reads).toHaveLength(1);
    expect(source.signal!.aborted).toBe(true);
    expect(source.returned).toBe(1);
    await stream.return();
    connection.abort();
    expect(place.freed).toBe(1);
    // A late answer or failure of the source reaches nobody.
    source.reads[0]!.reject(new Error("late"));
    await source.reads[0]!.promise.catch(() => {});
  });
}

Deno.test("SubscriptionSource passes events on one by one and frees its place at the end", async () => {
  const { source, place, stream } = setUp();
  for (const value of [1, 2, 3]) {
    const read = stream.next();
    expect(source.reads).toHaveLength(value);
    source.reads.at(-1)!.resolve({ done: false, value });
    expect(await read).toEqual({ done: false, value });
  }
  expect(place.freed).toBe(0);
  const last = stream.next();
  source.reads.at(-1)!.resolve({ done: true, value: undefined });
  expect(await last).toEqual(DONE);
  expect(place.freed).toBe(1);
});

Deno.test("SubscriptionSource reports a failing source once, mapped, and is over", async () => {
  const { source, place, stream } = setUp();
  const read = stream.next();
  source.reads[0]!.reject(new Error("torn"));
  await expect(read).rejects.toThrow("mapped torn");
  expect(await stream.next()).toEqual(DONE);
  expect(place.freed).toBe(1);
});

Deno.test("SubscriptionSource of a connection that is gone already reads nothing", async () => {
  const place = new Place();
  const source = new Source();
  const stream = new SubscriptionSource<number>(() => source, {
    signal: AbortSignal.abort(),
    place,
    mapError: () => new Error(),
  });
  expect(await stream.next()).toEqual(DONE);
  expect(source.reads).toEqual([]);
  expect(source.returned).toBe(1);
  expect(place.freed).toBe(1);
});

/** The counter between two threads: a writer without an end, a reader that takes its time. */
import { expect } from "@std/expect";
import { Backlog } from "../../src/engine/backlog.ts";

Deno.test("Backlog.shrunk() holds a thread up while its reader is behind, and wakes it", async () => {
  const worker = new Worker(new URL("./children/writer.ts", import.meta.url), { type: "module" });
  const backlog = new Backlog();
  const unread = new Int32Array(backlog.shared);
  const { promise, resolve } = Promise.withResolvers<void>();
  let read = 0;
  let most = 0;
  worker.onmessage = ({ data }) => {
    if (data === "done") return resolve();
    most = Math.max(most, Atomics.load(unread, 0));
    read++;
    // The reader blocks now and then, for much longer than the writer needs for as many messages as it may be ahead.
    if (read % 2_000 === 1) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    backlog.remove();
  };
  worker.postMessage(backlog.shared);
  await promise;
  worker.terminate();
  expect(read).toBe(10_000);
  expect(most).toBeGreaterThan(500);
  expect(most).toBeLessThanOrEqual(1_025);
});

Deno.test("Backlog.shrunk() resolves at once while the reader keeps up", async () => {
  const backlog = new Backlog();
  for (let index = 0; index < 1024; index++) backlog.add();
  await backlog.shrunk();
  backlog.add();
  let shrunk = false;
  const waiting = backlog.shrunk().then(() => shrunk = true);
  for (let index = 0; index < 512; index++) backlog.remove();
  await new Promise((resolve) => setImmediate(resolve));
  expect(shrunk).toBe(false);
  backlog.remove();
  await waiting;
});

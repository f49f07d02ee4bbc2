/** The gateway's end of the protocol over an in-process port: promises, listeners, abort, death and disposal. */
import { expect } from "@std/expect";
import { DeviceLostError, FormatError, GeodesicError } from "../../src/errors.ts";
import type { LoadProgress, RequestMessage, SubmitCommand } from "../../src/engine/protocol.ts";
import { PortEngineClient } from "../../src/engine/client.ts";
import { settle, submitCommand } from "../support/fake_engine.ts";
import { FakeRunner } from "../support/fake_runner.ts";
import { FAKE_DEVICE, inProcessEngine, inProcessPort } from "../support/in_process_engine.ts";

const LOAD = {
  modelKey: "m",
  path: "/models/x",
  quantization: "none",
  precision: "f32",
  maxContext: 48,
  maxSequences: 4,
} as const;

/** All messages of a request, once it has ended. */
function run(client: PortEngineClient, command: Omit<SubmitCommand, "type">): Promise<RequestMessage[]> {
  const messages: RequestMessage[] = [];
  return new Promise((resolve) =>
    client.submit(command, (message) => {
      messages.push(message);
      if (message.type === "finished" || message.type === "failed") resolve(messages);
    })
  );
}

Deno.test("PortEngineClient.ready() resolves with the device and load() with the model's figures", async () => {
  await using engine = inProcessEngine();
  expect(await engine.client.ready()).toEqual(FAKE_DEVICE);
  expect(await engine.client.load(LOAD)).toMatchObject({ modelKey: "m", maxContext: 48, vocabSize: 64 });
  expect(await engine.client.metrics()).toMatchObject({ models: [{ modelKey: "m" }] });
  await engine.client.unload("m");
  expect(await engine.client.metrics()).toMatchObject({ models: [] });
});

Deno.test("PortEngineClient.submit() hands every message to its own listener", async () => {
  await using engine = inProcessEngine();
  await engine.client.load(LOAD);
  const [a, b] = await Promise.all([
    run(engine.client, submitCommand("a", [1])),
    run(engine.client, submitCommand("b", [2], { logprobs: 1 })),
  ]);
  expect(a.length).toBe(10);
  expect(b.at(-1)).toMatchObject({ requestId: "b", reason: "LENGTH" });
  expect(new Set(a.map(({ requestId }) => requestId))).toEqual(new Set(["a"]));
});

Deno.test("PortEngineClient.submit() refuses an id that is open, and leaves the first alone", async () => {
  await using engine = inProcessEngine();
  await engine.client.load(LOAD);
  const first = run(engine.client, submitCommand("a", [1]));
  let inside = true;
  const second = run(engine.client, submitCommand("a", [2])).then((messages) => ({ messages, inside }));
  inside = false;
  expect(await second).toMatchObject({
    inside: false,
    messages: [{ type: "failed", error: { code: "CONFIG", details: { requestId: "a" } } }],
  });
  expect((await first).at(-1)).toMatchObject({ type: "finished" });
  expect((await run(engine.client, submitCommand("a", [3]))).at(-1)).toMatchObject({ type: "finished" });
});

Deno.test("PortEngineClient answers for a command that cannot be sent, and forgets it", async () => {
  const port = inProcessPort();
  let refuses = true;
  await using client = new PortEngineClient({
    ...port,
    post(command) {
      const isRefused = refuses && (command.type === "submit" || command.type === "load");
      if (isRefused) throw new FormatError("Cannot send a message of 17000000 bytes");
      port.post(command);
    },
  });
  await client.ready();
  await expect(client.load(LOAD)).rejects.toMatchObject({ code: "FORMAT" });
  const refused = await run(client, submitCommand("a", [1]));
  expect(refused).toMatchObject([{ type: "failed", requestId: "a", error: { code: "FORMAT" } }]);
  refuses = false;
  await client.load(LOAD);
  expect((await run(client, submitCommand("a", [1]))).at(-1)).toMatchObject({ type: "finished" });
});

Deno.test("PortEngineClient.cancel() ends a request; unknown ids are not even sent", async () => {
  await using engine = inProcessEngine();
  await engine.client.load(LOAD);
  const ended = run(engine.client, submitCommand("a", [1], { maxTokens: 40 }));
  engine.client.cancel("a");
  engine.client.cancel("never");
  expect((await ended).at(-1)).toMatchObject({ reason: "CANCELLED" });
  engine.client.cancel("a");
  expect(engine.commands.filter(({ type }) => type === "cancel").length).toBe(1);
});

Deno.test("PortEngineClient.load() rejects with the load's own error and reports progress before", async () => {
  await using engine = inProcessEngine({}, {
    load: (_command, { onProgress }) => {
      onProgress({ stage: "READING", fraction: 0, loadedBytes: 0, totalBytes: 9, bytesPerSecond: 0 });
      return Promise.reject(new GeodesicError("FORMAT", "Cannot read", { file: "x" }));
    },
  });
  const progress: LoadProgress[] = [];
  const loading = engine.client.load(LOAD, { onProgress: (each) => progress.push(each) });
  await expect(loading).rejects.toMatchObject({ code: "FORMAT", details: { file: "x" } });
  expect(progress).toMatchObject([{ stage: "READING", modelKey: "m" }]);
});

Deno.test("PortEngineClient.load() refuses a model that is being loaded", async () => {
  await using engine = inProcessEngine();
  const first = engine.client.load(LOAD);
  await expect(engine.client.load(LOAD)).rejects.toMatchObject({ code: "CONFIG" });
  expect((await first).modelKey).toBe("m");
});

for (const late of [false, true]) {
  Deno.test(`PortEngineClient.load() unloads when aborted ${late ? "as it finishes" : "on the way"}`, async () => {
    const runner = new FakeRunner();
    const controller = new AbortController();
    await using engine = inProcessEngine({}, {
      load: (_command, { signal }) =>
        late
          ? Promise.resolve(runner)
          : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    const loading = engine.client.load(LOAD, { signal: controller.signal });
    if (!late) await settle();
    const reason = new Error("changed my mind");
    controller.abort(reason);
    await expect(loading).rejects.toBe(reason);
    expect(runner.disposed).toBe(late);
    expect(await engine.client.metrics()).toMatchObject({ models: [] });
    await expect(engine.client.load(LOAD, { signal: controller.signal })).rejects.toBe(reason);
  });
}

Deno.test("PortEngineClient.unload() called twice is one unload", async () => {
  await using engine = inProcessEngine();
  await engine.client.load(LOAD);
  await Promise.all([engine.client.unload("m"), engine.client.unload("m")]);
  expect(engine.commands.filter(({ type }) => type === "unload").length).toBe(1);
});

Deno.test("PortEngineClient answers everything that is open when the thread dies", async () => {
  const engine = inProcessEngine({}, { load: () => new Promise(() => {}) });
  const { client } = engine;
  const lost: Error[] = [];
  const order: string[] = [];
  client.onLost((error) => {
    lost.push(error);
    order.push("lost");
  });
  client.submit(submitCommand("a", [1]), (message) => order.push(message.type));
  const unloading = client.unload("other");
  const loading = client.load(LOAD);
  loading.catch(() => {});
  const metrics = client.metrics();
  metrics.catch(() => {});
  engine.die(new Error("panic"));
  engine.die(new Error("again"));
  await expect(loading).rejects.toBeInstanceOf(DeviceLostError);
  await expect(metrics).rejects.toMatchObject({ message: "The engine's thread died: panic" });
  await unloading;
  expect(order).toEqual(["failed", "lost"]);
  expect(lost.length).toBe(1);
  expect(engine.terminated).toBe(true);
  expect(await run(client, submitCommand("b", [1]))).toMatchObject([{ error: { code: "DEVICE_LOST" } }]);
  await expect(client.load(LOAD)).rejects.toMatchObject({ code: "DEVICE_LOST" });
  await client[Symbol.asyncDispose]();
});

Deno.test("PortEngineClient.ready() rejects when there is no device, and onLost() tells so", async () => {
  const engine = inProcessEngine({}, { announce: false });
  const lost: Error[] = [];
  engine.client.onLost((error) => lost.push(error));
  engine.inject({ type: "unavailable", error: { code: "DEVICE_LOST", message: "No adapter", details: {} } });
  await expect(engine.client.ready()).rejects.toBeInstanceOf(DeviceLostError);
  expect(lost).toMatchObject([{ message: "No adapter" }]);
  await engine.client[Symbol.asyncDispose]();
});

Deno.test("PortEngineClient disposal cancels, frees and ends the thread, once", async () => {
  const engine = inProcessEngine();
  await engine.client.load(LOAD);
  const request = run(engine.client, submitCommand("a", [1], { maxTokens: 40 }));
  await Promise.all([engine.client[Symbol.asyncDispose](), engine.client[Symbol.asyncDispose]()]);
  expect((await request).at(-1)).toMatchObject({ type: "finished", reason: "CANCELLED" });
  expect(engine.runners[0]!.disposed).toBe(true);
  expect(engine.terminated).toBe(true);
  expect(engine.commands.filter(({ type }) => type === "close").length).toBe(1);
  await expect(engine.client.metrics()).rejects.toMatchObject({ message: "The engine is closed" });
  await engine.client.unload("m");
});

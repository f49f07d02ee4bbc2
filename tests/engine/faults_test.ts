/** What goes wrong under the engine: failing steps, a lost device, loads that fail or are called off, and the end. */
import { expect } from "@std/expect";
import { ConfigError, DeviceLostError, FormatError } from "../../src/errors.ts";
import type { LoadCommand } from "../../src/engine/protocol.ts";
import type { LoadModel } from "../../src/engine/residency.ts";
import { FakeEngine, submitCommand } from "../support/fake_engine.ts";
import { FakeRunner } from "../support/fake_runner.ts";

const LOAD: LoadCommand = {
  type: "load",
  modelKey: "m",
  path: "/models/x",
  quantization: "none",
  precision: "f32",
  maxContext: 48,
  maxSequences: 4,
};

Deno.test("Engine fails the requests of a step that cannot be submitted, and serves the others", async () => {
  const fake = await FakeEngine.withModel({
    limits: { maxSequences: 1 },
    onPrepare(index) {
      if (index === 2) throw new ConfigError("Cannot submit");
    },
  });
  fake.send(submitCommand("a", [1]), submitCommand("b", [2]));
  await fake.drain();
  expect(fake.end("a")).toMatchObject({
    type: "failed",
    error: { code: "CONFIG", message: "Cannot submit" },
  });
  expect(fake.end("b")).toMatchObject({ type: "finished", completionTokens: 8 });
  expect(fake.metrics().models).toMatchObject([{ usedBlocks: 0, running: 0 }]);
});

Deno.test("Engine hides what it did not expect behind INTERNAL and reports it to its host", async () => {
  const fake = await FakeEngine.withModel({
    onCollect: (index) => index === 1 ? Promise.reject(new Error("secret")) : undefined,
  });
  fake.send(submitCommand("a", [1]));
  await fake.drain();
  expect(fake.end("a")).toMatchObject({ error: { code: "INTERNAL", message: "Internal error" } });
  expect(fake.internalErrors).toMatchObject([{ message: "secret" }]);
  fake.send(submitCommand("b", [1]));
  await fake.drain();
  expect(fake.end("b").type).toBe("finished");
});

for (const at of ["submit", "collect"] as const) {
  Deno.test(`Engine fails every open request with DEVICE_LOST when the device dies in ${at}()`, async () => {
    const lost = new DeviceLostError("The device is gone", { reason: "unknown" });
    const fake = await FakeEngine.withModel({
      limits: { maxSequences: 2 },
      onPrepare(index) {
        if (at === "submit" && index === 3) throw lost;
      },
      onCollect: (index) => at === "collect" && index === 3 ? Promise.reject(lost) : undefined,
    });
    await fake.load("n");
    const other = submitCommand("d", [4], { maxTokens: 30 }, { modelKey: "n" });
    fake.send(...["a", "b", "c"].map((id) => submitCommand(id, [1], { maxTokens: 30 })), other);
    await fake.drain();
    for (const id of ["a", "b", "c", "d"]) {
      expect(fake.end(id)).toMatchObject({ type: "failed", error: { code: "DEVICE_LOST" } });
    }
    expect(fake.messages.at(-1)).toMatchObject({ type: "unavailable", error: { code: "DEVICE_LOST" } });
    expect([...fake.runners.values()].every(({ disposed }) => disposed)).toBe(true);
    fake.send(submitCommand("late", [1]), LOAD, { type: "close" });
    await fake.drain();
    expect(fake.end("late")).toMatchObject({ error: { code: "DEVICE_LOST" } });
    const codes = fake.messages.slice(-2).map((m) => m.type === "loadFailed" ? m.error.code : m.type);
    expect(codes).toEqual(["DEVICE_LOST", "closed"]);
    expect(fake.internalErrors).toEqual([]);
  });
}

Deno.test("Engine gives a device up that an unexpected error has left unusable", async () => {
  let broken = false;
  const onCollect = (index: number) => {
    broken = index === 1;
    return broken ? Promise.reject(new Error("validation")) : undefined;
  };
  const assertDevice = () => {
    if (broken) throw new Error("validation, long ago");
  };
  const fake = await FakeEngine.withModel({ onCollect, limits: { maxSequences: 1 } }, { assertDevice });
  fake.send(submitCommand("a", [1]), submitCommand("waiting", [1]));
  await fake.drain();
  for (const id of ["a", "waiting"]) expect(fake.end(id)).toMatchObject({ error: { code: "DEVICE_LOST" } });
  expect(fake.messages.at(-1)).toMatchObject({ type: "unavailable" });
  expect(fake.internalErrors).toMatchObject([{ message: "validation" }]);
});

Deno.test("Engine.deviceLost() while idle is told at once, and only once", async () => {
  const fake = await FakeEngine.withModel();
  fake.engine.deviceLost(new DeviceLostError("gone"));
  fake.engine.deviceLost(new DeviceLostError("gone again"));
  await fake.drain();
  expect(fake.messages.filter(({ type }) => type === "unavailable").length).toBe(1);
  expect(fake.runner.disposed).toBe(true);
});

Deno.test("Engine reports a failed load with the load's own error", async () => {
  const load: LoadModel = () => Promise.reject(new FormatError("Cannot read header", { file: "x" }));
  const fake = new FakeEngine({}, { load });
  await fake.load("m");
  const error = { code: "FORMAT", message: "Cannot read header", details: { file: "x" } };
  expect(fake.messages).toEqual([{ type: "loadFailed", modelKey: "m", error }]);
  fake.send(submitCommand("r", [1]));
  expect(fake.end("r")).toMatchObject({ error: { code: "NOT_FOUND", details: { modelKey: "m" } } });
});

Deno.test("Engine never lets the progress of a load go back", async () => {
  const load: LoadModel = (_command, { onProgress }) => {
    for (const fraction of [0.2, 0.1, 0.5, 1.5]) {
      onProgress({ stage: "UPLOADING", fraction, loadedBytes: 1, totalBytes: 2, bytesPerSecond: 0 });
    }
    return Promise.resolve(new FakeRunner());
  };
  const fake = new FakeEngine({}, { load });
  await fake.load("m");
  const fractions = fake.messages.flatMap((m) => m.type === "loadProgress" ? [m.fraction] : []);
  expect(fractions).toEqual([0.2, 0.2, 0.5, 1]);
  expect(fake.messages.at(-1)?.type).toBe("loaded");
});

for (const heedsSignal of [true, false]) {
  Deno.test(`Engine unloads a model that is loading (loader ${heedsSignal ? "aborts" : "finishes"})`, async () => {
    const runner = new FakeRunner();
    const gate = Promise.withResolvers<FakeRunner>();
    const load: LoadModel = (_command, { signal }) => {
      if (heedsSignal) signal.addEventListener("abort", () => gate.reject(signal.reason));
      return gate.promise;
    };
    const fake = new FakeEngine({}, { load });
    await fake.load("m");
    fake.send({ type: "unload", modelKey: "m" });
    if (!heedsSignal) gate.resolve(runner);
    await fake.drain();
    expect(fake.messages).toMatchObject([
      { type: "loadFailed", modelKey: "m", error: { code: "CANCELLED" } },
      { type: "unloaded", modelKey: "m" },
    ]);
    expect(runner.disposed).toBe(!heedsSignal);
    expect(fake.internalErrors).toEqual([]);
  });
}

Deno.test("Engine unloads a model only after its requests have ended and its steps are read", async () => {
  const fake = await FakeEngine.withModel();
  fake.send(submitCommand("a", [1], { maxTokens: 30 }), submitCommand("b", [2], { maxTokens: 30 }));
  for (let turn = 0; turn < 4; turn++) await fake.tick();
  fake.send({ type: "unload", modelKey: "m" }, submitCommand("late", [1]));
  expect(fake.runner.disposed).toBe(false);
  expect(["a", "b"].map((id) => fake.end(id))).toMatchObject(Array(2).fill({ reason: "CANCELLED" }));
  expect(fake.end("late")).toMatchObject({ error: { code: "NOT_FOUND" } });
  await fake.drain();
  expect(fake.runner.disposed).toBe(true);
  expect(fake.messages.at(-1)).toEqual({ type: "unloaded", modelKey: "m" });
  await fake.load("m");
  expect(fake.messages.at(-1)?.type).toBe("loaded");
  fake.send({ type: "unload", modelKey: "unknown" });
  expect(fake.messages.at(-1)).toEqual({ type: "unloaded", modelKey: "unknown" });
});

Deno.test("Engine closes in the middle of everything: requests, loads, models, then `closed`", async () => {
  const load: LoadModel = (command, { signal }) =>
    command.modelKey === "m"
      ? Promise.resolve(new FakeRunner())
      : new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const fake = new FakeEngine({}, { load });
  await fake.load("m");
  fake.send({ ...LOAD, modelKey: "slow" }, submitCommand("a", [1], { maxTokens: 30 }));
  for (let turn = 0; turn < 4; turn++) await fake.tick();
  fake.send({ type: "close" });
  await fake.drain();
  expect(fake.end("a")).toMatchObject({ reason: "CANCELLED" });
  const last = fake.messages.slice(-4).map((m) => "modelKey" in m ? `${m.type} ${m.modelKey}` : m.type);
  expect(last.sort()).toEqual(["closed", "loadFailed slow", "unloaded m", "unloaded slow"]);
  expect(fake.messages.at(-1)).toEqual({ type: "closed" });
});

/** Models that share a memory budget: each load is told what those before have left. */
import { expect } from "@std/expect";
import type { EngineMessage, LoadCommand } from "../../src/engine/protocol.ts";
import { Residency } from "../../src/engine/residency.ts";
import { FakeRunner } from "../support/fake_runner.ts";

interface Load {
  readonly command: LoadCommand;
  readonly signal: AbortSignal;
  readonly done: PromiseWithResolvers<void>;
}

function residency() {
  const loads: Load[] = [];
  const messages: EngineMessage[] = [];
  const settled = { promise: Promise.withResolvers<void>() };
  const models = new Residency({
    load: async (command, { signal }) => {
      const done = Promise.withResolvers<void>();
      loads.push({ command, signal, done });
      await done.promise;
      return new FakeRunner();
    },
    emit: (message) => messages.push(message),
    onSettled: () => settled.promise.resolve(),
    onInternalError: (error) => {
      throw error;
    },
  });
  /** Resolves when the next load has ended. */
  const end = () => (settled.promise = Promise.withResolvers<void>()).promise;
  return { loads, messages, models, end };
}

function command(modelKey: string, memoryBytes?: number): LoadCommand {
  return {
    type: "load",
    modelKey,
    path: `/${modelKey}`,
    quantization: "fp8",
    precision: "f32",
    maxContext: 100,
    maxSequences: 1,
    ...memoryBytes === undefined ? {} : { memoryBytes },
  };
}

/** Whatever can happen without something being awaited from outside has happened. */
const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("Residency tells each load what the models before it have left of the budget, one load at a time", async () => {
  const { loads, models, end, messages } = residency();
  for (const key of ["a", "b", "c"]) models.load(command(key, 4000));
  await turn();
  expect(loads.map(({ command }) => command.modelKey)).toEqual(["a"]);
  for (const [index, left] of [4000, 2500, 1000].entries()) {
    expect(loads[index]!.command.memoryBytes).toBe(left); // a FakeRunner takes 1500
    const ended = end();
    loads[index]!.done.resolve();
    await ended;
    await turn();
  }
  models.unload("a");
  models.sweep();
  models.load(command("d", 4000));
  await turn();
  expect(loads[3]!.command.memoryBytes).toBe(1000);
  const ended = end();
  loads[3]!.done.resolve();
  await ended;
  models.load(command("e", 4000));
  await turn();
  expect(loads[4]!.command.memoryBytes).toBe(0); // never below, however much is taken
  loads[4]!.done.resolve();
  expect(messages.map(({ type }) => type)).toEqual(["loaded", "loaded", "loaded", "unloaded", "loaded"]);
});

Deno.test("Residency lets a load that waits for its turn be given up, and those behind it go on", async () => {
  const { loads, models, end, messages } = residency();
  for (const key of ["a", "b", "c"]) models.load(command(key, 4000));
  await turn();
  models.unload("b");
  await turn();
  expect(messages.map(({ type }) => type)).toEqual(["loadFailed", "unloaded"]);
  const ended = end();
  loads[0]!.done.resolve();
  await ended;
  await turn();
  expect(loads.map(({ command }) => command.modelKey)).toEqual(["a", "c"]);
  loads[1]!.done.resolve();
  await turn();
  expect(messages.at(-1)).toMatchObject({ type: "loaded", modelKey: "c" });
});

Deno.test("Residency loads side by side what has no budget", async () => {
  const { loads, models } = residency();
  models.load(command("a"));
  models.load(command("b"));
  await turn();
  expect(loads.map(({ command }) => command.memoryBytes)).toEqual([undefined, undefined]);
  for (const { done } of loads) done.resolve();
  await turn();
});

// A limit on memory is a limit on threads.
import { expect } from "@std/expect";
import { ConfigError } from "../../src/errors.ts";
import { findMethod } from "../../src/merge/methods/registry.ts";
import type { PlannedStep } from "../../src/merge/plan.ts";
import { chooseThreads, selectionBytesOf } from "../../src/merge/resources.ts";

const MIB = 2 ** 20;
const LARGE = { outputBytes: 1e12, selectionBytes: 0 };

Deno.test("chooseThreads() takes no more threads than fit, fewer where each holds selected elements", () => {
  expect(chooseThreads({}, LARGE, 8)).toBe(8);
  expect(chooseThreads({ threads: 3 }, LARGE, 8)).toBe(3);
  expect(chooseThreads({}, { ...LARGE, outputBytes: 1 }, 8)).toBe(1);
  const limits = { maxMemory: 512 * MIB };
  expect(chooseThreads(limits, LARGE, 8)).toBe(4);
  expect(chooseThreads(limits, { ...LARGE, selectionBytes: 64 * MIB }, 8)).toBe(2);
  const refuse = () => chooseThreads(limits, { ...LARGE, selectionBytes: 256 * MIB }, 8);
  expect(refuse).toThrow(ConfigError);
  expect(refuse).toThrow("Cannot merge within 537 MB of memory, expected at least 604 MB");
  expect(refuse).toThrow(expect.objectContaining({ details: { found: 512 * MIB, expected: 576 * MIB } }));
});

Deno.test("selectionBytesOf() is a bit for each element of each input of the largest step, of methods that select", () => {
  const step = (rows: number, inputs: number) =>
    ({ shape: [rows, 10], inputs: Array(inputs).fill(null) }) as unknown as PlannedStep;
  const steps = [step(8, 3), step(80, 3), step(160, 1)];
  const bytes = (name: string) => selectionBytesOf({ method: findMethod(name)!, steps });
  expect([bytes("ties"), bytes("dare_linear"), bytes("sce")]).toEqual([300, 300, 300]);
  expect([bytes("slerp"), bytes("task_arithmetic"), bytes("karcher")]).toEqual([0, 0, 0]);
});

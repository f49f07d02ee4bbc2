// The order of work, played through without threads: whichever worker is how fast, every byte is done once and in order.
import { expect } from "@std/expect";
import fc from "fast-check";
import type { HashTask, StepTask, Task } from "../../src/merge/work/protocol.ts";
import { Schedule } from "../../src/merge/work/schedule.ts";

const MIB = 2 ** 20;
const size = fc.integer({ min: 0, max: 200 * MIB });
const world = fc.record({
  workers: fc.integer({ min: 1, max: 6 }),
  sources: fc.array(size, { maxLength: 5 }),
  shards: fc.array(fc.array(size, { minLength: 1, maxLength: 8 }), { maxLength: 4 }),
  /** Which of the busy workers is done next. */
  turns: fc.infiniteStream(fc.nat()),
});

Deno.test("Schedule gives every byte once, each stream in order to one worker, and nothing that is not there", () => {
  fc.assert(fc.property(world, ({ workers, sources, shards, turns }) => {
    const placeholder = { step: null as never, path: "" };
    const outputs = shards.map((tensors, i) => ({
      stream: `shard ${i}`,
      path: "",
      headerBytes: 100,
      sizeBytes: tensors.reduce((a, b) => a + b, 100),
      steps: tensors.map((bytes, k) => ({
        bytes,
        task: {
          type: "step",
          ...placeholder,
          offset: tensors.slice(0, k).reduce((a, b) => a + b, 100),
        } satisfies StepTask,
      })),
    }));
    const files = sources.map((sizeBytes, i) => ({ stream: `source ${i}`, path: "", sizeBytes }));
    const schedule = new Schedule(files, outputs);
    const sizes = new Map([...files, ...outputs].map(({ stream, sizeBytes }) => [stream, sizeBytes]));

    const written = new Set<Task>();
    const hashed = new Map<string, { to: number; worker: number; ended: boolean }>();
    const busy = new Map<number, Task>();
    const checkHash = (task: HashTask, worker: number) => {
      const before = hashed.get(task.stream) ?? { to: 0, worker, ended: false };
      expect(before).toMatchObject({ worker, ended: false });
      expect(task.to).toBeGreaterThanOrEqual(before.to);
      expect(task.isLast).toBe(task.to === sizes.get(task.stream));
      const output = outputs.find(({ stream }) => stream === task.stream);
      for (const { task: step, bytes } of output?.steps ?? []) {
        if (step.offset < task.to && bytes > 0) expect(written.has(step)).toBe(true);
      }
      hashed.set(task.stream, { to: task.to, worker, ended: task.isLast });
    };
    for (const turn of turns) {
      for (let worker = 0; worker < workers; worker++) {
        if (busy.has(worker)) continue;
        const task = schedule.next(worker);
        if (task === undefined) continue;
        busy.set(worker, task);
        if (task.type === "hash") checkHash(task, worker);
      }
      if (busy.size === 0) break;
      const [worker, task] = [...busy][turn % busy.size]!;
      busy.delete(worker);
      if (task.type === "step") written.add(task);
      schedule.finish(task);
    }
    expect(schedule.isDone).toBe(true);
    expect(written.size).toBe(shards.flat().length);
    expect([...hashed.values()].every(({ ended }) => ended)).toBe(true);
    expect(hashed.size).toBe(sizes.size);
  }));
});

Deno.test("Schedule keeps hashing of sources in step with mixing", () => {
  const task = (offset: number): StepTask => ({ type: "step", step: null as never, path: "", offset });
  const steps = Array.from({ length: 40 }, (_, i) => ({ task: task(i), bytes: 32 * MIB }));
  const schedule = new Schedule(
    [0, 1].map((i) => ({ stream: `source ${i}`, path: "", sizeBytes: 1280 * MIB })),
    [{ stream: "shard", path: "", sizeBytes: 1280 * MIB, headerBytes: 0, steps }],
  );
  const counts = { source: 0, step: 0 };
  for (;;) {
    const task = schedule.next(counts.step % 2);
    if (task === undefined) break;
    if (task.type === "step") counts.step++;
    else if (task.stream !== "shard") counts.source++;
    expect(Math.abs(counts.source - 2 * counts.step)).toBeLessThanOrEqual(2);
    schedule.finish(task);
    if (counts.step === 20) break;
  }
  expect(counts.step).toBe(20);
});

import { expect } from "@std/expect";
import { Progress } from "../../src/cli/progress.ts";

function record(
  isInteractive: boolean,
  columns?: number,
): { readonly progress: Progress; readonly written: string[]; tick(ms: number): void } {
  const written: string[] = [];
  let now = 0;
  const progress = new Progress(
    { isInteractive, columns, writeStatus: (text) => written.push(text) },
    () => now,
  );
  return { progress, written, tick: (ms) => now += ms };
}

Deno.test("Progress writes a line for each tenth where there is no screen", () => {
  const { progress, written, tick } = record(false);
  for (let done = 0; done <= 100; done++) {
    tick(100);
    progress.update({
      stage: "Merging",
      doneBytes: done * 1000,
      totalBytes: 100_000,
      count: `${done}/100 tensors`,
    });
  }
  progress[Symbol.dispose]();
  expect(written.length).toBe(11);
  expect(written[5]).toBe("Merging: 50 %, 50/100 tensors, 50.0 kB of 100 kB, 10.0 kB/s, 5 s left\n");
  expect(written[10]).toBe("Merging: 100 %, 100/100 tensors, 100 kB of 100 kB, 10.0 kB/s\n");
});

Deno.test("Progress redraws one line of a screen, not too often, and always its end", () => {
  const { progress, written, tick } = record(true);
  for (let done = 0; done <= 1000; done++) {
    tick(1);
    progress.update({ stage: "Merging", doneBytes: done, totalBytes: 1000 });
  }
  progress.update({ stage: "Checking", doneBytes: 0, totalBytes: 0 });
  progress[Symbol.dispose]();
  const drawn = written.filter((text) => text.startsWith("\r"));
  expect(drawn.length).toBeLessThan(20);
  expect(drawn.at(-2)).toContain("100 %");
  expect(drawn.at(-2)).toContain("████████████████████████ ");
  expect(drawn.at(-1)).toContain("Checking");
  expect(written.filter((text) => text === "\n").length).toBe(2);
});

Deno.test("Progress begins anew where the work does: the rate is that of the document being merged", () => {
  const { progress, written, tick } = record(false);
  for (const msPerStep of [100, 1000]) {
    for (let done = 0; done <= 10; done++) {
      progress.update({ stage: "Merging", doneBytes: done * 1000, totalBytes: 10_000 });
      tick(msPerStep);
    }
  }
  expect(written.filter((line) => line.includes(" 50 %"))).toEqual([
    expect.stringContaining("10.0 kB/s"),
    expect.stringContaining("1.0 kB/s"),
  ]);
});

Deno.test("Progress takes no credit for what was there before", () => {
  const { progress, written, tick } = record(false);
  for (let done = 5; done <= 10; done++) {
    progress.update({ stage: "Pulling", doneBytes: done * 1000, totalBytes: 10_000, freeBytes: 5_000 });
    tick(1000);
  }
  expect(written.filter((line) => line.includes("/s"))).toEqual([
    expect.stringContaining("60 %, 6.0 kB of 10.0 kB, 1.0 kB/s, 4 s left"),
    expect.stringContaining("70 %"),
    expect.stringContaining("80 %"),
    expect.stringContaining("90 %"),
    expect.stringContaining("100 %, 10.0 kB of 10.0 kB, 1.0 kB/s"),
  ]);
});

Deno.test("Progress stays within a line of the screen, however narrow", () => {
  const drawnAt = (columns: number) => {
    const { progress, written, tick } = record(true, columns);
    progress.update({ stage: "Merging", doneBytes: 0, totalBytes: 1000 });
    tick(1000);
    progress.update({ stage: "Merging", doneBytes: 500, totalBytes: 1000, count: "3/6 tensors" });
    return written.at(-1)!.replace("\r\x1b[K", "");
  };
  expect(drawnAt(200)).toBe(
    "Merging ████████████░░░░░░░░░░░░ 50 % · 3/6 tensors · 500 bytes of 1.0 kB · 500 bytes/s · 1 s left",
  );
  expect(drawnAt(60)).toBe("Merging ████████████░░░░░░░░░░░░ 50 % · 3/6 tensors");
  expect(drawnAt(39)).toBe("Merging ████████████░░░░░░░░░░░░ 50 %");
  expect(drawnAt(20)).toBe("Merging 50 %");
  expect(drawnAt(6)).toBe("Mergi");
});

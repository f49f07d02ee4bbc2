/** What is left of a search that does not come to its end, and what the next one makes of it. */
import { join } from "node:path";
import { expect } from "@std/expect";
import { DeviceLostError } from "../../src/errors.ts";
import { parseModelConfig } from "../../src/formats/config.ts";
import { formAt, formKey } from "../../src/kernels/forms.ts";
import { chooseTuning, type DeviceTuning, type MatrixRole } from "../../src/kernels/tuning.ts";
import { uniformFormats } from "../../src/model/cost.ts";
import type { TimeSteps } from "../../src/model/step_timer.ts";
import { searchForms, type TriedForm } from "../../src/model/tune.ts";
import { KEPT, type KeptSoFar, TuneRecord, type TuneRecordOptions } from "../../src/model/tune_record.ts";
import { tuneModel } from "../../src/model/tune_model.ts";
import { searchTiles } from "../../src/model/tune_tiles.ts";
import { pairsByRole, withTunedForms, writeTunedForms } from "../../src/model/tuned_forms.ts";
import { gpuTest } from "../gpu/device.ts";
import { MISTRAL_7B_SHAPE, TINY_CONFIG } from "../support/checkpoint_generator.ts";
import { failure } from "../support/failure.ts";
import { tempDir } from "../support/temp.ts";
import { fixture } from "./harness.ts";

const INFO = {
  adapter: "a device",
  vendor: "v",
  backend: "vulkan",
  features: [],
  limits: { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 49_152 },
  software: false,
  subgroupSize: 32,
};
const TABLE = chooseTuning(INFO);
const config = parseModelConfig({ ...TINY_CONFIG, ...MISTRAL_7B_SHAPE }, "config.json");
const SHAPE = {
  device: INFO,
  config,
  formats: uniformFormats(config, { embedding: "bf16", weights: "bf16" }),
  precision: "f32",
  halves: false,
} as const;
const PAIRS = pairsByRole(config);
const SEARCH = {
  family: "matrices",
  rows: [1],
  roles: ["gateUp", "down"],
  limits: { maxInvocations: 1024 },
  pairs: PAIRS,
  maxTries: 3,
} as const;

const isChanged = (tuning: DeviceTuning, role: MatrixRole) => {
  const [form, base] = [tuning, TABLE].map((one) => formKey(formAt(one, "matrices", { role, rows: 1 })!));
  return form !== base;
};
/** Anything else than the table's form is quicker, of either matrix. */
const quicker: TimeSteps = (tuning) =>
  Promise.resolve(10 - Number(isChanged(tuning, "gateUp")) - Number(isChanged(tuning, "down")));
/** With any other form of `down` the device is lost. */
const losing: TimeSteps = (tuning, rows) =>
  isChanged(tuning, "down") ? Promise.reject(new DeviceLostError("It is gone")) : quicker(tuning, rows);

/** A search over all that a folder holds so far. */
async function search(
  dir: string,
  time: TimeSteps,
  { signal, ...given }: Partial<TuneRecordOptions> & { readonly signal?: AbortSignal } = {},
) {
  const tried: TriedForm[] = [];
  const kept = await withTunedForms(dir, SHAPE, TABLE);
  const record = await TuneRecord.open({ dir, shape: SHAPE, ...given }, kept);
  const ended = await searchForms(time, kept, {
    ...SEARCH,
    record,
    signal,
    onTry: (one) => tried.push(one),
  }).then(() => record.close(), async (error) => {
    await record.failed({ isOver: signal?.aborted === true });
    return error as Error;
  });
  return { tried, ended };
}

const fileIn = async (dir: string) => {
  const [{ name }] = await Array.fromAsync(Deno.readDir(dir)) as [Deno.DirEntry];
  return JSON.parse(await Deno.readTextFile(join(dir, name)));
};

Deno.test("a search that loses the device leaves what it was through with, and the next one leaves out what it ended with", async () => {
  await using dir = await tempDir();
  const [lines, told]: [string[], KeptSoFar[]] = [[], []];
  const log = (line: string) => void lines.push(line);
  const first = await search(dir.path, losing, { log, onKept: (kept) => told.push(kept) });
  expect(first.ended).toBeInstanceOf(DeviceLostError);
  const tuning = await withTunedForms(dir.path, SHAPE, TABLE);
  expect([isChanged(tuning, "gateUp"), isChanged(tuning, "down")]).toEqual([true, false]);
  expect(told.map(({ places }) => places)).toEqual([1]);
  const { trying } = await fileIn(dir.path);
  expect(trying).toMatch(/^down, 1 rows: /);
  expect(lines).toEqual([`The next search leaves out what this one ended with: ${trying}`]);

  // Each that follows loses the device with another form, until there is none left to lose it with.
  const lost = [trying];
  for (let count = 0; count < 2; count++) {
    const { tried, ended } = await search(dir.path, losing);
    expect(ended).toBeInstanceOf(DeviceLostError);
    const leftOut = tried.filter(({ role, isLeftOut }) => role === "down" && isLeftOut);
    expect(leftOut.length).toBe(lost.length);
    expect(leftOut.every(({ ms, isTaken }) => ms === null && !isTaken)).toBe(true);
    lost.push((await fileIn(dir.path)).trying);
  }
  const last = await search(dir.path, losing);
  expect(typeof last.ended).toBe("string");
  expect(await fileIn(dir.path)).toMatchObject({ lost });
  expect((await fileIn(dir.path)).trying).toBe(undefined);
  // What was left out is tried again by whoever asks for it.
  const again = await search(dir.path, quicker, { retries: true });
  expect(again.tried.some(({ isLeftOut }) => isLeftOut)).toBe(false);
  expect(isChanged(await withTunedForms(dir.path, SHAPE, TABLE), "down")).toBe(true);
  expect((await fileIn(dir.path)).lost).toBe(undefined);
});

Deno.test("a search that is interrupted leaves what it was through with, and blames no form", async () => {
  await using dir = await tempDir();
  const controller = new AbortController();
  const { signal } = controller;
  const time: TimeSteps = (tuning, rows) => {
    if (isChanged(tuning, "down")) controller.abort(new Error("enough"));
    return signal.aborted ? Promise.reject(signal.reason) : quicker(tuning, rows);
  };
  const { ended } = await search(dir.path, time, { signal });
  expect(ended).toBe(signal.reason);
  const tuning = await withTunedForms(dir.path, SHAPE, TABLE);
  expect([isChanged(tuning, "gateUp"), isChanged(tuning, "down")]).toEqual([true, false]);
  const { trying, lost } = await fileIn(dir.path);
  expect([trying, lost]).toEqual([undefined, undefined]);
});

Deno.test("a search that is killed has noted what it was trying, and takes back what is longer in the end", async () => {
  await using dir = await tempDir();
  const record = await TuneRecord.open({ dir: dir.path, shape: SHAPE }, TABLE);
  expect(await record.mayTry("a form")).toBe(true); // and nothing after it
  const next = await TuneRecord.open({ dir: dir.path, shape: SHAPE }, TABLE);
  expect([await next.mayTry("a form"), await next.mayTry("another")]).toEqual([false, true]);
  await next.close();
  const third = await TuneRecord.open({ dir: dir.path, shape: SHAPE }, TABLE);
  expect([await third.mayTry("a form"), await third.mayTry("another")]).toEqual([false, true]);
  // It looked quicker while it was searched.
  let turns = 0;
  const time: TimeSteps = (tuning) =>
    Promise.resolve(isChanged(tuning, "gateUp") && ++turns > 4 ? 11 : 10 - turns);
  const kept: boolean[] = [];
  const spying = {
    mayTry: () => Promise.resolve(true),
    tried: () => {},
    keep: (tuning: DeviceTuning) => Promise.resolve(void kept.push(isChanged(tuning, "gateUp"))),
  };
  await searchForms(time, TABLE, { ...SEARCH, roles: ["gateUp"], maxTries: 1, record: spying });
  expect(kept).toEqual([true, false]);
});

Deno.test("a note is on the disk, and so is its name, before anything is tried", async () => {
  await using dir = await tempDir();
  const record = await TuneRecord.open({ dir: dir.path, shape: SHAPE }, TABLE);
  const done: string[] = [];
  const { open, rename } = Deno;
  Deno.open = async (path, options) => {
    const file = await open(path, options);
    const what = path === dir.path ? "folder" : "file";
    for (const name of ["sync", "syncData"] as const) {
      const flush = file[name].bind(file);
      file[name] = () => flush().then(() => void done.push(`${what} flushed`));
    }
    return file;
  };
  Deno.rename = (...args) => rename(...args).then(() => void done.push("renamed"));
  try {
    await record.mayTry("a form");
  } finally {
    Object.assign(Deno, { open, rename });
  }
  expect(done).toEqual(["file flushed", "renamed", "folder flushed"]);
});

Deno.test("a search that fails behind what it has tried blames nothing", async () => {
  await using dir = await tempDir();
  const record = await TuneRecord.open({ dir: dir.path, shape: SHAPE }, TABLE);
  const onTry = () => {
    throw new Deno.errors.BrokenPipe("nobody reads any more");
  };
  for (
    const searching of [
      () => searchForms(quicker, TABLE, { ...SEARCH, record, onTry }),
      () => searchTiles(quicker, TABLE, { ...SEARCH, sizes: [16], record, onTry }),
    ]
  ) {
    await expect(searching()).rejects.toThrow("nobody reads any more");
    await record.failed({ isOver: false });
    const { trying, lost } = await fileIn(dir.path);
    expect([trying, lost]).toEqual([undefined, undefined]);
  }
});

Deno.test("what is kept is tried no second time after a search has ended with it, and is no form of a place", async () => {
  await using dir = await tempDir();
  const options = { dir: dir.path, shape: SHAPE };
  await (await TuneRecord.open(options, TABLE)).mayTry(KEPT.forms);
  const next = await TuneRecord.open(options, TABLE);
  expect([await next.mayTry(KEPT.forms), await next.mayTry(KEPT.tiles)]).toEqual([false, true]);
  await next.close();
  expect(await (await TuneRecord.open(options, TABLE)).mayTry(KEPT.forms)).toBe(true);
});

Deno.test("searchTiles() records tiles size by size and matrix by matrix", async () => {
  await using dir = await tempDir();
  const record = await TuneRecord.open({ dir: dir.path, shape: SHAPE }, TABLE);
  let calls = 0;
  const time: TimeSteps = (tuning) => {
    const tiles = tuning.matrices.gateUp.tiles?.find(({ rows }) => rows === 16)?.tile;
    if (calls++ > 12) return Promise.reject(new DeviceLostError("It is gone"));
    return Promise.resolve(tiles === 2 ? 9 : 10);
  };
  const sizes = [16, 128];
  const searching = searchTiles(time, TABLE, { ...SEARCH, sizes, record });
  expect((await failure(searching)).code).toBe("DEVICE_LOST");
  const { matrices } = await withTunedForms(dir.path, SHAPE, TABLE);
  expect(matrices.gateUp.tiles).toContainEqual({ rows: 16, tile: 2 });
  expect((await fileIn(dir.path)).trying).toMatch(/^down, prompt of 16: tile \d$/);
});

Deno.test("the first that is kept removes what earlier kernels had for the same, and nothing else", async () => {
  await using dir = await tempDir();
  const path = await writeTunedForms(dir.path, SHAPE, TABLE);
  const text = await Deno.readTextFile(path);
  const file = JSON.parse(text);
  await Deno.remove(path);
  const put = async (
    digit: string,
    change: Record<string, unknown> = {},
    name = `${digit.repeat(32)}.json`,
  ) =>
    await Deno.writeTextFile(
      join(dir.path, name),
      JSON.stringify({ ...file, key: digit.repeat(32), ...change }),
    );
  await put("0");
  await put("1", { for: { ...file.for, adapter: "another" } });
  await put("2", { for: { ...file.for, hiddenSize: 1024 } });
  await put("3", { for: { ...file.for, layers: "fp8" } });
  await put("4", { for: undefined }); // nobody knows what for
  await put("5", {}, "mine.json");
  await Deno.writeTextFile(join(dir.path, "6.json"), "{");
  const names = async () => (await Array.fromAsync(Deno.readDir(dir.path), ({ name }) => name)).sort();
  const before = await names();
  const lines: string[] = [];
  const record = await TuneRecord.open(
    { dir: dir.path, shape: SHAPE, log: (line) => lines.push(line) },
    TABLE,
  );
  expect(await withTunedForms(dir.path, SHAPE, TABLE)).toBe(TABLE);
  await record.mayTry("a form");
  expect(lines).toEqual([]); // nothing has been found yet
  await record.keep(TABLE, { isPlace: true });
  const own = path.slice(dir.path.length + 1);
  expect(await names()).toEqual([...before.filter((name) => !name.startsWith("0")), own].sort());
  expect(lines).toEqual([
    `Removed "${
      "0".repeat(32)
    }.json" from "${dir.path}": earlier kernels had it for this shape on this device`,
  ]);
});

gpuTest(
  "tuneModel() keeps what it has found when the device is lost, and then does without that form",
  async (device) => {
    await using dir = await tempDir();
    const lines: string[] = [];
    const tried: TriedForm[] = [];
    const told: KeptSoFar[] = [];
    const options = {
      ...{ quantization: "none", precision: "f32", accumulation: "f32", tunedDir: dir.path } as const,
      ...{
        rows: [1],
        maxTries: 1,
        leastMs: 0,
        leastSubmits: 2,
        log: (line: string) => void lines.push(line),
      },
      onTry: (one: TriedForm) => void tried.push(one),
      onKept: (one: KeptSoFar) => void told.push(one),
    };
    const compile = device.compile.bind(device);
    const seen = new Set<string>();
    let isLost = false;
    device.compile = ((declaration, variant) => {
      const key = JSON.stringify([declaration.name, variant]);
      const isNew = !seen.has(key);
      seen.add(key);
      // The first form of `down` that is tried, once one of gate and up has been.
      if (isNew && tried.length === 1 && !isLost) {
        isLost = true;
        return Promise.reject(new DeviceLostError("The GPU device was lost"));
      }
      return compile(declaration, variant);
    }) as typeof device.compile;
    expect((await failure(tuneModel(device, fixture("gqa"), options))).code).toBe("DEVICE_LOST");
    const { trying } = await fileIn(dir.path);
    expect(lines).toEqual([`The next search leaves out what this one ended with: ${trying}`]);
    expect(trying).toMatch(/^down, 1 rows: /);
    const { path } = await tuneModel(device, fixture("gqa"), options);
    expect(told.map((one) => [one.path, one.places])).toEqual(
      [1, 1, 2, 3, 4, 5].map((count) => [path, count]),
    );
    expect(tried.flatMap(({ role, isLeftOut }) => isLeftOut ? [role] : [])).toEqual(["down"]);
    expect(await fileIn(dir.path)).toMatchObject({ lost: [trying] });
  },
);

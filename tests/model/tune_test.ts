/** The search for quick forms, the file they are kept in, and both on a device. */
import { join } from "node:path";
import { expect } from "@std/expect";
import { CapacityError, ConfigError, FormatError } from "../../src/errors.ts";
import { parseModelConfig } from "../../src/formats/config.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import { GpuDevice } from "../../src/gpu/device.ts";
import { formAt, formKey, withForm, withTiles } from "../../src/kernels/forms.ts";
import { withDefaults } from "../../src/kernels/linear.ts";
import {
  chooseTuning,
  type DeviceTuning,
  portableTuning,
  ROLES,
  variantFor,
} from "../../src/kernels/tuning.ts";
import { uniformFormats } from "../../src/model/cost.ts";
import { loadModel } from "../../src/model/load.ts";
import { MistralRunner } from "../../src/model/mistral.ts";
import type { ModelRunner } from "../../src/model/runner.ts";
import { stepTimer, type TimeSteps } from "../../src/model/step_timer.ts";
import { searchForms, type SearchOptions } from "../../src/model/tune.ts";
import { tuneModel } from "../../src/model/tune_model.ts";
import { pairsByRole, withTunedForms, writeTunedForms } from "../../src/model/tuned_forms.ts";
import { gpuTest } from "../gpu/device.ts";
import { MISTRAL_7B_SHAPE, TINY_CONFIG } from "../support/checkpoint_generator.ts";
import { failure } from "../support/failure.ts";
import { tempDir } from "../support/temp.ts";
import { demoParent, fixture, generate, LOAD } from "./harness.ts";

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
const PLACE = { role: "gateUp", rows: 1 } as const;

const OPTIONS: SearchOptions = {
  family: "matrices",
  rows: [1],
  roles: ["gateUp"],
  limits: { maxInvocations: 1024 },
  maxTries: 200,
};

/** Ten milliseconds, and one for every doubling that gate and up's form is away from what suits this device. */
function suited(
  wanted: { readonly WORKGROUP: number; readonly PAIRS: number },
): (tuning: DeviceTuning) => number {
  return (tuning) => {
    const { WORKGROUP, PAIRS } = withDefaults(formAt(tuning, "matrices", PLACE)!);
    return 10 + Math.abs(Math.log2(WORKGROUP / wanted.WORKGROUP)) + Math.abs(Math.log2(PAIRS / wanted.PAIRS));
  };
}

const timer = (of: (tuning: DeviceTuning) => number | null): TimeSteps => (tuning) =>
  Promise.resolve(of(tuning));

Deno.test("searchForms() goes from neighbour to neighbour to what is quickest", async () => {
  const wanted = { WORKGROUP: 1024, PAIRS: 8 };
  const tries: string[] = [];
  const { tuning, steps } = await searchForms(timer(suited(wanted)), TABLE, {
    ...OPTIONS,
    onTry: ({ form }) => tries.push(formKey(form)),
  });
  expect(withDefaults(formAt(tuning, "matrices", PLACE)!)).toMatchObject(wanted);
  expect(steps).toEqual([{ rows: 1, beforeMs: suited(wanted)(TABLE), afterMs: 10 }]);
  expect(new Set(tries).size).toBe(tries.length);
  // Nothing else has changed.
  expect(withForm(tuning, "matrices", PLACE, formAt(TABLE, "matrices", PLACE)!)).toEqual(TABLE);
});

Deno.test("searchForms() tries no more than it may, and leaves what is no better by a hundredth, or does not run", async () => {
  const tries: unknown[] = [];
  await searchForms(timer(suited({ WORKGROUP: 1024, PAIRS: 8 })), TABLE, {
    ...OPTIONS,
    maxTries: 2,
    roles: ROLES,
    rows: [1, 8],
    onTry: (tried) => tries.push(tried),
  });
  expect(tries.length).toBe(2 * 5 * 2);

  const key = formKey(formAt(TABLE, "matrices", PLACE)!);
  const isTable = (tuning: DeviceTuning) => formKey(formAt(tuning, "matrices", PLACE)!) === key;
  for (const other of [9.95, null]) {
    const { tuning, steps } = await searchForms(
      timer((tuning) => isTable(tuning) ? 10 : other),
      TABLE,
      OPTIONS,
    );
    expect(tuning).toEqual(TABLE);
    expect(steps).toEqual([{ rows: 1, beforeMs: 10, afterMs: 10 }]);
  }
});

Deno.test("searchForms() keeps nothing for rows whose steps are longer in the end", async () => {
  const key = formKey(formAt(TABLE, "matrices", PLACE)!);
  let others = 0;
  // What looked quicker for a while, while somebody else left the device alone.
  const time = timer((tuning) => {
    if (formKey(formAt(tuning, "matrices", PLACE)!) === key) return 10;
    return ++others <= 4 ? 9 : 11;
  });
  const { tuning, steps } = await searchForms(time, TABLE, { ...OPTIONS, maxTries: 1 });
  expect(others).toBe(7);
  expect({ tuning, steps }).toEqual({ tuning: TABLE, steps: [{ rows: 1, beforeMs: 10, afterMs: 10 }] });
});

Deno.test("searchForms() tells of no gain where nothing was taken, however times differ", async () => {
  let ms = 10;
  const { tuning, steps } = await searchForms(() => Promise.resolve(ms -= 0.001), TABLE, OPTIONS);
  expect(tuning).toBe(TABLE);
  expect(steps).toEqual([{ rows: 1, beforeMs: ms, afterMs: ms }]);
});

Deno.test("searchForms() stops where it is told to", async () => {
  const controller = new AbortController();
  const time: TimeSteps = () => Promise.resolve(10);
  const onTry = () => controller.abort(new Error("enough"));
  const search = searchForms(time, TABLE, { ...OPTIONS, onTry, signal: controller.signal });
  await expect(search).rejects.toThrow("enough");
});

const config = parseModelConfig({ ...TINY_CONFIG, ...MISTRAL_7B_SHAPE }, "config.json");
const SHAPE = {
  device: INFO,
  config,
  formats: uniformFormats(config, { embedding: "bf16", weights: "fp8" }),
  precision: "f16",
  halves: true,
} as const;
const FORM = { ...formAt(TABLE, "halves", PLACE)!, WORKGROUPS: 99, asksEarly: true };

Deno.test("tuned forms are kept for their shape and device, and for no other", async () => {
  await using dir = await tempDir();
  const folder = join(dir.path, "tuned");
  expect(await withTunedForms(folder, SHAPE, TABLE)).toEqual(TABLE);
  const tuned = withTiles(withForm(TABLE, "halves", PLACE, FORM), "halves", "down", [{ rows: 16, tile: 4 }]);
  const path = await writeTunedForms(folder, SHAPE, tuned);
  expect([...Deno.readDirSync(folder)].map(({ name }) => join(folder, name))).toEqual([path]);
  expect(await withTunedForms(folder, SHAPE, TABLE)).toEqual(tuned);
  await writeTunedForms(folder, SHAPE, withTiles(TABLE, "halves", "down", []));
  expect(await withTunedForms(folder, SHAPE, TABLE)).toBe(TABLE);
  await writeTunedForms(folder, SHAPE, tuned);
  const others = [
    { device: { ...INFO, adapter: "another" } },
    { device: { ...INFO, subgroupSize: 16 } },
    { config: { ...config, hiddenSize: 2048 } },
    { formats: uniformFormats(config, { embedding: "bf16", weights: "bf16" }) },
    { precision: "f32" as const },
    { halves: false },
  ];
  for (const other of others) {
    expect(await withTunedForms(folder, { ...SHAPE, ...other }, TABLE)).toEqual(TABLE);
  }
});

Deno.test("a file changes nothing whose tiles are those that run without, and may have none, or one for each size", async () => {
  await using dir = await tempDir();
  const { prompt } = TABLE.halves!.down;
  const pairs = pairsByRole(config).down;
  const builtIn = (rows: number) => ({ rows, tile: variantFor(prompt, { rows, pairs }) });
  const tuned = withTiles(TABLE, "halves", "down", [16, 128, 512].map(builtIn));
  const path = await writeTunedForms(dir.path, SHAPE, tuned);
  const { tiles, ...rest } = JSON.parse(await Deno.readTextFile(path));
  expect(tiles.length).toBe(1);
  expect(await withTunedForms(dir.path, SHAPE, TABLE)).toBe(TABLE);
  await Deno.writeTextFile(path, JSON.stringify(rest));
  expect(await withTunedForms(dir.path, SHAPE, TABLE)).toBe(TABLE);

  const choices = Array.from({ length: 512 }, (_, i) => ({ rows: i + 1, tile: 4 }));
  const all = ROLES.reduce((tuning, role) => withTiles(tuning, "halves", role, choices), TABLE);
  await writeTunedForms(dir.path, SHAPE, all);
  expect(await withTunedForms(dir.path, SHAPE, TABLE)).toEqual(all);
});

type File = {
  version: number;
  key: string;
  forms: { role: string; rows: number; form: Record<string, unknown> }[];
};
const tilesOf = (...choices: { rows: number; tile: number }[]) => [{ role: "down", choices }];
const BROKEN: Readonly<Record<string, (file: File) => unknown>> = {
  "is no JSON": () => "{",
  "is empty": () => "",
  "is of a later version": (file) => ({ ...file, version: 2 }),
  "is another's": (file) => ({ ...file, key: "0".repeat(32) }),
  "has a form that adds in another order": (file) => (file.forms[0]!.form["LANES"] = 16, file),
  "has a form that is too large": (file) => (file.forms[0]!.form["WORKGROUP"] = 2 ** 31, file),
  "has numbers that are none": (file) => (file.forms[0]!.form["PAIRS"] = "2", file),
  "has names that nobody knows": (file) => (file.forms[0]!.form["__proto"] = 2, file),
  "has a form for rows that none has": (file) => (file.forms[0]!.rows = 3, file),
  "has more forms than there are": (file) => ({ ...file, forms: Array(101).fill(file.forms[0]) }),
  "has a tile that there is not": (file) => ({ ...file, tiles: tilesOf({ rows: 16, tile: 5 }) }),
  "has tiles in no order": (file) => ({
    ...file,
    tiles: tilesOf({ rows: 16, tile: 1 }, { rows: 16, tile: 2 }),
  }),
  "has tiles for no rows": (file) => ({ ...file, tiles: tilesOf({ rows: 0, tile: 1 }) }),
  "is longer than any": (file) => JSON.stringify(file) + " ".repeat(300_000),
};

for (const [what, change] of Object.entries(BROKEN)) {
  Deno.test(`withTunedForms() refuses a file that ${what}, by its path`, async () => {
    await using dir = await tempDir();
    const path = await writeTunedForms(dir.path, SHAPE, TABLE);
    const changed = change(JSON.parse(await Deno.readTextFile(path)));
    await Deno.writeTextFile(path, typeof changed === "string" ? changed : JSON.stringify(changed));
    const refused = await failure(withTunedForms(dir.path, SHAPE, TABLE));
    expect(refused).toBeInstanceOf(FormatError);
    expect(refused.message).toContain(`Cannot use the tuned forms in "${path}": found `);
    expect(refused.details["path"]).toBe(path);
  });
}

gpuTest(
  "stepTimer() counts a form for nothing that brings other bits, or that the driver gives up",
  async (device) => {
    const table = portableTuning(true);
    const other = { ...table, attention: null };
    const timing = { leastMs: 0, leastSubmits: 2 };
    const load = (name: string) => loadModel(device, fixture(name), { ...LOAD, tuning: table });
    // Another model's bits, in place of a driver that rounds otherwise.
    const models = new Map<DeviceTuning, () => Promise<ModelRunner>>([[table, () => load("gqa")]]);
    models.set(other, () => load("head-dim"));
    const time = stepTimer((tuning) => models.get(tuning)!(), timing);
    const buffers = liveBufferCount();
    expect(await time(table, 2)).toBeGreaterThan(0);
    expect(await time(other, 2)).toBe(null);
    expect(await time(table, 2)).toBeGreaterThan(0);
    models.set(other, () => Promise.reject(new CapacityError("too large")));
    expect(await time(other, 2)).toBe(null);
    models.set(other, () => Promise.reject(new Error("a bug")));
    await expect(time(other, 2)).rejects.toThrow("a bug");
    expect(liveBufferCount()).toBe(buffers);
  },
);

gpuTest("tuneModel() keeps forms that the next load takes, with the same tokens", async (device) => {
  await using dir = await tempDir();
  const buffers = liveBufferCount();
  const options = {
    ...{ quantization: "none", precision: "f32", accumulation: "f32", tunedDir: dir.path } as const,
    ...{ rows: [1], maxTries: 1, leastMs: 0, leastSubmits: 2 },
  };
  const { path, steps } = await tuneModel(device, fixture("gqa"), options);
  expect(steps.map(({ rows }) => rows)).toEqual([1]);
  expect(steps[0]!.afterMs).toBeLessThanOrEqual(steps[0]!.beforeMs);
  expect(liveBufferCount()).toBe(buffers);

  // As if another form had been quickest.
  const file = JSON.parse(await Deno.readTextFile(path));
  for (const { form } of file.forms) form.WORKGROUP = 16;
  await Deno.writeTextFile(path, JSON.stringify(file));
  const lines: string[] = [];
  const tuned: boolean[] = [];
  const run = async (tunedDir: string | undefined) => {
    using runner = await loadModel(device, fixture("gqa"), {
      ...LOAD,
      ...tunedDir !== undefined && { tunedDir },
      log: (line) => lines.push(line),
    });
    tuned.push(runner.isTuned);
    return await tokensOf(runner);
  };
  const expected = await run(undefined);
  const compiled: unknown[] = [];
  const { compile } = GpuDevice.prototype;
  GpuDevice.prototype.compile = function (this: GpuDevice, declaration, variant) {
    if (declaration.name === "gate_up") compiled.push(variant?.overrides);
    return compile.call(this, declaration, variant) as ReturnType<typeof compile>;
  } as typeof compile;
  try {
    expect(await run(dir.path)).toEqual(expected);
  } finally {
    GpuDevice.prototype.compile = compile;
  }
  expect(compiled).toContainEqual(expect.objectContaining({ WORKGROUP: 16, TOKENS: 1 }));
  // Nor are prompts timed where there are no tiles to choose from.
  let longest = 0;
  const { prepare } = MistralRunner.prototype;
  MistralRunner.prototype.prepare = function (plans) {
    longest = Math.max(longest, ...plans.flatMap(({ prompts }) => prompts.map((one) => one.tokenIds.length)));
    return prepare.call(this, plans);
  };
  try {
    const again = await tuneModel(device, fixture("gqa"), {
      ...options,
      prompts: [16],
      log: (line) => lines.push(line),
    });
    expect([again.prompts, longest]).toEqual([[], 1]);
    expect(lines.splice(0)).toEqual([expect.stringContaining("no tiles to choose from")]);
  } finally {
    MistralRunner.prototype.prepare = prepare;
  }
  // A file that cannot be used is said, and costs nothing but speed.
  await Deno.writeTextFile(path, "{}");
  expect(await run(dir.path)).toEqual(expected);
  expect(lines).toEqual([expect.stringContaining(`Cannot use the tuned forms in "${path}"`)]);
  expect(tuned).toEqual([false, true, false]);
});

gpuTest(
  "tuneModel() refuses rows that no kernel has a form for, before it loads anything",
  async (device) => {
    const buffers = liveBufferCount();
    const refused = await failure(tuneModel(device, demoParent("helper"), {
      ...{ quantization: "none", precision: "f32", accumulation: "f32", tunedDir: "/nowhere" },
      ...{ rows: [1, 3], maxTries: 1, onProgress: () => expect("loading").toBe("not begun") },
    }));
    expect(refused).toBeInstanceOf(ConfigError);
    expect(refused.message).toBe("Cannot tune for 3 rows: the kernels have forms for 1, 4");
    expect(liveBufferCount()).toBe(buffers);
  },
);

/** Greedy tokens with their log-probabilities. */
async function tokensOf(runner: ModelRunner) {
  const [tokens] = await generate(runner, [{ slot: 0, prompt: [1, 5, 9], count: 6, firstBlock: 0 }]);
  return tokens;
}

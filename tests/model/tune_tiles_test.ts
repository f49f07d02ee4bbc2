/** The search for quick tiles for prompts, with clocks of its own and on a device. */
import { expect } from "@std/expect";
import { ConfigError, NotFiniteError } from "../../src/errors.ts";
import { withTiles } from "../../src/kernels/forms.ts";
import {
  chooseTuning,
  type DeviceTuning,
  type MatrixRole,
  portableTuning,
  promptVariantFor,
  ROLES,
  subgroupTuning,
} from "../../src/kernels/tuning.ts";
import { StepEncoder } from "../../src/gpu/encoder.ts";
import { loadModel } from "../../src/model/load.ts";
import type { ModelRunner } from "../../src/model/runner.ts";
import type { TimeSteps } from "../../src/model/step_timer.ts";
import { tuneModel } from "../../src/model/tune_model.ts";
import { searchTiles, startTiles, type TileSearchOptions } from "../../src/model/tune_tiles.ts";
import { gpuTest } from "../gpu/device.ts";
import { failure } from "../support/failure.ts";
import { tempDir } from "../support/temp.ts";
import { fixture, generate, LOAD } from "./harness.ts";

const TABLE = chooseTuning({
  backend: "vulkan",
  features: [],
  limits: { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 49_152 },
  software: false,
  subgroupSize: 32,
});
const PAIRS = { gateUp: 14_336, down: 2048, qkv: 3072, output: 2048, head: 16_000 };
const TILES: TileSearchOptions = { family: "matrices", roles: ROLES, sizes: [16, 128], pairs: PAIRS };
const tileOf = (tuning: DeviceTuning, role: MatrixRole, rows: number) =>
  promptVariantFor(tuning.matrices[role], { rows, pairs: PAIRS[role] });

Deno.test("searchTiles() takes the quickest tile for each size, and says nothing of others", async () => {
  const best = { gateUp: 2, down: 2, qkv: 1, output: 3 } as const;
  const sizes: number[] = [];
  // Ten milliseconds, and one for each matrix whose tile is another; of larger prompts the table's are quickest.
  const time: TimeSteps = (tuning, rows) => {
    sizes.push(rows);
    const wrong = Object.entries(best).filter(([name, tile]) => {
      const role = name as MatrixRole;
      return tileOf(tuning, role, rows) !== (rows === 16 ? tile : tileOf(TABLE, role, rows));
    });
    return Promise.resolve(10 + wrong.length);
  };
  const { tuning, steps } = await searchTiles(time, TABLE, TILES);
  for (const [role, tile] of Object.entries(best)) {
    const { tiles } = tuning.matrices[role as MatrixRole];
    expect(tiles).toEqual([{ rows: 16, tile }, { rows: 128, tile: tileOf(TABLE, role as MatrixRole, 128) }]);
  }
  expect(new Set(sizes)).toEqual(new Set([16, 128]));
  expect(steps.map(({ rows, afterMs }) => [rows, afterMs])).toEqual([[16, 10], [128, 10]]);
  // The next time begins there, and another size leaves it alone.
  const again = await searchTiles(() => Promise.resolve(10), tuning, { ...TILES, sizes: [64] });
  expect(again.tuning.matrices.output.tiles).toEqual([
    { rows: 16, tile: 3 },
    { rows: 64, tile: tileOf(TABLE, "output", 64) },
    { rows: 128, tile: tileOf(TABLE, "output", 128) },
  ]);
});

Deno.test("searchTiles() leaves a tuning as it is that has no tiles, or whose others do not run", async () => {
  const portable = portableTuning(false);
  expect(await searchTiles(() => Promise.resolve(1), portable, TILES)).toEqual({
    tuning: portable,
    steps: [],
  });
  const isTable = (tuning: DeviceTuning, rows: number) =>
    ROLES.every((role) => tileOf(tuning, role, rows) === tileOf(TABLE, role, rows));
  const { tuning } = await searchTiles(
    (tuning, rows) => Promise.resolve(isTable(tuning, rows) ? 10 : null),
    TABLE,
    TILES,
  );
  expect(tuning).toEqual(TABLE);
  // Nor does it say anything where there is nothing to look at.
  expect(await searchTiles(() => Promise.resolve(1), TABLE, { ...TILES, sizes: [] })).toEqual({
    tuning: TABLE,
    steps: [],
  });
});

Deno.test("searchTiles() keeps nothing of a matrix whose tiles are those that run without", async () => {
  const other = (tileOf(TABLE, "down", 128) + 1) % TABLE.matrices.down.prompt.length;
  const kept = withTiles(TABLE, "matrices", "down", [{ rows: 128, tile: other }]);
  const time: TimeSteps = (tuning) =>
    Promise.resolve(tileOf(tuning, "down", 128) === tileOf(TABLE, "down", 128) ? 9 : 10);
  const { tuning, steps } = await searchTiles(time, kept, { ...TILES, sizes: [128] });
  expect(tuning).toEqual(TABLE);
  expect(steps).toEqual([{ rows: 128, beforeMs: 10, afterMs: 9 }]);
});

const KEPT = withTiles(TABLE, "matrices", "down", [{ rows: 32, tile: 3 }, { rows: 512, tile: 0 }]);

Deno.test("startTiles() holds the tiles that are kept against the table's bits, also those of other sizes", async () => {
  const start = async (flawed: number, most: number) => {
    const seen: string[] = [];
    const lines: string[] = [];
    const time: TimeSteps = (tuning, rows) => {
      seen.push(`${tuning === TABLE ? "table" : "kept"} ${rows}`);
      return Promise.resolve(tuning !== TABLE && rows === flawed ? null : 10);
    };
    const options = { table: TABLE, kept: KEPT, family: "matrices", sizes: [16], most } as const;
    return { ...await startTiles(time, { ...options, log: (line) => lines.push(line) }), seen, lines };
  };
  const sound = await start(0, 512);
  expect([sound.tuning === KEPT, sound.sizes, sound.lines]).toEqual([true, [16], []]);
  expect(sound.seen).toEqual(["table 16", "table 32", "table 512", "kept 16", "kept 32", "kept 512"]);
  const flawed = await start(32, 512);
  expect([flawed.tuning, flawed.sizes]).toEqual([TABLE, [16]]);
  expect(flawed.lines).toEqual([expect.stringMatching(/tiles that are kept do not run here/)]);
  expect((await start(0, 100)).seen).not.toContain("table 512");
});

Deno.test("startTiles() leaves out prompts without finite logits, and what else was found is not lost", async () => {
  const lines: string[] = [];
  const time: TimeSteps = (_, rows) =>
    rows < 64 ? Promise.resolve(10) : Promise.reject(new NotFiniteError("no next token", { rows }));
  const { tuning, sizes } = await startTiles(time, {
    ...{ table: TABLE, kept: TABLE, family: "matrices", sizes: [16, 32, 64], most: 512 },
    log: (line) => lines.push(line),
  });
  expect([tuning === TABLE, sizes]).toEqual([true, [16, 32]]);
  expect(lines).toEqual([expect.stringContaining("Prompts of 64 tokens cannot be timed")]);
  const broken = startTiles(() => Promise.reject(new Error("a bug")), {
    ...{ table: TABLE, kept: TABLE, family: "matrices", sizes: [16], most: 512 },
  });
  await expect(broken).rejects.toThrow("a bug");
});

const ONCE = { leastMs: 0, leastSubmits: 2 };

gpuTest("tuneModel() keeps tiles for prompts, which change no token", async (device) => {
  await using dir = await tempDir();
  const { matrices, attention } = subgroupTuning(device.info.subgroupSize!);
  // Two tiles, for a driver in software compiles for seconds.
  const tuning: DeviceTuning = {
    attention,
    matrices: Object.fromEntries(
      ROLES.map((role) => [role, {
        decode: matrices[role].decode.slice(0, 1),
        prompt: matrices[role].prompt.slice(0, 2),
      }]),
    ) as unknown as DeviceTuning["matrices"],
  };
  const options = {
    ...{ quantization: "none", precision: "f32", accumulation: "f32", tunedDir: dir.path, tuning } as const,
    ...{ rows: [1], maxTries: 1, ...ONCE },
  };
  const tried: unknown[] = [];
  const { path, prompts } = await tuneModel(device, fixture("gqa"), {
    ...options,
    prompts: [16],
    onTryTile: ({ role, rows, ms }) => tried.push([role, rows, ms !== null]),
  });
  expect(prompts.map(({ rows }) => rows)).toEqual([16]);
  expect(tried).toEqual(["gateUp", "down", "qkv", "output"].map((role) => [role, 16, true]));
  const lines: string[] = [];
  const grids = new Set<string>();
  const { dispatch } = StepEncoder.prototype;
  StepEncoder.prototype.dispatch = function (this: StepEncoder, kernel, params) {
    if (kernel.name === "gate_up") grids.add(String(kernel.grid(params)));
    return dispatch.call(this, kernel as never, params);
  } as typeof dispatch;
  using _restored = new DisposableStack();
  _restored.defer(() => StepEncoder.prototype.dispatch = dispatch);
  const load = async (tunedDir?: string) => {
    grids.clear();
    const where = tunedDir === undefined ? {} : { tunedDir };
    using runner = await loadModel(device, fixture("gqa"), {
      ...{ ...LOAD, tuning, ...where },
      log: (line) => lines.push(line),
    });
    return { ...await tokensOf(runner), isTuned: runner.isTuned, grids: [...grids].sort() };
  };
  const expected = await load();
  const file = JSON.parse(await Deno.readTextFile(path));
  const loads: Awaited<ReturnType<typeof load>>[] = [];
  for (const tile of [0, 1]) {
    file.tiles = ROLES.slice(0, 4).map((role) => ({ role, choices: [{ rows: 40, tile }] }));
    await Deno.writeTextFile(path, JSON.stringify({ ...file, forms: [] }));
    loads.push(await load(dir.path));
  }
  // By one of them it runs anyhow.
  expect(loads.map(({ isTuned }) => isTuned).sort()).toEqual([false, true]);
  for (const { isTuned, grids, ...tokens } of loads) {
    expect({ ...expected, isTuned: false, grids: expected.grids }).toMatchObject(tokens);
    expect(isTuned).toBe(String(grids) !== String(expected.grids));
  }
  // What was found before stays where no prompts are looked at.
  await tuneModel(device, fixture("gqa"), { ...options, prompts: [] });
  expect(JSON.parse(await Deno.readTextFile(path)).tiles.length).toBe(4);
  expect(lines).toEqual([]);
  const refused = await failure(tuneModel(device, fixture("gqa"), { ...options, prompts: [16, 9999] }));
  expect(refused).toBeInstanceOf(ConfigError);
  expect(refused.message).toMatch(/prompts of 9999 tokens: a step takes \d+ of them at most/);
}, { subgroups: true });

/** Greedy tokens with their log-probabilities, behind a prompt that takes several of the smallest tile. */
async function tokensOf(runner: ModelRunner) {
  const prompt = Array.from({ length: 40 }, (_, i) => 1 + i % 20);
  const [tokens] = await generate(runner, [{ slot: 0, prompt, count: 3, firstBlock: 0 }]);
  return { tokens };
}

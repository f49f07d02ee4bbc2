/** Loads with forms that were found quickest, which the device does not run any more; and how steps are timed to find them. */
import { expect } from "@std/expect";
import { CapacityError } from "../../src/errors.ts";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { withForm } from "../../src/kernels/forms.ts";
import { type DeviceTuning, portableTuning } from "../../src/kernels/tuning.ts";
import type { LinearTuning } from "../../src/kernels/linear.ts";
import { loadModel } from "../../src/model/load.ts";
import { promptTimer, stepTimer } from "../../src/model/step_timer.ts";
import { tuneModel } from "../../src/model/tune_model.ts";
import { writeTunedForms } from "../../src/model/tuned_forms.ts";
import { formatsOf } from "../../src/model/weights.ts";
import { gpuTest } from "../gpu/device.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { failure } from "../support/failure.ts";
import { writeOverflowingCheckpoint } from "../support/overflowing_checkpoint.ts";
import { tempDir } from "../support/temp.ts";
import { LOAD } from "./harness.ts";

const ONCE = { leastMs: 0, leastSubmits: 2 };
const SMALL = { ...LOAD, maxContext: 64, maxSequences: 2 } as const;
const table = portableTuning(true);
/** In which workgroups of no kernel in the table are. */
const WORKGROUP = 16;

const workgroupOf = (variant: { readonly overrides?: object } | undefined) =>
  (variant?.overrides as LinearTuning | undefined)?.WORKGROUP;

/** Keeps another form of one matrix for a model. */
async function keepForm(
  device: GpuDevice,
  dir: string,
  tunedDir: string,
  table: DeviceTuning,
): Promise<void> {
  using checkpoint = await openCheckpoint(dir);
  const { config } = checkpoint;
  const formats = formatsOf(checkpoint, "none");
  const form = { ...table.matrices.down.decode[0]!, WORKGROUP };
  const tuned = withForm(table, "matrices", { role: "down", rows: 1 }, form);
  const shape = { device: device.info, config, formats, precision: "f32", halves: false } as const;
  await writeTunedForms(tunedDir, shape, tuned);
}

gpuTest("a load takes what was tuned, and does without where the driver gives it up", async (device) => {
  await using dir = await tempDir();
  const model = `${dir.path}/model`;
  await writeCheckpoint(model);
  await keepForm(device, model, `${dir.path}/tuned`, table);
  const compile = device.compile.bind(device);
  let [seen, gaveUp] = [0, false];
  device.compile = ((declaration, variant) => {
    if (workgroupOf(variant) === WORKGROUP) {
      seen++;
      if (gaveUp) return Promise.reject(new CapacityError("Cannot compile it", { kernel: declaration.name }));
    }
    return compile(declaration, variant);
  }) as typeof device.compile;
  const lines: string[] = [];
  const options = {
    ...SMALL,
    tuning: table,
    tunedDir: `${dir.path}/tuned`,
    log: (line: string) => lines.push(line),
  };
  const before = liveBufferCount();
  let held: number;
  {
    using _runner = await loadModel(device, model, options);
    held = liveBufferCount() - before;
  }
  expect([seen > 0, lines]).toEqual([true, []]);
  gaveUp = true;
  {
    using _runner = await loadModel(device, model, options);
    expect(lines).toEqual([expect.stringMatching(/without the forms that were tuned.*Cannot compile it/)]);
    expect(liveBufferCount() - before).toBe(held);
  }
  expect(liveBufferCount()).toBe(before);
});

gpuTest("a load that finds a flaw does without what was tuned first", async (device) => {
  await using dir = await tempDir();
  const model = `${dir.path}/model`;
  await writeCheckpoint(model, { config: { intermediate_size: 64 } });
  // Other bits for several rows than for one, as only a driver makes them.
  const [alone, four] = table.matrices.down.decode;
  const other = { ...four!, LANES: 2, PAIRS: 1 };
  const down = { ...table.matrices.down, decode: [alone!, other] };
  const tuning = { ...table, matrices: { ...table.matrices, down } };
  await keepForm(device, model, `${dir.path}/tuned`, tuning);
  const lines: string[] = [];
  using _runner = await loadModel(device, model, {
    ...SMALL,
    tuning,
    tunedDir: `${dir.path}/tuned`,
    checksBits: true,
    log: (line) => lines.push(line),
  });
  expect(lines).toEqual([
    expect.stringMatching(/loading again, without the forms that were tuned/),
    expect.stringMatching(/the same seed may bring other tokens/),
  ]);
});

gpuTest("tuneModel() begins with the table where the driver gives kept forms up", async (device) => {
  await using dir = await tempDir();
  const [model, tunedDir] = [`${dir.path}/model`, `${dir.path}/tuned`];
  await writeCheckpoint(model);
  await keepForm(device, model, tunedDir, table);
  const compile = device.compile.bind(device);
  device.compile = ((declaration, variant) =>
    workgroupOf(variant) === WORKGROUP
      ? Promise.reject(new CapacityError("Cannot compile it", { kernel: declaration.name }))
      : compile(declaration, variant)) as typeof device.compile;
  const lines: string[] = [];
  const { path, steps } = await tuneModel(device, model, {
    ...{ quantization: "none", precision: "f32", tuning: table, tunedDir, rows: [1], maxTries: 1, ...ONCE },
    log: (line) =>
      lines.push(line),
  });
  expect([lines.length, steps.length]).toEqual([1, 1]);
  expect(lines[0]).toMatch(/do not run here any more/);
  const { forms } = JSON.parse(await Deno.readTextFile(path));
  expect(forms.every(({ form }: { form: LinearTuning }) => form.WORKGROUP !== WORKGROUP)).toBe(true);
});

gpuTest("tuneModel() says at once that nothing can be kept where it should", async (device) => {
  await using dir = await tempDir();
  const model = `${dir.path}/model`;
  await writeCheckpoint(model);
  const tunedDir = `${model}/config.json/tuned`;
  let loads = false;
  const error = await failure(tuneModel(device, model, {
    ...{ quantization: "none", precision: "f32", tuning: table, tunedDir, rows: [1], maxTries: 1, ...ONCE },
    onProgress: () => loads = true,
  }));
  expect([error.code, error.details["path"], loads]).toEqual(["CONFIG", tunedDir, false]);
});

gpuTest("stepTimer() sees other bits of queries and keys, too", async (device) => {
  await using dir = await tempDir();
  const [model, other] = [`${dir.path}/model`, `${dir.path}/other`];
  await writeCheckpoint(model);
  await writeCheckpoint(other);
  const path = `${other}/model.safetensors`;
  const bytes = await Deno.readFile(path);
  const view = new DataView(bytes.buffer);
  const begin = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, begin)));
  const [from, to] = header["model.layers.0.self_attn.q_proj.weight"].data_offsets as [number, number];
  for (let at = begin + from; at < begin + to; at += 2) {
    view.setUint16(at, view.getUint16(at, true) ^ 0x8000, true); // of bf16, the sign
  }
  await Deno.writeFile(path, bytes);
  const changed: DeviceTuning = { ...table };
  const make = (tuning: DeviceTuning) =>
    loadModel(device, tuning === changed ? other : model, { ...SMALL, tuning });
  const time = stepTimer(make, ONCE);
  expect(await time(table, 2)).toEqual(expect.any(Number));
  expect(await time({ ...table }, 2)).toEqual(expect.any(Number));
  expect(await time(changed, 2)).toBe(null);
});

gpuTest("stepTimer() makes do with a context of a few tokens", async (device) => {
  await using dir = await tempDir();
  const model = `${dir.path}/model`;
  await writeCheckpoint(model, { config: { max_position_embeddings: 3 } });
  const time = stepTimer((tuning) => loadModel(device, model, { ...SMALL, tuning }), ONCE);
  expect(await time(table, 2)).toEqual(expect.any(Number));
  const tooSmall = [[2, { cacheBytes: 3000 }, 1], [4, { maxSequences: 4 }, 3]] as const;
  for (const [rows, options, found] of tooSmall) {
    const make = (tuning: DeviceTuning) => loadModel(device, model, { ...SMALL, tuning, ...options });
    const error = await failure(stepTimer(make, ONCE)(table, rows));
    expect([error.code, error.details]).toEqual(["CAPACITY", { found, expected: rows }]);
  }
});

gpuTest("promptTimer() has as many prompts in a submit as decode steps", async (device) => {
  await using dir = await tempDir();
  const model = `${dir.path}/model`;
  await writeCheckpoint(model);
  const submits: number[] = [];
  const make = async (tuning: DeviceTuning) => {
    const runner = await loadModel(device, model, { ...SMALL, tuning });
    const prepare = runner.prepare.bind(runner);
    runner.prepare = (plans) => {
      submits.push(plans.length);
      expect(plans.map(({ prompts }) => prompts.map(({ tokenIds }) => tokenIds.length)))
        .toEqual(plans.map(() => [20]));
      return prepare(plans);
    };
    return Object.assign(runner, { stepsPerSubmit: { max: 8, preferred: 4 } }); // as on a GPU
  };
  expect(await promptTimer(make, ONCE)(table, 20)).toEqual(expect.any(Number));
  // The one that shows its bits, the first one, and one for each that is counted or was begun before.
  expect(submits).toEqual([1, 4, 4, 4]);
});

gpuTest("stepTimer() does not time sequences that have stopped", async (device) => {
  await using dir = await tempDir();
  const model = `${dir.path}/model`;
  await writeOverflowingCheckpoint(model);
  let stopped = 0;
  const make = async (tuning: DeviceTuning) => {
    const runner = await loadModel(device, model, { ...SMALL, precision: "f16", tuning });
    const prepare = runner.prepare.bind(runner);
    runner.prepare = (plans) => {
      const prepared = prepare(plans);
      return {
        ...prepared,
        submit: () => {
          const pending = prepared.submit();
          return {
            collect: async () => {
              const sampled = await pending.collect();
              if (sampled.flat().length === 0) stopped++;
              return sampled;
            },
          };
        },
      };
    };
    return runner;
  };
  // It counts to nine and begins anew, but for the step that was under way meanwhile.
  expect(await stepTimer(make, { leastMs: 0, leastSubmits: 40 })(table, 1)).toEqual(expect.any(Number));
  expect(stopped).toBeLessThan(8);
}, { feature: "shader-f16" });

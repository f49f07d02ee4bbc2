/** The device is asked whether bits are kept, and products in pairs of f16 are given up where they are not, or overflow. */
import { expect } from "@std/expect";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import { type DeviceTuning, portableTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { loadModel, type LoadOptions, type LoadProgress } from "../../src/model/load.ts";
import type { ModelRunner, StepPlan } from "../../src/model/runner.ts";
import { findFlaw } from "../../src/model/self_check.ts";
import { gpuTest, subgroupSize } from "../gpu/device.ts";
import { writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";
import { fixture, LOAD } from "./harness.ts";

const HALVES = { feature: "shader-f16", subgroups: true } as const;
const size = subgroupSize ?? 8;
const tuning = subgroupTuning(size);
/** Whose sums in {@link disagreeing} run in another order, however many lanes share them. */
const WIDE = { intermediate_size: 16 * 8 * size };
/** Of 160 tokens, which bounds what prompts are tried: each way to cut one has room, with rows left over. */
const SHORT = { ...LOAD, quantization: "fp8", maxContext: 160 } as const;

/** One variant of several rows sums in another order than the others: what no tuning may, and a driver might. */
function disagreeing(family: DeviceTuning["matrices"]): DeviceTuning["matrices"] {
  const [alone, two, ...more] = family.down.decode;
  const { LANES = 1, SPLIT = 1 } = two!;
  const other = { ...two!, LANES: 2 * LANES, SPLIT: 2 * SPLIT, WORKGROUP: 4 * LANES };
  return { ...family, down: { ...family.down, decode: [alone!, other, ...more] } };
}

/** The runner, whose plans are shown to `see` first. */
function watched(runner: ModelRunner, see: (plan: StepPlan) => void): ModelRunner {
  return new Proxy(runner, {
    get(target, name: keyof ModelRunner) {
      if (name === "initSlot") return target.initSlot.bind(target);
      if (name !== "prepare") return target[name];
      return (plans: readonly StepPlan[]) => {
        plans.forEach(see);
        return target.prepare(plans);
      };
    },
  });
}

gpuTest("findFlaw() finds every family of variants in order", async (device) => {
  for (
    const [precision, tuned, maxSequences] of [
      ["f16", tuning, 8],
      ["f32", tuning, 8],
      ["f32", portableTuning(true), 2],
    ] as const
  ) {
    using runner = await loadModel(device, fixture("gqa"), {
      ...SHORT,
      precision,
      tuning: tuned,
      maxSequences,
    });
    expect(await findFlaw(runner)).toBe(null);
  }
}, HALVES);

gpuTest("findFlaw() finds no flaw in norms of heads, which are taken in place", async (device) => {
  await using dir = await tempDir();
  const config = { architectures: ["Qwen3ForCausalLM"], model_type: "qwen3", head_dim: 32 };
  await writeCheckpoint(dir.path, { config, gain: 2 });
  using runner = await loadModel(device, dir.path, { ...LOAD, maxContext: 64 });
  expect(await findFlaw(runner)).toBe(null);
});

gpuTest(
  "findFlaw() looks at the head's rows, too, of several sequences or of one with drafts",
  async (device) => {
    const { head } = tuning.matrices;
    const [alone, , ...more] = head.decode;
    const [, other] = portableTuning(true).matrices.head.decode;
    const matrices = { ...tuning.matrices, head: { ...head, decode: [alone!, other!, ...more] } };
    const tuned = { ...tuning, matrices };
    for (const maxSequences of [1, 2]) {
      using runner = await loadModel(device, fixture("gqa"), { ...SHORT, tuning: tuned, maxSequences });
      expect(await findFlaw(runner)).toBe("bits");
    }
  },
  HALVES,
);

gpuTest(
  "findFlaw() decodes far enough for attention in parts, and stops when it is called off",
  async (device) => {
    using runner = await loadModel(device, fixture("gqa"), { ...SHORT, maxContext: 300, tuning });
    const positions: number[] = [];
    const controller = new AbortController();
    const called = watched(runner, ({ prompts }) => {
      positions.push(...prompts.flatMap(({ replay, start }) => replay ? [start] : []));
      if (positions.length === 2) setTimeout(() => controller.abort(new Error("enough")), 0);
    });
    await expect(findFlaw(called, controller.signal)).rejects.toThrow("enough");
    expect(positions[0]).toBeGreaterThan(2 * tuning.attention!.splitKeys);
    expect(positions.length).toBe(2);
  },
  HALVES,
);

const options: LoadOptions = { ...SHORT, precision: "f16", checksBits: true };

gpuTest(
  "a model whose rows differ is loaded again without pairs of f16 where it has them, and looked at again",
  async (device) => {
    const matrices = disagreeing(tuning.matrices);
    const tuned = { ...tuning, matrices, halves: disagreeing(tuning.halves!) };
    await using dir = await tempDir();
    await writeCheckpoint(dir.path, { config: WIDE });
    await using cache = await tempDir();
    for (
      const [precision, again] of [["f16", [/loading again, without products in pairs of f16/]], [
        "f32",
        [],
      ]] as const
    ) {
      const lines: string[] = [];
      const told: LoadProgress[] = [];
      let written = 0;
      const log = (line: string) => lines.push(line);
      using _runner = await loadModel(device, dir.path, {
        ...options,
        precision,
        tuning: tuned,
        log,
        onProgress: (progress) => told.push(progress),
        cache: {
          dir: cache.path,
          manifestSha256: "0".repeat(64),
          maxBytes: 2 ** 30,
          write: () => written++,
          log,
        },
      });
      const expected = [...again, /the same seed may bring other tokens/];
      expect(lines).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
      expect(told.filter(({ stage }) => stage === "WARMING_UP").length).toBe(expected.length);
      // Both loads count as one.
      const loaded = told.map(({ loadedBytes }) => loadedBytes);
      expect(loaded).toEqual(loaded.toSorted((a, b) => a - b));
      expect(written).toBe(1);
    }
  },
  HALVES,
);

gpuTest("a model whose inputs are beyond f16 is loaded again without pairs of f16", async (device) => {
  await using dir = await tempDir();
  await writeCheckpoint(dir.path);
  const path = `${dir.path}/model.safetensors`;
  const bytes = await Deno.readFile(path);
  const view = new DataView(bytes.buffer);
  const begin = 8 + Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, begin)));
  const [from, to] = header["model.norm.weight"].data_offsets as [number, number];
  // 60,000 in bf16: of f16 what it is multiplied by must not be larger than 1.09.
  for (let at = from; at < to; at += 2) view.setUint16(begin + at, 0x476a, true);
  await Deno.writeFile(path, bytes);

  const lines: string[] = [];
  const asked = { ...options, maxContext: 64, tuning, log: (line: string) => lines.push(line) };
  {
    using broken = await loadModel(device, dir.path, { ...asked, checksBits: false });
    expect(await findFlaw(broken)).toBe("overflow");
  }
  using runner = await loadModel(device, dir.path, asked);
  expect(lines).toEqual([
    expect.stringMatching(
      /has logits that are not finite .*: loading again, without products in pairs of f16/,
    ),
  ]);
  expect(await findFlaw(runner)).toBe(null);
}, HALVES);

gpuTest("a load that is called off while bits are compared leaves nothing", async (device) => {
  const before = liveBufferCount();
  const controller = new AbortController();
  const loading = loadModel(device, fixture("gqa"), {
    ...LOAD,
    checksBits: true,
    onProgress: ({ stage }) => {
      if (stage === "WARMING_UP") setTimeout(() => controller.abort(new Error("enough")), 0);
    },
    signal: controller.signal,
  });
  await expect(loading).rejects.toThrow("enough");
  expect(liveBufferCount()).toBe(before);
});

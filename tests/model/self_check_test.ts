/** The device is asked whether bits are kept, and products in pairs of f16 are given up where they are not. */
import { expect } from "@std/expect";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import { type DeviceTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { loadModel, type LoadOptions } from "../../src/model/load.ts";
import { keepsBits } from "../../src/model/self_check.ts";
import { gpuTest, subgroupSize } from "../gpu/device.ts";
import { fixture, LOAD } from "./harness.ts";

const HALVES = { feature: "shader-f16", subgroups: true } as const;
const tuning = subgroupTuning(subgroupSize ?? 8);
/** Of 160 tokens, which bounds what prompts are tried: each way to cut one has room, with rows left over. */
const SHORT = { ...LOAD, quantization: "fp8", maxContext: 160 } as const;

/** One variant of several rows sums in another order than the others: what no tuning may, and a driver might. */
function disagreeing(family: DeviceTuning["matrices"]): DeviceTuning["matrices"] {
  const [alone, two, ...more] = family.down.decode;
  const { LANES = 1 } = two!;
  const other = { ...two!, LANES: 2 * LANES, SPLIT: 2, WORKGROUP: 4 * LANES };
  return { ...family, down: { ...family.down, decode: [alone!, other, ...more] } };
}

gpuTest("keepsBits() finds every family of variants in order", async (device) => {
  for (const precision of ["f16", "f32"] as const) {
    const options = { ...SHORT, precision, tuning, maxSequences: 1 } as const;
    using runner = await loadModel(device, fixture("gqa"), options);
    expect(await keepsBits(runner)).toBe(true);
  }
}, HALVES);

gpuTest("a model whose rows would differ is loaded again without pairs of f16", async (device) => {
  const lines: string[] = [];
  const options: LoadOptions = {
    ...SHORT,
    precision: "f16",
    checksBits: true,
    log: (line) => lines.push(line),
  };
  const before = liveBufferCount();
  {
    using sound = await loadModel(device, fixture("gqa"), { ...options, tuning });
    expect(lines).toEqual([]);
    using runner = await loadModel(device, fixture("gqa"), {
      ...options,
      tuning: { ...tuning, halves: disagreeing(tuning.halves!) },
    });
    expect(lines).toEqual([expect.stringContaining("loading again, without products in pairs of f16")]);
    expect(await keepsBits(runner)).toBe(true);
    // Without a buffer for normed rows.
    expect(runner.memory.totalBytes).toBeLessThan(sound.memory.totalBytes);
    const { halves: _, ...plain } = { ...tuning, matrices: disagreeing(tuning.matrices) };
    using _kept = await loadModel(device, fixture("gqa"), { ...options, tuning: plain });
    expect(lines[1]).toContain("the same seed may bring other tokens");
  }
  expect(liveBufferCount()).toBe(before);
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

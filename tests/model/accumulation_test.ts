/** A load that cannot add products in f16 says so, and why. */
import { expect } from "@std/expect";
import { openCheckpoint } from "../../src/formats/checkpoint.ts";
import { portableTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { whyAddedInF32 } from "../../src/model/accumulation.ts";
import { loadModel } from "../../src/model/load.ts";
import { formatsOf } from "../../src/model/weights.ts";
import { gpuTest } from "../gpu/device.ts";
import { fixture, LOAD } from "./harness.ts";

gpuTest("a load says why it adds in f32 what was to be added in f16", async (device) => {
  const lines: string[] = [];
  const load = async (options: Partial<Parameters<typeof loadModel>[2]>) => {
    lines.length = 0;
    using runner = await loadModel(device, fixture("gqa"), {
      ...LOAD,
      accumulation: "f16",
      log: (line) => lines.push(line),
      ...options,
    });
    expect(runner.accumulation).toBe("f32");
    return lines.map((line) => line.replace(/^.*asked for: /, ""));
  };
  expect(await load({ precision: "f32" })).toEqual(["its activations are in f32"]);
  expect(lines[0]).toContain(`${fixture("gqa")}" are added in f32`);
  expect(await load({ accumulation: "f32" })).toEqual([]);
  if (!device.has("shader-f16")) return;
  expect(await load({ precision: "f16" })).toEqual(["not all of its layers are in FP8"]);
  if (!device.info.software) return; // others have the kernels
  expect(await load({ precision: "f16", quantization: "fp8" })).toEqual([
    `"${device.info.adapter}" has no kernels for it`,
  ]);
});

Deno.test("whyAddedInF32() has nothing against it where device and formats allow it", async () => {
  using checkpoint = await openCheckpoint(fixture("gqa"));
  const { layers } = formatsOf(checkpoint, "fp8");
  const request = { accumulation: "f16", precision: "f16", layers, tuning: subgroupTuning(32) } as const;
  const gpu = { adapter: "a GPU" };
  expect(whyAddedInF32("model", gpu, request)).toBe(null);
  expect(whyAddedInF32("model", gpu, { ...request, tuning: portableTuning(false) })).toBe(
    'Products of the model in "model" are added in f32, although f16 was asked for: "a GPU" has no kernels for it',
  );
});

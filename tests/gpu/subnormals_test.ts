/** The smallest values of E4M3 are subnormals of f16 on their way: whether a device keeps them is asked of it, and heeded. */
import { expect } from "@std/expect";
import { CapacityError } from "../../src/errors.ts";
import { probeSubnormals } from "../../src/gpu/subnormals.ts";
import { GpuDevice } from "../../src/gpu/device.ts";
import { chooseTuning, subgroupTuning } from "../../src/kernels/tuning.ts";
import { loadModel, type LoadOptions } from "../../src/model/load.ts";
import { fixture, LOAD } from "../model/harness.ts";
import { failure } from "../support/failure.ts";
import { gpuTest, subgroupSize } from "./device.ts";

/** What a device would do that takes subnormals for zero, of these functions' results. */
const FLUSHED = {
  decoded: (code: string) =>
    code.replaceAll("unpack2x16float(", "flushed(") + `
fn flushed(bits: u32) -> vec2<f32> {
  let kept = unpack2x16float(bits);
  return select(kept, vec2<f32>(0.0), abs(kept) < vec2<f32>(0x1p-14));
}`,
  multiplied: (code: string) =>
    code.replaceAll("fma(pair_of(", "fma(flushed_pair(") + `
fn flushed_pair(bits: u32) -> vec2<f16> {
  let kept = pair_of(bits);
  return select(kept, vec2<f16>(0.0h), (vec2<u32>(bits, bits >> 16u) & vec2<u32>(0x7c00u)) == vec2<u32>(0u));
}`,
};

gpuTest("probeSubnormals() finds that they are kept, and asks once", async (device) => {
  const asked: string[] = [];
  const create = device.handle.createShaderModule.bind(device.handle);
  device.handle.createShaderModule = (descriptor) => {
    asked.push(descriptor.label!);
    return create(descriptor);
  };
  const multiplied = device.has("shader-f16");
  expect(await probeSubnormals(device.handle)).toEqual({ decoded: true, multiplied });
  expect(await probeSubnormals(device.handle)).toEqual({ decoded: true, multiplied });
  expect(asked).toEqual(["decoded subnormals", ...multiplied ? ["multiplied subnormals"] : []]);
});

for (const [lost, expected] of [["decoded", [false, false]], ["multiplied", [true, false]]] as const) {
  gpuTest(`probeSubnormals() notices that they are lost when ${lost}`, async () => {
    using device = await GpuDevice.open();
    const create = device.handle.createShaderModule.bind(device.handle);
    device.handle.createShaderModule = ({ code, ...descriptor }) =>
      create({
        ...descriptor,
        code: lost === "decoded" || code.includes("f16;") ? FLUSHED[lost](code) : code,
      });
    const { decoded, multiplied } = await probeSubnormals(device.handle);
    expect([decoded, multiplied]).toEqual(expected);
  }, { feature: "shader-f16" });
}

const HALVES: LoadOptions = {
  ...LOAD,
  quantization: "fp8",
  precision: "f16",
  accumulation: "f16",
  maxContext: 64,
};

gpuTest("loadModel() adds in f32 where products in f16 lose them, and says so", async (device) => {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const tuning = subgroupTuning(subgroupSize!);
  const subnormals = { decoded: true, multiplied: false };
  using runner = await loadModel(device, fixture("gqa"), { ...HALVES, tuning, subnormals, log });
  expect(runner.accumulation).toBe("f32");
  expect(lines).toEqual([
    expect.stringMatching(/takes subnormal numbers of f16 for zero in products: loading without/),
  ]);
}, { feature: "shader-f16", subgroups: true });

gpuTest("loadModel() refuses FP8 where decoding loses them, and nothing else", async (device) => {
  const options = {
    ...LOAD,
    tuning: chooseTuning(device.info),
    subnormals: { decoded: false, multiplied: false },
  };
  for (const fp8 of [{ quantization: "fp8" }, { kvCacheDtype: "fp8" }] as const) {
    const loading = loadModel(device, fixture("gqa"), { ...options, ...fp8 });
    await expect(loading).rejects.toThrow(CapacityError);
    await expect(loading).rejects.toThrow(
      /Cannot hold weights or KV cache in FP8: .* takes subnormal numbers of f16/,
    );
  }
  using _runner = await loadModel(device, fixture("gqa"), options);
});

gpuTest("a load that asks a lost device says that it is lost", async (device) => {
  device.handle.destroy();
  await device.handle.lost;
  expect((await failure(loadModel(device, fixture("gqa"), { ...LOAD, quantization: "fp8" }))).code)
    .toBe("DEVICE_LOST");
}, { healthy: false });

gpuTest("probeSubnormals() leaves a device healthy that has no room for it", async () => {
  using device = await GpuDevice.open();
  const create = device.handle.createBuffer.bind(device.handle);
  const size = device.limits.maxBufferSize + 4;
  device.handle.createBuffer = (options) =>
    create(options.label === "decoded subnormals" ? { ...options, size } : options);
  expect((await failure(probeSubnormals(device.handle))).code).toBe("CAPACITY");
  device.handle.createBuffer = create;
  expect((await probeSubnormals(device.handle)).decoded).toBe(true);
  device.assertHealthy();
});

/** The fingerprint of kernels and tuning: the same for the same, another for a device that is tuned otherwise. */
import { expect } from "@std/expect";
import { COHERENT } from "../../src/gpu/device.ts";
import { kernelFingerprint } from "../../src/kernels/fingerprint.ts";

Deno.test("kernelFingerprint() changes with the tuning, and with nothing else of the device", () => {
  const limits = { maxComputeInvocationsPerWorkgroup: 1024, maxComputeWorkgroupStorageSize: 32_768 };
  const gpu = {
    ...{ software: false, subgroupSize: 32, backend: "vulkan", limits },
    features: ["shader-f16", COHERENT],
  };
  expect(kernelFingerprint(gpu)).toMatch(/^[0-9a-f]{64}$/);
  expect(kernelFingerprint({ ...gpu, limits: { ...limits, maxBufferSize: 1 } })).toBe(kernelFingerprint(gpu));
  const others = [
    gpu,
    { ...gpu, subgroupSize: 64 },
    { ...gpu, subgroupSize: null },
    { ...gpu, backend: "metal" },
    { ...gpu, software: true, subgroupSize: null },
  ].map(kernelFingerprint);
  expect(new Set(others).size).toBe(5);
});

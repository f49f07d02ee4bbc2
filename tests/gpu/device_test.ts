import { expect } from "@std/expect";
import { DeviceLostError } from "../../src/errors.ts";
import { COHERENT, GpuDevice } from "../../src/gpu/device.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import { haveOneSize, probeSubgroups } from "../../src/gpu/subgroups.ts";
import { gpuTest } from "./device.ts";

gpuTest("GpuDevice.open() asks for the adapter's limits, not the defaults", async (device) => {
  const adapter = await navigator.gpu.requestAdapter();
  expect(device.limits.maxBufferSize).toBe(adapter!.limits.maxBufferSize);
  expect(device.limits.maxStorageBufferBindingSize).toBe(adapter!.limits.maxStorageBufferBindingSize);
  expect(device.info.limits["maxBufferSize"]).toBe(adapter!.limits.maxBufferSize);
  expect(device.info.adapter).not.toBe("");
});

Deno.test("haveOneSize() takes no range, for the driver chooses from it for each pipeline", () => {
  const sizes = (subgroupMinSize: number, subgroupMaxSize: number) => ({ subgroupMinSize, subgroupMaxSize });
  const [linux, windows] = [{ os: "linux", arch: "x86_64" }, { os: "windows", arch: "x86_64" }];
  expect(haveOneSize(sizes(32, 32), linux)).toBe(true); // NVIDIA
  expect(haveOneSize(sizes(8, 8), linux)).toBe(true); // llvmpipe
  expect(haveOneSize(sizes(8, 32), linux)).toBe(false); // Intel
  expect(haveOneSize(sizes(32, 64), windows)).toBe(false); // AMD
  expect(haveOneSize(sizes(4, 64), { os: "darwin", arch: "aarch64" })).toBe(true);
  expect(haveOneSize(sizes(4, 64), { os: "darwin", arch: "x86_64" })).toBe(false);
});

Deno.test("GpuDevice.open() names the remedy when there is no adapter", async () => {
  const requestAdapter = navigator.gpu.requestAdapter;
  navigator.gpu.requestAdapter = () => Promise.resolve(null);
  try {
    const opening = GpuDevice.open();
    await expect(opening).rejects.toThrow(DeviceLostError);
    await expect(opening).rejects.toThrow("mesa-vulkan-drivers");
  } finally {
    navigator.gpu.requestAdapter = requestAdapter;
  }
});

gpuTest(
  "GpuDevice.open() does without coherent storage first, and keeps what else it got",
  async ({ info }) => {
    const requestAdapter = navigator.gpu.requestAdapter.bind(navigator.gpu);
    const asked: string[][] = [];
    navigator.gpu.requestAdapter = async (options) => {
      const adapter = (await requestAdapter(options))!;
      const requestDevice = adapter.requestDevice.bind(adapter);
      adapter.requestDevice = (descriptor) => {
        const features = [...descriptor!.requiredFeatures ?? []];
        asked.push(features);
        if (features.includes(COHERENT as GPUFeatureName)) return Promise.reject(new TypeError("unknown"));
        return requestDevice(descriptor);
      };
      return adapter;
    };
    try {
      using device = await GpuDevice.open();
      expect(asked[0]).toContain(COHERENT);
      expect(device.info.features).toEqual(info.features.filter((name) => name !== COHERENT));
      expect(device.info.subgroupSize).toBe(info.subgroupSize);
    } finally {
      navigator.gpu.requestAdapter = requestAdapter;
    }
  },
);

gpuTest("probeSubgroups() finds none where it cannot even make its buffers", async ({ handle }) => {
  const { createBuffer } = handle;
  const before = liveBufferCount();
  handle.createBuffer = () => {
    throw new Error("no memory");
  };
  expect(await probeSubgroups(handle)).toBeNull();
  handle.createBuffer = createBuffer;
  expect(liveBufferCount()).toBe(before);
});

gpuTest("assertHealthy() turns an unscoped validation error into a thrown one", async (device) => {
  const encoder = device.handle.createCommandEncoder();
  encoder.finish();
  device.handle.queue.submit([encoder.finish()]);
  // Uncaptured errors are events: one turn of the event loop delivers them.
  await new Promise((resolve) => setTimeout(resolve));
  expect(() => device.assertHealthy()).toThrow("WebGPU error outside any scope");
}, { healthy: false });

gpuTest("a destroyed device is lost for everyone who still holds it", async (device) => {
  device.handle.destroy();
  await device.handle.lost;
  expect(() => device.assertHealthy()).toThrow(DeviceLostError);
  await expect(device.guard("do anything", () => 1)).rejects.toThrow(DeviceLostError);
}, { healthy: false });

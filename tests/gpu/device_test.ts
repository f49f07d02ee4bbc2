import { expect } from "@std/expect";
import { DeviceLostError } from "../../src/errors.ts";
import { GpuDevice } from "../../src/gpu/device.ts";
import { gpuTest } from "./device.ts";

gpuTest("GpuDevice.open() asks for the adapter's limits, not the defaults", async (device) => {
  const adapter = await navigator.gpu.requestAdapter();
  expect(device.limits.maxBufferSize).toBe(adapter!.limits.maxBufferSize);
  expect(device.limits.maxStorageBufferBindingSize).toBe(adapter!.limits.maxStorageBufferBindingSize);
  expect(device.info.limits["maxBufferSize"]).toBe(adapter!.limits.maxBufferSize);
  expect(device.info.adapter).not.toBe("");
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

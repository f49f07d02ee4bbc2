import { expect } from "@std/expect";
import { CapacityError } from "../../src/errors.ts";
import { measureBandwidth } from "../../src/gpu/bandwidth.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import { gpuTest } from "./device.ts";

gpuTest("measureBandwidth() finds some rate, and leaves nothing on the device", async (device) => {
  const buffers = liveBufferCount();
  const rate = await measureBandwidth(device);
  // A byte a microsecond, and more than any memory does.
  expect(rate).toBeGreaterThan(1e6);
  expect(rate).toBeLessThan(1e14);
  expect(liveBufferCount()).toBe(buffers);
});

gpuTest("measureBandwidth() knows nothing of a device without room, which stays healthy", async (device) => {
  const guard = device.guard.bind(device);
  device.guard = () => Promise.reject(new CapacityError("Cannot measure: the GPU is out of memory"));
  expect(await measureBandwidth(device)).toBeNull();
  device.guard = guard;
  device.assertHealthy();
});

gpuTest("measureBandwidth() knows nothing of a device that runs out of memory meanwhile", async (device) => {
  const buffers = liveBufferCount();
  const guard = device.guard.bind(device);
  let calls = 0;
  device.guard = (...work: Parameters<typeof guard>) =>
    ++calls < 3
      ? guard(...work) as never
      : Promise.reject(new CapacityError("Cannot measure: the GPU is out of memory"));
  expect(await measureBandwidth(device)).toBeNull();
  expect(liveBufferCount()).toBe(buffers);
});

gpuTest("measureBandwidth() fails, and does not wait, when the device is lost under it", async (device) => {
  const measured = measureBandwidth(device);
  device.handle.destroy();
  await expect(measured).rejects.toThrow(/lost/);
}, { healthy: false });

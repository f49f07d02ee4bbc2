import { expect } from "@std/expect";
import { formatBytesApart } from "../../src/byte_size.ts";
import { CapacityError } from "../../src/errors.ts";
import { GpuBuffer, liveBufferCount } from "../../src/gpu/buffer.ts";
import { gpuTest } from "./device.ts";

gpuTest("GpuBuffer counts itself until disposed and refuses use afterwards", (device) => {
  const before = liveBufferCount();
  const buffer = device.createBuffer({ label: "scratch", bytes: 5 });
  expect(buffer.bytes).toBe(8);
  expect(liveBufferCount()).toBe(before + 1);
  buffer[Symbol.dispose]();
  buffer[Symbol.dispose]();
  expect(liveBufferCount()).toBe(before);
  expect(() => buffer.handle).toThrow('Buffer "scratch" is used after its disposal');
  return Promise.resolve();
});

gpuTest("createBuffer() refuses more bytes than the device allows", (device) => {
  const expected = device.limits.maxBufferSize;
  const bytes = expected + 4;
  const [found, most] = formatBytesApart(bytes, expected);
  expect(found).not.toBe(most);
  try {
    device.createBuffer({ label: "huge", bytes });
    throw new Error("It was made");
  } catch (error) {
    expect(error).toBeInstanceOf(CapacityError);
    expect(error).toMatchObject({
      message: `Cannot create buffer "huge": it takes ${found}, the device allows ${most}`,
      details: { label: "huge", found: bytes, expected },
    });
  }
  return Promise.resolve();
});

gpuTest("guard() reports misuse as an error and releases the result", async (device) => {
  let released = false;
  const work = () =>
    new GpuBuffer(device.handle, {
      label: "bad usage",
      bytes: 16,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE,
    });
  const release = (buffer: GpuBuffer) => {
    released = true;
    buffer[Symbol.dispose]();
  };
  const guarded = device.guard("make a buffer", work, { bytes: 16, release });
  await expect(guarded).rejects.toThrow("Cannot make a buffer");
  expect(released).toBe(true);
});

gpuTest(
  "guard() says that memory is missing where a device has run out of it, and releases the result",
  async (device) => {
    const { handle } = device;
    const pop = handle.popErrorScope.bind(handle);
    let scopes = 0;
    handle.popErrorScope = async () => {
      await pop();
      return scopes++ === 0 ? new GPUOutOfMemoryError("no memory") : null;
    };
    let released = false;
    const guarded = device.guard("make room", () => 1, { bytes: 16, release: () => released = true });
    const error = await guarded.catch((error) => error);
    handle.popErrorScope = pop;
    expect(error).toBeInstanceOf(CapacityError);
    expect(error.details).toEqual({ reason: "no memory", lacksMemory: true, expected: 16 });
    expect(released).toBe(true);
  },
);

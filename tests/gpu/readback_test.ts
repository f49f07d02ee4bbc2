import { expect } from "@std/expect";
import { DeviceLostError } from "../../src/errors.ts";
import type { GpuDevice } from "../../src/gpu/device.ts";
import { StepEncoder } from "../../src/gpu/encoder.ts";
import { ParamsArena } from "../../src/gpu/params.ts";
import { ReadbackRing } from "../../src/gpu/readback.ts";
import { embed } from "../../src/kernels/embed.ts";
import { gpuTest } from "./device.ts";

async function setUp(device: GpuDevice, owned: DisposableStack, immediate: boolean) {
  const arena = owned.use(new ParamsArena(device, 2));
  const ring = owned.use(await ReadbackRing.create(device, { depth: 2, bytes: 16, immediate }));
  const buffer = owned.use(device.createBuffer({ label: "source", bytes: 32 }));
  const enqueue = (value: number) => {
    device.handle.queue.writeBuffer(buffer.handle, 16, new Uint32Array([value, value + 1]));
    const step = new StepEncoder(device, arena);
    const ticket = ring.enqueue(step, buffer, 16, 8);
    step.submit();
    return ticket;
  };
  return { ring, enqueue };
}

for (const immediate of [true, false]) {
  gpuTest(
    `ReadbackRing reads steps in any order, ${immediate ? "at once" : "awaiting the map"}`,
    async (device) => {
      using owned = new DisposableStack();
      const { ring, enqueue } = await setUp(device, owned, immediate);
      expect(ring.immediate).toBe(immediate);
      for (let turn = 0; turn < 3; turn++) {
        const [first, second] = [enqueue(10 * turn), enqueue(10 * turn + 5)];
        expect(ring.free).toBe(0);
        expect(() => enqueue(99)).toThrow("2 reads are pending");
        expect([...new Uint32Array(await ring.read(second))]).toEqual([10 * turn + 5, 10 * turn + 6]);
        expect([...new Uint32Array(await ring.read(first))]).toEqual([10 * turn, 10 * turn + 1]);
      }
    },
  );
}

gpuTest("ReadbackRing rejects with DeviceLostError when the device goes away", async (device) => {
  using owned = new DisposableStack();
  const { ring, enqueue } = await setUp(device, owned, true);
  const ticket = enqueue(1);
  device.handle.destroy();
  await device.handle.lost;
  await expect(ring.read(ticket)).rejects.toThrow(DeviceLostError);
}, { healthy: false });

gpuTest("ReadbackRing has the room of a read that failed, and of a ticket given back", async (device) => {
  using owned = new DisposableStack();
  const { ring, enqueue } = await setUp(device, owned, true);
  const { mapAsync } = GPUBuffer.prototype;
  for (let turn = 0; turn < 3; turn++) {
    const ticket = enqueue(1);
    GPUBuffer.prototype.mapAsync = () => {
      throw new Error("no map");
    };
    try {
      await expect(ring.read(ticket)).rejects.toThrow("no map");
    } finally {
      GPUBuffer.prototype.mapAsync = mapAsync;
    }
    expect(ring.free).toBe(2);
    ring.release(enqueue(2));
    expect(ring.free).toBe(2);
  }
  expect([...new Uint32Array(await ring.read(enqueue(7)))]).toEqual([7, 8]);
});

gpuTest("compile() that fails leaves device and kernel as they were", async (device) => {
  const create = device.handle.createShaderModule.bind(device.handle);
  device.handle.createShaderModule = (descriptor) => create({ ...descriptor, code: "fn nothing(" });
  await expect(device.compile(embed)).rejects.toThrow('Cannot compile kernel "embed": ');
  device.handle.createShaderModule = create;
  await new Promise((resolve) => setTimeout(resolve)); // An error in no scope would be an event now.
  device.assertHealthy();

  const { createComputePipelineAsync } = device.handle;
  device.handle.createComputePipelineAsync = () => {
    return Promise.reject(new GPUPipelineError("the driver gave up", { reason: "internal" }));
  };
  const late = device.compile(embed);
  await expect(late).rejects.toMatchObject({ code: "CAPACITY", details: { kernel: "embed" } });
  device.handle.createComputePipelineAsync = createComputePipelineAsync.bind(device.handle);
  expect(await device.compile(embed)).toBe(await device.compile(embed));
});

gpuTest("StepEncoder refuses a grid and a number of dispatches beyond its limits", async (device) => {
  using owned = new DisposableStack();
  const arena = owned.use(new ParamsArena(device, 2));
  const buffer = (label: string) => owned.use(device.createBuffer({ label, bytes: 64 }));
  const kernel = await device.compile(embed, { libs: { weight: "weight_f32" } });
  const bound = kernel.bind({
    weights: buffer("weights"),
    plan: buffer("plan"),
    last_tokens: buffer("tokens"),
    hidden: buffer("hidden"),
  });
  const step = new StepEncoder(device, arena);
  const params = { rows: 1, groups: 1, firstToken: 0, tokens: 1, live: 8 };
  step.dispatch(bound, { ...params, rows: 0 });
  expect(step.dispatches).toBe(0);
  expect(() => step.dispatch(bound, { ...params, rows: 70_000 })).toThrow("grid 1×70000×1");
  step.dispatch(bound, params);
  step.dispatch(bound, params);
  expect(() => step.dispatch(bound, params)).toThrow("at most 2 dispatches");
  step.submit();
  expect(step.dispatches).toBe(2);
});

gpuTest("compile() shares pipelines per variant and refuses unknown libraries", async (device) => {
  const variant = { libs: { weight: "weight_f16" } };
  expect(await device.compile(embed, variant)).toBe(await device.compile(embed, variant));
  expect(await device.compile(embed)).not.toBe(await device.compile(embed, variant));
  await expect(device.compile(embed, { libs: { weight: "philox" } })).rejects.toThrow("philox");
  await expect(device.compile(embed, { libs: { shape: "philox" } })).rejects.toThrow("shape");
});

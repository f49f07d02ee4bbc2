/**
 * A device for the tests of a file, which share it, since compiling kernels takes most of the time of most of them. The
 * absence of any is an ignored test outside CI and a failure in CI.
 */
import { requestAdapter } from "../../src/gpu/adapter.ts";
import { liveBufferCount } from "../../src/gpu/buffer.ts";
import { GpuDevice } from "../../src/gpu/device.ts";

const inCi = Deno.env.get("CI") !== undefined;
const adapter = await requestAdapter();

/** Null where there is none, and once a test has failed with it: those that follow begin with one of their own. */
let shared: GpuDevice | null = adapter === null ? null : await GpuDevice.open();
globalThis.addEventListener("unload", () => shared?.[Symbol.dispose]());

/** Of the device that tests run on; null where kernels cannot rely on them. */
export const subgroupSize: number | null = shared?.info.subgroupSize ?? null;

/** False only where tests that need a device are to be left out. */
export const hasDevice: boolean = adapter !== null || inCi;

export interface GpuTestOptions {
  /** False: it may end spoilt, and is no other test's. */
  readonly healthy?: boolean;
  /** Ignored without. */
  readonly feature?: GPUFeatureName;
  /** Needs subgroups that kernels can rely on. */
  readonly subgroups?: boolean;
}

/** `Deno.test` for code that needs a device, which must be healthy at the end, and hold no more than at the beginning. */
export function gpuTest(
  name: string,
  run: (device: GpuDevice) => Promise<void>,
  { healthy = true, feature, subgroups = false }: GpuTestOptions = {},
): void {
  const test = async (device: GpuDevice) => {
    const buffers = liveBufferCount();
    await run(device);
    if (!healthy) return;
    device.assertHealthy();
    if (liveBufferCount() > buffers) throw new Error(`${liveBufferCount() - buffers} buffers are left`);
  };
  Deno.test({
    name,
    ignore: !hasDevice || (feature !== undefined && adapter?.features.has(feature) === false) ||
      (subgroups && subgroupSize === null),
    fn: async () => {
      if (!healthy || shared === null) {
        using device = await GpuDevice.open();
        return await test(device);
      }
      const putBack = [shared, shared.handle].map(replacements);
      try {
        await test(shared);
      } catch (error) {
        shared[Symbol.dispose]();
        shared = null;
        throw error;
      } finally {
        for (const undo of putBack) undo();
      }
    },
  });
}

/** Removes the functions that have been put in place of an object's own since. */
function replacements(object: object): () => void {
  const before = new Set(Reflect.ownKeys(object));
  return () => {
    for (const key of Reflect.ownKeys(object)) if (!before.has(key)) Reflect.deleteProperty(object, key);
  };
}

/** A device of its own for each test; the absence of any is an ignored test outside CI and a failure in CI. */
import { requestAdapter } from "../../src/gpu/adapter.ts";
import { GpuDevice } from "../../src/gpu/device.ts";

const inCi = Deno.env.get("CI") !== undefined;
const adapter = await requestAdapter();

/** Of the device that tests run on; null where kernels cannot rely on them. */
export const subgroupSize: number | null = await (async () => {
  if (adapter === null) return null;
  using device = await GpuDevice.open();
  return device.info.subgroupSize;
})();

/** False only where tests that need a device are to be left out. */
export const hasDevice: boolean = adapter !== null || inCi;

/** `Deno.test` for code that needs a device; the device is disposed when the test ends, and must be healthy. Ignored without `feature`. */
export function gpuTest(
  name: string,
  run: (device: GpuDevice) => Promise<void>,
  { healthy = true, feature, subgroups = false }: {
    readonly healthy?: boolean;
    readonly feature?: GPUFeatureName;
    /** Needs subgroups that kernels can rely on. */
    readonly subgroups?: boolean;
  } = {},
): void {
  Deno.test({
    name,
    ignore: !hasDevice || (feature !== undefined && adapter?.features.has(feature) === false) ||
      (subgroups && subgroupSize === null),
    fn: async () => {
      using device = await GpuDevice.open();
      await run(device);
      if (healthy) device.assertHealthy();
    },
  });
}

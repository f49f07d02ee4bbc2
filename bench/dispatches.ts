/** Which kernels a piece of work dispatches, bound to which buffers and with which params: to be timed one by one. */
import { StepEncoder } from "../src/gpu/encoder.ts";
import type { BoundKernel } from "../src/gpu/kernel.ts";

export interface Dispatch {
  // deno-lint-ignore no-explicit-any -- kernels of different params go through one list
  readonly kernel: BoundKernel<any>;
  readonly params: Readonly<Record<string, number>>;
}

/** Every dispatch that is encoded while `work` runs, in order. */
export async function recordDispatches(work: () => Promise<unknown>): Promise<Dispatch[]> {
  const dispatches: Dispatch[] = [];
  const { dispatch } = StepEncoder.prototype;
  StepEncoder.prototype.dispatch = function (kernel, params) {
    dispatches.push({ kernel, params: { ...params } });
    return dispatch.call(this, kernel, params);
  };
  try {
    await work();
  } finally {
    StepEncoder.prototype.dispatch = dispatch;
  }
  return dispatches;
}

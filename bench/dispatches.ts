/** Which kernels a piece of work dispatches, bound to which buffers and with which params: to be timed one by one. */
import { StepEncoder } from "../src/gpu/encoder.ts";
import type { BoundKernel } from "../src/gpu/kernel.ts";
import { StepSequences } from "../src/model/step_sequences.ts";

export interface Dispatch {
  // deno-lint-ignore no-explicit-any -- kernels of different params go through one list
  readonly kernel: BoundKernel<any>;
  readonly params: Readonly<Record<string, number>>;
}

/** Until disposal, each dispatch of a step is made by `decide`, or not at all; none is repeated from an earlier step. */
export function interceptDispatches(decide: (dispatch: Dispatch, make: () => void) => void): Disposable {
  const { dispatch } = StepEncoder.prototype;
  const { encode } = StepSequences.prototype;
  StepEncoder.prototype.dispatch = function (kernel, params) {
    decide({ kernel, params }, () => dispatch.call(this, kernel, params));
  };
  StepSequences.prototype.encode = (_step, _rows, { dispatch }) => dispatch();
  return {
    [Symbol.dispose]: () => {
      StepEncoder.prototype.dispatch = dispatch;
      StepSequences.prototype.encode = encode;
    },
  };
}

/** Every dispatch that is encoded while `work` runs, in order. */
export async function recordDispatches(work: () => Promise<unknown>): Promise<Dispatch[]> {
  const dispatches: Dispatch[] = [];
  using _ = interceptDispatches(({ kernel, params }, make) => {
    dispatches.push({ kernel, params: { ...params } });
    make();
  });
  await work();
  return dispatches;
}

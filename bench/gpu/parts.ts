/**
 * Where a step's time goes: the same decode steps with some of their kernels left out. A kernel timed by itself has its own
 * output for a neighbour; here each keeps the neighbours that it has in a step, so what its absence saves is what it costs
 * there, and what is left without any of them is what uploads, fences and launches cost.
 */
import type { ModelRunner } from "../../src/model/runner.ts";
import { interceptDispatches } from "../dispatches.ts";
import { round } from "./harness.ts";
import { decode } from "./step.ts";

/** Kernels by the name of their entry point. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  "products behind a norm": ["qkv_rope", "gate_up"],
  "products into the residual stream": ["linear_residual"],
  norms: ["rms_norm"],
  head: ["lm_head"],
  attention: ["attention", "attention_flash", "attention_combine"],
  sampling: ["sample_groups", "sample"],
};

/** Milliseconds a step, whole and without each part; results are nonsense, times are not. */
export async function stepParts(
  runner: ModelRunner,
  options: { readonly batch: number; readonly context: number; readonly submits: number },
) {
  const whole = await decode(runner, options);
  const table: Record<string, unknown> = { whole };
  for (const [part, names] of Object.entries(PARTS)) {
    using _ = leaveOut(names);
    const without = await decode(runner, options);
    table[`without ${part}`] = {
      msPerStep: without.msPerStep,
      saves: round(whole.msPerStep - without.msPerStep, 3),
      dispatchesSaved: whole.dispatches - without.dispatches,
    };
  }
  using _ = leaveOut(Object.values(PARTS).flat());
  table["without all of them"] = await decode(runner, options);
  return table;
}

/** Until disposed of, encoders skip these kernels. */
function leaveOut(names: readonly string[]): Disposable {
  return interceptDispatches(({ kernel: { name } }, make) => {
    if (!names.includes(name)) make();
  });
}

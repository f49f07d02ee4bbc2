/**
 * Garbage collection on demand, for the one case that cannot wait for it: WebGPU objects keep the driver loaded until
 * they are collected, also after `destroy()`, and nothing in WebGPU lets go of them. See src/engine/worker_port.ts.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Frees what is unreachable now, or does nothing where the runtime offers no way. Never call it while work is due. */
export function collectGarbage(): void {
  try {
    setFlagsFromString("--expose-gc"); // Shows in contexts that are made from now on only.
    const collect: unknown = runInNewContext("gc");
    if (typeof collect === "function") collect();
  } catch {
    // What is left is freed with the thread.
  }
}

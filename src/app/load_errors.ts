/** Why a model cannot come onto the device or leave it at the moment. */
import { CapacityError } from "../errors.ts";

const RETRY_AFTER_MS = 2000;

export function inUse(
  modelId: string,
  { leases, waiters }: { readonly leases: number; readonly waiters: number },
): CapacityError {
  return new CapacityError(
    `Cannot unload the model: ${leases} generation(s) use it, ${waiters} wait for it`,
    { modelId, retryAfterMs: RETRY_AFTER_MS },
  );
}

export function otherWeights(name: string, leases: number): CapacityError {
  return new CapacityError(
    `Model "${name}" has other weights by now, and ${leases} generation(s) still use the old ones`,
    { model: name, retryAfterMs: RETRY_AFTER_MS },
  );
}

export function noRoom(name: string, maxWarmModels: number): CapacityError {
  return new CapacityError(
    `Cannot load model "${name}": ${maxWarmModels} other model(s) are in use, as many as may be on the device`,
    { model: name, maxWarmModels, retryAfterMs: RETRY_AFTER_MS },
  );
}

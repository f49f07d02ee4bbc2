/** Why a model cannot come onto the device or leave it at the moment. */
import { CapacityError, type GeodesicError, LACKS_MEMORY } from "../errors.ts";

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

/** Others have the memory, which is theirs only while they are in use. */
export function noRoomYet(error: GeodesicError): CapacityError {
  return new CapacityError(error.message, { ...error.details, retryAfterMs: RETRY_AFTER_MS }, {
    cause: error,
  });
}

/**
 * Whether a load that failed may succeed once other models have left the device. Not where the device could not run the
 * model anyway, nor where it takes more than all models together may: nobody is to leave for that.
 */
export function roomHelps({ code, details }: GeodesicError, memoryBytes = Infinity): boolean {
  return code === "CAPACITY" && details[LACKS_MEMORY] === true &&
    !(Number(details["expected"]) > memoryBytes);
}

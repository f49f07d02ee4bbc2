/**
 * What on a device decides the bits of a result besides the device: the text of every kernel, and which variants are
 * chosen. Two engines with the same fingerprint and the same adapter do the same arithmetic in the same order.
 */
import { createHash } from "node:crypto";
import { shaderText } from "../gpu/shader.ts";
import { ALL_KERNELS } from "./all.ts";
import { chooseTuning, type TunedDevice } from "./tuning.ts";

/** Lower-case hexadecimal SHA-256. */
export function kernelFingerprint(device: TunedDevice): string {
  const hash = createHash("sha256");
  for (const { name, libs = {}, overrides } of ALL_KERNELS) {
    hash.update(JSON.stringify([name, shaderText(name), overrides]));
    for (const [slot, choices] of Object.entries(libs)) {
      for (const choice of choices) hash.update(JSON.stringify([slot, choice, shaderText(`lib/${choice}`)]));
    }
  }
  return hash.update(JSON.stringify(chooseTuning(device))).digest("hex");
}

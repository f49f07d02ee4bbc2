/** An option whose value is a size. */
import type { Invocation } from "./command.ts";
import { formatBytes, parseByteSize } from "../byte_size.ts";

/** Of `--gpu-memory`: whoever asks for less has forgotten a unit. */
export const LEAST_GPU_MEMORY = 1_000_000;

/** The bytes that an option asks for. Throws UsageError for what is no size, and for less than `least` bytes. */
export function sizeOf(invocation: Invocation, option: string, least = 0): number | undefined {
  const text = invocation.text(option);
  if (text === undefined) return undefined;
  const bytes = parseByteSize(text);
  if (bytes === undefined) {
    throw invocation.usageError(`--${option} is "${text}", expected a size such as 5GB, 500MB or 30000`);
  }
  if (bytes >= least) return bytes;
  throw invocation.usageError(
    `--${option} is "${text}", ${formatBytes(bytes)}, expected at least ${formatBytes(least)}, such as 20GB`,
  );
}

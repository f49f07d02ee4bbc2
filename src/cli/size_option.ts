/** An option whose value is a size. */
import type { Invocation } from "./command.ts";
import { parseByteSize } from "../byte_size.ts";

/** The bytes that an option asks for. */
export function sizeOf(invocation: Invocation, option: string): number | undefined {
  const text = invocation.text(option);
  const bytes = text === undefined ? undefined : parseByteSize(text);
  if (text === undefined || bytes !== undefined) return bytes;
  throw invocation.usageError(`--${option} is "${text}", expected a size such as 5GB, 500MB or 30000`);
}

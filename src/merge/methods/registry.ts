/** The merge methods that Geodesic carries out. A new one is one file and one line here. */
import type { MergeMethod } from "./method.ts";
import { slerp } from "./slerp.ts";

const METHODS: readonly MergeMethod[] = [slerp];

export const METHOD_NAMES: readonly string[] = METHODS.map((method) => method.name);

export function findMethod(name: string): MergeMethod | undefined {
  return METHODS.find((method) => method.name === name);
}

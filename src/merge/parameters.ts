/**
 * What a parameter is for one output tensor: mergekit's rules for filters, gradients and the places a setting may stand
 * in. Pure; all numbers are doubles, as mergekit's are.
 */
import type { Parameters, Scalar, Setting } from "./settings.ts";

export interface ResolvedParameter {
  readonly value: Scalar;
  /** As written in the condition that decided; null where it had none. */
  readonly filter: string | null;
}

/** Where along its output slice a tensor lies: 0 … 1. */
export function layerPosition(indexInSlice: number, layersInSlice: number): number {
  return layersInSlice > 1 ? indexInSlice / (layersInSlice - 1) : 1;
}

/** Linear interpolation over the entries of a gradient, position 0 … 1. */
export function evaluateGradient(gradient: readonly number[], position: number): number {
  const at = position * (gradient.length - 1);
  const low = Math.trunc(at);
  const high = Math.min(gradient.length - 1, low + 1);
  const fraction = at - low;
  return (1 - fraction) * gradient[low]! + fraction * gradient[high]!;
}

/**
 * The value of a setting for a tensor name and position. In a filtered list the first entry decides whose filter is
 * missing, "*" or a substring of the name; `undefined` where none does.
 */
export function evaluateSetting(
  setting: Setting,
  tensorName: string,
  position: number,
): ResolvedParameter | undefined {
  if (setting.kind === "plain") return { value: evaluatePlain(setting.value, position), filter: null };
  for (const { filter, value } of setting.entries) {
    if (filter === null || filter === "*" || tensorName.includes(filter)) {
      return { value: evaluatePlain(value, position), filter };
    }
  }
  return undefined;
}

function evaluatePlain(value: Scalar | readonly number[], position: number): Scalar {
  return typeof value === "object" ? evaluateGradient(value, position) : value;
}

/** Asks the places in order, narrowest first; `undefined` where none has a value for this tensor. */
export function resolveParameter(
  name: string,
  places: readonly Parameters[],
  tensorName: string,
  position: number,
): ResolvedParameter | undefined {
  for (const place of places) {
    const setting = place.settings.get(name);
    const resolved = setting && evaluateSetting(setting, tensorName, position);
    if (resolved !== undefined) return resolved;
  }
  return undefined;
}

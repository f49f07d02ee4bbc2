/** Runs one merge method on literal vectors, as a step of a merge would: declared defaults filled in, block by block. */
import type { Scalar } from "../../src/merge/settings.ts";
import type { Mix, StepFacts } from "../../src/merge/methods/method.ts";
import { findMethod } from "../../src/merge/methods/registry.ts";
import { Operand } from "../../src/merge/operand.ts";
import { BLOCK_ELEMENTS } from "../../src/tensor/convert.ts";

export interface MixCase {
  readonly models: readonly (readonly number[] | Float32Array)[];
  /** Index of the base model. */
  readonly base?: number;
  readonly shape?: readonly number[];
  readonly name?: string;
  readonly modelNames?: readonly string[];
  readonly parameters?: Readonly<Record<string, Scalar>>;
  /** One for each model, or one for all. */
  readonly own?: Readonly<Record<string, Scalar>> | readonly Readonly<Record<string, Scalar>>[];
  /** How many elements each call of apply() gets. */
  readonly block?: number;
}

/** What the method is told, apart from the tensors. */
export function factsOf(method: string, { models, own, ...given }: MixCase): StepFacts {
  const declared = findMethod(method)!.parameters;
  const defaults = (scope: string) =>
    Object.fromEntries(
      declared.filter((p) => p.scope === scope && p.fallback !== null).map((p) => [p.name, p.fallback!]),
    );
  return {
    name: given.name ?? "tensor",
    shape: given.shape ?? [models[0]!.length],
    models: given.modelNames ?? models.map((_, i) => `model${i}`),
    base: given.base ?? null,
    parameters: { ...defaults("tensor"), ...given.parameters },
    modelParameters: models.map((_, i) => ({
      ...defaults("model"),
      ...Array.isArray(own) ? own[i] : own,
    })),
  };
}

export function mixOf(method: string, given: MixCase): Mix {
  const operands = given.models.map((values) =>
    new Operand(new Uint8Array(Float32Array.from(values).buffer), "F32", null)
  );
  return findMethod(method)!.mix({ ...factsOf(method, given), operands });
}

/** The merged values. */
export function mixValues(method: string, given: MixCase): Float32Array {
  const mix = mixOf(method, given);
  const values = new Float32Array(given.models[0]!.length);
  const step = given.block ?? BLOCK_ELEMENTS;
  for (let start = 0; start < values.length; start += step) {
    mix.apply(start, values.subarray(start, start + step));
  }
  return values;
}

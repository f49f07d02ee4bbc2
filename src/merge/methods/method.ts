/**
 * What a merge method is: the parameters it takes, the slices it accepts, and how it mixes the tensors of one step.
 * A method sees operands and numbers; files and output dtypes are not its business. Memory beside the operands is
 * bounded by a few blocks and, where elements are selected, one bit an element.
 */
import type { Scalar } from "../settings.ts";
import type { FloatDtype, WeightDtype } from "../../tensor/dtype.ts";
import type { Operand } from "../operand.ts";

export interface ParameterDeclaration {
  readonly name: string;
  /** "tensor": one value a step. "model": one for each input of it, which may also be set beside the source. */
  readonly scope: "tensor" | "model";
  /** An integer takes no gradient. */
  readonly type: "number" | "integer" | "boolean";
  /** null: must be given. */
  readonly fallback: Scalar | null;
  /** Of a number, both ends included; every value within the gradients' ends is within too. */
  readonly range?: readonly [number, number];
  /** The base model needs a value too, for it is an input like the others. */
  readonly ofBase?: true;
}

/** Values of the declared parameters; of a base model that needs none, some may be absent. */
export type ParameterValues = Readonly<Record<string, Scalar>>;

/** What is known of a step before its tensors are read. */
export interface StepFacts {
  /** Of the output tensor. */
  readonly name: string;
  /** Of every operand and of the result. */
  readonly shape: readonly number[];
  /** For each operand, its model as the configuration names it. */
  readonly models: readonly string[];
  /** Index of the base model's tensor among the operands; null where it is none of them. */
  readonly base: number | null;
  readonly parameters: ParameterValues;
  /** For each operand, its model-scoped parameters. */
  readonly modelParameters: readonly ParameterValues[];
}

export interface MixInputs extends StepFacts {
  readonly operands: readonly Operand[];
}

/** A step ready to be written. */
export interface Mix {
  /** How the result came to be, for the record. */
  readonly mode: MixMode;
  /** The method's parameter of that name, where it has one and used it. */
  readonly t: number | null;
  /** Between base and other; null where it was not computed or is no number. */
  readonly cosine: number | null;
  /** Of the random mask, where one was drawn. */
  readonly seed?: number;
  /** Writes the result's elements from `start` on to `out` (at most a block), float32. */
  apply(start: number, out: Float32Array): void;
  /**
   * Where the method has a faster way to the same elements rounded to bfloat16: `count` of them from `start` on, as
   * bytes that are good until the next call. Used for results that are bfloat16 as mixed and as written.
   */
  applyBfloat16?(start: number, count: number): Uint8Array;
}
/** MIX: computed by a method that has no branches. */
export type MixMode = "SLERP" | "LERP" | "MIX" | "COPY";

/** Values that cannot be merged with; the words follow the method's name and a tensor's. */
export interface ValueProblem {
  readonly parameter: string;
  readonly message: string;
}

export interface MergeMethod {
  /** As `merge_method` spells it. */
  readonly name: string;
  /** Which edition of its arithmetic this is, from 1 on: raised whenever the same inputs give other bits or types. */
  readonly arithmetic: number;
  readonly parameters: readonly ParameterDeclaration[];
  /** Whether elements may be selected: a bit for each element of each operand is held meanwhile. */
  readonly selects?: boolean;
  /** What is wrong with a slice of these models, in words that follow its name; null where nothing is. */
  refuseSlice(models: readonly string[], baseModel: string | null): string | null;
  /** What is wrong with a step's values together, each being within its range; null where nothing is. */
  refuseValues?(step: StepFacts): ValueProblem | null;
  /** What results are rounded to, from the types of the inputs after the cast; without it, what holds all their values. */
  resultDtype?(dtypes: readonly FloatDtype[], base: number | null): WeightDtype;
  mix(inputs: MixInputs): Mix;
}

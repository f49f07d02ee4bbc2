/**
 * What a merge method is: the parameters it takes, the slices it accepts, and how it mixes the tensors of one step.
 * A method sees operands and numbers; files, names and output dtypes are not its business.
 */
import type { Scalar } from "../config.ts";
import type { Operand } from "../operand.ts";

export interface ParameterDeclaration {
  readonly name: string;
  /** "tensor": one value a step. "model": one for each input of it, which may also be set beside the source. */
  readonly scope: "tensor" | "model";
  readonly type: "number" | "boolean";
  /** null: must be given. */
  readonly fallback: Scalar | null;
}

/** Values of the declared parameters, all present. */
export type ParameterValues = Readonly<Record<string, Scalar>>;

export interface MixInputs {
  readonly operands: readonly Operand[];
  /** Index of the base model's tensor among the operands; null where it is none of them. */
  readonly base: number | null;
  readonly parameters: ParameterValues;
  /** For each operand, its model-scoped parameters. */
  readonly modelParameters: readonly ParameterValues[];
}

/** A step ready to be written. */
export interface Mix {
  /** How the result came to be, for the record. */
  readonly mode: MixMode;
  /** Of the interpolation; null where nothing was interpolated. */
  readonly t: number | null;
  /** Between base and other; null where it was not computed or is no number. */
  readonly cosine: number | null;
  /** Writes the result's elements from `start` on to `out` (at most a block), float32. */
  apply(start: number, out: Float32Array): void;
}
export type MixMode = "SLERP" | "LERP" | "COPY";

export interface MergeMethod {
  /** As `merge_method` spells it. */
  readonly name: string;
  readonly parameters: readonly ParameterDeclaration[];
  /** What is wrong with a slice of these models, in words that follow its name; null where nothing is. */
  refuseSlice(models: readonly string[], baseModel: string | null): string | null;
  mix(inputs: MixInputs): Mix;
}

/** What methods share at their edges: which slices they accept, their inputs by role, and the mixes of plain kinds. */
import { BLOCK_ELEMENTS } from "../../tensor/convert.ts";
import type { FloatDtype, WeightDtype } from "../../tensor/dtype.ts";
import { commonDtype } from "../arithmetic/rounding.ts";
import type { Operand } from "../operand.ts";
import type { MergeMethod, Mix, MixInputs, ParameterValues, StepFacts } from "./method.ts";

export interface ModelNeeds {
  readonly base: "required" | "optional";
  /** How many models beside the base. */
  readonly others: readonly [least: number, most: number];
  /** Which model may stand alone in a slice; it is passed through. */
  readonly alone: "any" | "base";
}

/** Whether a slice holds the models that a method needs, as refuseSlice() says it. */
export function needsModels({ base, others: [least, most], alone }: ModelNeeds): MergeMethod["refuseSlice"] {
  return (models, baseModel) => {
    if (base === "required" && baseModel === null) return "needs a base_model";
    if (models.length === 1 && (alone === "any" || models[0] === baseModel)) return null;
    if (baseModel !== null && !models.includes(baseModel)) {
      return `needs base_model "${baseModel}" to be one of the models of the slice`;
    }
    const others = models.filter((model) => model !== baseModel).length;
    if (others >= least && others <= most) return null;
    const count = least === most ? `${least}` : `at least ${least}`;
    const noun = most === 1 ? "model" : "models";
    const beside = baseModel !== null ? " beside its base_model" : "";
    return `takes ${count} ${noun}${beside}, found ${others}`;
  };
}

export interface OtherInput {
  readonly operand: Operand;
  readonly model: string;
  readonly parameters: ParameterValues;
}

/** Indices of the inputs that are not the base model's. */
export function otherIndices({ models, base }: StepFacts): readonly number[] {
  return models.map((_, i) => i).filter((i) => i !== base);
}

/** The base model's tensor, and the others with what belongs to them, in the order of the configuration. */
export function byRole(inputs: MixInputs): { origin: Operand | null; others: readonly OtherInput[] } {
  const { operands, base, models, modelParameters } = inputs;
  return {
    origin: base === null ? null : operands[base]!,
    others: otherIndices(inputs).map((i) => ({
      operand: operands[i]!,
      model: models[i]!,
      parameters: modelParameters[i]!,
    })),
  };
}

/** The base model's type, for methods that bring the others to it first. */
export function dtypeOfBase(dtypes: readonly FloatDtype[], base: number | null): WeightDtype {
  return commonDtype(base === null ? dtypes : [dtypes[base]!]);
}

/** A tensor taken as it is. */
export function copied(operand: Operand): Mix {
  const bytes = new Uint8Array(BLOCK_ELEMENTS * 2);
  return {
    mode: "COPY",
    t: null,
    cosine: null,
    apply: (start, out) => operand.read(start, out),
    ...(operand.isBfloat16 && {
      applyBfloat16(start, count) {
        const block = bytes.subarray(0, count * 2);
        operand.readStored(start, block);
        return block;
      },
    }),
  };
}

/** A tensor computed without branches. */
export function mixed(apply: Mix["apply"]): Mix {
  return { mode: "MIX", t: null, cosine: null, apply };
}

/**
 * How a configuration wants its rotary frequencies: `rope_theta` beside `rope_scaling`, or (transformers 5) both inside
 * `rope_parameters`. Kinds that are not known here count as none; deviation.ts keeps such models from being run.
 */
import { Fields } from "./fields.ts";
import { isJsonObject, type JsonObject } from "./json.ts";

/** What becomes of the frequencies theta^(−2i / headDim); see src/model/rotary.ts for the formulas. */
export type RopeScaling =
  | { readonly type: "linear"; readonly factor: number }
  | {
    readonly type: "llama3";
    readonly factor: number;
    readonly lowFrequencyFactor: number;
    readonly highFrequencyFactor: number;
    /** Positions that the model was trained with before it was stretched. */
    readonly originalPositions: number;
  }
  | {
    readonly type: "yarn";
    readonly factor: number;
    readonly originalPositions: number;
    /** Rotations over the original positions: above `betaFast` nothing changes, below `betaSlow` all is divided. */
    readonly betaFast: number;
    readonly betaSlow: number;
    /** Whether the bounds are whole dimensions. */
    readonly truncate: boolean;
    /** Factor of cosines and sines. */
    readonly amplitude: number;
  };

export const ROPE_TYPES: readonly unknown[] = ["default", "linear", "llama3", "yarn"];

/** The object that rules the rotary embedding, and how it is called. */
export interface RopeFields {
  readonly field: "rope_parameters" | "rope_scaling";
  readonly values: JsonObject;
}

export interface Rope {
  readonly ropeTheta: number;
  /** Null: plain rotary embedding. */
  readonly ropeScaling: RopeScaling | null;
}

const LIMITS = {
  theta: { min: 1e-3, max: 1e15 },
  factor: { min: 1e-3, max: 1e6 },
  positions: { min: 1, max: 2 ** 31 - 1 },
} as const;

interface RopeContext {
  readonly fields: Fields;
  readonly file: string;
  /** In place of the original ones, where those are not told. */
  readonly maxPositions: number;
}

/**
 * As in transformers 5: `rope_scaling` of older versions, unless it is empty, in place of `rope_parameters`. Throws
 * FormatError for one that is no object.
 */
export function ropeFields(fields: Fields): RopeFields {
  const read = (field: RopeFields["field"]): RopeFields => {
    const values = fields.raw(field) ?? {};
    if (!isJsonObject(values)) throw fields.error(field, values, "an object");
    return { field, values };
  };
  const scaling = read("rope_scaling");
  const parameters = read("rope_parameters");
  return Object.keys(scaling.values).length > 0 ? scaling : parameters;
}

export function parseRope({ values }: RopeFields, context: RopeContext): Rope {
  const { fields, file } = context;
  const inner = new Fields(values, file);
  const theta = inner.optionalNumber("rope_theta", LIMITS.theta);
  const ropeTheta = theta ?? fields.number("rope_theta", LIMITS.theta, 10000);
  const ropeScaling = parseScaling(inner, context);
  // The dimensions between which it goes over are logarithms to this base.
  if (ropeScaling?.type === "yarn" && ropeTheta <= 1) {
    throw (theta === null ? fields : inner).error("rope_theta", ropeTheta, "more than 1 for yarn");
  }
  return { ropeTheta, ropeScaling };
}

function parseScaling(inner: Fields, { fields: outer, maxPositions }: RopeContext): RopeScaling | null {
  const type = inner.optionalString("rope_type") ?? inner.optionalString("type");
  const factor = () => inner.number("factor", LIMITS.factor);
  // The one beside rope_scaling counts, as in the reference implementation.
  const originalPositions = () =>
    outer.optionalInteger("original_max_position_embeddings", LIMITS.positions) ??
      inner.integer("original_max_position_embeddings", LIMITS.positions, maxPositions);
  switch (type) {
    case "linear":
      return { type, factor: factor() };
    case "llama3": {
      const lowFrequencyFactor = inner.number("low_freq_factor", LIMITS.factor);
      const highFrequencyFactor = inner.number("high_freq_factor", LIMITS.factor);
      if (highFrequencyFactor <= lowFrequencyFactor) {
        throw inner.error(
          "high_freq_factor",
          highFrequencyFactor,
          `more than low_freq_factor (${lowFrequencyFactor})`,
        );
      }
      return {
        type,
        factor: factor(),
        lowFrequencyFactor,
        highFrequencyFactor,
        originalPositions: originalPositions(),
      };
    }
    case "yarn": {
      const original = originalPositions();
      const stretched = inner.optionalNumber("factor", LIMITS.factor) ?? maxPositions / original;
      return {
        type,
        factor: stretched,
        originalPositions: original,
        betaFast: inner.number("beta_fast", LIMITS.factor, 32),
        betaSlow: inner.number("beta_slow", LIMITS.factor, 1),
        truncate: inner.boolean("truncate", true),
        amplitude: inner.optionalNumber("attention_factor", LIMITS.factor) ?? yarnAmplitude(inner, stretched),
      };
    }
    default:
      return null;
  }
}

/** 0.1 · m · ln(factor) + 1; of two weights m the quotient. */
function yarnAmplitude(fields: Fields, factor: number): number {
  const amplitude = (weight: number) => factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
  const [own, all] = ["mscale", "mscale_all_dim"].map((name) =>
    fields.number(name, { min: 0, max: LIMITS.factor.max }, 0)
  ) as [number, number];
  return own > 0 && all > 0 ? amplitude(own) / amplitude(all) : amplitude(1);
}

/**
 * How a configuration wants its rotary frequencies: `rope_theta` beside `rope_scaling`, or (transformers 5) both inside
 * `rope_parameters`. Kinds that no kernel here knows are kept as written, so that such models can still be merged.
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
  }
  | { readonly type: "unknown"; readonly written: JsonObject };

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

/** `maxPositions` stand in where the original ones are not told. */
export function parseRope(fields: Fields, file: string, maxPositions: number): Rope {
  const nested = fields.raw("rope_parameters");
  const written = nested ?? fields.raw("rope_scaling") ?? {};
  if (!isJsonObject(written)) {
    throw fields.error(nested === undefined ? "rope_scaling" : "rope_parameters", written, "an object");
  }
  const inner = new Fields(written, file);
  const theta = inner.optionalNumber("rope_theta", LIMITS.theta);
  return {
    ropeTheta: theta ?? fields.number("rope_theta", LIMITS.theta, 10000),
    ropeScaling: parseScaling(written, inner, fields, maxPositions),
  };
}

function parseScaling(
  written: JsonObject,
  inner: Fields,
  outer: Fields,
  maxPositions: number,
): RopeScaling | null {
  const type = inner.optionalString("rope_type") ?? inner.optionalString("type") ?? "default";
  // Rotates a part of each head only.
  if ((inner.raw("partial_rotary_factor") ?? outer.raw("partial_rotary_factor") ?? 1) !== 1) {
    return {
      type: "unknown",
      written: { ...written, partial_rotary_factor: inner.raw("partial_rotary_factor") },
    };
  }
  const factor = () => inner.number("factor", LIMITS.factor);
  // The one beside rope_scaling counts, as in the reference implementation.
  const originalPositions = () =>
    outer.optionalInteger("original_max_position_embeddings", LIMITS.positions) ??
      inner.integer("original_max_position_embeddings", LIMITS.positions, maxPositions);
  switch (type) {
    case "default":
      return null;
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
      return { type: "unknown", written };
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

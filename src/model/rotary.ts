/** The table of rotary angles, made on the host: GPU sines of large angles are not to be trusted. */
import type { ModelConfig } from "../formats/config.ts";
import type { RopeScaling } from "../formats/rope.ts";

const f32 = Math.fround;

/**
 * (cos, sin) of `position · frequency` for every position and frequency; see {@link rotaryFrequencies}. The angle is
 * rounded to f32, as in the reference implementation: an error of it grows with the position.
 * // [positions, headDim / 2, 2] f32
 */
export function rotaryTable(
  config: Pick<ModelConfig, "ropeTheta" | "ropeScaling" | "headDim">,
  positions: number,
): Float32Array<ArrayBuffer> {
  const frequencies = rotaryFrequencies(config);
  const amplitude = f32(config.ropeScaling?.type === "yarn" ? config.ropeScaling.amplitude : 1);
  const table = new Float32Array(positions * frequencies.length * 2);
  for (const [i, frequency] of frequencies.entries()) {
    for (let position = 0; position < positions; position++) {
      const angle = f32(position * frequency);
      const at = (position * frequencies.length + i) * 2;
      table[at] = f32(Math.cos(angle)) * amplitude;
      table[at + 1] = f32(Math.sin(angle)) * amplitude;
    }
  }
  return table;
}

/**
 * theta^(−2i / headDim) for i < headDim / 2, scaled as the configuration says. Every step is rounded to f32, as in
 * transformers (modeling_rope_utils.py). // [headDim / 2] f32
 */
export function rotaryFrequencies(
  { ropeTheta, ropeScaling, headDim }: Pick<ModelConfig, "ropeTheta" | "ropeScaling" | "headDim">,
): Float32Array {
  const plain = Float32Array.from({ length: headDim / 2 }, (_, i) => {
    return f32(1 / f32(ropeTheta ** f32(2 * i / headDim)));
  });
  switch (ropeScaling?.type) {
    case undefined:
      return plain;
    case "linear":
      return plain.map((frequency) => frequency / f32(ropeScaling.factor));
    case "llama3":
      return plain.map((frequency) => llama3(frequency, ropeScaling));
    case "yarn":
      return yarn(ropeTheta, headDim, ropeScaling);
  }
}

/**
 * Llama 3.1: waves longer than the original positions / low factor are stretched by `factor`, those shorter than the
 * original positions / high factor are kept, and between them the share goes by the number of waves.
 */
function llama3(
  frequency: number,
  { factor, lowFrequencyFactor, highFrequencyFactor, originalPositions }: RopeScaling & { type: "llama3" },
): number {
  const wave = f32(f32(2 * Math.PI) / frequency);
  const stretched = f32(frequency / f32(factor));
  if (wave > f32(originalPositions / lowFrequencyFactor)) return stretched;
  if (wave < f32(originalPositions / highFrequencyFactor)) return frequency;
  const waves = f32(f32(originalPositions) / wave);
  const kept = f32(f32(waves - f32(lowFrequencyFactor)) / f32(highFrequencyFactor - lowFrequencyFactor));
  return f32(f32(f32(f32(1 - kept) * frequency) / f32(factor)) + f32(kept * frequency));
}

/** YaRN (arXiv 2309.00071): as above, the share going by the dimension between two bounds. */
function yarn(
  theta: number,
  headDim: number,
  { factor, originalPositions, betaFast, betaSlow, truncate }: RopeScaling & { type: "yarn" },
): Float32Array {
  /** The dimension whose wave makes so many rotations over the original positions. */
  const dimension = (rotations: number) =>
    headDim * Math.log(originalPositions / (rotations * 2 * Math.PI)) / (2 * Math.log(theta));
  const [fast, slow] = [dimension(betaFast), dimension(betaSlow)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const bound = Math.min(truncate ? Math.ceil(slow) : slow, headDim - 1);
  const high = bound === low ? bound + 0.001 : bound;
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    const power = f32(theta ** f32(2 * i / headDim));
    const ramp = Math.min(1, Math.max(0, f32(f32(i - f32(low)) / f32(high - low))));
    const kept = f32(1 - ramp);
    const stretched = f32(1 / f32(f32(factor) * power));
    return f32(f32(stretched * f32(1 - kept)) + f32(f32(1 / power) * kept));
  });
}

/** The table of rotary angles, made on the host: GPU sines of large angles are not to be trusted. */

/**
 * (cos, sin) of `position · theta^(−2i / headDim)` for every position and i < headDim / 2; frequency and angle
 * are rounded to f32, as in the reference implementation. // [positions, headDim / 2, 2] f32
 */
export function rotaryTable(theta: number, headDim: number, positions: number): Float32Array<ArrayBuffer> {
  const half = headDim / 2;
  const table = new Float32Array(positions * half * 2);
  for (let i = 0; i < half; i++) {
    const frequency = Math.fround(1 / theta ** (2 * i / headDim));
    for (let position = 0; position < positions; position++) {
      const angle = Math.fround(position * frequency);
      const at = (position * half + i) * 2;
      table[at] = Math.cos(angle);
      table[at + 1] = Math.sin(angle);
    }
  }
  return table;
}

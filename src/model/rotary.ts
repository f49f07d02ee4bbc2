/** The table of rotary angles, made on the host: GPU sines of large angles are not to be trusted. */

/**
 * (cos, sin) of `position · theta^(−2i / headDim)` for every position and i < headDim / 2. Every step on the way to the
 * angle is rounded to f32, as in the reference implementation: an error of the frequency grows with the position.
 * // [positions, headDim / 2, 2] f32
 */
export function rotaryTable(theta: number, headDim: number, positions: number): Float32Array<ArrayBuffer> {
  const half = headDim / 2;
  const table = new Float32Array(positions * half * 2);
  for (let i = 0; i < half; i++) {
    const power = Math.fround(theta ** Math.fround(2 * i / headDim));
    const frequency = Math.fround(1 / power);
    for (let position = 0; position < positions; position++) {
      const angle = Math.fround(position * frequency);
      const at = (position * half + i) * 2;
      table[at] = Math.cos(angle);
      table[at + 1] = Math.sin(angle);
    }
  }
  return table;
}

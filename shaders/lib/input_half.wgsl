enable f16;
// Input of a linear layer in f16, normed already where it has to be, in the order of shaders/lib/half_order.wgsl.
// `input: array<vec4<u32>>`, rows of whole blocks.
//! use half_pair

alias Input = vec4<u32>;
const NORMED = false;

/// Half a group of sixteen: of its two quads elements 0 and 2, then 1 and 3.
struct Half8 {
  a: vec2<f16>,
  b: vec2<f16>,
  c: vec2<f16>,
  d: vec2<f16>,
}

fn load_half8(row: u32, group: u32, half: u32) -> Half8 {
  let unit = input[half_row(row, params.groups) + half_unit(group, half)];
  return Half8(pair_of(unit.x), pair_of(unit.y), pair_of(unit.z), pair_of(unit.w));
}

// For cores that compute in f32.
fn load_input4(row: u32, group: u32, quarter: u32) -> vec4<f32> {
  let unit = input[half_row(row, params.groups) + half_unit(group, quarter / 2u)];
  let words = select(unit.xy, unit.zw, quarter % 2u == 1u);
  return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y)).xzyw;
}

fn load_gain4(group: u32, quarter: u32) -> vec4<f32> {
  return vec4<f32>(1.0);
}

fn inverse_rms(squares: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(1.0);
}

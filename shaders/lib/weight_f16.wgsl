// Sixteen f16 weights of a row: pairs in u32, the lower half first. Needs no f16 arithmetic.
alias WeightGroup = array<vec4<u32>, 2>;

fn four_f16(low: u32, high: u32) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(low), unpack2x16float(high));
}

fn load_weights(group: u32) -> mat4x4<f32> {
  let words = weights[group];
  let a = words[0];
  let b = words[1];
  return mat4x4<f32>(four_f16(a.x, a.y), four_f16(a.z, a.w), four_f16(b.x, b.y), four_f16(b.z, b.w));
}

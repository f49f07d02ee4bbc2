// Sixteen bf16 weights of a row: pairs in u32, the lower half first. A bf16 is the upper half of an f32.
alias WeightGroup = array<vec4<u32>, 2>;

fn four_bf16(low: u32, high: u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(vec4<u32>(low << 16u, low & 0xffff0000u, high << 16u, high & 0xffff0000u));
}

fn load_weights(group: u32) -> mat4x4<f32> {
  let words = weights[group];
  let a = words[0];
  let b = words[1];
  return mat4x4<f32>(four_bf16(a.x, a.y), four_bf16(a.z, a.w), four_bf16(b.x, b.y), four_bf16(b.z, b.w));
}

// Sixteen f32 weights of a row, as stored. `weights: array<WeightGroup>`, row-major, rows padded to whole groups.
alias WeightGroup = array<vec4<f32>, 4>;

fn load_weights(group: u32) -> mat4x4<f32> {
  let values = weights[group];
  return mat4x4<f32>(values[0], values[1], values[2], values[3]);
}

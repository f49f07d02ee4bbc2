// Input of a linear layer behind an RMSNorm: `input` is multiplied by `gain` on the way in, the sum of its squares is
// taken along, and 1 / rms multiplies the finished sum, so that normalising needs no pass of its own.
const NORMED = true;

fn load_input(row: u32, group: u32) -> mat4x4<f32> {
  let at = (row * params.groups + group) * 4u;
  return mat4x4<f32>(input[at], input[at + 1u], input[at + 2u], input[at + 3u]);
}

fn load_gain(group: u32) -> mat4x4<f32> {
  let at = group * 4u;
  return mat4x4<f32>(gain[at], gain[at + 1u], gain[at + 2u], gain[at + 3u]);
}

// 1 / sqrt(mean of squares + eps), one component per token.
fn inverse_rms(squares: vec4<f32>) -> vec4<f32> {
  return 1.0 / sqrt(squares / params.inputSize + params.eps);
}

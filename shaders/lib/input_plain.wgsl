// Input of a linear layer as it is. `input: array<Act4>`, rows of `params.groups` groups of sixteen.
alias Input = Act4;
const NORMED = false;

fn load_input4(row: u32, group: u32, quarter: u32) -> vec4<f32> {
  return vec4<f32>(input[(row * params.groups + group) * 4u + quarter]);
}

fn load_gain4(group: u32, quarter: u32) -> vec4<f32> {
  return vec4<f32>(1.0);
}

fn inverse_rms(squares: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(1.0);
}

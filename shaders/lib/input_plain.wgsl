// Input of a linear layer as it is. `input: array<Act4>`, rows of `params.groups` groups of sixteen.
const NORMED = false;

fn load_input(row: u32, group: u32) -> mat4x4<f32> {
  let at = (row * params.groups + group) * 4u;
  return mat4x4<f32>(
    vec4<f32>(input[at]), vec4<f32>(input[at + 1u]), vec4<f32>(input[at + 2u]), vec4<f32>(input[at + 3u]),
  );
}

fn load_gain(group: u32) -> mat4x4<f32> {
  return mat4x4<f32>();
}

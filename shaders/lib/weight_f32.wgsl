// Sixteen f32 weights of a row, as stored. `weights: array<WeightGroup>`, row-major, rows padded to whole groups.
alias WeightGroup = array<vec4<f32>, 4>;

fn quarter_0(w: WeightGroup) -> vec4<f32> { return w[0]; }
fn quarter_1(w: WeightGroup) -> vec4<f32> { return w[1]; }
fn quarter_2(w: WeightGroup) -> vec4<f32> { return w[2]; }
fn quarter_3(w: WeightGroup) -> vec4<f32> { return w[3]; }

// Four weights as they are stored, for whoever loads now and computes later.
alias RawQuarter = vec4<f32>;

fn load_raw4(group: u32, quarter: u32) -> RawQuarter {
  return weights[group][quarter];
}

fn decode4(raw: RawQuarter) -> vec4<f32> {
  return raw;
}

fn load_weights(group: u32) -> mat4x4<f32> {
  let w = weights[group];
  return mat4x4<f32>(quarter_0(w), quarter_1(w), quarter_2(w), quarter_3(w));
}

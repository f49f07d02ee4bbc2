// Sixteen f16 weights of a row: pairs in u32, the lower half first. Needs no f16 arithmetic.
alias WeightGroup = array<vec4<u32>, 2>;

fn four_f16(low: u32, high: u32) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(low), unpack2x16float(high));
}

fn quarter_0(w: WeightGroup) -> vec4<f32> { return four_f16(w[0].x, w[0].y); }
fn quarter_1(w: WeightGroup) -> vec4<f32> { return four_f16(w[0].z, w[0].w); }
fn quarter_2(w: WeightGroup) -> vec4<f32> { return four_f16(w[1].x, w[1].y); }
fn quarter_3(w: WeightGroup) -> vec4<f32> { return four_f16(w[1].z, w[1].w); }

// Four weights as they are stored, for whoever loads now and computes later.
alias RawQuarter = vec2<u32>;

fn load_raw4(group: u32, quarter: u32) -> RawQuarter {
  return vec2<u32>(weights[group][quarter / 2u][quarter % 2u * 2u], weights[group][quarter / 2u][quarter % 2u * 2u + 1u]);
}

fn decode4(raw: RawQuarter) -> vec4<f32> {
  return four_f16(raw.x, raw.y);
}

fn load_weights(group: u32) -> mat4x4<f32> {
  let w = weights[group];
  return mat4x4<f32>(quarter_0(w), quarter_1(w), quarter_2(w), quarter_3(w));
}

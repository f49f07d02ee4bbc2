enable f16;
// Input of a linear layer as f16, in the order of shaders/lib/half_order.wgsl; normed already where it is to be.
const NORMED = false;
alias InputUnit = vec4<u32>;

struct Half8 {
  a: vec2<f16>,
  b: vec2<f16>,
  c: vec2<f16>,
  d: vec2<f16>,
}

fn load_half8(row: u32, group: u32, half: u32) -> Half8 {
  let unit = input[half_unit(row, params.groups, group, half)];
  return Half8(
    vec2<f16>(unpack2x16float(unit.x)), vec2<f16>(unpack2x16float(unit.y)),
    vec2<f16>(unpack2x16float(unit.z)), vec2<f16>(unpack2x16float(unit.w)),
  );
}

// A quad as it is stored, for whoever loads now and computes later: elements (0, 2) and (1, 3).
fn load_raw_half4(row: u32, group: u32, quarter: u32) -> vec2<u32> {
  let unit = half_unit(row, params.groups, group, quarter / 2u);
  return vec2<u32>(input[unit][quarter % 2u * 2u], input[unit][quarter % 2u * 2u + 1u]);
}

// The core of every linear layer: two adjacent weight rows times up to four input rows.
//
// LANES invocations share a pair and take every LANES-th group of sixteen inputs; reduce() adds their sums up. The
// order of additions depends on the input's size and on LANES only, never on how many tokens there are: a token's
// result is the same alone and in any batch. All products go through fma() so that no compiler may choose.
struct PairSums {
  even: vec4<f32>,    // weight row 2·pair, one component per token
  odd: vec4<f32>,     // weight row 2·pair + 1
  squares: vec4<f32>, // Σ input², for a normed input
}

fn accumulate(a: mat4x4<f32>, b: mat4x4<f32>, sum: vec4<f32>) -> vec4<f32> {
  return fma(a[3], b[3], fma(a[2], b[2], fma(a[1], b[1], fma(a[0], b[0], sum))));
}

fn across(v: vec4<f32>) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// `rows`: the input rows of the tokens; only the first is looked at when TOKENS is 1. Both weight rows must exist.
fn dot_pair(pair: u32, rows: vec4<u32>, lane: u32) -> PairSums {
  let groups = params.groups;
  let first = pair * 2u * groups;
  var e0 = vec4<f32>(); var e1 = vec4<f32>(); var e2 = vec4<f32>(); var e3 = vec4<f32>();
  var o0 = vec4<f32>(); var o1 = vec4<f32>(); var o2 = vec4<f32>(); var o3 = vec4<f32>();
  var s0 = vec4<f32>(); var s1 = vec4<f32>(); var s2 = vec4<f32>(); var s3 = vec4<f32>();
  for (var group = lane; group < groups; group += LANES) {
    let even = load_weights(first + group);
    let odd = load_weights(first + groups + group);
    let raw0 = load_input(rows.x, group);
    let x0 = apply_gain(raw0, group);
    e0 = accumulate(even, x0, e0);
    o0 = accumulate(odd, x0, o0);
    if (NORMED) { s0 = accumulate(raw0, raw0, s0); }
    if (TOKENS > 1u) {
      let raw1 = load_input(rows.y, group);
      let x1 = apply_gain(raw1, group);
      e1 = accumulate(even, x1, e1);
      o1 = accumulate(odd, x1, o1);
      if (NORMED) { s1 = accumulate(raw1, raw1, s1); }
      let raw2 = load_input(rows.z, group);
      let x2 = apply_gain(raw2, group);
      e2 = accumulate(even, x2, e2);
      o2 = accumulate(odd, x2, o2);
      if (NORMED) { s2 = accumulate(raw2, raw2, s2); }
      let raw3 = load_input(rows.w, group);
      let x3 = apply_gain(raw3, group);
      e3 = accumulate(even, x3, e3);
      o3 = accumulate(odd, x3, o3);
      if (NORMED) { s3 = accumulate(raw3, raw3, s3); }
    }
  }
  return PairSums(
    vec4<f32>(across(e0), across(e1), across(e2), across(e3)),
    vec4<f32>(across(o0), across(o1), across(o2), across(o3)),
    vec4<f32>(across(s0), across(s1), across(s2), across(s3)),
  );
}

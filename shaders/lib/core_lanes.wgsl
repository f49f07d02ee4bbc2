// The core of a linear layer on any device: LANES invocations share PAIRS pairs of adjacent weight rows times TOKENS input
// rows (PAIRS and TOKENS 1 or 4) and take every LANES-th group of sixteen inputs; reduce() adds their sums up.
//
// The order of additions depends on the input's size and on LANES only, never on how many tokens there are: a token's
// result is the same alone and in any batch. All products go through fma() so that no compiler may choose. The kernel
// gives `input_row`, `look_ahead`, `finish` and `is_over`.
struct PairSums {
  even: mat4x4<f32>, // weight row 2·pair: one column per pair, one component per token
  odd: mat4x4<f32>, // weight row 2·pair + 1
  squares: vec4<f32>, // Σ input² per token, for a normed input
}

fn linear(group: vec2<u32>, local: u32) {
  if (is_over()) { return; }
  let lane = local % LANES;
  let first_pair = (group.x * (WORKGROUP / LANES) + local / LANES) * PAIRS;
  let first = group.y * TOKENS;
  let within = min(vec4<u32>(first, first + 1u, first + 2u, first + 3u), vec4<u32>(params.rows - 1u));
  let rows = vec4<u32>(input_row(within.x), input_row(within.y), input_row(within.z), input_row(within.w));
  let sums = reduce(dot_pairs(first_pair, rows, lane), local, lane);
  if (lane != 0u) { return; }
  let inverse = inverse_rms(sums.squares);
  for (var p = 0u; p < PAIRS && first_pair + p < params.pairs; p++) {
    let even = sums.even[p] * inverse;
    let odd = sums.odd[p] * inverse;
    let terms = channels[first_pair + p];
    for (var t = 0u; t < TOKENS && first + t < params.rows; t++) {
      finish(first_pair + p, first + t, even[t], odd[t], terms, look_ahead(first_pair + p, first + t));
    }
  }
}

// Adds the sums of LANES neighbouring invocations (a power of two) as a tree; lane 0 holds the result. Alone, an invocation
// holds the whole sums of its pairs. PAIRS is 1 where lanes share.
//! if LANES < 2
fn reduce(sums: PairSums, local: u32, lane: u32) -> PairSums {
  return sums;
}
//! end
//! if LANES > 1
struct PartialSums {
  even: vec4<f32>,
  odd: vec4<f32>,
  squares: vec4<f32>,
}

var<workgroup> partial: array<PartialSums, WORKGROUP>;

fn reduce(sums: PairSums, local: u32, lane: u32) -> PairSums {
  partial[local] = PartialSums(sums.even[0], sums.odd[0], sums.squares);
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      let a = partial[local];
      let b = partial[local + step];
      partial[local] = PartialSums(a.even + b.even, a.odd + b.odd, a.squares + b.squares);
    }
  }
  let none = vec4<f32>();
  let total = partial[local];
  return PairSums(
    mat4x4<f32>(total.even, none, none, none), mat4x4<f32>(total.odd, none, none, none), total.squares,
  );
}
//! end

fn load_input(row: u32, group: u32) -> mat4x4<f32> {
  return mat4x4<f32>(
    load_input4(row, group, 0u), load_input4(row, group, 1u), load_input4(row, group, 2u), load_input4(row, group, 3u),
  );
}

fn load_gain(group: u32) -> mat4x4<f32> {
  return mat4x4<f32>(load_gain4(group, 0u), load_gain4(group, 1u), load_gain4(group, 2u), load_gain4(group, 3u));
}

fn dot_group(a: mat4x4<f32>, b: mat4x4<f32>) -> f32 {
  let sum = fma(a[3], b[3], fma(a[2], b[2], fma(a[1], b[1], a[0] * b[0])));
  return (sum.x + sum.y) + (sum.z + sum.w);
}

// One group of a weight row times the same group of each token.
fn dot_tokens(at: u32, x0: mat4x4<f32>, x1: mat4x4<f32>, x2: mat4x4<f32>, x3: mat4x4<f32>) -> vec4<f32> {
  let w = load_weights(at);
  if (TOKENS == 1u) { return vec4<f32>(dot_group(w, x0), 0.0, 0.0, 0.0); }
  return vec4<f32>(dot_group(w, x0), dot_group(w, x1), dot_group(w, x2), dot_group(w, x3));
}

// Sums for `pair` and the PAIRS − 1 after it, as far as the slice has them, over the input rows `rows` (the first one
// only when TOKENS is 1).
fn dot_pairs(pair: u32, rows: vec4<u32>, lane: u32) -> PairSums {
  let groups = params.groups;
  let first = min(vec4<u32>(pair, pair + 1u, pair + 2u, pair + 3u), vec4<u32>(params.pairs - 1u)) * 2u * groups;
  var even = mat4x4<f32>();
  var odd = mat4x4<f32>();
  var squares = vec4<f32>();
  for (var group = lane; group < groups; group += LANES) {
    var x0 = load_input(rows.x, group);
    var x1 = mat4x4<f32>();
    var x2 = mat4x4<f32>();
    var x3 = mat4x4<f32>();
    if (TOKENS > 1u) {
      x1 = load_input(rows.y, group);
      x2 = load_input(rows.z, group);
      x3 = load_input(rows.w, group);
    }
    if (NORMED) {
      let gains = load_gain(group);
      squares.x += dot_group(x0, x0);
      x0 = multiply(x0, gains);
      if (TOKENS > 1u) {
        squares.y += dot_group(x1, x1);
        squares.z += dot_group(x2, x2);
        squares.w += dot_group(x3, x3);
        x1 = multiply(x1, gains);
        x2 = multiply(x2, gains);
        x3 = multiply(x3, gains);
      }
    }
    even[0] += dot_tokens(first.x + group, x0, x1, x2, x3);
    odd[0] += dot_tokens(first.x + groups + group, x0, x1, x2, x3);
    if (PAIRS > 1u) {
      even[1] += dot_tokens(first.y + group, x0, x1, x2, x3);
      odd[1] += dot_tokens(first.y + groups + group, x0, x1, x2, x3);
      even[2] += dot_tokens(first.z + group, x0, x1, x2, x3);
      odd[2] += dot_tokens(first.z + groups + group, x0, x1, x2, x3);
      even[3] += dot_tokens(first.w + group, x0, x1, x2, x3);
      odd[3] += dot_tokens(first.w + groups + group, x0, x1, x2, x3);
    }
  }
  return PairSums(even, odd, squares);
}

fn multiply(a: mat4x4<f32>, b: mat4x4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]);
}

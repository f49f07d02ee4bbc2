// The core of a linear layer for few tokens, bound by memory: SPLIT subgroups share PAIRS pairs of adjacent weight rows
// times TOKENS input rows. Lanes take neighbouring groups of sixteen weights, one load of 16 bytes each in FP8, UNROLL
// groups in flight; every sum is one chain of fma() a lane, then a tree over the subgroup, then the subgroups in order.
// A sum's order depends on the input's size, the subgroup and SPLIT only: a token's result is the same alone and in any batch.
//
// Where SLICE_PAIRS says beforehand how many pairs there are, and GROUPS of how many groups, the first weights are asked for
// before anything has to be looked up (see core_row_f16), those of the next turn at the end of one, and what finish() needs
// before the sums are there.
//
// Wants LANES to be SPLIT subgroups whose invocations follow each other, LANES · UNROLL to divide params.groups unless
// UNROLL is 1, and PAIRS · TOKENS to be at most a subgroup. The kernel gives `input_row`, `look_ahead`, `finish` and `is_over`.
//! use subgroup_sum

fn dot_into(sum: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

//! if SPLIT > 1
struct Partial {
  //! for t in TOKENS
  squares_$t: f32,
  //! for p in PAIRS
  even_$p_$t: f32,
  odd_$p_$t: f32,
  //! end
  //! end
}

var<workgroup> partials: array<Partial, 32>; // of each subgroup

//! end
fn linear(group: vec2<u32>, local: u32) {
  if (SLICE_PAIRS == 0u && is_over()) { return; }
  let groups = select(params.groups, GROUPS, SLICE_PAIRS > 0u);
  let pairs = select(params.pairs, SLICE_PAIRS, SLICE_PAIRS > 0u);
  let lane = local % LANES;
  let first_pair = (group.x * (WORKGROUP / LANES) + local / LANES) * PAIRS;
  //! for p in PAIRS
  let at_$p = min(first_pair + $pu, pairs - 1u) * 2u * groups;
  //! if SLICE_PAIRS > 0
  //! for u in UNROLL
  var even_weights_$u_$p = weights[at_$p + min(lane + $uu * LANES, groups - 1u)];
  var odd_weights_$u_$p = weights[at_$p + groups + min(lane + $uu * LANES, groups - 1u)];
  //! end
  //! end
  //! end
  if (SLICE_PAIRS > 0u && is_over()) { return; }
  let first = group.y * TOKENS;
  let last = params.rows - 1u;
  // Every lane will hold every sum and finish one of them; its scales are on their way meanwhile.
  let pair = first_pair + min(lane / TOKENS, PAIRS - 1u);
  let row = first + lane % TOKENS;
  let terms = channels[min(pair, pairs - 1u)];
  //! if SLICE_PAIRS > 0
  let ahead = look_ahead(min(pair, pairs - 1u), min(row, last));
  //! end
  //! for t in TOKENS
  let row_$t = input_row(min(first + $tu, last));
  var squares_$t = 0.0;
  //! end
  //! for p in PAIRS
  //! for t in TOKENS
  var even_$p_$t = 0.0;
  var odd_$p_$t = 0.0;
  //! end
  //! end
  for (var base = lane; base < groups; base += LANES * UNROLL) {
    //! for u in UNROLL
    let group_$u = base + $uu * LANES;
    //! if SLICE_PAIRS < 1
    //! for p in PAIRS
    let even_weights_$u_$p = weights[at_$p + group_$u];
    let odd_weights_$u_$p = weights[at_$p + groups + group_$u];
    //! end
    //! end
    //! end
    //! for u in UNROLL
    //! for q in 4
    {
      //! for t in TOKENS
      var x_$t = load_input4(row_$t, group_$u, $qu);
      //! end
      if (NORMED) {
        let gains = load_gain4(group_$u, $qu);
        //! for t in TOKENS
        squares_$t = dot_into(squares_$t, x_$t, x_$t);
        x_$t *= gains;
        //! end
      }
      //! for p in PAIRS
      let even_$p = quarter_$q(even_weights_$u_$p);
      let odd_$p = quarter_$q(odd_weights_$u_$p);
      //! for t in TOKENS
      even_$p_$t = dot_into(even_$p_$t, even_$p, x_$t);
      odd_$p_$t = dot_into(odd_$p_$t, odd_$p, x_$t);
      //! end
      //! end
    }
    //! end
    //! end
    //! if SLICE_PAIRS > 0
    //! for u in UNROLL
    //! for p in PAIRS
    even_weights_$u_$p = weights[at_$p + min(group_$u + LANES * UNROLL, groups - 1u)];
    odd_weights_$u_$p = weights[at_$p + groups + min(group_$u + LANES * UNROLL, groups - 1u)];
    //! end
    //! end
    //! end
  }
  //! for t in TOKENS
  if (NORMED) { squares_$t = across(squares_$t); }
  //! for p in PAIRS
  even_$p_$t = across(even_$p_$t);
  odd_$p_$t = across(odd_$p_$t);
  //! end
  //! end
  //! if SPLIT > 1
  let own = local / SUBGROUP;
  if (local % SUBGROUP == 0u) {
    //! for t in TOKENS
    partials[own].squares_$t = squares_$t;
    //! for p in PAIRS
    partials[own].even_$p_$t = even_$p_$t;
    partials[own].odd_$p_$t = odd_$p_$t;
    //! end
    //! end
  }
  workgroupBarrier();
  if (lane >= SUBGROUP) { return; }
  for (var other = own + 1u; other < own + SPLIT; other++) {
    //! for t in TOKENS
    squares_$t += partials[other].squares_$t;
    //! for p in PAIRS
    even_$p_$t += partials[other].even_$p_$t;
    odd_$p_$t += partials[other].odd_$p_$t;
    //! end
    //! end
  }
  //! end
  var even = even_0_0;
  var odd = odd_0_0;
  var squares = squares_0;
  //! for t in TOKENS
  //! for p in PAIRS
  if (lane == $pu * TOKENS + $tu) {
    even = even_$p_$t;
    odd = odd_$p_$t;
    squares = squares_$t;
  }
  //! end
  //! end
  if (lane < PAIRS * TOKENS && pair < pairs && row < params.rows) {
    let inverse = inverse_rms(vec4<f32>(squares)).x;
    //! if SLICE_PAIRS < 1
    let ahead = look_ahead(pair, row);
    //! end
    finish(pair, row, even * inverse, odd * inverse, terms, ahead);
  }
}

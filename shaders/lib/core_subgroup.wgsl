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

/// Neighbours that end up with the same sums; those behind them have the next pair of rows, behind the last one the next token.
const SHARERS = $LANESu / $SPLITu / ($TOKENSu * $PAIRSu);

//! if SPLIT > 1
// Of each subgroup.
var<workgroup> partials: array<array<vec2<f32>, $TOKENSu * $PAIRSu>, 32>;
var<workgroup> partial_squares: array<array<f32, $TOKENSu>, 32>;

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
  // What this lane will have the sums of; the scales are on their way meanwhile.
  let index = local % SUBGROUP / SHARERS;
  let pair = first_pair + index % PAIRS;
  let row = first + index / PAIRS;
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
  //! for n halving TOKENS
  //! for t in $n
  if (NORMED) { squares_$t = fold(squares_$t, squares_$(t+$n), lane, SUBGROUP / TOKENS * $nu); }
  //! for p in PAIRS
  even_$p_$t = fold(even_$p_$t, even_$p_$(t+$n), lane, SUBGROUP / TOKENS * $nu);
  odd_$p_$t = fold(odd_$p_$t, odd_$p_$(t+$n), lane, SUBGROUP / TOKENS * $nu);
  //! end
  //! end
  //! end
  //! for n halving PAIRS
  //! for p in $n
  even_$p_0 = fold(even_$p_0, even_$(p+$n)_0, lane, SHARERS * $nu);
  odd_$p_0 = fold(odd_$p_0, odd_$(p+$n)_0, lane, SHARERS * $nu);
  //! end
  //! end
  var even = across(even_0_0, SHARERS);
  var odd = across(odd_0_0, SHARERS);
  var squares = 0.0;
  if (NORMED) { squares = across(squares_0, SUBGROUP / TOKENS); }
  //! if SPLIT > 1
  let own = local / SUBGROUP;
  if (local % SHARERS == 0u) { partials[own][index] = vec2<f32>(even, odd); }
  if (local % (SHARERS * PAIRS) == 0u) { partial_squares[own][index / PAIRS] = squares; }
  workgroupBarrier();
  if (lane >= SUBGROUP) { return; }
  for (var other = own + 1u; other < own + SPLIT; other++) {
    even += partials[other][index].x;
    odd += partials[other][index].y;
    squares += partial_squares[other][index / PAIRS];
  }
  //! end
  if (local % SHARERS == 0u && pair < pairs && row < params.rows) {
    let inverse = inverse_rms(vec4<f32>(squares)).x;
    //! if SLICE_PAIRS < 1
    let ahead = look_ahead(pair, row);
    //! end
    finish(pair, row, even * inverse, odd * inverse, terms, ahead);
  }
}

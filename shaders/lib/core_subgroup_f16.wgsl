// The core of a linear layer for few tokens where weights are E4M3 and inputs f16: SPLIT subgroups share PAIRS pairs of
// adjacent weight rows times TOKENS input rows, as in core_subgroup, but products go through fma() on pairs of f16, twice as
// many a clock. A lane takes its groups of sixteen two at a time, in two chains of sixteen fma(), of which the second group is
// the one LANES further on; a chain ends after the first where there is no second. Each chain's two sums are added into
// f32 sums, then those of the subgroup by a tree, then those of the subgroups in order.
//
// A weight reaches the chain as at most 1.75 (see weight_fp8.wgsl), so that sixteen of them leave room for inputs of 2,340 in
// every place. A chain rounds what it has come to sixteen times: √8.5 times the error of rounding sixteen inputs to f16, and
// a fortieth of that of rounding weights to E4M3.
// A sum's order depends on the input's size, the subgroup and SPLIT only: a token's result is the same alone and in any batch.
//
// With an UNROLL of 2 the registers of a group's weights are filled for the next turn as soon as it is computed, so that
// something is on its way throughout.
//
// Wants LANES to be SPLIT subgroups whose invocations follow each other, PAIRS · TOKENS to be at most a subgroup, the
// libraries weight_fp8 and input_half, and of the kernel `input_row`, `look_ahead`, `finish` and `is_over`.
//! use subgroup_sum

/// Neighbours that end up with the same sums; those behind them have the next pair of rows, behind the last one the next token.
const SHARERS = $LANESu / $SPLITu / ($TOKENSu * $PAIRSu);

//! if SPLIT > 1
var<workgroup> partials: array<array<vec2<f32>, $TOKENSu * $PAIRSu>, 32>; // of each subgroup

//! end
fn linear(group: vec2<u32>, local: u32) {
  if (is_over()) { return; }
  let groups = params.groups;
  let lane = local % LANES;
  let first_pair = (group.x * (WORKGROUP / LANES) + local / LANES) * PAIRS;
  let first = group.y * TOKENS;
  let last = params.rows - 1u;
  // What this lane will have the sums of; the scales are on their way meanwhile.
  let index = local % SUBGROUP / SHARERS;
  let pair = first_pair + index % PAIRS;
  let row = first + index / PAIRS;
  let terms = channels[min(pair, params.pairs - 1u)];
  //! for t in TOKENS
  let row_$t = input_row(min(first + $tu, last));
  //! end
  //! for p in PAIRS
  let at_$p = min(first_pair + $pu, params.pairs - 1u) * 2u * groups;
  //! for t in TOKENS
  var even_$p_$t = 0.0;
  var odd_$p_$t = 0.0;
  //! end
  //! end
  //! if UNROLL > 1
  //! for u in 2
  //! for p in PAIRS
  var even_weights_$u_$p = weights_at(at_$p, lane + $uu * LANES, groups);
  var odd_weights_$u_$p = weights_at(at_$p + groups, lane + $uu * LANES, groups);
  //! end
  //! end
  //! end
  for (var group_0 = lane; group_0 < groups; group_0 += LANES * 2u) {
    // Without a second group the first is loaded again and multiplied by nothing.
    let is_two = group_0 + LANES < groups;
    let group_1 = select(group_0, group_0 + LANES, is_two);
    //! if UNROLL < 2
    //! for p in PAIRS
    let even_weights_0_$p = weights[at_$p + group_0];
    let odd_weights_0_$p = weights[at_$p + groups + group_0];
    //! end
    //! for p in PAIRS
    let even_weights_1_$p = select(vec4<u32>(0u), weights[at_$p + group_1], is_two);
    let odd_weights_1_$p = select(vec4<u32>(0u), weights[at_$p + groups + group_1], is_two);
    //! end
    //! end
    //! for p in PAIRS
    //! for t in TOKENS
    var even_chain_$p_$t = vec2<f16>(0.0h);
    var odd_chain_$p_$t = vec2<f16>(0.0h);
    //! end
    //! end
    //! for u in 2
    //! for h in 2
    {
      //! for t in TOKENS
      let x_$t = load_half8(row_$t, group_$u, $hu);
      //! end
      //! for p in PAIRS
      {
        let even_low = even_weights_$u_$p[2u * $hu];
        let even_high = even_weights_$u_$p[2u * $hu + 1u];
        let odd_low = odd_weights_$u_$p[2u * $hu];
        let odd_high = odd_weights_$u_$p[2u * $hu + 1u];
        let even = Half8(
          pair_of(even_bits(even_low)), pair_of(odd_bits(even_low)),
          pair_of(even_bits(even_high)), pair_of(odd_bits(even_high)),
        );
        let odd = Half8(
          pair_of(even_bits(odd_low)), pair_of(odd_bits(odd_low)),
          pair_of(even_bits(odd_high)), pair_of(odd_bits(odd_high)),
        );
        //! for t in TOKENS
        even_chain_$p_$t = chain_on(even_chain_$p_$t, even, x_$t);
        odd_chain_$p_$t = chain_on(odd_chain_$p_$t, odd, x_$t);
        //! end
      }
      //! end
    }
    //! end
    //! if UNROLL > 1
    //! for p in PAIRS
    even_weights_$u_$p = weights_at(at_$p, group_0 + (2u + $uu) * LANES, groups);
    odd_weights_$u_$p = weights_at(at_$p + groups, group_0 + (2u + $uu) * LANES, groups);
    //! end
    //! end
    //! end
    //! for p in PAIRS
    //! for t in TOKENS
    even_$p_$t += f32(even_chain_$p_$t.x) + f32(even_chain_$p_$t.y);
    odd_$p_$t += f32(odd_chain_$p_$t.x) + f32(odd_chain_$p_$t.y);
    //! end
    //! end
  }
  //! for n halving TOKENS
  //! for t in $n
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
  //! if SPLIT > 1
  let own = local / SUBGROUP;
  if (local % SHARERS == 0u) { partials[own][index] = vec2<f32>(even, odd); }
  workgroupBarrier();
  if (lane >= SUBGROUP) { return; }
  for (var other = own + 1u; other < own + SPLIT; other++) {
    even += partials[other][index].x;
    odd += partials[other][index].y;
  }
  //! end
  if (local % SHARERS == 0u && pair < params.pairs && row < params.rows) {
    finish(pair, row, even, odd, terms, look_ahead(pair, row));
  }
}

fn chain_on(sum: vec2<f16>, w: Half8, x: Half8) -> vec2<f16> {
  return fma(w.d, x.d, fma(w.c, x.c, fma(w.b, x.b, fma(w.a, x.a, sum))));
}

// Zero where a row has no more groups.
fn weights_at(row: u32, group: u32, groups: u32) -> vec4<u32> {
  return select(vec4<u32>(0u), weights[row + min(group, groups - 1u)], group < groups);
}

enable f16;
// The core of a linear layer for one input row where weights are E4M3 and the input f16, bound by memory: a subgroup has a
// pair of adjacent weight rows at a time and goes on to the next by WORKGROUPS; the input, normed by each workgroup for
// itself where it has to be, lies in workgroup memory. Weights come in registers: UNROLL chains of a lane's two groups of
// sixteen are on their way while others are computed, from before the input is there to the last pair. Where SLICE_PAIRS
// says beforehand how many pairs there are, the first ones are asked for before anything has to be looked up: parameters and
// whether the step is wanted at all lie in memory as well, for a layer's weights have driven them out of every cache. What
// finish() needs is then looked up before the sums are there, too.
//
// A lane takes its groups two at a time, in a chain of sixteen fma() on pairs of f16, whose two sums are added into an f32
// sum, in order; then a tree over the subgroup: bit for bit as in core_subgroup_f16 with a SPLIT of 1.
//
// Wants LANES to be a subgroup whose invocations follow each other, WORKGROUP a multiple of 32, GROUPS to be params.groups,
// and the libraries weight_fp8 and row_normed or row_plain. The kernel gives `input_row`,
// `look_ahead`, `finish` and `is_over`.
//! use subgroup_sum
//! use half_pair

const STEP_GROUPS = 2u * $LANESu * $UNROLLu; // of a subgroup's turn
const TURNS = ($GROUPSu + STEP_GROUPS - 1u) / STEP_GROUPS;
/// Pairs that all workgroups take together.
const PAIRS_AT_ONCE = min($WORKGROUPSu, 65535u) * ($WORKGROUPu / $LANESu);
const STAGED_UNITS = (TURNS * STEP_GROUPS + 31u) / 32u * 64u;

// In half order; zero where a row has no more groups, whatever its padding holds.
var<workgroup> staged: array<vec4<u32>, STAGED_UNITS>;

fn row_groups() -> u32 {
  return $GROUPSu;
}

fn slice_pairs() -> u32 {
  return select(params.pairs, SLICE_PAIRS, SLICE_PAIRS > 0u);
}

fn keep_unit(row: u32, unit: u32, value: vec4<u32>) {
  let group = unit / 64u * 32u + unit % 32u;
  staged[unit] = select(vec4<u32>(0u), value, group < $GROUPSu);
}

// Four weights times the four inputs of two words.
fn chain_quad(sum: vec2<f16>, w: u32, x: u32, y: u32) -> vec2<f16> {
  return fma(pair_of(odd_bits(w)), pair_of(y), fma(pair_of(even_bits(w)), pair_of(x), sum));
}

fn chain_group(sum: vec2<f16>, w: vec4<u32>, x: vec4<u32>, y: vec4<u32>) -> vec2<f16> {
  let half = chain_quad(chain_quad(sum, w.x, x.x, x.y), w.y, x.z, x.w);
  return chain_quad(chain_quad(half, w.z, y.x, y.y), w.w, y.z, y.w);
}

fn chain_end(chain: vec2<f16>) -> f32 {
  return f32(chain.x) + f32(chain.y);
}

fn linear(group: vec2<u32>, local: u32) {
  let lane = local % LANES;
  let own = local / LANES;
  let teams = WORKGROUP / LANES;
  if (SLICE_PAIRS == 0u && is_over()) { return; }
  let pairs = slice_pairs();
  let last = pairs - 1u;
  let begin = min(group.x * teams + own, last) * 2u * $GROUPSu;
  //! for c in UNROLL
  let first_$c = min($cu * 2u * LANES + lane, $GROUPSu - 1u);
  let second_$c = min($cu * 2u * LANES + LANES + lane, $GROUPSu - 1u);
  var even_a_$c = weights[begin + first_$c];
  var odd_a_$c = weights[begin + $GROUPSu + first_$c];
  var even_b_$c = weights[begin + second_$c];
  var odd_b_$c = weights[begin + $GROUPSu + second_$c];
  //! end
  if (SLICE_PAIRS > 0u && is_over()) { return; }
  stage_row(input_row(group.y), local);
  workgroupBarrier();
  for (var first = group.x * teams; first < pairs; first += PAIRS_AT_ONCE) {
    let pair = first + own;
    let is_last = first + PAIRS_AT_ONCE >= pairs;
    let here = min(pair, last) * 2u * $GROUPSu;
    let next = min(pair + PAIRS_AT_ONCE, last) * 2u * $GROUPSu;
    let terms = channels[min(pair, last)];
    //! if SLICE_PAIRS > 0
    let ahead = look_ahead(min(pair, last), group.y);
    //! end
    var even = 0.0;
    var odd = 0.0;
    for (var turn = 0u; turn < TURNS; turn++) {
      let ends = turn + 1u == TURNS;
      let refills = !(ends && is_last);
      let source = select(here, next, ends);
      let from_group = select((turn + 1u) * STEP_GROUPS, 0u, ends) + lane;
      //! for c in UNROLL
      {
        let group_a = turn * STEP_GROUPS + $cu * 2u * LANES + lane;
        let unit_a = half_unit(group_a, 0u);
        let unit_b = half_unit(group_a + LANES, 0u);
        let x_a = staged[unit_a];
        let y_a = staged[unit_a + 32u];
        let x_b = staged[unit_b];
        let y_b = staged[unit_b + 32u];
        let zero = vec2<f16>(0.0h);
        even += chain_end(chain_group(chain_group(zero, even_a_$c, x_a, y_a), even_b_$c, x_b, y_b));
        odd += chain_end(chain_group(chain_group(zero, odd_a_$c, x_a, y_a), odd_b_$c, x_b, y_b));
        if (refills) {
          let at_a = source + min(from_group + $cu * 2u * LANES, $GROUPSu - 1u);
          let at_b = source + min(from_group + $cu * 2u * LANES + LANES, $GROUPSu - 1u);
          even_a_$c = weights[at_a];
          odd_a_$c = weights[at_a + $GROUPSu];
          even_b_$c = weights[at_b];
          odd_b_$c = weights[at_b + $GROUPSu];
        }
      }
      //! end
    }
    even = across(even, LANES);
    odd = across(odd, LANES);
    if (lane == 0u && pair < pairs) {
      //! if SLICE_PAIRS < 1
      let ahead = look_ahead(pair, group.y);
      //! end
      finish(pair, group.y, even, odd, terms, ahead);
    }
  }
}

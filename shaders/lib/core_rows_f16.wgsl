// The core of a linear layer for two to eight tokens where weights are E4M3 and inputs f16. A subgroup has PAIRS pairs of
// adjacent weight rows times all of TOKENS input rows; a workgroup's subgroups share the input, which comes by way of
// workgroup memory, a chunk at a time: two groups of sixteen for every lane. Without it every four weight rows would load
// all of the input, four times the bytes of their own at eight tokens.
//
// Sums are those of core_subgroup_f16 where SPLIT is 1, to the bit: a chunk is one chain of sixteen fma() on pairs of f16
// a lane, each chain's two sums are added into f32 sums, and those of the lanes by a tree. What is beyond the input's end
// is multiplied by nothing. Neither PAIRS, TOKENS, BATCH nor the workgroup's size changes a bit.
//
// Weights go straight into registers. As soon as a chunk's words are used up the next chunk's are loaded into the same
// registers, so that 4 · PAIRS loads of 16 bytes are in flight a lane; the next chunk of the input is on its way meanwhile,
// into the other half of workgroup memory. One barrier a chunk.
//
// Registers of a lane are 4 · PAIRS · (4 + TOKENS / 2) for words and sums, 2 · PAIRS · BATCH for chains and some fifty
// more. BATCH tokens have their chains made at a time, weights being decoded anew for each batch: fewer registers for
// 1.25 operations a weight and batch.
//
// Reading and writing, a subgroup touches one unit of 16 bytes after the other.
//
// Wants LANES to be a subgroup whose invocations follow each other, PAIRS · TOKENS to be at most that, BATCH to divide
// TOKENS, powers of two all of them, the libraries weight_fp8 and input_half, and of the kernel `input_row` and `finish`.
const SUBGROUPS = $WORKGROUPu / $LANESu;
const PLACES = 4u * $TOKENSu; // units of a lane in a chunk
const OUTPUTS = $PAIRSu * $TOKENSu; // of a subgroup, an even and an odd one each
const SHARERS = $LANESu / OUTPUTS; // lanes that come to one output's sum

const_assert SUBGROUPS * $LANESu == $WORKGROUPu && PLACES % SUBGROUPS == 0u;
const_assert SHARERS * OUTPUTS == $LANESu && $TOKENSu % $BATCHu == 0u && OUTPUTS <= 32u;

// [buffer][token, first or second group, first or second half][lane]
var<workgroup> chunks: array<array<array<vec4<u32>, $LANES>, PLACES>, 2>;

// Where a lane's unit of the chunk that begins at group `base` lies; the last one's of the row beyond its end.
fn unit_at(first: u32, base: u32, place: u32, lane: u32) -> u32 {
  let row = input_row(min(first + place / 4u, params.rows - 1u));
  let group = min(group_of(base, place, lane), params.groups - 1u);
  return half_row(row, params.groups) + half_unit(group, place % 2u);
}

fn group_of(base: u32, place: u32, lane: u32) -> u32 {
  return base + place / 2u % 2u * $LANESu + lane;
}

fn chain_on(sum: vec2<f16>, w: Half8, x: Half8) -> vec2<f16> {
  return fma(w.d, x.d, fma(w.c, x.c, fma(w.b, x.b, fma(w.a, x.a, sum))));
}

fn half8_of(unit: vec4<u32>) -> Half8 {
  return Half8(pair_of(unit.x), pair_of(unit.y), pair_of(unit.z), pair_of(unit.w));
}

fn decode8(low: u32, high: u32) -> Half8 {
  return Half8(pair_of(even_bits(low)), pair_of(odd_bits(low)), pair_of(even_bits(high)), pair_of(odd_bits(high)));
}

// One step of the tree for two sums at the price of one: each of two lanes goes on with one of them.
fn shared_out(a: vec2<f32>, b: vec2<f32>, distance: u32, lane: u32) -> vec2<f32> {
  let is_second = (lane & distance) != 0u;
  return select(a, b, is_second) + subgroupShuffleXor(select(b, a, is_second), distance);
}

fn linear(group: vec2<u32>, local: u32) {
  let groups = params.groups;
  let lane = local % $LANESu;
  let own = local / $LANESu;
  let first_pair = (group.x * SUBGROUPS + own) * $PAIRSu;
  let first = group.y * $TOKENSu;
  //! for p in PAIRS
  let at_$p = min(first_pair + $pu, params.pairs - 1u) * 2u * groups;
  //! end
  //! for u in 2
  //! for p in PAIRS
  var even_words_$u_$p = weights[at_$p + min($uu * $LANESu + lane, groups - 1u)];
  var odd_words_$u_$p = weights[at_$p + groups + min($uu * $LANESu + lane, groups - 1u)];
  //! end
  //! end
  // Of the output that this lane will come to.
  let pair = first_pair + lane / SHARERS / $TOKENSu;
  let row = first + lane / SHARERS % $TOKENSu;
  let terms = channels[min(pair, params.pairs - 1u)];
  //! for n in 4*TOKENS*LANES/WORKGROUP
  let place_$n = own + $nu * SUBGROUPS;
  var unit_$n = input[unit_at(first, 0u, place_$n, lane)];
  //! end
  //! for n in 4*TOKENS*LANES/WORKGROUP
  chunks[0][place_$n][lane] = select(vec4<u32>(0u), unit_$n, group_of(0u, place_$n, lane) < groups);
  //! end
  //! for i in PAIRS*TOKENS
  var sum_$i = vec2<f32>(0.0);
  //! end
  workgroupBarrier();
  var buffer = 0u;
  for (var base = 0u; base < groups; base += 2u * $LANESu) {
    let next = base + 2u * $LANESu;
    let is_more = next < groups; // for all of the workgroup
    //! for b in TOKENS/BATCH
    {
      // Zero, which no compiler knows: it would keep the first batch's decoded weights, and there are no registers for them.
      let again = (groups >> 31u) * $bu;
      //! for p in PAIRS
      //! for t in BATCH
      var even_chain_$p_$t = vec2<f16>(0.0h);
      var odd_chain_$p_$t = vec2<f16>(0.0h);
      //! end
      //! end
      //! for u in 2
      // Half of the next input is under way with each half of a chunk, all of it with the first batch.
      //! for n in 4*TOKENS*LANES/WORKGROUP
      if (is_more && $bu == 0u && $nu % 2u == $uu) { unit_$n = input[unit_at(first, next, place_$n, lane)]; }
      //! end
      //! for h in 2
      {
        //! for p in PAIRS
        let even_$p = decode8(even_words_$u_$p[2u * $hu] ^ again, even_words_$u_$p[2u * $hu + 1u] ^ again);
        let odd_$p = decode8(odd_words_$u_$p[2u * $hu] ^ again, odd_words_$u_$p[2u * $hu + 1u] ^ again);
        //! end
        //! for t in BATCH
        {
          let x = half8_of(chunks[buffer][$[$b*BATCH*4 + $t*4 + $u*2 + $h]][lane]);
          //! for p in PAIRS
          even_chain_$p_$t = chain_on(even_chain_$p_$t, even_$p, x);
          odd_chain_$p_$t = chain_on(odd_chain_$p_$t, odd_$p, x);
          //! end
        }
        //! end
      }
      //! end
      if (is_more && $bu == $TOKENSu / $BATCHu - 1u) {
        let from_group = min(next + $uu * $LANESu + lane, groups - 1u);
        //! for p in PAIRS
        even_words_$u_$p = weights[at_$p + from_group];
        odd_words_$u_$p = weights[at_$p + groups + from_group];
        //! end
      }
      //! for n in 4*TOKENS*LANES/WORKGROUP
      if (is_more && $bu == 0u && $nu % 2u == $uu) {
        let is_inside = group_of(next, place_$n, lane) < groups;
        chunks[1u - buffer][place_$n][lane] = select(vec4<u32>(0u), unit_$n, is_inside);
      }
      //! end
      //! end
      //! for p in PAIRS
      //! for t in BATCH
      sum_$[$p*TOKENS + $b*BATCH + $t] += vec2<f32>(
        f32(even_chain_$p_$t.x) + f32(even_chain_$p_$t.y), f32(odd_chain_$p_$t.x) + f32(odd_chain_$p_$t.y),
      );
      //! end
      //! end
    }
    //! end
    workgroupBarrier();
    buffer = 1u - buffer;
  }
  //! for i in PAIRS*TOKENS/2
  sum_$i = shared_out(sum_$i, sum_$[$i + PAIRS*TOKENS/2], $LANESu / 2u, lane);
  //! end
  //! for i in PAIRS*TOKENS/4
  sum_$i = shared_out(sum_$i, sum_$[$i + PAIRS*TOKENS/4], $LANESu / 4u, lane);
  //! end
  //! for i in PAIRS*TOKENS/8
  sum_$i = shared_out(sum_$i, sum_$[$i + PAIRS*TOKENS/8], $LANESu / 8u, lane);
  //! end
  //! for i in PAIRS*TOKENS/16
  sum_$i = shared_out(sum_$i, sum_$[$i + PAIRS*TOKENS/16], $LANESu / 16u, lane);
  //! end
  //! for i in PAIRS*TOKENS/32
  sum_$i = shared_out(sum_$i, sum_$[$i + PAIRS*TOKENS/32], $LANESu / 32u, lane);
  //! end
  if (SHARERS > 32u) { sum_0 += subgroupShuffleXor(sum_0, 32u); }
  if (SHARERS > 16u) { sum_0 += subgroupShuffleXor(sum_0, 16u); }
  if (SHARERS > 8u) { sum_0 += subgroupShuffleXor(sum_0, 8u); }
  if (SHARERS > 4u) { sum_0 += subgroupShuffleXor(sum_0, 4u); }
  if (SHARERS > 2u) { sum_0 += subgroupShuffleXor(sum_0, 2u); }
  if (SHARERS > 1u) { sum_0 += subgroupShuffleXor(sum_0, 1u); }
  if (lane % SHARERS == 0u && pair < params.pairs && row < params.rows) { finish(pair, row, sum_0.x, sum_0.y, terms); }
}

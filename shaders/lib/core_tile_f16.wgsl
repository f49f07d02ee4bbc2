enable f16;
// The core of a linear layer for many tokens with FP8 weights and f16 input, in products of f16 pairs: twice as many a
// clock as in f32. A workgroup computes WORKGROUP / (TEAMS · LANES) · PAIRS · 2 weight rows times TEAMS · TOKENS input
// rows, STEP inputs at a time through workgroup memory; an invocation has 2 · PAIRS rows times TOKENS tokens. PAIRS is 2
// or 4, TOKENS 4 or 8; UNROLL is how many groups of sixteen inputs are straight-line code; BUFFERS are 1 or 2 tiles in
// workgroup memory, 2 with one lane only. What the next tile needs is loaded while this one is computed.
//
// Sums. A pair holds two sums of one output, of inputs 0 and 1 of four and of 2 and 3, by turns: CHAIN fma() in order, of
// 2 · CHAIN inputs. Then both are added in f32, the lower one first, whatever the tile: a token's result is the same
// however its prompt is cut, and among all variants of one CHAIN. Each of a chain's roundings is half a unit of 2^-11 of
// what has come together; for a chain of 32 that is 0.08 % of the sum in the mean, a thirtieth of what rounding the
// weights to E4M3 has cost. Weights come as 1.75 or less, so 32 of them times inputs below 1,170 cannot overflow.
//
// Where a chain begins stands a zero that the compiler cannot know: drivers take fma() for a product and a sum and may
// order sums anew, and do, beginning with a zero that they see. That is not all they do: on an H100 tiles with UNROLL 1 had
// the same bits whatever their size, straight-line code of 32 or 64 inputs others. So a family has UNROLL 1 throughout.
//
// Why pairs of inputs and not of weight rows: two rows times one input want the input twice, and NVIDIA's second unit for
// pairs of f16 (HFMA2.MMA) takes no operand twice. And both operands come in pairs of inputs already: nothing is
// transposed on the way into workgroup memory.
//
// LANES teams take a chain each, STEP / LANES inputs of it a tile, and pass them on through workgroup memory, where every
// team adds a share of the outputs, in order. It employs subgroups where there are few outputs, at the price of one store
// and one load per four outputs and chain, and frees registers: a sum is held by one invocation.
//
// Reading, an even and an odd invocation share weights, and those two apart share input, so that a 16-byte load of
// sixteen invocations touches 128 bytes at most.
const ROW_UNITS = $WORKGROUPu / ($TEAMSu * $LANESu); // an invocation's rows
const ROW_QUADS = $PAIRSu / 2u; // of an invocation
const TOKEN_QUADS = $TOKENSu / 4u;
const PLACES = ROW_UNITS * $TEAMSu;
const SHARES = ROW_QUADS * $TOKENSu; // quads of sums
const OWNED = SHARES / $LANESu;
const STEP_GROUPS = $STEPu / 16u;
const SLICE_GROUPS = STEP_GROUPS / $LANESu; // of a chain in a tile
const CHAIN_GROUPS = $CHAINu / 8u;
const PARTS = CHAIN_GROUPS / SLICE_GROUPS; // tiles that a chain takes
const ROWS = ROW_UNITS * ROW_QUADS * 4u;
const TOKENS_TOGETHER = $TEAMSu * $TOKENSu;
const ROWS_APART = $WORKGROUPu / STEP_GROUPS;
const ROWS_EVEN = ROWS % ROWS_APART == 0u; // every invocation loads as many
const TOKENS_EVEN = TOKENS_TOGETHER % ROWS_APART == 0u;
const UNITS_BETWEEN = max(1u, 8u / STEP_GROUPS);

const_assert ROW_UNITS * $TEAMSu * $LANESu == $WORKGROUPu && $TEAMSu % 2u == 0u;
const_assert SLICE_GROUPS * $LANESu * 16u == $STEPu && PARTS * SLICE_GROUPS * 8u == $CHAINu;
const_assert SLICE_GROUPS % $UNROLLu == 0u && OWNED * $LANESu == SHARES;
const_assert ROWS_APART * STEP_GROUPS == $WORKGROUPu;
const_assert $LANESu == 1u || $BUFFERSu == 1u;

// A word is a pair of inputs; a quad's vector has four rows of it. Groups lie some units of 16 bytes apart: neighbours
// write different groups of one row, and without it all of them would hit the same banks. Every index but the group's and
// the unit's is a constant, so that a load costs next to no arithmetic and few bounds' checks.
struct WeightTile {
  apart: array<vec4<u32>, UNITS_BETWEEN>,
  pairs: array<array<array<vec4<u32>, ROW_UNITS>, ROW_QUADS>, 8>,
}

struct InputTile {
  apart: array<vec4<u32>, UNITS_BETWEEN>,
  pairs: array<array<array<vec4<u32>, $TEAMSu>, TOKEN_QUADS>, 8>,
}

var<workgroup> tile_weights: array<WeightTile, $BUFFERSu * STEP_GROUPS>;
var<workgroup> tile_input: array<InputTile, $BUFFERSu * STEP_GROUPS>;
//! if LANES > 1
// [team][quad of sums][invocation of the team]; both sums of four rows.
var<workgroup> tile_chains: array<array<array<vec4<u32>, PLACES>, SHARES>, $LANESu>;
//! end

// Sixteen inputs of one row.
fn keep_weights(buffer: u32, group: u32, row: u32, w: vec4<u32>) {
  let at = buffer * STEP_GROUPS + group;
  let quad = row / (ROW_UNITS * 4u);
  let unit = row / 4u % ROW_UNITS;
  let of_unit = row % 4u;
  //! for i in 4
  tile_weights[at].pairs[2 * $i][quad][unit][of_unit] = even_bits(w[$i]);
  tile_weights[at].pairs[2 * $i + 1][quad][unit][of_unit] = odd_bits(w[$i]);
  //! end
}

// Half a group of one token.
fn keep_input(buffer: u32, group: u32, row: u32, half: u32, x: vec4<u32>) {
  let at = buffer * STEP_GROUPS + group;
  let quad = row / ($TEAMSu * 4u);
  let unit = row / 4u % $TEAMSu;
  let of_unit = row % 4u;
  //! for i in 4
  tile_input[at].pairs[4u * half + $iu][quad][unit][of_unit] = x[$i];
  //! end
}

fn linear(group: vec2<u32>, local: u32) {
  if (is_over()) { return; }
  let groups = params.groups;
  let nothing = pair_of(groups >> 31u);
  // Loading: neighbours take the groups of one row, one each.
  let own_group = local % STEP_GROUPS;
  let own_row = local / STEP_GROUPS;
  let group_ahead = own_group / SLICE_GROUPS * CHAIN_GROUPS + own_group % SLICE_GROUPS;
  let first_row = group.x * ROWS;
  let first_token = group.y * TOKENS_TOGETHER;
  //! for n in PAIRS*STEP/8/TEAMS/LANES up
  let weight_at_$n = min(first_row + own_row + $nu * ROWS_APART, params.pairs * 2u - 1u) * groups;
  var raw_$n = vec4<u32>(0u);
  //! end
  //! for n in TEAMS*TOKENS*STEP/16/WORKGROUP up
  let input_at_$n = half_row(input_row(min(first_token + own_row + $nu * ROWS_APART, params.rows - 1u)), groups);
  var low_$n = vec4<u32>(0u);
  var high_$n = vec4<u32>(0u);
  //! end
  // Computing.
  let team = local / PLACES;
  let place = local % PLACES;
  let row_unit = place / 2u % min(8u, ROW_UNITS) + place / (min(8u, ROW_UNITS) * $TEAMSu) * 8u;
  let token_unit = place % 2u + place / (min(8u, ROW_UNITS) * 2u) % ($TEAMSu / 2u) * 2u;
  //! if LANES < 2
  //! for v in PAIRS/2
  //! for s in TOKENS/4
  //! for j in 4
  var sum_$v_$s_$j = vec4<f32>(0.0);
  //! end
  //! end
  //! end
  //! end
  //! if LANES > 1
  //! for j in PAIRS*TOKENS/2/LANES
  var sum_$j = vec4<f32>(0.0);
  //! end
  //! end
  // The turn before the first loads and keeps its tile, and computes nothing.
  {
    let from_group = min(group_ahead, groups - 1u);
    let inside = group_ahead < groups;
    //! for n in PAIRS*STEP/8/TEAMS/LANES up
    if (ROWS_EVEN || own_row + $nu * ROWS_APART < ROWS) { raw_$n = weights[weight_at_$n + from_group]; }
    //! end
    //! for n in TEAMS*TOKENS*STEP/16/WORKGROUP up
    if (TOKENS_EVEN || own_row + $nu * ROWS_APART < TOKENS_TOGETHER) {
      low_$n = input[input_at_$n + half_unit(from_group, 0u)];
      high_$n = input[input_at_$n + half_unit(from_group, 1u)];
    }
    //! end
    //! for n in PAIRS*STEP/8/TEAMS/LANES up
    if (ROWS_EVEN || own_row + $nu * ROWS_APART < ROWS) {
      keep_weights(0u, own_group, own_row + $nu * ROWS_APART, select(vec4<u32>(0u), raw_$n, inside));
    }
    //! end
    //! for n in TEAMS*TOKENS*STEP/16/WORKGROUP up
    if (TOKENS_EVEN || own_row + $nu * ROWS_APART < TOKENS_TOGETHER) {
      keep_input(0u, own_group, own_row + $nu * ROWS_APART, 0u, low_$n);
      keep_input(0u, own_group, own_row + $nu * ROWS_APART, 1u, high_$n);
    }
    //! end
  }
  workgroupBarrier();
  var buffer = 0u;
  for (var base = 0u; base < groups; base += CHAIN_GROUPS * $LANESu) {
    //! for v in PAIRS/2
    //! for s in TOKENS/4
    //! for i in 4
    //! for j in 4
    var chain_$v_$i_$s_$j = nothing;
    //! end
    //! end
    //! end
    //! end
    for (var part = 0u; part < PARTS; part++) {
      let next = group_ahead + select(base + (part + 1u) * SLICE_GROUPS, base + CHAIN_GROUPS * $LANESu, part + 1u == PARTS);
      {
        let from_group = min(next, groups - 1u);
        //! for n in PAIRS*STEP/8/TEAMS/LANES up
        if (ROWS_EVEN || own_row + $nu * ROWS_APART < ROWS) { raw_$n = weights[weight_at_$n + from_group]; }
        //! end
        //! for n in TEAMS*TOKENS*STEP/16/WORKGROUP up
        if (TOKENS_EVEN || own_row + $nu * ROWS_APART < TOKENS_TOGETHER) {
          low_$n = input[input_at_$n + half_unit(from_group, 0u)];
          high_$n = input[input_at_$n + half_unit(from_group, 1u)];
        }
        //! end
      }
      let first_group = buffer * STEP_GROUPS + team * SLICE_GROUPS;
      for (var at = 0u; at < SLICE_GROUPS; at += $UNROLLu) {
        //! for h in UNROLL
        {
          let held_group = first_group + at + $hu;
          //! for k in 8
          {
            //! for v in PAIRS/2
            let words_$v = tile_weights[held_group].pairs[$k][$v][row_unit];
            //! end
            //! for s in TOKENS/4
            let held_$s = tile_input[held_group].pairs[$k][$s][token_unit];
            //! end
            //! for v in PAIRS/2
            //! for i in 4
            let w_$v_$i = pair_of(words_$v[$i]);
            //! end
            //! end
            //! for s in TOKENS/4
            //! for j in 4
            let x_$s_$j = pair_of(held_$s[$j]);
            //! for v in PAIRS/2
            //! for i in 4
            chain_$v_$i_$s_$j = fma(w_$v_$i, x_$s_$j, chain_$v_$i_$s_$j);
            //! end
            //! end
            //! end
            //! end
          }
          //! end
        }
        //! end
      }
      //! if LANES > 1
      if (part + 1u == PARTS) {
        //! for v in PAIRS/2
        //! for s in TOKENS/4
        //! for j in 4
        tile_chains[team][($su * 4u + $ju) * ROW_QUADS + $vu][place] = vec4<u32>(
          bits_of(chain_$v_0_$s_$j), bits_of(chain_$v_1_$s_$j), bits_of(chain_$v_2_$s_$j), bits_of(chain_$v_3_$s_$j),
        );
        //! end
        //! end
        //! end
      }
      //! end
      let next_buffer = (buffer + 1u) % $BUFFERSu;
      //! if BUFFERS < 2
      workgroupBarrier();
      //! end
      {
        let inside = next < groups;
        //! for n in PAIRS*STEP/8/TEAMS/LANES up
        if (ROWS_EVEN || own_row + $nu * ROWS_APART < ROWS) {
          keep_weights(next_buffer, own_group, own_row + $nu * ROWS_APART, select(vec4<u32>(0u), raw_$n, inside));
        }
        //! end
        //! for n in TEAMS*TOKENS*STEP/16/WORKGROUP up
        if (TOKENS_EVEN || own_row + $nu * ROWS_APART < TOKENS_TOGETHER) {
          keep_input(next_buffer, own_group, own_row + $nu * ROWS_APART, 0u, low_$n);
          keep_input(next_buffer, own_group, own_row + $nu * ROWS_APART, 1u, high_$n);
        }
        //! end
      }
      //! if LANES > 1
      if (part + 1u == PARTS) {
        //! for y in LANES
        //! for j in PAIRS*TOKENS/2/LANES
        sum_$j = with_chains(sum_$j, tile_chains[$y][team * OWNED + $ju][place]);
        //! end
        //! end
      }
      //! end
      workgroupBarrier();
      buffer = next_buffer;
    }
    //! if LANES < 2
    //! for v in PAIRS/2
    //! for s in TOKENS/4
    //! for j in 4
    sum_$v_$s_$j += vec4<f32>(vec4<f16>(
      chain_$v_0_$s_$j.x, chain_$v_1_$s_$j.x, chain_$v_2_$s_$j.x, chain_$v_3_$s_$j.x,
    ));
    sum_$v_$s_$j += vec4<f32>(vec4<f16>(
      chain_$v_0_$s_$j.y, chain_$v_1_$s_$j.y, chain_$v_2_$s_$j.y, chain_$v_3_$s_$j.y,
    ));
    //! end
    //! end
    //! end
    //! end
  }
  //! if LANES < 2
  //! for v in PAIRS/2
  //! for s in TOKENS/4
  //! for j in 4
  finish_quad(
    first_row + ($vu * ROW_UNITS + row_unit) * 4u, first_token + ($su * $TEAMSu + token_unit) * 4u + $ju, sum_$v_$s_$j,
  );
  //! end
  //! end
  //! end
  //! end
  //! if LANES > 1
  //! for j in PAIRS*TOKENS/2/LANES
  {
    let share = team * OWNED + $ju;
    let token = share / ROW_QUADS;
    finish_quad(
      first_row + (share % ROW_QUADS * ROW_UNITS + row_unit) * 4u,
      first_token + (token / 4u * $TEAMSu + token_unit) * 4u + token % 4u, sum_$j,
    );
  }
  //! end
  //! end
}

fn bits_of(pair: vec2<f16>) -> u32 {
  return pack2x16float(vec2<f32>(pair));
}

fn with_chains(sum: vec4<f32>, words: vec4<u32>) -> vec4<f32> {
  let a = unpack2x16float(words.x);
  let b = unpack2x16float(words.y);
  let c = unpack2x16float(words.z);
  let d = unpack2x16float(words.w);
  return sum + vec4<f32>(a.x, b.x, c.x, d.x) + vec4<f32>(a.y, b.y, c.y, d.y);
}

fn finish_quad(first: u32, row: u32, sums: vec4<f32>) {
  let pair = first / 2u;
  if (row >= params.rows) { return; }
  if (pair < params.pairs) { finish(pair, row, sums.x, sums.y, channels[pair], look_ahead(pair, row)); }
  if (pair + 1u >= params.pairs) { return; }
  finish(pair + 1u, row, sums.z, sums.w, channels[pair + 1u], look_ahead(pair + 1u, row));
}

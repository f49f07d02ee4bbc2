enable f16;
// The core of a linear layer for many tokens with FP8 weights and f16 input, in products of f16 pairs: twice as many a
// clock as in f32. A workgroup computes WORKGROUP / (TEAMS · LANES) · PAIRS · 2 weight rows times TEAMS · TOKENS input
// rows, STEP inputs at a time through workgroup memory; an invocation has 2 · PAIRS rows times TOKENS tokens. PAIRS is 2
// or 4, TOKENS 4 or 8; UNROLL is 1, 2, 4 or 8, times four inputs of straight-line code; BUFFERS are 1 or 2 tiles in workgroup
// memory. What the next tile needs is loaded while this one is computed.
//
// Sums. CHAIN inputs in order make one chain of fma() in f16, from zero; chains are added in f32, in order, whatever the
// tile: a token's result is the same however its prompt is cut, and among all variants of one CHAIN. Each of a chain's
// roundings is half a unit of 2^-11 of what has come together; for a chain of 32 that is 0.08 % of the sum in the mean, a
// thirtieth of what rounding the weights to E4M3 has cost. Weights come as 1.75 or less, so 32 of them times inputs
// below 1,170 cannot overflow.
//
// LANES teams take the chains of a step by turns, one each, and pass them on through workgroup memory, where every one
// adds a share of the outputs, in order. It employs subgroups where there are few outputs, at the price of one store and
// one load per four outputs and chain, and frees registers: a sum is held by one invocation.
//
// Why pairs of weight rows and not of inputs. With eight rows times eight tokens either form takes 32 products and two
// 16-byte loads an input, and four instructions (two conversions, two additions) per two chains of one depth: with chains
// of 32, 32 + 2 + 4. But pairs of inputs need a pair of sums for every output: 64 registers instead of 32 beside the 64
// sums, too many for two workgroups of 256 on a processor. The price is that tiles are transposed on the way into
// workgroup memory, some 70 instructions per 1,024 products; an input's broadcast is a modifier of the instruction, which only one of two
// units knows (see core_tile_pairs_f16.wgsl).
//
// Reading, an even and an odd invocation share weights, and those two apart share input, so that a 16-byte load of
// sixteen invocations touches 128 bytes at most.
const ROW_UNITS = $WORKGROUPu / ($TEAMSu * $LANESu); // an invocation's rows
const ROW_QUADS = $PAIRSu / 2u; // of an invocation
const TOKEN_QUADS = $TOKENSu / 4u;
const CHUNKS = $STEPu / 4u; // of four inputs
const CHAIN_CHUNKS = $CHAINu / 4u;
const TURNS = $STEPu / ($CHAINu * $LANESu);
const PLACES = ROW_UNITS * $TEAMSu;
const SHARES = ROW_QUADS * $TOKENSu; // quads of sums
const OWNED = SHARES / $LANESu;
const QUADS_APART = $WORKGROUPu / CHUNKS;

const_assert ROW_UNITS * $TEAMSu * $LANESu == $WORKGROUPu && $TEAMSu % 2u == 0u;
const_assert TURNS * $CHAINu * $LANESu == $STEPu && ($LANESu == 1u || TURNS == 1u);
const_assert CHAIN_CHUNKS % $UNROLLu == 0u && OWNED * $LANESu == SHARES;
const_assert QUADS_APART * CHUNKS == $WORKGROUPu; // loads come out even
const_assert ROW_UNITS * ROW_QUADS % QUADS_APART == 0u && $TEAMSu * TOKEN_QUADS % QUADS_APART == 0u;

// Chunks lie 16 bytes apart: neighbours write different chunks of one quad, and without it all of them would hit the same
// banks. What keeps them apart also makes the alignment plain by which two loads of a quad are one of 16 bytes. Every index
// but the chunk's is a constant or the same throughout, so that a load costs next to no arithmetic and few bounds' checks.
struct WeightChunk {
  apart: vec4<u32>,
  inputs: array<array<array<vec4<f16>, ROW_QUADS>, ROW_UNITS>, 4>,
}

struct InputChunk {
  apart: vec4<u32>,
  inputs: array<array<array<vec4<f16>, TOKEN_QUADS>, $TEAMSu>, 4>,
}

var<workgroup> tile_weights: array<WeightChunk, $BUFFERSu * CHUNKS>;
var<workgroup> tile_input: array<InputChunk, $BUFFERSu * CHUNKS>;
//! if LANES > 1
// [buffer, team][quad of sums][invocation of the team]
var<workgroup> tile_chains: array<array<array<vec4<f16>, PLACES>, SHARES>, $BUFFERSu * $LANESu>;
//! end

// Bytes 0 and 2, divided by 256 (see weight_fp8.wgsl).
fn fp8_pair(word: u32) -> vec2<f16> {
  return pair_of(((word & 0x00800080u) << 8u) | ((word & 0x007f007fu) << 7u));
}

fn low_halves(a: u32, b: u32) -> u32 {
  return (a & 0xffffu) | (b << 16u);
}

fn high_halves(a: u32, b: u32) -> u32 {
  return (a >> 16u) | (b & 0xffff0000u);
}

// Four inputs of four rows.
fn keep_weights(buffer: u32, chunk: u32, quad: u32, w_0: u32, w_1: u32, w_2: u32, w_3: u32) {
  let at = buffer * CHUNKS + chunk;
  let unit = quad / ROW_QUADS;
  let part = quad % ROW_QUADS;
  let a = low_halves(w_0, w_1);
  let b = low_halves(w_2, w_3);
  let c = high_halves(w_0, w_1);
  let d = high_halves(w_2, w_3);
  tile_weights[at].inputs[0][unit][part] = vec4<f16>(fp8_pair(a), fp8_pair(b));
  tile_weights[at].inputs[1][unit][part] = vec4<f16>(fp8_pair(a >> 8u), fp8_pair(b >> 8u));
  tile_weights[at].inputs[2][unit][part] = vec4<f16>(fp8_pair(c), fp8_pair(d));
  tile_weights[at].inputs[3][unit][part] = vec4<f16>(fp8_pair(c >> 8u), fp8_pair(d >> 8u));
}

// Four inputs of four tokens; a word has the elements 0 and 2, or 1 and 3.
fn keep_input(
  buffer: u32, chunk: u32, quad: u32, x_0: vec2<u32>, x_1: vec2<u32>, x_2: vec2<u32>, x_3: vec2<u32>,
) {
  let at = buffer * CHUNKS + chunk;
  let unit = quad / TOKEN_QUADS;
  let part = quad % TOKEN_QUADS;
  tile_input[at].inputs[0][unit][part] =
    vec4<f16>(pair_of(low_halves(x_0.x, x_1.x)), pair_of(low_halves(x_2.x, x_3.x)));
  tile_input[at].inputs[1][unit][part] =
    vec4<f16>(pair_of(low_halves(x_0.y, x_1.y)), pair_of(low_halves(x_2.y, x_3.y)));
  tile_input[at].inputs[2][unit][part] =
    vec4<f16>(pair_of(high_halves(x_0.x, x_1.x)), pair_of(high_halves(x_2.x, x_3.x)));
  tile_input[at].inputs[3][unit][part] =
    vec4<f16>(pair_of(high_halves(x_0.y, x_1.y)), pair_of(high_halves(x_2.y, x_3.y)));
}

fn linear(group: vec2<u32>, local: u32) {
  let groups = params.groups;
  // A zero that the compiler cannot know: beginning with one that they see, drivers order a sum anew.
  let nothing = pair_of(groups >> 31u);
  // Loading: neighbours take the chunks of four rows, one each.
  let chunk = local % CHUNKS;
  let quarter = chunk % 4u;
  let quad = local / CHUNKS;
  let first_row = group.x * ROW_UNITS * ROW_QUADS * 4u;
  let last_row = params.pairs * 2u - 1u;
  let first_token = group.y * $TEAMSu * $TOKENSu;
  //! for n in PAIRS*STEP/8/TEAMS/LANES
  //! for i in 4
  let weight_at_$n_$i = min(first_row + (quad + $nu * QUADS_APART) * 4u + $iu, last_row) * groups;
  var raw_$n_$i = 0u;
  //! end
  //! end
  //! for n in TEAMS*TOKENS*STEP/16/WORKGROUP
  //! for i in 4
  let row_$n_$i = input_row(min(first_token + (quad + $nu * QUADS_APART) * 4u + $iu, params.rows - 1u));
  var x_$n_$i = vec2<u32>(0u);
  //! end
  //! end
  // Computing.
  let team = local / PLACES;
  let place = local % PLACES;
  let row_unit = place / 2u % min(8u, ROW_UNITS) + place / (min(8u, ROW_UNITS) * $TEAMSu) * 8u;
  let token_unit = place % 2u + place / (min(8u, ROW_UNITS) * 2u) % ($TEAMSu / 2u) * 2u;
  //! if LANES < 2
  //! for s in TOKENS/4
  //! for v in PAIRS/2
  var sum_0_$s_$v = vec4<f32>(0.0);
  var sum_1_$s_$v = vec4<f32>(0.0);
  var sum_2_$s_$v = vec4<f32>(0.0);
  var sum_3_$s_$v = vec4<f32>(0.0);
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
    let from_group = min(chunk / 4u, groups - 1u);
    let inside = chunk / 4u < groups;
    //! for n in PAIRS*STEP/8/TEAMS/LANES
    //! for i in 4
    raw_$n_$i = select(0u, load_raw4(weight_at_$n_$i + from_group, quarter), inside);
    //! end
    keep_weights(0u, chunk, quad + $nu * QUADS_APART, raw_$n_0, raw_$n_1, raw_$n_2, raw_$n_3);
    //! end
    //! for n in TEAMS*TOKENS*STEP/16/WORKGROUP
    //! for i in 4
    x_$n_$i = load_raw_half4(row_$n_$i, from_group, quarter);
    //! end
    keep_input(0u, chunk, quad + $nu * QUADS_APART, x_$n_0, x_$n_1, x_$n_2, x_$n_3);
    //! end
  }
  workgroupBarrier();
  var buffer = 0u;
  for (var base = 0u; base < groups; base += $STEPu / 16u) {
    let next_group = base + $STEPu / 16u + chunk / 4u;
    {
      let from_group = min(next_group, groups - 1u);
      //! for n in PAIRS*STEP/8/TEAMS/LANES
      //! for i in 4
      raw_$n_$i = load_raw4(weight_at_$n_$i + from_group, quarter);
      //! end
      //! end
      //! for n in TEAMS*TOKENS*STEP/16/WORKGROUP
      //! for i in 4
      x_$n_$i = load_raw_half4(row_$n_$i, from_group, quarter);
      //! end
      //! end
    }
    for (var turn = 0u; turn < TURNS; turn++) {
      //! for s in TOKENS/4
      //! for v in PAIRS/2
      //! for t in 4
      var chain_$t_$s_$v = nothing;
      var other_$t_$s_$v = nothing;
      //! end
      //! end
      //! end
      let first_chunk = buffer * CHUNKS + (turn + team) * CHAIN_CHUNKS;
      for (var part = 0u; part < CHAIN_CHUNKS; part += $UNROLLu) {
        //! for h in UNROLL
        {
          let chunk_read = first_chunk + part + $hu;
          //! for i in 4
          {
            //! for v in PAIRS/2
            let weight_$v = tile_weights[chunk_read].inputs[$i][row_unit][$v];
            //! end
            //! for s in TOKENS/4
            let held_$s = tile_input[chunk_read].inputs[$i][token_unit][$s];
            //! for v in PAIRS/2
            chain_0_$s_$v = fma(weight_$v.xy, held_$s.xx, chain_0_$s_$v);
            other_0_$s_$v = fma(weight_$v.zw, held_$s.xx, other_0_$s_$v);
            chain_1_$s_$v = fma(weight_$v.xy, held_$s.yy, chain_1_$s_$v);
            other_1_$s_$v = fma(weight_$v.zw, held_$s.yy, other_1_$s_$v);
            chain_2_$s_$v = fma(weight_$v.xy, held_$s.zz, chain_2_$s_$v);
            other_2_$s_$v = fma(weight_$v.zw, held_$s.zz, other_2_$s_$v);
            chain_3_$s_$v = fma(weight_$v.xy, held_$s.ww, chain_3_$s_$v);
            other_3_$s_$v = fma(weight_$v.zw, held_$s.ww, other_3_$s_$v);
            //! end
            //! end
          }
          //! end
        }
        //! end
      }
      //! for s in TOKENS/4
      //! for v in PAIRS/2
      //! for t in 4
      //! if LANES < 2
      sum_$t_$s_$v += vec4<f32>(vec4<f16>(chain_$t_$s_$v, other_$t_$s_$v));
      //! end
      //! if LANES > 1
      tile_chains[buffer * $LANESu + team][($su * 4u + $tu) * ROW_QUADS + $vu][place] =
        vec4<f16>(chain_$t_$s_$v, other_$t_$s_$v);
      //! end
      //! end
      //! end
      //! end
    }
    let next_buffer = (buffer + 1u) % $BUFFERSu;
    //! if BUFFERS < 2
    workgroupBarrier();
    //! end
    {
      let inside = next_group < groups;
      //! for n in PAIRS*STEP/8/TEAMS/LANES
      keep_weights(
        next_buffer, chunk, quad + $nu * QUADS_APART, select(0u, raw_$n_0, inside), select(0u, raw_$n_1, inside),
        select(0u, raw_$n_2, inside), select(0u, raw_$n_3, inside),
      );
      //! end
      //! for n in TEAMS*TOKENS*STEP/16/WORKGROUP
      keep_input(next_buffer, chunk, quad + $nu * QUADS_APART, x_$n_0, x_$n_1, x_$n_2, x_$n_3);
      //! end
    }
    //! if BUFFERS > 1
    workgroupBarrier();
    //! end
    //! if LANES > 1
    // Chains of the buffer that was computed; they are written anew behind the next barrier.
    //! for y in LANES
    //! for j in PAIRS*TOKENS/2/LANES
    sum_$j += vec4<f32>(tile_chains[buffer * $LANESu + $yu][team * OWNED + $ju][place]);
    //! end
    //! end
    //! end
    //! if BUFFERS < 2
    workgroupBarrier();
    //! end
    buffer = next_buffer;
  }
  //! if LANES < 2
  //! for s in TOKENS/4
  //! for v in PAIRS/2
  //! for t in 4
  finish_quad(
    first_row + (row_unit * ROW_QUADS + $vu) * 4u, first_token + (token_unit * TOKEN_QUADS + $su) * 4u + $tu,
    sum_$t_$s_$v,
  );
  //! end
  //! end
  //! end
  //! end
  //! if LANES > 1
  //! for j in PAIRS*TOKENS/2/LANES
  {
    let share = team * OWNED + $ju;
    finish_quad(
      first_row + (row_unit * ROW_QUADS + share % ROW_QUADS) * 4u, first_token + token_unit * $TOKENSu + share / ROW_QUADS,
      sum_$j,
    );
  }
  //! end
  //! end
}

fn finish_quad(first: u32, row: u32, sums: vec4<f32>) {
  let pair = first / 2u;
  if (row >= params.rows) { return; }
  if (pair < params.pairs) { finish(pair, row, sums.x, sums.y, channels[pair]); }
  if (pair + 1u < params.pairs) { finish(pair + 1u, row, sums.z, sums.w, channels[pair + 1u]); }
}

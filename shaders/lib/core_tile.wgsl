// The core of a linear layer for many tokens, bound by arithmetic: a workgroup computes 32 · PAIRS weight rows times
// TEAMS · TOKENS input rows, 32 inputs at a time through workgroup memory; an invocation holds 2 · PAIRS rows times TOKENS
// tokens in registers. WORKGROUP is 64, 128 or 256, TEAMS a sixteenth of it; PAIRS is 2, or 4 in a workgroup of 256; TOKENS is
// 4 or 8. With an UNROLL of 2 a tile is loaded while the last one is computed. Every sum is one chain of fma() over the
// inputs in order, whatever the tile: a token's result is the same however its prompt is cut. The kernel gives
// `input_row`, `look_ahead`, `finish` and `is_over`.
override ROW_QUADS: u32 = 8u * PAIRS;
override TOKEN_QUADS: u32 = TEAMS * TOKENS / 4u;
override LOAD_QUADS: u32 = WORKGROUP / 8u;

// [inputs of the tile][rows / 4], [inputs of the tile][tokens / 4]. Quads change places with the input's chunk of four, by
// exclusive or: eight neighbours write eight chunks of one quad, and without it all eight would hit the same banks.
var<workgroup> tile_weights: array<vec4<f32>, 32u * ROW_QUADS>;
var<workgroup> tile_input: array<vec4<f32>, 32u * TOKEN_QUADS>;

fn weights_place(chunk: u32, quad: u32) -> u32 {
  return chunk * 4u * ROW_QUADS + (quad ^ chunk);
}

fn input_place(chunk: u32, quad: u32) -> u32 {
  return chunk * 4u * TOKEN_QUADS + (quad ^ (chunk % min(8u, TOKEN_QUADS)));
}

fn keep_weights(at: u32, w_0: vec4<f32>, w_1: vec4<f32>, w_2: vec4<f32>, w_3: vec4<f32>) {
  tile_weights[at] = vec4<f32>(w_0.x, w_1.x, w_2.x, w_3.x);
  tile_weights[at + ROW_QUADS] = vec4<f32>(w_0.y, w_1.y, w_2.y, w_3.y);
  tile_weights[at + 2u * ROW_QUADS] = vec4<f32>(w_0.z, w_1.z, w_2.z, w_3.z);
  tile_weights[at + 3u * ROW_QUADS] = vec4<f32>(w_0.w, w_1.w, w_2.w, w_3.w);
}

fn dot_into(sum: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

fn linear(group: vec2<u32>, local: u32) {
  if (is_over()) { return; }
  let groups = params.groups;
  // Loading: eight neighbours take the 32 inputs of four rows, four inputs each. Where there are fewer quads than that has
  // room for, some invocations take weights and others inputs; where there are more rows, weights take two turns.
  let chunk = local % 8u;
  let quarter = chunk % 4u;
  let quad = local / 8u;
  let input_quad = (quad + TOKEN_QUADS) % LOAD_QUADS;
  let first_row = group.x * ROW_QUADS * 4u;
  let last_row = params.pairs * 2u - 1u;
  let first_token = group.y * TOKEN_QUADS * 4u;
  //! for i in 4
  let weight_at_$i = min(first_row + quad * 4u + $iu, last_row) * groups;
  //! if WORKGROUP < 128
  let other_weight_at_$i = min(first_row + (quad + LOAD_QUADS) * 4u + $iu, last_row) * groups;
  //! end
  let row_$i = input_row(min(first_token + input_quad * 4u + $iu, params.rows - 1u));
  //! end
  var squares = vec4<f32>(0.0); // of this chunk of the four tokens
  // Computing: sixteen quads of rows times sixteen quads of tokens, PAIRS / 2 times TOKENS / 4 of them each.
  // Neighbours form blocks of eight quads of rows times four of tokens, so that a subgroup loads few distinct vectors.
  let row_quad = local % 8u + local / 32u % 2u * 8u;
  let token_quad = local / 8u % 4u + local / 64u * 4u;
  //! for s in TOKENS/4
  //! for v in PAIRS/2
  var sum_0_$s_$v = vec4<f32>(0.0);
  var sum_1_$s_$v = vec4<f32>(0.0);
  var sum_2_$s_$v = vec4<f32>(0.0);
  var sum_3_$s_$v = vec4<f32>(0.0);
  //! end
  //! end
  var gains = vec4<f32>(0.0);
  //! for i in 4
  var raw_$i = RawQuarter();
  //! if WORKGROUP < 128
  var other_raw_$i = RawQuarter();
  //! end
  var x_$i = vec4<f32>(0.0);
  //! end
  //! if UNROLL > 1
  {
    let from_group = min(chunk / 4u, groups - 1u);
    if (ROW_QUADS >= LOAD_QUADS || quad < ROW_QUADS) {
      //! for i in 4
      raw_$i = load_raw4(weight_at_$i + from_group, quarter);
      //! if WORKGROUP < 128
      other_raw_$i = load_raw4(other_weight_at_$i + from_group, quarter);
      //! end
      //! end
    }
    if (TOKEN_QUADS >= LOAD_QUADS || input_quad < TOKEN_QUADS) {
      gains = load_gain4(from_group, quarter);
      //! for i in 4
      x_$i = load_input4(row_$i, from_group, quarter);
      //! end
    }
  }
  //! end
  for (var base = 0u; base < groups; base += 2u) {
    let inside = base + chunk / 4u < groups;
    //! if UNROLL < 2
    {
      let from_group = min(base + chunk / 4u, groups - 1u);
      if (ROW_QUADS >= LOAD_QUADS || quad < ROW_QUADS) {
        //! for i in 4
        raw_$i = load_raw4(weight_at_$i + from_group, quarter);
        //! if WORKGROUP < 128
        other_raw_$i = load_raw4(other_weight_at_$i + from_group, quarter);
        //! end
        //! end
      }
      if (TOKEN_QUADS >= LOAD_QUADS || input_quad < TOKEN_QUADS) {
        gains = load_gain4(from_group, quarter);
        //! for i in 4
        x_$i = load_input4(row_$i, from_group, quarter);
        //! end
      }
    }
    //! end
    workgroupBarrier();
    if (ROW_QUADS >= LOAD_QUADS || quad < ROW_QUADS) {
      //! for i in 4
      let w_$i = select(vec4<f32>(0.0), decode4(raw_$i), inside);
      //! end
      keep_weights(weights_place(chunk, quad), w_0, w_1, w_2, w_3);
      //! if WORKGROUP < 128
      //! for i in 4
      let other_w_$i = select(vec4<f32>(0.0), decode4(other_raw_$i), inside);
      //! end
      keep_weights(weights_place(chunk, quad + LOAD_QUADS), other_w_0, other_w_1, other_w_2, other_w_3);
      //! end
    }
    if (TOKEN_QUADS >= LOAD_QUADS || input_quad < TOKEN_QUADS) {
      //! for i in 4
      x_$i = select(vec4<f32>(0.0), x_$i, inside);
      //! end
      if (NORMED) {
        squares = vec4<f32>(
          dot_into(squares.x, x_0, x_0), dot_into(squares.y, x_1, x_1), dot_into(squares.z, x_2, x_2),
          dot_into(squares.w, x_3, x_3),
        );
        //! for i in 4
        x_$i *= gains;
        //! end
      }
      let at = input_place(chunk, input_quad);
      tile_input[at] = vec4<f32>(x_0.x, x_1.x, x_2.x, x_3.x);
      tile_input[at + TOKEN_QUADS] = vec4<f32>(x_0.y, x_1.y, x_2.y, x_3.y);
      tile_input[at + 2u * TOKEN_QUADS] = vec4<f32>(x_0.z, x_1.z, x_2.z, x_3.z);
      tile_input[at + 3u * TOKEN_QUADS] = vec4<f32>(x_0.w, x_1.w, x_2.w, x_3.w);
    }
    workgroupBarrier();
    //! if UNROLL > 1
    // What the next tile needs is loaded while this one is computed.
    {
      let from_group = min(base + 2u + chunk / 4u, groups - 1u);
      if (ROW_QUADS >= LOAD_QUADS || quad < ROW_QUADS) {
        //! for i in 4
        raw_$i = load_raw4(weight_at_$i + from_group, quarter);
        //! if WORKGROUP < 128
        other_raw_$i = load_raw4(other_weight_at_$i + from_group, quarter);
        //! end
        //! end
      }
      if (TOKEN_QUADS >= LOAD_QUADS || input_quad < TOKEN_QUADS) {
        gains = load_gain4(from_group, quarter);
        //! for i in 4
        x_$i = load_input4(row_$i, from_group, quarter);
        //! end
      }
    }
    //! end
    for (var chunk_read = 0u; chunk_read < 8u; chunk_read++) {
      let weights_at = weights_place(chunk_read, row_quad);
      let input_at = input_place(chunk_read, token_quad);
      //! for i in 4
      {
        //! for v in PAIRS/2
        let weight_$v = tile_weights[weights_at + $iu * ROW_QUADS + $vu * 16u];
        //! end
        //! for s in TOKENS/4
        let held_$s = tile_input[input_at + $iu * TOKEN_QUADS + $su * 16u];
        //! for v in PAIRS/2
        sum_0_$s_$v = fma(held_$s.xxxx, weight_$v, sum_0_$s_$v);
        sum_1_$s_$v = fma(held_$s.yyyy, weight_$v, sum_1_$s_$v);
        sum_2_$s_$v = fma(held_$s.zzzz, weight_$v, sum_2_$s_$v);
        sum_3_$s_$v = fma(held_$s.wwww, weight_$v, sum_3_$s_$v);
        //! end
        //! end
      }
      //! end
    }
  }
  workgroupBarrier();
  if (NORMED && input_quad < TOKEN_QUADS) { tile_input[chunk * TOKEN_QUADS + input_quad] = squares; }
  workgroupBarrier();
  //! for s in TOKENS/4
  {
    var total = vec4<f32>(0.0);
    if (NORMED) {
      for (var part = 0u; part < 8u; part++) { total += tile_input[part * TOKEN_QUADS + token_quad + $su * 16u]; }
    }
    let inverse = inverse_rms(total);
    let row = first_token + (token_quad + $su * 16u) * 4u;
    //! for v in PAIRS/2
    {
      let pair = (first_row + (row_quad + $vu * 16u) * 4u) / 2u;
      finish_two(pair, row, sum_0_$s_$v * inverse.x);
      finish_two(pair, row + 1u, sum_1_$s_$v * inverse.y);
      finish_two(pair, row + 2u, sum_2_$s_$v * inverse.z);
      finish_two(pair, row + 3u, sum_3_$s_$v * inverse.w);
    }
    //! end
  }
  //! end
}

fn finish_two(pair: u32, row: u32, sums: vec4<f32>) {
  if (row >= params.rows) { return; }
  if (pair < params.pairs) { finish(pair, row, sums.x, sums.y, channels[pair], look_ahead(pair, row)); }
  if (pair + 1u >= params.pairs) { return; }
  finish(pair + 1u, row, sums.z, sums.w, channels[pair + 1u], look_ahead(pair + 1u, row));
}

// How a row's keys are shared out, by its position alone, and how what became of them is joined. A row that sees at most
// 2^(splitLog2 + mostLog2) keys takes 2^splitLog2 of them a part; one that sees more doubles that until 2^mostLog2 parts
// are enough. The kernel has splitLog2, mostLog2, window, queryHeads and columns among its params, and declares
// parts [rows, splits, queryHeads, columns] vec4<f32> and part_terms [rows, splits, queryHeads] f32.

/// Keys that the row sees: up to its own position, as far as the window allows.
fn keys_seen(position: u32) -> u32 {
  return min(position, params.window - 1u) + 1u;
}

/// Logarithm of the keys of a part.
fn part_log2(seen: u32) -> u32 {
  let doubled = 32u - countLeadingZeros((seen - 1u) >> (params.splitLog2 + params.mostLog2));
  return params.splitLog2 + doubled;
}

/// None of them is without keys.
fn part_count(seen: u32) -> u32 {
  return ((seen - 1u) >> part_log2(seen)) + 1u;
}

/// Σ share·part / Σ share over `count` parts of a head, share = exp(term − largest term), in their order. The first is at
/// `first`. Eight are loaded at a time, and none waits for another. Whatever joins parts calls this: all get the same bits.
fn joined(first: u32, count: u32, column: u32) -> vec4<f32> {
  var largest = -3.4028234e38;
  var weight = 0.0;
  var value = vec4<f32>(0.0);
  for (var tile = 0u; tile < count; tile += 8u) {
    //! for s in 8
    let at_$s = first + min(tile + $su, count - 1u) * params.queryHeads;
    let term_$s = part_terms[at_$s];
    let part_$s = parts[at_$s * params.columns + column];
    //! end
    let before = largest;
    //! for s in 8
    largest = max(largest, term_$s);
    //! end
    let shrink = exp(before - largest);
    weight *= shrink;
    value *= shrink;
    //! for s in 8
    let share_$s = exp(term_$s - largest);
    weight = select(weight, weight + share_$s, tile + $su < count);
    value = select(value, fma(part_$s, vec4<f32>(share_$s), value), tile + $su < count);
    //! end
  }
  return value / weight;
}

// A bound below which no token survives the cuts, read off the statistics of the groups: so that few logits have to be looked at.
// It may be too low (the list gets longer) but never too high. Key 0: none is known.

/// The bound for the slot's cuts; `all`: mass and number of the row's tokens.
fn bound(by_count: bool, all: vec2<f32>) -> Cut {
  let everything = select(0u, BANNED_KEY + 1u, all.y <= f32(listCapacity));
  if (by_count) {
    let key = lane_bound(OF_VALUES, sampling.top_k);
    return Cut(select(key, everything, key <= BANNED_KEY), NONE);
  }
  if (sampling.typical_p < 1.0) { return Cut(everything, NONE); }
  var least = -1e4;
  if (sampling.log_min_p > NO_FLOOR) { least = sampling.log_min_p; }
  if (sampling.top_p < 1.0) { least = max(least, mass_bound(all.x)); }
  return Cut(max(key_bound(least), everything), NONE);
}

/// The key of an x, a thousandth and four units in the last place lower, for what rounding does to x and to its way back.
fn key_bound(x: f32) -> u32 {
  if (x <= -1e4) { return 0u; }
  return key_of_float(origin + (x - 1e-3) * sampling.temperature) - 4u;
}

/// The k-th largest of the lanes' best keys, each of a token of its own: at least k tokens lie at or above it.
fn lane_bound(kind: u32, k: u32) -> u32 {
  if (k > workgroupSize) { return 0u; }
  var best = 0u;
  for (var group = lane; group < group_count; group += workgroupSize) { best = max(best, statistics(kind, group).x); }
  workgroupBarrier();
  best_keys[lane] = best;
  workgroupBarrier();
  var before = 0u;
  for (var other = 0u; other < workgroupSize; other++) {
    let key = best_keys[other];
    before += select(0u, 1u, key > best || (key == best && other < lane));
  }
  if (before == k - 1u) { drawn = vec2<u32>(best, 0u); }
  return workgroupUniformLoad(&drawn).x;
}

/// For top-p without top-k or typical-p: the largest of eight values of x above which lies enough. One pass over the row.
fn measured_bound(mass: f32) -> Cut {
  let low = vec4<f32>(-1.5, -2.5, -3.5, -4.5);
  let high = vec4<f32>(-5.5, -6.5, -8.0, -10.0);
  var above_low = vec4<f32>(0.0);
  var above_high = vec4<f32>(0.0);
  for (var id = lane; id < params.vocabSize; id += workgroupSize) {
    let key = value_key(id, raw_key(id));
    if (key > BANNED_KEY) {
      let x = vec4<f32>(x_of(key));
      let own = exp(x);
      above_low += select(vec4<f32>(0.0), own, x >= low);
      above_high += select(vec4<f32>(0.0), own, x >= high);
    }
  }
  sum_lanes(above_low, above_high);
  let enough = vec4<f32>((sampling.top_p + 1e-5) * mass);
  let least = largest_of(workgroupUniformLoad(&sums_low[0]) > enough, workgroupUniformLoad(&sums_high[0]) > enough, low, high);
  return Cut(key_bound(least), NONE);
}

/// The first of eight falling values whose flag is set; -1e4 if none is.
fn largest_of(flags_low: vec4<bool>, flags_high: vec4<bool>, low: vec4<f32>, high: vec4<f32>) -> f32 {
  let masked_low = select(vec4<f32>(-1e4), low, flags_low);
  let masked_high = select(vec4<f32>(-1e4), high, flags_high);
  let best = max(masked_low, masked_high);
  return max(max(best.x, best.y), max(best.z, best.w));
}

/// The largest of eight values of x such that what lies below it weighs less than top-p leaves out; -1e4 if none does.
/// A group whose best is below counts whole, any other with the most that its tokens below can weigh.
fn mass_bound(mass: f32) -> f32 {
  let low = vec4<f32>(-2.0, -4.0, -6.0, -8.0);
  let high = vec4<f32>(-10.0, -12.0, -15.0, -19.0);
  let most_low = f32(GROUP) * exp(low);
  let most_high = f32(GROUP) * exp(high);
  var below_low = vec4<f32>(0.0);
  var below_high = vec4<f32>(0.0);
  for (var group = lane; group < group_count; group += workgroupSize) {
    let own = statistics(OF_VALUES, group);
    if (own.x > BANNED_KEY) {
      let x = vec4<f32>(x_of(own.x));
      let whole = vec4<f32>(group_mass(own));
      below_low += select(min(whole, most_low), whole, x < low);
      below_high += select(min(whole, most_high), whole, x < high);
    }
  }
  sum_lanes(below_low, below_high);
  // A margin far above the rounding of sums, so that the head is sure to end within the list.
  let room = vec4<f32>((1.0 - sampling.top_p - 1e-5) * mass);
  return largest_of(workgroupUniformLoad(&sums_low[0]) < room, workgroupUniformLoad(&sums_high[0]) < room, low, high);
}

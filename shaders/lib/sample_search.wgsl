// The long way of sampling, where the cuts may leave more tokens than a list holds. No sort: each cut keeps the head of an order
// whose weight (a count or a mass) first reaches a target; its last key is found by trying seven thresholds a pass over the
// vocabulary, three bits at a time. Sums run over fixed lanes and a fixed tree, and they never fall when a set grows, so the search
// cannot go astray.

/// Ranks among equals: LAST_TIE - id, and what is above them all.
const LAST_TIE = 0xfffffffdu;
const ABOVE_TIES = 0xfffffffeu;

/// What a search ranks tokens by, and what each weighs.
const RAW_BY_COUNT = 0u;
const VALUE_BY_COUNT = 1u;
const VALUE_BY_MASS = 2u;
const TYPICAL_BY_MASS = 3u;

/// Mean of x after top-k; the origin of the typical order.
var<private> center: f32;
/// Tokens still in: both cuts, and x no lower than the floor.
var<private> value_cut: Cut;
var<private> typical_cut: Cut;
var<private> typical_on: bool;
var<private> floor_x: f32;

/// What is left of a token after the cuts so far: its key, or 0, and its x.
struct Left {
  key: u32,
  x: f32,
}

fn left(id: u32) -> Left {
  let key = value_key(id, raw_key(id));
  if (key <= BANNED_KEY || !within(key, id, value_cut)) { return Left(0u, 0.0); }
  let x = x_of(key);
  let typical = !typical_on || within(typical_key(x, center), id, typical_cut);
  return Left(select(0u, key, typical && x >= floor_x), x);
}

/// Rank and weight of a token in an order; rank 0 is out.
struct Ranked {
  rank: u32,
  weight: f32,
}

fn ranked(order: u32, id: u32) -> Ranked {
  if (order == RAW_BY_COUNT) {
    let key = raw_key(id);
    return Ranked(select(0u, key, key > BANNED_KEY), 1.0);
  }
  let token = left(id);
  if (token.key == 0u) { return Ranked(0u, 0.0); }
  if (order == VALUE_BY_COUNT) { return Ranked(token.key, 1.0); }
  return Ranked(select(token.key, typical_key(token.x, center), order == TYPICAL_BY_MASS), exp(token.x));
}

/// Of what is left: mass, mass-weighted sum of x.
fn measure() -> vec2<f32> {
  var sums = vec4<f32>(0.0);
  for (var id = lane; id < params.vocabSize; id += workgroupSize) {
    let token = left(id);
    if (token.key != 0u) {
      let mass = exp(token.x);
      sums += vec4<f32>(mass, mass * token.x, 0.0, 0.0);
    }
  }
  sum_lanes(sums, vec4<f32>(0.0));
  return workgroupUniformLoad(&sums_low[0]).xy;
}

/// The shortest head of an order whose weight is at least `goal`, which must be above 0 and within reach.
fn head(order: u32, goal: f32) -> Cut {
  var rank = NONE;
  var id = 0u;
  for (var turn = 0u; turn < 2u; turn++) {
    let last = last_rank(order, goal, rank);
    if (turn == 1u) {
      id = LAST_TIE - last;
      break;
    }
    rank = last;
    var tied = vec4<f32>(0.0); // number, sum of ids
    for (var id = lane; id < params.vocabSize; id += workgroupSize) {
      if (ranked(order, id).rank == rank) { tied += vec4<f32>(1.0, f32(id), 0.0, 0.0); }
    }
    sum_lanes(tied, vec4<f32>(0.0));
    let all_tied = workgroupUniformLoad(&sums_low[0]);
    id = u32(all_tied.y);
    if (all_tied.x <= 1.0) { break; }
  }
  return Cut(rank, id);
}

/// The largest rank such that tokens of this rank or above weigh at least `goal`. With `tie` other than NONE, tokens of
/// that rank are told apart by id instead, low ids first, and those above it are in from the start.
fn last_rank(order: u32, goal: f32, tie: u32) -> u32 {
  var rank = 0u;
  for (var digit = 0u; digit < 11u; digit++) {
    let shift = 30u - 3u * digit;
    // The first digit has two bits; nothing reaches the thresholds beyond them.
    let first = digit == 0u;
    let low = rank + (vec4<u32>(1u, 2u, 3u, 4u) << vec4<u32>(shift));
    let high = rank + (vec4<u32>(5u, 6u, 7u, 8u) << vec4<u32>(shift));
    let at_low = vec4<u32>(low.xyz, select(low.w, NONE, first));
    let at_high = select(vec4<u32>(high.xyz, NONE), vec4<u32>(NONE), first);
    var sum_low = vec4<f32>(0.0);
    var sum_high = vec4<f32>(0.0);
    for (var id = lane; id < params.vocabSize; id += workgroupSize) {
      let token = ranked(order, id);
      var own = token.rank;
      if (tie != NONE) { own = select(select(0u, LAST_TIE - id, own == tie), ABOVE_TIES, own > tie); }
      sum_low += select(vec4<f32>(0.0), vec4<f32>(token.weight), vec4<u32>(own) >= at_low);
      sum_high += select(vec4<f32>(0.0), vec4<f32>(token.weight), vec4<u32>(own) >= at_high);
    }
    sum_lanes(sum_low, sum_high);
    let reached = vec4<u32>(sums_low[0] >= vec4<f32>(goal)) + vec4<u32>(sums_high[0] >= vec4<f32>(goal));
    rank += (reached.x + reached.y + reached.z + reached.w) << shift;
  }
  return rank;
}

fn draw_by_search(by_count: bool, random: f32) -> u32 {
  value_cut = Cut(BANNED_KEY, 0u);
  typical_on = false;
  floor_x = NO_FLOOR;
  for (var cut = 0u; cut < 3u; cut++) {
    let on = select(select(sampling.top_p < 1.0, sampling.typical_p < 1.0, cut == 1u), by_count, cut == 0u);
    if (!on) { continue; }
    var order = VALUE_BY_COUNT;
    var goal = f32(sampling.top_k);
    if (cut > 0u) {
      let all = measure();
      order = select(VALUE_BY_MASS, TYPICAL_BY_MASS, cut == 1u);
      goal = select(sampling.top_p, sampling.typical_p, cut == 1u) * all.x;
      if (cut == 1u) { center = all.y / all.x; }
    }
    let last = head(order, goal);
    if (cut == 1u) {
      typical_cut = last;
      typical_on = true;
    } else {
      value_cut = last;
    }
  }
  if (sampling.log_min_p > NO_FLOOR) {
    var best = 0u;
    for (var id = lane; id < params.vocabSize; id += workgroupSize) { best = max(best, left(id).key); }
    best_of_lanes(best, 0u);
    floor_x = x_of(workgroupUniformLoad(&best_keys[0])) + sampling.log_min_p;
  }

  let share = (params.vocabSize + workgroupSize - 1u) / workgroupSize;
  let first = lane * share;
  let end = min(first + share, params.vocabSize);
  var own = 0.0;
  for (var id = first; id < end; id++) {
    let token = left(id);
    if (token.key != 0u) { own += exp(token.x); }
  }
  let lane_place = find_lane(own, random, true);
  if (lane == u32(lane_place.x)) {
    var last = 0u;
    var sum = 0.0;
    for (var id = first; id < end && sum <= lane_place.y; id++) {
      let token = left(id);
      if (token.key != 0u && exp(token.x) > 0.0) {
        sum += exp(token.x);
        last = id;
      }
    }
    drawn = vec2<u32>(last, 0u);
  }
  return workgroupUniformLoad(&drawn).x;
}

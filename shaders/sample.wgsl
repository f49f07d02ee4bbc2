// Samples one token per row and writes it to tokens[slot], with its log-probability and the most likely tokens on request.
//
// One workgroup per row; grid [rowCount]. For the row's slot, in this order (why: src/kernels/sample.ts):
//   penalties   y = l / r or l * r where seen (by sign of l), then y -= count * frequency + (count > 0) * presence
//   ban         ids flagged BANNED are out while index < min_tokens
//   temperature x = (y - max y) / T; T = 0 takes the largest y and ends here
//   top-k       the k largest
//   typical-p   closest to the mean of x (surprise closest to the entropy), up to a mass
//   top-p       the largest, up to a mass;  min-p  no less than a share of the largest's
//   draw        by the cumulative sum against Philox(seed, index)
// Equal tokens rank by lower id everywhere, so every set is exact: top-k keeps k, also among equals.
//
// No sort. Each cut keeps the head of an order whose weight (a count or a mass) first reaches a target; its last key is
// found by trying seven thresholds a pass, three bits at a time. Sums run over fixed lanes and a fixed tree, so a row's
// result depends on nothing else in the batch, and they never fall when a set grows, so the search cannot go astray.
//
// NaN and -inf count as probability zero, +inf as 1e37. If nothing is left, the lowest id that is not banned is
// taken (id 0 if all are). A result is always below vocabSize.
//
// logits  [rows, vocabSize] bits of f32: as bits, since a compiler may assume that floats are never NaN
// rows    [rows] slot, index of the token within its output
// slots   [slots] parameters of each slot's request
// counts  [slots, vocabSize] SEEN and BANNED flags, occurrences in the output below them; read if the flags say so
// tokens  [slots]
// results [rows, recordWords]: id, then if recordWords > 1 log-probability bits and (id, log-probability bits) pairs,
//         best first, padded with NONE; log-probabilities are of softmax(logits) itself and at least -9999

struct Params {
  vocabSize: u32,
  recordWords: u32,
  rowCount: u32,
}

struct SlotSampling {
  flags: u32,
  temperature: f32,
  top_k: u32, // 0: off
  top_p: f32,
  log_min_p: f32, // NO_FLOOR: off
  typical_p: f32,
  repetition: f32,
  presence: f32,
  frequency: f32,
  min_tokens: u32,
  seed_low: u32,
  seed_high: u32,
  top_logprobs: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> slots: array<SlotSampling>;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>;
@group(0) @binding(4) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(5) var<storage, read_write> results: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

/// A power of two.
override workgroupSize: u32 = 256;

const PENALIZES = 1u;
const BANS = 2u;
const WANTS_LOGPROBS = 4u;

const SEEN = 0x80000000u;
const BANNED = 0x40000000u;
const COUNT = 0x3fffffffu;

/// Keys below those of any value.
const BANNED_KEY = 0u;
const EXCLUDED_KEY = 1u;

const NONE = 0xffffffffu;
/// Ranks among equals: LAST_TIE - id, and what is above them all.
const LAST_TIE = 0xfffffffdu;
const ABOVE_TIES = 0xfffffffeu;
const NO_FLOOR = -1e30;
const MAX_TOP = 20u;
const LEAST_LOGPROB = -9999.0;

/// What a search ranks tokens by, and what each weighs.
const RAW_BY_COUNT = 0u;
const VALUE_BY_COUNT = 1u;
const VALUE_BY_MASS = 2u;
const TYPICAL_BY_MASS = 3u;

/// The last token of a kept head: larger keys are in, equal ones up to this id.
struct Cut {
  key: u32,
  id: u32,
}

var<workgroup> sums_low: array<vec4<f32>, workgroupSize>;
var<workgroup> sums_high: array<vec4<f32>, workgroupSize>;
var<workgroup> best_keys: array<u32, workgroupSize>;
var<workgroup> best_ids: array<u32, workgroupSize>;
/// Sums over lanes as a heap: 1 is the root, workgroupSize + lane the leaves.
var<workgroup> mass_tree: array<f32, workgroupSize * 2u>;
var<workgroup> drawn: u32;
var<workgroup> top_count: atomic<u32>;
var<workgroup> top_tokens: array<vec2<u32>, MAX_TOP>; // key, id; in no order

var<private> lane: u32;
var<private> sampling: SlotSampling;
var<private> logit_base: u32;
var<private> count_base: u32;
var<private> banning: bool;
var<private> penalizing: bool;
/// Largest penalised logit; the origin of x.
var<private> origin: f32;
/// Mean of x after top-k; the origin of the typical order.
var<private> center: f32;
/// Tokens still in: both cuts, and x no lower than the floor.
var<private> value_cut: Cut;
var<private> typical_cut: Cut;
var<private> typical_on: bool;
var<private> floor_x: f32;

// Values of one token

fn raw_key(id: u32) -> u32 {
  let bits = logits[logit_base + id];
  if ((bits & 0x7fffffffu) > 0x7f800000u || bits == 0xff800000u) { return EXCLUDED_KEY; }
  if (bits == 0x7f800000u) { return key_of_float(1e37); }
  return key_of_float(bitcast<f32>(bits));
}

fn value_key(id: u32) -> u32 {
  let raw = raw_key(id);
  if (!banning && !penalizing) { return raw; }
  let seen = counts[count_base + id];
  if (banning && (seen & BANNED) != 0u) { return BANNED_KEY; }
  if (!penalizing || (seen & (SEEN | COUNT)) == 0u || raw == EXCLUDED_KEY) { return raw; }
  let logit = float_of_key(raw);
  let count = f32(seen & COUNT);
  var value = select(logit * sampling.repetition, logit / sampling.repetition, logit > 0.0);
  value -= count * sampling.frequency + select(0.0, sampling.presence, count > 0.0);
  return key_of_float(value);
}

/// (value - origin) / T, at most 0; so low that exp of it is 0 where it would overflow.
fn x_of(key: u32) -> f32 {
  return max((float_of_key(key) - origin) / sampling.temperature, -1e4);
}

/// Larger is more typical.
fn typical_key(x: f32) -> u32 {
  return 0x80000000u - (bitcast<u32>(x - center) & 0x7fffffffu);
}

fn within(key: u32, id: u32, cut: Cut) -> bool {
  return key > cut.key || (key == cut.key && id <= cut.id);
}

/// What is left of a token after the cuts so far: its key, or 0, and its x.
struct Left {
  key: u32,
  x: f32,
}

fn left(id: u32) -> Left {
  let key = value_key(id);
  if (key <= EXCLUDED_KEY || !within(key, id, value_cut)) { return Left(0u, 0.0); }
  let x = x_of(key);
  let typical = !typical_on || within(typical_key(x), id, typical_cut);
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
    return Ranked(select(0u, key, key > EXCLUDED_KEY), 1.0);
  }
  let token = left(id);
  if (token.key == 0u) { return Ranked(0u, 0.0); }
  if (order == VALUE_BY_COUNT) { return Ranked(token.key, 1.0); }
  return Ranked(select(token.key, typical_key(token.x), order == TYPICAL_BY_MASS), exp(token.x));
}

// Sums over the row and the search for a cut

/// Of what is left: mass, mass-weighted sum of x, number of tokens.
fn measure() -> vec3<f32> {
  var sums = vec4<f32>(0.0);
  for (var id = lane; id < params.vocabSize; id += workgroupSize) {
    let token = left(id);
    if (token.key != 0u) {
      let mass = exp(token.x);
      sums += vec4<f32>(mass, mass * token.x, 1.0, 0.0);
    }
  }
  sum_lanes(sums, vec4<f32>(0.0));
  return sums_low[0].xyz;
}

/// The shortest head of an order whose weight is at least `goal`, which must be above 0 and within reach.
fn head(order: u32, goal: f32) -> Cut {
  let rank = last_rank(order, goal, NONE);
  var tied = vec4<f32>(0.0); // number, sum of ids
  for (var id = lane; id < params.vocabSize; id += workgroupSize) {
    if (ranked(order, id).rank == rank) { tied += vec4<f32>(1.0, f32(id), 0.0, 0.0); }
  }
  sum_lanes(tied, vec4<f32>(0.0));
  let all_tied = workgroupUniformLoad(&sums_low[0]);
  if (all_tied.x <= 1.0) { return Cut(rank, u32(all_tied.y)); }
  return Cut(rank, LAST_TIE - last_rank(order, goal, rank));
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

// The token

/// Applies the cuts one after the other, then draws from what is left.
fn draw(index: u32) -> u32 {
  value_cut = Cut(EXCLUDED_KEY, 0u);
  typical_on = false;
  floor_x = NO_FLOOR;
  if (sampling.top_k > 0u && sampling.top_k < params.vocabSize) {
    measure();
    let number = workgroupUniformLoad(&sums_low[0]).z;
    if (f32(sampling.top_k) < number) { value_cut = head(VALUE_BY_COUNT, f32(sampling.top_k)); }
  }
  if (sampling.typical_p < 1.0) {
    let all = measure();
    center = all.y / all.x;
    typical_cut = head(TYPICAL_BY_MASS, sampling.typical_p * all.x);
    typical_on = true;
  }
  if (sampling.top_p < 1.0) {
    value_cut = head(VALUE_BY_MASS, sampling.top_p * measure().x);
  }
  if (sampling.log_min_p > NO_FLOOR) {
    var best = 0u;
    for (var id = lane; id < params.vocabSize; id += workgroupSize) { best = max(best, left(id).key); }
    floor_x = x_of(best_of_lanes(best, 0u).key) + sampling.log_min_p;
  }
  return pick(index);
}

/// The token at a random place of the cumulative mass of what is left, in the order lane by lane.
fn pick(index: u32) -> u32 {
  var mass = 0.0;
  for (var id = lane; id < params.vocabSize; id += workgroupSize) {
    let token = left(id);
    if (token.key != 0u) { mass += exp(token.x); }
  }
  mass_tree[workgroupSize + lane] = mass;
  for (var width = workgroupSize / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (lane < width) {
      let node = width + lane;
      mass_tree[node] = mass_tree[2u * node] + mass_tree[2u * node + 1u];
    }
  }
  workgroupBarrier();
  let word = philox(vec4<u32>(index, 0u, 0u, 0u), vec2<u32>(sampling.seed_low, sampling.seed_high)).x;
  var place = f32(word >> 8u) * 0x1p-24 * mass_tree[1]; // 24 bits: exact, below 1
  var node = 1u;
  for (; node < workgroupSize;) {
    node *= 2u;
    // A subtree without mass is never entered, whatever rounding has done to the place.
    if (place >= mass_tree[node] && mass_tree[node + 1u] > 0.0) {
      place -= mass_tree[node];
      node += 1u;
    }
  }
  if (workgroupSize + lane == node) {
    var last = 0u;
    var sum = 0.0;
    for (var id = lane; id < params.vocabSize && sum <= place; id += workgroupSize) {
      let token = left(id);
      if (token.key != 0u && exp(token.x) > 0.0) {
        sum += exp(token.x);
        last = id;
      }
    }
    drawn = last;
  }
  return workgroupUniformLoad(&drawn);
}

// Log-probabilities of softmax(logits), whatever the request did to them afterwards

fn write_logprobs(id: u32, record: u32) {
  var best = EXCLUDED_KEY;
  for (var other = lane; other < params.vocabSize; other += workgroupSize) { best = max(best, raw_key(other)); }
  let largest = float_of_key(best_of_lanes(best, 0u).key);
  var sums = vec4<f32>(0.0); // mass, number
  for (var other = lane; other < params.vocabSize; other += workgroupSize) {
    let key = raw_key(other);
    if (key > EXCLUDED_KEY) { sums += vec4<f32>(exp(float_of_key(key) - largest), 1.0, 0.0, 0.0); }
  }
  sum_lanes(sums, vec4<f32>(0.0));
  let all = workgroupUniformLoad(&sums_low[0]);
  let log_sum = largest + log(all.x);
  if (lane == 0u) { results[record + 1u] = bitcast<u32>(logprob(raw_key(id), log_sum)); }

  let wanted = min(min(f32(min(sampling.top_logprobs, MAX_TOP)), all.y), f32((params.recordWords - 2u) / 2u));
  if (wanted < 1.0) { return; }
  let cut = head(RAW_BY_COUNT, wanted);
  for (var other = lane; other < params.vocabSize; other += workgroupSize) {
    let key = raw_key(other);
    if (key > EXCLUDED_KEY && within(key, other, cut)) { top_tokens[atomicAdd(&top_count, 1u)] = vec2<u32>(key, other); }
  }
  workgroupBarrier();
  if (lane < u32(wanted)) {
    let own = top_tokens[lane];
    var place = 0u;
    for (var i = 0u; i < u32(wanted); i++) {
      let other = top_tokens[i];
      if (other.x > own.x || (other.x == own.x && other.y < own.y)) { place++; }
    }
    results[record + 2u + 2u * place] = own.y;
    results[record + 3u + 2u * place] = bitcast<u32>(logprob(own.x, log_sum));
  }
}

fn logprob(key: u32, log_sum: f32) -> f32 {
  if (key <= EXCLUDED_KEY) { return LEAST_LOGPROB; }
  return max(float_of_key(key) - log_sum, LEAST_LOGPROB);
}

@compute @workgroup_size(workgroupSize)
fn sample(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.x;
  let slot = rows[row].x;
  let index = rows[row].y;
  let record = row * params.recordWords;
  lane = local;
  sampling = slots[slot];
  logit_base = row * params.vocabSize;
  count_base = slot * params.vocabSize;
  penalizing = (sampling.flags & PENALIZES) != 0u;
  banning = (sampling.flags & BANS) != 0u && index < sampling.min_tokens;

  var key = 0u;
  var first = 0u;
  for (var id = lane; id < params.vocabSize; id += workgroupSize) {
    let other = value_key(id);
    if (other > key || id == lane) {
      key = other;
      first = id;
    }
  }
  best_of_lanes(key, select(first, NONE, lane >= params.vocabSize));
  let best_key = workgroupUniformLoad(&best_keys[0]);
  var id = workgroupUniformLoad(&best_ids[0]);
  if (sampling.temperature > 0.0 && best_key > EXCLUDED_KEY) {
    origin = float_of_key(best_key);
    id = draw(index);
  }

  for (var word = 1u + lane; word < params.recordWords; word += workgroupSize) { results[record + word] = NONE; }
  storageBarrier();
  if (lane == 0u) {
    tokens[slot] = id;
    results[record] = id;
    if (penalizing) { counts[count_base + id] += 1u; }
  }
  if (params.recordWords > 1u && (sampling.flags & WANTS_LOGPROBS) != 0u) { write_logprobs(id, record); }
}

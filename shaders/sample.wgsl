// Second half of sampling: one token per row, written to tokens[slot], with its log-probability and the most likely tokens
// on request. The first half (sample_groups.wgsl) has left statistics of every 64 ids.
//
// One workgroup per row; grid [rowCount]. For the row's slot, in this order (why: src/kernels/sample.ts):
//   mask        ids whose bit is not set are out, before and after everything
//   bias        l += bias where flagged BIASED
//   penalties   y = l / r or l * r where seen (by sign of l), then y -= count * frequency + (count > 0) * presence
//   ban         ids flagged BANNED are out while index < min_tokens
//   temperature x = (y - max y) / T; T = 0 takes the largest y and ends here
//   top-k       the k largest
//   typical-p   closest to the mean of x (surprise closest to the entropy), up to a mass
//   top-p       the largest, up to a mass;  min-p  no less than a share of the largest's
//   draw        by the cumulative sum in order of id against Philox(seed, index)
// Equal tokens rank by lower id everywhere, so every set is exact: top-k keeps k, also among equals.
//
// Greedy reads the groups alone; temperature alone, one group more. Where the cuts are sure to leave only tokens above
// some value (sample_bound.wgsl), these are gathered into a short list, and all else happens there (sample_list.wgsl).
// Otherwise every cut searches the vocabulary (sample_search.wgsl). Which of these it is follows from the row alone.
//
// If nothing is left, the lowest id that is not masked is taken, or else id 0. A token is always below vocabSize.
//
// A row with a logit that is NaN or infinite, be it of a masked id, has no token: its record is NOT_FINITE.
//
// A slot that samples one of its stop ids, min_tokens being out, or has no token, gets STOPPED in place of it: rows that go
// on from it, in later steps, are left out (their record is STOPPED), here and in all other kernels (src/model/plan.ts).
//
// logits  [rows, vocabSize] bits of f32: as bits, since a compiler may assume that floats are never NaN
// rows    [rows] SampleRow: slot, index of the token within its output, where it comes from, drafts before it
// slots   [slots] parameters of each slot's request
// counts  [slots, vocabSize] SEEN, BANNED and BIASED flags, occurrences in the output below them; read if the flags say so
// controls [slots, 2 * 300 + ceil(vocabSize / 32) + 128] (id, bits of the bias) by id, then the mask, then the stop ids;
//         read where flagged or counted
// groups  [rows, 2, ceil(vocabSize / 64)] see sample_groups.wgsl
// tokens  [slots] id or STOPPED; written, as are the counts, by rows that decide
// results [rows, recordWords]: id, STOPPED or NOT_FINITE; behind an id, if recordWords > 1, log-probability bits and (id,
//         log-probability bits) pairs, best first, padded with NONE, of softmax(logits) itself and at least -9999

struct Params {
  vocabSize: u32,
  recordWords: u32,
  rowCount: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<SampleRow>;
@group(0) @binding(2) var<storage, read> slots: array<SlotSampling>;
@group(0) @binding(3) var<storage, read_write> counts: array<u32>;
@group(0) @binding(4) var<storage, read> controls: array<u32>;
@group(0) @binding(5) var<storage, read> groups: array<vec4<u32>>;
@group(0) @binding(6) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(7) var<storage, read_write> results: array<u32>;
@group(0) @binding(8) var<uniform> params: Params;

/// A power of two.
override workgroupSize: u32 = 256;
/// Most tokens that are handled as a list.
override listCapacity: u32 = 512;

const NONE = 0xffffffffu;
const NO_FLOOR = -1e30;
const MAX_TOP = 20u;
const LEAST_LOGPROB = -9999.0;

/// Statistics of a group: of the values after penalties, or of the logits themselves.
const OF_VALUES = 0u;
const OF_LOGITS = 1u;

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
var<workgroup> drawn: vec2<u32>; // what was drawn, bits of the place that was left; before and after, a verdict

var<private> lane: u32;
var<private> group_base: u32;
var<private> group_count: u32;
/// Largest value; the origin of x.
var<private> origin: f32;

fn x_of(key: u32) -> f32 {
  return tempered(key, origin);
}

/// Larger is more typical.
fn typical_key(x: f32, center: f32) -> u32 {
  return 0x80000000u - (bitcast<u32>(x - center) & 0x7fffffffu);
}

fn within(key: u32, id: u32, cut: Cut) -> bool {
  return key > cut.key || (key == cut.key && id <= cut.id);
}

fn statistics(kind: u32, group: u32) -> vec4<u32> {
  return groups[group_base + kind * group_count + group];
}

/// Of a group's mass, relative to the row's largest value.
fn group_mass(group: vec4<u32>) -> f32 {
  if (group.x <= BANNED_KEY) { return 0.0; }
  return bitcast<f32>(group.z) * exp(x_of(group.x));
}

/// Over all groups: mass relative to `largest` at a temperature, number of tokens with a probability.
fn totals(kind: u32, largest: f32, temperature: f32) -> vec2<f32> {
  var sums = vec4<f32>(0.0);
  for (var group = lane; group < group_count; group += workgroupSize) {
    let found = statistics(kind, group);
    if (found.x > BANNED_KEY) {
      let scale = exp(max((float_of_key(found.x) - largest) / temperature, -1e4));
      sums += vec4<f32>(bitcast<f32>(found.z) * scale, f32(found.w), 0.0, 0.0);
    }
  }
  sum_lanes(sums, vec4<f32>(0.0));
  return workgroupUniformLoad(&sums_low[0]).xy;
}

/// The row's best key and its id, from the groups.
fn best_of_groups(kind: u32) -> Cut {
  var key = 0u;
  var id = NONE;
  for (var group = lane; group < group_count; group += workgroupSize) {
    let found = statistics(kind, group);
    if (id == NONE || found.x > key) {
      key = found.x;
      id = found.y;
    }
  }
  best_of_lanes(key, id);
  return Cut(workgroupUniformLoad(&best_keys[0]), workgroupUniformLoad(&best_ids[0]));
}

// The token

/// Applies the cuts one after the other, then draws from what is left.
fn draw(index: u32) -> u32 {
  let all = totals(OF_VALUES, origin, sampling.temperature);
  let by_count = sampling.top_k > 0u && f32(sampling.top_k) < all.y;
  let by_floor = sampling.log_min_p > NO_FLOOR;
  let random = uniform_random(index);
  if (!by_count && !by_floor && sampling.typical_p >= 1.0 && sampling.top_p >= 1.0) { return draw_anything(random); }
  // A loop, as in other places: what is called twice is compiled twice, and drivers inline everything.
  let bounds = select(1u, 2u, !by_count && sampling.typical_p >= 1.0 && sampling.top_p < 1.0);
  for (var attempt = 0u; attempt < bounds; attempt++) {
    var least: Cut = Cut(0u, NONE);
    if (attempt == 0u) { least = bound(by_count, all); } else { least = measured_bound(all.x); }
    if (gather(OF_VALUES, least)) { return draw_from_list(by_count, all.x, random); }
  }
  return draw_by_search(by_count, random);
}

fn uniform_random(index: u32) -> f32 {
  let word = philox(vec4<u32>(index, 0u, 0u, 0u), vec2<u32>(sampling.seed_low, sampling.seed_high)).x;
  return f32(word >> 8u) * 0x1p-24; // 24 bits: exact, below 1
}

/// Nothing is cut: a group by its mass, then one of its tokens.
fn draw_anything(random: f32) -> u32 {
  let share = (group_count + workgroupSize - 1u) / workgroupSize;
  let first = lane * share;
  let end = min(first + share, group_count);
  var mass = 0.0;
  for (var group = first; group < end; group++) { mass += group_mass(statistics(OF_VALUES, group)); }
  let lane_place = find_lane(mass, random, true);
  if (lane == u32(lane_place.x)) {
    var place = lane_place.y;
    var last = vec2<u32>(0u);
    var sum = 0.0;
    for (var group = first; group < end && sum <= place; group++) {
      let own = group_mass(statistics(OF_VALUES, group));
      if (own > 0.0) {
        last = vec2<u32>(group, bitcast<u32>(place - sum));
        sum += own;
      }
    }
    drawn = last;
  }
  let chosen = workgroupUniformLoad(&drawn);
  var token_mass = 0.0;
  let id = chosen.x * GROUP + lane;
  if (lane < GROUP && id < params.vocabSize) {
    let key = value_key(id, raw_key(id));
    if (key > BANNED_KEY) { token_mass = exp(x_of(key)); }
  }
  let token_place = find_lane(token_mass, bitcast<f32>(chosen.y), false);
  return chosen.x * GROUP + u32(token_place.x);
}

/// The lane at `place` of the cumulative mass (a share of all of it if `relative`), and what of the place lies within it.
fn find_lane(mass: f32, place_or_share: f32, relative: bool) -> vec2<f32> {
  workgroupBarrier();
  mass_tree[workgroupSize + lane] = mass;
  for (var width = workgroupSize / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (lane < width) {
      let node = width + lane;
      mass_tree[node] = mass_tree[2u * node] + mass_tree[2u * node + 1u];
    }
  }
  workgroupBarrier();
  var place = place_or_share * select(1.0, mass_tree[1], relative);
  var node = 1u;
  for (; node < workgroupSize;) {
    node *= 2u;
    // A subtree without mass is never entered, whatever rounding has done to the place.
    if (place >= mass_tree[node] && mass_tree[node + 1u] > 0.0) {
      place -= mass_tree[node];
      node += 1u;
    }
  }
  return vec2<f32>(f32(node - workgroupSize), place);
}

// Log-probabilities of softmax(logits), whatever the request did to them afterwards

fn write_logprobs(id: u32, record: u32) {
  let best = best_of_groups(OF_LOGITS);
  let largest = float_of_key(best.key);
  let all = totals(OF_LOGITS, largest, 1.0);
  let log_sum = largest + log(all.x);
  if (lane == 0u) { results[record + 1u] = bitcast<u32>(logprob(raw_key(id), log_sum)); }

  let wanted = min(min(f32(min(sampling.top_logprobs, MAX_TOP)), all.y), f32((params.recordWords - 2u) / 2u));
  if (wanted < 1.0) { return; }
  for (var attempt = 0u; attempt < 2u; attempt++) {
    var least: Cut = Cut(0u, NONE);
    if (attempt == 0u) { least.key = lane_bound(OF_LOGITS, u32(wanted)); } else { least = head(RAW_BY_COUNT, wanted); }
    if (gather(OF_LOGITS, least)) { break; }
  }
  for (var item = lane; item < list_length; item += workgroupSize) {
    let own = list_keys[item];
    var place = 0u;
    for (var i = 0u; i < list_length; i++) {
      if (list_keys[i] > own || (list_keys[i] == own && i < item)) { place++; }
    }
    if (place < u32(wanted)) {
      results[record + 2u + 2u * place] = list_ids[item];
      results[record + 3u + 2u * place] = bitcast<u32>(logprob(own, log_sum));
    }
  }
}

fn logprob(key: u32, log_sum: f32) -> f32 {
  if (key <= BANNED_KEY) { return LEAST_LOGPROB; }
  return max(float_of_key(key) - log_sum, LEAST_LOGPROB);
}

@compute @workgroup_size(workgroupSize)
fn sample(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.x;
  let record = row * params.recordWords;
  lane = local;
  if (lane == 0u) { drawn = vec2<u32>(select(0u, 1u, is_left_out(row)), 0u); }
  if (workgroupUniformLoad(&drawn).x != 0u) {
    if (lane == 0u) { results[record] = STOPPED; }
    return;
  }
  read_row(row);
  group_count = (params.vocabSize + GROUP - 1u) / GROUP;
  group_base = row * 2u * group_count;

  let best = best_of_groups(OF_VALUES);
  if (best.key == NOT_FINITE_KEY) {
    if (lane == 0u) {
      results[record] = NOT_FINITE;
      if ((rows[row].flags & DECIDES) != 0u) { tokens[rows[row].slot] = STOPPED; }
    }
    return;
  }
  var id = best.id;
  if (sampling.temperature > 0.0 && best.key > BANNED_KEY) {
    origin = float_of_key(best.key);
    id = draw(rows[row].index);
  }

  for (var word = 1u + lane; word < params.recordWords; word += workgroupSize) { results[record + word] = NONE; }
  storageBarrier();
  if (params.recordWords > 1u && (sampling.flags & WANTS_LOGPROBS) != 0u) { write_logprobs(id, record); }
  if (lane == 0u) { drawn = vec2<u32>(0u); }
  workgroupBarrier();
  if (rows[row].index >= sampling.min_tokens) {
    for (var stop = lane; stop < min(sampling.stop_count, MAX_STOPS); stop += workgroupSize) {
      if (controls[control_base + stop_offset + stop] == id) { drawn.x = 1u; }
    }
  }
  let has_ended = workgroupUniformLoad(&drawn).x != 0u;
  if (lane == 0u) {
    results[record] = id;
    if ((rows[row].flags & DECIDES) != 0u) {
      tokens[rows[row].slot] = select(id, STOPPED, has_ended);
      if (penalizing) { counts[count_base + id] += 1u; }
    }
  }
}

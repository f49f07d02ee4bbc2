// The short way of sampling: tokens above a bound in a list in workgroup memory, in order of id, and the cuts on it. What a cut
// keeps is found by counting: each token sums the weights of all that rank before it, in the order of the list, so the sums never
// fall when the set before a token grows, and no lane waits for another. The shader provides `lane`, `workgroupSize`,
// `listCapacity`, the groups and `find_lane`.

/// Groups that may hold a token of the list, in no order.
var<workgroup> open_groups: array<u32, listCapacity>;
var<workgroup> open_count: atomic<u32>;
/// As they were found, in no order: key, id.
var<workgroup> found: array<vec2<u32>, listCapacity>;
var<workgroup> found_count: atomic<u32>;
/// In order of id. A token that is cut gets the key 0.
var<workgroup> list_keys: array<u32, listCapacity>;
var<workgroup> list_ids: array<u32, listCapacity>;
var<workgroup> list_ranks: array<u32, listCapacity>;
var<workgroup> list_masses: array<f32, listCapacity>;
var<private> list_length: u32;

/// Lists all tokens within `cut`; false where they are too many, or none.
fn gather(kind: u32, cut: Cut) -> bool {
  list_length = 0u;
  if (cut.key <= BANNED_KEY) { return false; }
  workgroupBarrier();
  if (lane == 0u) {
    atomicStore(&open_count, 0u);
    atomicStore(&found_count, 0u);
  }
  workgroupBarrier();
  for (var group = lane; group < group_count; group += workgroupSize) {
    let own = statistics(kind, group);
    if (within(own.x, own.y, cut)) {
      let place = atomicAdd(&open_count, 1u);
      if (place < listCapacity) { open_groups[place] = group; }
    }
  }
  workgroupBarrier();
  // Each open group holds a token at least, so too many groups are too many tokens.
  let open = atomicLoad(&open_count);
  if (open > listCapacity) { return false; }
  for (var item = lane; item < open * GROUP; item += workgroupSize) {
    let id = open_groups[item / GROUP] * GROUP + item % GROUP;
    if (id < params.vocabSize) {
      var key = raw_key(id);
      if (kind == OF_VALUES) { key = value_key(id, key); }
      if (within(key, id, cut)) {
        let place = atomicAdd(&found_count, 1u);
        if (place < listCapacity) { found[place] = vec2<u32>(key, id); }
      }
    }
  }
  workgroupBarrier();
  let length = atomicLoad(&found_count);
  if (length > listCapacity || length == 0u) { return false; }
  for (var item = lane; item < length; item += workgroupSize) {
    let own = found[item];
    var place = 0u;
    for (var i = 0u; i < length; i++) { place += select(0u, 1u, found[i].y < own.y); }
    list_keys[place] = own.x;
    list_ids[place] = own.y;
    if (kind == OF_VALUES) { list_masses[place] = exp(x_of(own.x)); }
  }
  list_length = length;
  workgroupBarrier();
  return true;
}

/// `all_mass`: of the whole row, whose every token above the list's bound is in it.
fn draw_from_list(by_count: bool, all_mass: f32, random: f32) -> u32 {
  var mass = all_mass;
  if (by_count) {
    cut_list(false, 0.0, true, f32(sampling.top_k));
    mass = list_sums().x;
  }
  if (sampling.typical_p < 1.0) {
    // The bound sees to it that the list holds all that is left.
    let all = list_sums();
    cut_list(true, all.y / all.x, false, sampling.typical_p * all.x);
    mass = list_sums().x;
  }
  if (sampling.top_p < 1.0) { cut_list(false, 0.0, false, sampling.top_p * mass); }
  if (sampling.log_min_p > NO_FLOOR) {
    var best = 0u;
    for (var i = 0u; i < list_length; i++) { best = max(best, list_keys[i]); }
    let floor_x = x_of(best) + sampling.log_min_p;
    workgroupBarrier();
    for (var item = lane; item < list_length; item += workgroupSize) {
      if (list_keys[item] != 0u && x_of(list_keys[item]) < floor_x) { list_keys[item] = 0u; }
    }
    workgroupBarrier();
  }

  let share = (list_length + workgroupSize - 1u) / workgroupSize;
  let first = lane * share;
  let end = min(first + share, list_length);
  var own = 0.0;
  for (var i = first; i < end; i++) { own += list_mass(i); }
  let lane_place = find_lane(own, random, true);
  if (lane == u32(lane_place.x)) {
    var last = 0u;
    var sum = 0.0;
    for (var i = first; i < end && sum <= lane_place.y; i++) {
      if (list_mass(i) > 0.0) {
        sum += list_mass(i);
        last = list_ids[i];
      }
    }
    drawn = vec2<u32>(last, 0u);
  }
  return workgroupUniformLoad(&drawn).x;
}

fn list_mass(item: u32) -> f32 {
  return select(0.0, list_masses[item], list_keys[item] != 0u);
}

/// Of what is left in the list: mass, mass-weighted sum of x. The same in every lane.
fn list_sums() -> vec2<f32> {
  var sums = vec2<f32>(0.0);
  for (var i = 0u; i < list_length; i++) {
    if (list_keys[i] != 0u) { sums += list_masses[i] * vec2<f32>(1.0, x_of(list_keys[i])); }
  }
  return sums;
}

/// Keeps the shortest head of the list, by value or by nearness to `center`, that weighs `goal`.
fn cut_list(typical: bool, center: f32, count: bool, goal: f32) {
  for (var item = lane; item < list_length; item += workgroupSize) {
    let key = list_keys[item];
    var rank = key;
    if (typical && key != 0u) { rank = typical_key(x_of(key), center); }
    list_ranks[item] = rank;
  }
  workgroupBarrier();
  for (var item = lane; item < list_length; item += workgroupSize) {
    let rank = list_ranks[item];
    var before = 0.0;
    for (var i = 0u; i < list_length; i++) {
      let other = list_ranks[i];
      if (other > rank || (other == rank && i < item)) { before += select(list_masses[i], 1.0, count); }
    }
    if (before >= goal) { list_keys[item] = 0u; }
  }
  workgroupBarrier();
}

// Sums over a subgroup, by a tree that is always the same: the farthest lanes first. For cores whose LANES are SPLIT subgroups.
override SUBGROUP: u32 = LANES / SPLIT;

// Over neighbouring lanes, `width` of them, a power of two; in every one of those.
fn across(value: f32, width: u32) -> f32 {
  var sum = value;
  if (width > 64u) { sum += subgroupShuffleXor(sum, 64u); }
  if (width > 32u) { sum += subgroupShuffleXor(sum, 32u); }
  if (width > 16u) { sum += subgroupShuffleXor(sum, 16u); }
  if (width > 8u) { sum += subgroupShuffleXor(sum, 8u); }
  if (width > 4u) { sum += subgroupShuffleXor(sum, 4u); }
  if (width > 2u) { sum += subgroupShuffleXor(sum, 2u); }
  if (width > 1u) { sum += subgroupShuffleXor(sum, 1u); }
  return sum;
}

// The tree's level of lanes `stride` apart for two sums at once: of such a pair of lanes the lower one goes on with the first
// sum, the other one with the second. So sums of many products cost about as many shuffles as there are sums, not
// that times the levels, and have the bits that across() gives them.
fn fold(first: f32, second: f32, lane: u32, stride: u32) -> f32 {
  let is_upper = (lane & stride) != 0u;
  return select(first, second, is_upper) + subgroupShuffleXor(select(second, first, is_upper), stride);
}

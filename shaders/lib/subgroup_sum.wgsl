// The sum over a subgroup, in every lane of it: a tree, always the same. For cores whose LANES are SPLIT subgroups.
override SUBGROUP: u32 = LANES / SPLIT;

fn across(value: f32) -> f32 {
  var sum = value;
  if (SUBGROUP > 64u) { sum += subgroupShuffleXor(sum, 64u); }
  if (SUBGROUP > 32u) { sum += subgroupShuffleXor(sum, 32u); }
  if (SUBGROUP > 16u) { sum += subgroupShuffleXor(sum, 16u); }
  if (SUBGROUP > 8u) { sum += subgroupShuffleXor(sum, 8u); }
  if (SUBGROUP > 4u) { sum += subgroupShuffleXor(sum, 4u); }
  if (SUBGROUP > 2u) { sum += subgroupShuffleXor(sum, 2u); }
  if (SUBGROUP > 1u) { sum += subgroupShuffleXor(sum, 1u); }
  return sum;
}

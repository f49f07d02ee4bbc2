// Reductions over the lanes of a workgroup in a fixed tree, so that they give the same bits every time. The shader provides
// `lane`, `workgroupSize` (a power of two), the workgroup arrays `sums_low`, `sums_high`, `best_keys` and `best_ids` of that
// length, and `Cut`. Every lane must come here; results may be read until the next reduction.

/// Sums two vectors over all lanes, in a fixed tree; the results are left in element 0.
fn sum_lanes(low: vec4<f32>, high: vec4<f32>) {
  workgroupBarrier();
  sums_low[lane] = low;
  sums_high[lane] = high;
  for (var stride = workgroupSize / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) {
      sums_low[lane] += sums_low[lane + stride];
      sums_high[lane] += sums_high[lane + stride];
    }
  }
  workgroupBarrier();
}

/// The largest key of all lanes, the lowest id among equals.
fn best_of_lanes(key: u32, id: u32) -> Cut {
  workgroupBarrier();
  best_keys[lane] = key;
  best_ids[lane] = id;
  for (var stride = workgroupSize / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) {
      let other = lane + stride;
      let larger = best_keys[other] > best_keys[lane];
      if (larger || (best_keys[other] == best_keys[lane] && best_ids[other] < best_ids[lane])) {
        best_keys[lane] = best_keys[other];
        best_ids[lane] = best_ids[other];
      }
    }
  }
  workgroupBarrier();
  return Cut(best_keys[0], best_ids[0]);
}

// Adds the sums of LANES neighbouring invocations (a power of two) as a tree; lane 0 holds the result. Must be called
// in uniform control flow.
var<workgroup> partial: array<PairSums, WORKGROUP>;

fn reduce(sums: PairSums, local: u32, lane: u32) -> PairSums {
  partial[local] = sums;
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      let a = partial[local];
      let b = partial[local + step];
      partial[local] = PairSums(a.even + b.even, a.odd + b.odd, a.squares + b.squares);
    }
  }
  return partial[local];
}

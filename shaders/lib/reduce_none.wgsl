// One invocation a pair: its sums are the result. LANES is 1.
fn reduce(sums: PairSums, local: u32, lane: u32) -> PairSums {
  return sums;
}

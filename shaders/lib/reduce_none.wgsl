// One invocation holds the whole sums of its pairs. LANES is 1.
fn reduce(sums: PairSums, local: u32, lane: u32) -> PairSums {
  return sums;
}

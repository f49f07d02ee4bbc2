// Adds the sums of LANES neighbouring invocations (a power of two) as a tree; lane 0 holds the result. PAIRS is 1.
// Must be called in uniform control flow.
struct PartialSums {
  even: vec4<f32>,
  odd: vec4<f32>,
  squares: vec4<f32>,
}

var<workgroup> partial: array<PartialSums, WORKGROUP>;

fn reduce(sums: PairSums, local: u32, lane: u32) -> PairSums {
  partial[local] = PartialSums(sums.even[0], sums.odd[0], sums.squares);
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      let a = partial[local];
      let b = partial[local + step];
      partial[local] = PartialSums(a.even + b.even, a.odd + b.odd, a.squares + b.squares);
    }
  }
  let none = vec4<f32>();
  let total = partial[local];
  return PairSums(
    mat4x4<f32>(total.even, none, none, none), mat4x4<f32>(total.odd, none, none, none), total.squares,
  );
}

// Input of core_row_f16 as it is: f16 in half order (shaders/lib/half_order.wgsl).
alias Input = vec4<u32>;
const NORMED = false;

fn stage_row(row: u32, local: u32) {
  let begin = half_row(row, $GROUPSu);
  //! for s in GROUPS*2/WORKGROUP
  let unit_$s = input[begin + $su * WORKGROUP + local];
  //! end
  //! for s in GROUPS*2/WORKGROUP
  keep_unit(0u, $su * WORKGROUP + local, unit_$s);
  //! end
  for (var unit = $GROUPSu * 2u / WORKGROUP * WORKGROUP + local; unit < half_row(1u, $GROUPSu); unit += WORKGROUP) {
    keep_unit(0u, unit, input[begin + unit]);
  }
}

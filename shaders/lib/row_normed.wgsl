// RMSNorm of a row of the residual stream into f16: normed = input / sqrt(mean(input²) + eps) · gain (Zhang and Sennrich 2019),
// by a whole workgroup of any multiple of 32 invocations. The order of the sum depends on the row's length only: sixteen
// squares in a chain, a tree over the 32 groups of a block, the blocks in order.
//
// Wants shaders/lib/hidden_order.wgsl and half_order.wgsl, `input` and `gain: array<vec4<f32>>` in hidden order, zero where
// rows are padded, the params `inputSize` and `eps`, and of whoever uses it `row_groups()` and `keep_unit(row, unit, value)`:
// eight elements of the row, and where in half order they lie. Every invocation must come here.
alias Input = vec4<f32>;
const NORMED = true;

var<workgroup> norm_sums: array<f32, WORKGROUP>;

fn norm_row(row_in: u32, row_out: u32, local: u32) {
  let blocks = (row_groups() + 31u) / 32u;
  let groups = blocks * 32u;
  let row = row_in * blocks * 128u;
  // Most rows have no more groups than there are invocations; then everything is loaded once, and at once.
  let own = min(local, groups - 1u);
  //! for q in 4
  var gain_$q = gain[hidden_quad(own, $qu)];
  var x_$q = input[row + hidden_quad(own, $qu)];
  //! end
  var total = 0.0;
  for (var first = 0u; first < groups; first += WORKGROUP) {
    let group = first + local;
    if (first > 0u) {
      //! for q in 4
      x_$q = input[row + hidden_quad(min(group, groups - 1u), $qu)];
      //! end
    }
    var sum = 0.0;
    //! for q in 4
    sum = fma(x_$q.w, x_$q.w, fma(x_$q.z, x_$q.z, fma(x_$q.y, x_$q.y, fma(x_$q.x, x_$q.x, sum))));
    //! end
    workgroupBarrier(); // The blocks of the turn before have been read.
    norm_sums[local] = select(0.0, sum, group < groups);
    for (var step = 16u; step > 0u; step /= 2u) {
      workgroupBarrier();
      if (local % 32u < step) { norm_sums[local] += norm_sums[local + step]; }
    }
    workgroupBarrier();
    for (var at = 0u; at < min(WORKGROUP, groups - first); at += 32u) { total += norm_sums[at]; }
  }
  let inverse = 1.0 / sqrt(total / params.inputSize + params.eps);
  for (var first = 0u; first < groups; first += WORKGROUP) {
    let group = first + local;
    if (group >= groups) { continue; }
    if (groups > WORKGROUP) {
      //! for q in 4
      x_$q = input[row + hidden_quad(group, $qu)];
      gain_$q = gain[hidden_quad(group, $qu)];
      //! end
    }
    //! for q in 4
    let y_$q = x_$q * inverse * gain_$q;
    //! end
    keep_unit(
      row_out, half_unit(group, 0u),
      vec4<u32>(pack2x16float(y_0.xz), pack2x16float(y_0.yw), pack2x16float(y_1.xz), pack2x16float(y_1.yw)),
    );
    keep_unit(
      row_out, half_unit(group, 1u),
      vec4<u32>(pack2x16float(y_2.xz), pack2x16float(y_2.yw), pack2x16float(y_3.xz), pack2x16float(y_3.yw)),
    );
  }
}

// For core_row_f16.
fn stage_row(row: u32, local: u32) {
  norm_row(row, 0u, local);
}

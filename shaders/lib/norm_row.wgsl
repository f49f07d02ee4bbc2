// RMSNorm of a row of the residual stream into f16: normed = input / sqrt(mean(input²) + eps) · gain (Zhang and Sennrich 2019),
// by a whole workgroup of any multiple of 32 invocations. The order of the sum depends on the row's length only: sixteen
// squares in a chain, a tree over the 32 groups of a block, the blocks in order.
//
// Wants shaders/lib/hidden_order.wgsl and half_order.wgsl, the buffers `gain: array<vec4<f32>>` in hidden order and
// `normed: array<vec4<u32>>` in half order, and of the kernel `residual4(at)`, four elements of the residual stream, and
// `norm_shape()`. Every invocation must come here.

struct NormShape {
  blocks: u32, // of 512 elements, in a row
  size: f32,   // elements of a row without padding, which is zero
  eps: f32,
}

var<workgroup> norm_sums: array<f32, WORKGROUP>;

fn norm_row(row_in: u32, row_out: u32, local: u32) {
  let shape = norm_shape();
  let groups = shape.blocks * 32u;
  let row = row_in * shape.blocks * 128u;
  var total = 0.0;
  for (var first = 0u; first < groups; first += WORKGROUP) {
    let group = first + local;
    var sum = 0.0;
    if (group < groups) {
      for (var quarter = 0u; quarter < 4u; quarter++) {
        let x = residual4(row + hidden_quad(group, quarter));
        sum = fma(x.w, x.w, fma(x.z, x.z, fma(x.y, x.y, fma(x.x, x.x, sum))));
      }
    }
    workgroupBarrier(); // The blocks of the turn before have been read.
    norm_sums[local] = sum;
    for (var step = 16u; step > 0u; step /= 2u) {
      workgroupBarrier();
      if (local % 32u < step) { norm_sums[local] += norm_sums[local + step]; }
    }
    workgroupBarrier();
    for (var at = 0u; at < min(WORKGROUP, groups - first); at += 32u) { total += norm_sums[at]; }
  }
  let inverse = 1.0 / sqrt(total / shape.size + shape.eps);
  let row_units = row_out * shape.blocks * 64u;
  for (var group = local; group < groups; group += WORKGROUP) {
    for (var half = 0u; half < 2u; half++) {
      let at = hidden_quad(group, half * 2u);
      let low = residual4(row + at) * inverse * gain[at];
      let high = residual4(row + at + 32u) * inverse * gain[at + 32u];
      normed[row_units + half_unit(group, half)] = vec4<u32>(
        pack2x16float(low.xz), pack2x16float(low.yw), pack2x16float(high.xz), pack2x16float(high.yw),
      );
    }
  }
}

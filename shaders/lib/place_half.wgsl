// Where a kernel puts what the next matrix takes as its input for products in pairs of f16: in the order of
// shaders/lib/half_order.wgsl, rows of `stride` elements, which are whole blocks.

fn place_of(row: u32, stride: u32, index: u32) -> u32 {
  return row * stride + half_quad(index / 4u) * 4u + index % 2u * 2u + index / 2u % 2u;
}

// In vectors of four.
fn place_of_quad(row: u32, stride: u32, quad: u32) -> u32 {
  return row * stride / 4u + half_quad(quad);
}

fn placed_quad(values: Act4) -> Act4 {
  return values.xzyw;
}

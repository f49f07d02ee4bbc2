// Where a kernel puts what the next matrix takes as its input: elements in order, rows of `stride` elements.

fn place_of(row: u32, stride: u32, index: u32) -> u32 {
  return row * stride + index;
}

// In vectors of four.
fn place_of_quad(row: u32, stride: u32, quad: u32) -> u32 {
  return row * stride / 4u + quad;
}

fn placed_quad(values: Act4) -> Act4 {
  return values;
}

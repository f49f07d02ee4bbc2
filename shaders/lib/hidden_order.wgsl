// The order of the residual stream and of the gains it is multiplied by. Lanes of a subgroup take neighbouring groups of
// sixteen inputs, four at a time; in the natural order their loads would lie 64 bytes apart and each touch a cache line of
// its own. So 32 groups form a block, in which first quarters come first, then second ones: position of group g's
// quarter q, in vectors of four, is 128·⌊g / 32⌋ + 32·q + g mod 32. Rows are padded to whole blocks.

// Where a row begins, in vectors of four.
fn hidden_row(row: u32) -> u32 {
  return row * ((params.groups + 31u) / 32u) * 128u;
}

fn hidden_quad(group: u32, quarter: u32) -> u32 {
  return group / 32u * 128u + quarter * 32u + group % 32u;
}

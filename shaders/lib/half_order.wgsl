// The order of f16 inputs of products in pairs (core_subgroup_f16, core_row_f16, core_tile_f16). Lanes take neighbouring
// groups of sixteen, half a group in one load of 16 bytes, a unit; so 32 groups form a block, in which first halves come
// first, then second ones. Within a unit the elements of a quad stand as 0, 2, 1, 3: as pairs, just as the codes of a word
// of FP8 weights come out of it. Rows are padded to whole blocks of 512.

// Where a row of so many groups begins, in units.
fn half_row(row: u32, groups: u32) -> u32 {
  return row * ((groups + 31u) / 32u) * 64u;
}

// A group's first or second half within its row, in units.
fn half_unit(group: u32, half: u32) -> u32 {
  return group / 32u * 64u + half * 32u + group % 32u;
}

// A row's quad within its row, in vectors of four.
fn half_quad(quad: u32) -> u32 {
  return half_unit(quad / 4u, quad / 2u % 2u) * 2u + quad % 2u;
}

// Order of the rows that products in f16 read, in units of eight f16: half h of the group of sixteen g of a row. Lanes that
// take neighbouring groups read neighbouring units. Within a unit lie the elements 0 2 1 3 of a quad, then those of the
// next: a word of four E4M3 codes decodes into the pairs (0, 2) and (1, 3).
fn half_unit(row: u32, groups: u32, group: u32, half: u32) -> u32 {
  return (row * ((groups + 31u) / 32u) + group / 32u) * 64u + half * 32u + group % 32u;
}

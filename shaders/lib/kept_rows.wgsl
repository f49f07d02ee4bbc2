// Where qkv_rope keeps keys and values: row by row and in full, for quantize_cache, which needs a whole head to scale it.
// cache [rows, k|v, kvHeads, headDim] f32
alias Kept = f32;

/// The place of a row's head; heads count on from k to v.
fn kept_place(row: u32, head: u32) -> u32 {
  return (row * 2u * params.kvHeads + head) * params.headDim;
}

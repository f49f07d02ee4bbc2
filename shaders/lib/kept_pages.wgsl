// Where qkv_rope keeps keys and values: in the paged cache itself, as activations are stored.
// cache [blocks, k|v, kvHeads, blockSize, headDim] Act
alias Kept = Act;

/// The place of a row's head; heads count on from k to v, as the two halves of a block do.
fn kept_place(row: u32, head: u32) -> u32 {
  let position = plan[row * 4u + 2u];
  let block = plan[plan[row * 4u + 3u] + position / params.blockSize];
  return ((block * 2u * params.kvHeads + head) * params.blockSize + position % params.blockSize) * params.headDim;
}

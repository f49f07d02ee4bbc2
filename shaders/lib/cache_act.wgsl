// Keys and values in the paged cache as activations are: cache [blocks, k|v, kvHeads, blockSize, headDim] Act. A section
// is the blockSize tokens of one kv head's keys, or values, in a block.
alias Cached4 = Act4;
const SCALED = false;

/// Where the token's first four elements lie; the next four follow.
fn cache_row(section: u32, token: u32) -> u32 {
  return (section * params.blockSize + token) * params.columns;
}

/// What its elements are to be multiplied by.
fn cache_scale(section: u32, token: u32) -> f32 {
  return 1.0;
}

fn cached4(held: Cached4) -> vec4<f32> {
  return vec4<f32>(held);
}

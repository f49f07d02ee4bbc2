// Keys and values in the paged cache as E4M3 codes, four in a u32, as quantize_cache.wgsl writes them: a section is the
// blockSize tokens of one kv head's keys, or values, in a block, codes [blockSize, headDim] and then a scale a token,
// f32. A scale is a power of two, so it changes no rounding wherever it is applied, and brings the 256 along by which
// the decoding divides (see weight_fp8.wgsl). Codes are never NaN: of a row that holds one, the scale is.
alias Cached4 = u32;
const SCALED = true;

/// Where the token's first four elements lie; the next four follow.
fn cache_row(section: u32, token: u32) -> u32 {
  return section * params.blockSize * (params.columns + 1u) + token * params.columns;
}

/// What its elements are to be multiplied by.
fn cache_scale(section: u32, token: u32) -> f32 {
  return bitcast<f32>(cache[(section + 1u) * params.blockSize * (params.columns + 1u) - params.blockSize + token]);
}

fn cached4(held: Cached4) -> vec4<f32> {
  let high = held >> 8u;
  let even = unpack2x16float(((held & 0x00800080u) << 8u) | ((held & 0x007f007fu) << 7u));
  let odd = unpack2x16float(((high & 0x00800080u) << 8u) | ((high & 0x007f007fu) << 7u));
  return vec4<f32>(even.x, odd.x, even.y, odd.y);
}

// Sixteen E4M3 weights of a row, four in a u32, divided by 256: a code whose exponent and mantissa are moved under
// f16's is the value times 2^-8, subnormals included. The channel's scale makes up for it. NaN codes do not survive
// this; a row that has one gets a NaN scale on load.
alias WeightGroup = vec4<u32>;

fn four_fp8(word: u32) -> vec4<f32> {
  let high = word >> 8u;
  let even = unpack2x16float(((word & 0x00800080u) << 8u) | ((word & 0x007f007fu) << 7u));
  let odd = unpack2x16float(((high & 0x00800080u) << 8u) | ((high & 0x007f007fu) << 7u));
  return vec4<f32>(even.x, odd.x, even.y, odd.y);
}

fn load_weights(group: u32) -> mat4x4<f32> {
  let words = weights[group];
  return mat4x4<f32>(four_fp8(words.x), four_fp8(words.y), four_fp8(words.z), four_fp8(words.w));
}

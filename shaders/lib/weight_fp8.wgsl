// Sixteen E4M3 weights of a row, four in a u32, divided by 256: a code whose exponent and mantissa are moved under
// f16's is the value times 2^-8, subnormals included. The channel's scale makes up for it. NaN codes do not survive
// this; a row that has one gets a NaN scale on load.
alias WeightGroup = vec4<u32>;

// Codes 0 and 2 of a word, and 1 and 3, as the bits of two f16.
fn even_bits(word: u32) -> u32 {
  return ((word & 0x00800080u) << 8u) | ((word & 0x007f007fu) << 7u);
}

fn odd_bits(word: u32) -> u32 {
  return even_bits(word >> 8u);
}

fn four_fp8(word: u32) -> vec4<f32> {
  let even = unpack2x16float(even_bits(word));
  let odd = unpack2x16float(odd_bits(word));
  return vec4<f32>(even.x, odd.x, even.y, odd.y);
}

fn quarter_0(w: WeightGroup) -> vec4<f32> { return four_fp8(w.x); }
fn quarter_1(w: WeightGroup) -> vec4<f32> { return four_fp8(w.y); }
fn quarter_2(w: WeightGroup) -> vec4<f32> { return four_fp8(w.z); }
fn quarter_3(w: WeightGroup) -> vec4<f32> { return four_fp8(w.w); }

// Four weights as they are stored, for whoever loads now and computes later.
alias RawQuarter = u32;

fn load_raw4(group: u32, quarter: u32) -> RawQuarter {
  return weights[group][quarter];
}

fn decode4(raw: RawQuarter) -> vec4<f32> {
  return four_fp8(raw);
}

fn load_weights(group: u32) -> mat4x4<f32> {
  let w = weights[group];
  return mat4x4<f32>(quarter_0(w), quarter_1(w), quarter_2(w), quarter_3(w));
}

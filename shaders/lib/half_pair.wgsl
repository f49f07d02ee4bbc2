enable f16;
// The two f16 of a word, the lower half first. naga cannot bitcast them; a driver drops the way through f32.
fn pair_of(bits: u32) -> vec2<f16> {
  return vec2<f16>(unpack2x16float(bits));
}

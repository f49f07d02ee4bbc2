// Floats as unsigned integers that compare the same way, so that thresholds are found and compared exactly. Values are
// finite and within ±1e37; both zeros are one. Keys of values lie in 0x00800000 ... 0xff7fffff, so small integers and
// 0xffffffff are free for other meanings.

fn key_of_float(value: f32) -> u32 {
  let bits = bitcast<u32>(clamp(value, -1e37, 1e37));
  if (bits == 0x80000000u) { return 0x80000000u; } // -0, made equal to +0
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn float_of_key(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}

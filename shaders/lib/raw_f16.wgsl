// Four weights of a row as they lie in a file, as bits of float32: binary16 widened, in integers, for a device may flush
// its subnormals. A row may begin in the middle of a word. Zeros past the row's end.
fn load_quad(start: u32, quad: u32, inputs: u32) -> vec4<u32> {
  let at = start + quad * 4u;
  let word = at / 2u;
  let low = source[word];
  let high = source[word + 1u];
  var halves = vec4<u32>(low & 0xffffu, low >> 16u, high & 0xffffu, high >> 16u);
  if (at % 2u == 1u) { halves = vec4<u32>(halves.yzw, source[word + 2u] & 0xffffu); }
  let inside = quad * 4u + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(inputs);
  return widen(select(vec4<u32>(0u), halves, inside));
}

fn widen(halves: vec4<u32>) -> vec4<u32> {
  let sign = (halves & vec4<u32>(0x8000u)) << vec4<u32>(16u);
  let magnitude = halves & vec4<u32>(0x7fffu);
  let fraction = magnitude << vec4<u32>(13u);
  let normal = fraction + vec4<u32>(112u << 23u);
  let special = fraction | vec4<u32>(0x7f800000u);
  // Subnormals are multiples of 2^-24; the leading bit of zero is nowhere and its place does not matter.
  let lead = min(firstLeadingBit(magnitude), vec4<u32>(23u));
  let moved = (magnitude << (vec4<u32>(23u) - lead)) & vec4<u32>(0x7fffffu);
  let subnormal = select(vec4<u32>(0u), ((lead + 103u) << vec4<u32>(23u)) | moved, magnitude > vec4<u32>(0u));
  let finite = select(subnormal, normal, magnitude >= vec4<u32>(0x400u));
  return sign | select(finite, special, magnitude >= vec4<u32>(0x7c00u));
}

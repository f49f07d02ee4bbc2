// Four weights of a row as they lie in a file, as bits of float32: bfloat16 is the upper half of it. A row may
// begin in the middle of a word. Zeros past the row's end.
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
  return halves << vec4<u32>(16u);
}

// Four weights of a row as they lie in a file, as bits of float32: here as they are. Zeros past the row's end.
fn load_quad(start: u32, quad: u32, inputs: u32) -> vec4<u32> {
  let at = start + quad * 4u;
  let bits = vec4<u32>(source[at], source[at + 1u], source[at + 2u], source[at + 3u]);
  return select(vec4<u32>(0u), bits, quad * 4u + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(inputs));
}

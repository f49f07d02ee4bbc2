// hidden += input · Wᵀ·scale + bias
//
// input [rows, groups·16] Act   weights [pairs·2, groups·16]   channels [pairs·2] (scale, bias)
// hidden [rows, stride] f32, updated in place
// Grid: x over pairs of outputs by PAIRS, y over tokens by TOKENS. The last pair of an odd layer has a zero row, which adds
// zero to the padding: stride is a multiple of sixteen.
override WORKGROUP: u32 = 32;
override LANES: u32 = 1;
override TOKENS: u32 = 1;
override PAIRS: u32 = 1;

struct Params {
  rows: u32,
  pairs: u32,     // in this slice
  firstPair: u32, // of this slice
  groups: u32,
  stride: u32,    // of hidden
}

@group(0) @binding(0) var<storage, read> input: array<Act4>;
@group(0) @binding(1) var<storage, read> weights: array<WeightGroup>;
@group(0) @binding(2) var<storage, read> channels: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> hidden: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn linear_residual(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let lane = local % LANES;
  let first_pair = (group.x * (WORKGROUP / LANES) + local / LANES) * PAIRS;
  let token = group.y * TOKENS;
  let rows = min(vec4<u32>(token, token + 1u, token + 2u, token + 3u), vec4<u32>(params.rows - 1u));
  var sums = reduce(dot_pairs(first_pair, rows, lane), local, lane);
  if (lane != 0u) { return; }

  for (var p = 0u; p < PAIRS && first_pair + p < params.pairs; p++) {
    let pair = first_pair + p;
    let even = channels[pair * 2u];
    let odd = channels[pair * 2u + 1u];
    let output = (params.firstPair + pair) * 2u;
    for (var t = 0u; t < TOKENS; t++) {
      let row = token + t;
      if (row < params.rows) {
        let at = row * params.stride + output;
        hidden[at] += fma(sums.even[p][t], even.x, even.y);
        hidden[at + 1u] += fma(sums.odd[p][t], odd.x, odd.y);
      }
    }
  }
}

// activated = silu(gate) · up, with [gate up] = rmsNorm(input) · Wᵀ·scale + bias and silu(x) = x / (1 + e^−x)
//
// Weight rows 2p and 2p+1 are row p of the gate and row p of the up projection.
// input [rows, groups·16] f32     gain [groups·16] f32     weights [pairs·2, groups·16]   channels [pairs·2] (scale, bias)
// activated [rows, stride] Act
// Grid: x over pairs by PAIRS, y over tokens by TOKENS.
override WORKGROUP: u32 = 32;
override LANES: u32 = 1;
override TOKENS: u32 = 1;
override PAIRS: u32 = 1;

struct Params {
  rows: u32,
  pairs: u32,     // in this slice
  firstPair: u32, // of this slice
  groups: u32,
  inputSize: f32,
  eps: f32,
  stride: u32,    // of activated
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<WeightGroup>;
@group(0) @binding(3) var<storage, read> channels: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> activated: array<Act>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn gate_up(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let lane = local % LANES;
  let first_pair = (group.x * (WORKGROUP / LANES) + local / LANES) * PAIRS;
  let token = group.y * TOKENS;
  let rows = min(vec4<u32>(token, token + 1u, token + 2u, token + 3u), vec4<u32>(params.rows - 1u));
  var sums = reduce(dot_pairs(first_pair, rows, lane), local, lane);
  if (lane != 0u) { return; }

  let inverse = inverse_rms(sums.squares);
  for (var p = 0u; p < PAIRS && first_pair + p < params.pairs; p++) {
    let pair = first_pair + p;
    let even = channels[pair * 2u];
    let odd = channels[pair * 2u + 1u];
    for (var t = 0u; t < TOKENS; t++) {
      let row = token + t;
      if (row < params.rows) {
        let gate = fma(sums.even[p][t] * inverse[t], even.x, even.y);
        let up = fma(sums.odd[p][t] * inverse[t], odd.x, odd.y);
        activated[row * params.stride + params.firstPair + pair] = Act(gate / (1.0 + exp(-gate)) * up);
      }
    }
  }
}

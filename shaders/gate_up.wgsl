// activated = silu(gate) · up, with [gate up] = rmsNorm(input) · Wᵀ·scale + bias and silu(x) = x / (1 + e^−x)
//
// Weight rows 2p and 2p+1 are row p of the gate and row p of the up projection.
// input and gain: see shaders/lib/input_*.wgsl
//     weights [pairs·2, groups·16]   channels [pairs·2] (scale, bias)
// activated [rows, stride] Act, in the order of shaders/lib/place_*.wgsl
// Grid: x over pairs, y over tokens, by what the core takes of them at a time.
override WORKGROUP: u32 = 32;
override LANES: u32 = 1;
override SPLIT: u32 = 1;
override TOKENS: u32 = 1;
override PAIRS: u32 = 1;
override UNROLL: u32 = 1;
override TEAMS: u32 = 1;
override STEP: u32 = 32;
override CHAIN: u32 = 32;
override BUFFERS: u32 = 1;
override GROUPS: u32 = 1;
override WORKGROUPS: u32 = 4294967295;
override SLICE_PAIRS: u32 = 0; // params.pairs, where the core knows them beforehand
override SKIPS: u32 = 1; // 1: a step whose every row has stopped is left out

struct Params {
  rows: u32,
  firstRow: u32,
  pairs: u32,     // in this slice
  firstPair: u32, // of this slice
  groups: u32,
  inputSize: f32,
  eps: f32,
  stride: u32,    // of activated
}

@group(0) @binding(0) var<storage, read> input: array<Input>;
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<WeightGroup>;
@group(0) @binding(3) var<storage, read> channels: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> activated: array<Act>;
@group(0) @binding(5) var<uniform> live: u32; // 0: every row of the step has stopped
@group(0) @binding(6) var<uniform> params: Params;

fn is_over() -> bool {
  return SKIPS > 0u && live == 0u;
}

fn input_row(row: u32) -> u32 {
  return params.firstRow + row;
}

// Nothing that finish() needs has to be looked up.
struct Ahead {
  none: u32,
}

fn look_ahead(pair: u32, row: u32) -> Ahead {
  return Ahead(0u);
}

fn finish(pair: u32, row: u32, even: f32, odd: f32, terms: vec4<f32>, ahead: Ahead) {
  let gate = fma(even, terms.x, terms.y);
  let up = fma(odd, terms.z, terms.w);
  let at = place_of(params.firstRow + row, params.stride, params.firstPair + pair);
  activated[at] = Act(gate / (1.0 + exp(-gate)) * up);
}

@compute @workgroup_size(WORKGROUP)
fn gate_up(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  linear(group.xy, local);
}

// hidden += input · Wᵀ·scale + bias
//
// input: see shaders/lib/input_*.wgsl   weights [pairs·2, groups·16]   channels [pairs·2] (scale, bias)
// hidden [rows, stride] f32, updated in place; in the order of shaders/lib/hidden_order.wgsl
// Grid: x over pairs of outputs, y over tokens, by what the core takes of them at a time. The last pair of an odd layer has
// a zero row, which adds zero to the padding: stride is a multiple of sixteen.
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
  stride: u32,    // of hidden
}

@group(0) @binding(0) var<storage, read> input: array<Input>;
@group(0) @binding(1) var<storage, read> weights: array<WeightGroup>;
@group(0) @binding(2) var<storage, read> channels: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(4) var<uniform> live: u32; // 0: every row of the step has stopped
@group(0) @binding(5) var<uniform> params: Params;

fn is_over() -> bool {
  return SKIPS > 0u && live == 0u;
}

fn input_row(row: u32) -> u32 {
  return params.firstRow + row;
}

fn hidden_at(pair: u32, row: u32) -> u32 {
  let output = (params.firstPair + pair) * 2u;
  return (params.firstRow + row) * params.stride + hidden_quad(output / 16u, output / 4u % 4u) * 4u + output % 4u;
}

// What finish() needs and may be on its way before the sums are there.
struct Ahead {
  even: f32,
  odd: f32,
}

fn look_ahead(pair: u32, row: u32) -> Ahead {
  let at = hidden_at(pair, row);
  return Ahead(hidden[at], hidden[at + 1u]);
}

fn finish(pair: u32, row: u32, even: f32, odd: f32, terms: vec4<f32>, ahead: Ahead) {
  let at = hidden_at(pair, row);
  hidden[at] = ahead.even + fma(even, terms.x, terms.y);
  hidden[at + 1u] = ahead.odd + fma(odd, terms.z, terms.w);
}

@compute @workgroup_size(WORKGROUP)
fn linear_residual(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  linear(group.xy, local);
}

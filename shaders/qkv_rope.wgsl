// [q k v] = rmsNorm(input) · Wᵀ·scale + bias; q and k are rotated, unless head_norm is to do it; q is kept, k and v go
// towards the paged cache.
// Rotation of the pair (i, i + headDim/2): (a·cos − b·sin, b·cos + a·sin), angle = position · theta^(−2i/headDim).
//
// Weight rows come in such pairs: rows 2p and 2p+1 are i and i + headDim/2 of one head, heads in the order q, k, v.
// input and gain: see shaders/lib/input_*.wgsl
//         weights [pairs·2, groups·16]  channels [pairs·2] (scale, bias)
// rotary [positions, headDim/2] (cos, sin)                     plan u32, see src/model/plan.ts
// queries [rows, queryStride]     cache: keys and values, where shaders/lib/kept_*.wgsl say
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

/// In place of a position: the row's sequence has stopped, and nothing of it is kept.
const STOPPED = 0xffffffffu;

struct Params {
  rows: u32,
  firstRow: u32,
  pairs: u32,      // in this slice
  firstPair: u32,  // of this slice
  groups: u32,
  inputSize: f32,
  eps: f32,
  queryHeads: u32,
  kvHeads: u32,
  headDim: u32,
  queryStride: u32,
  blockSize: u32,
}

@group(0) @binding(0) var<storage, read> input: array<Input>;
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<WeightGroup>;
@group(0) @binding(3) var<storage, read> channels: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> rotary: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read> plan: array<u32>;
@group(0) @binding(6) var<storage, read_write> queries: array<Act>;
@group(0) @binding(7) var<storage, read_write> cache: array<Kept>;
@group(0) @binding(8) var<uniform> live: u32; // 0: every row of the step has stopped
@group(0) @binding(9) var<uniform> params: Params;

fn is_over() -> bool {
  return SKIPS > 0u && live == 0u;
}

fn input_row(row: u32) -> u32 {
  return params.firstRow + row;
}

// What finish() needs and may be on its way before the sums are there.
struct Ahead {
  position: u32,
  angle: vec2<f32>, // cos and sin, of queries and keys
}

fn look_ahead(pair: u32, row: u32) -> Ahead {
  let position = plan[(params.firstRow + row) * 4u + 2u];
  let half_dim = params.headDim / 2u;
  let rotated = ROTATES && (params.firstPair + pair) / half_dim < params.queryHeads + params.kvHeads;
  var angle = vec2<f32>(1.0, 0.0);
  if (position != STOPPED && rotated) { angle = rotary[position * half_dim + (params.firstPair + pair) % half_dim]; }
  return Ahead(position, angle);
}

fn finish(pair: u32, local_row: u32, even: f32, odd: f32, terms: vec4<f32>, ahead: Ahead) {
  let row = params.firstRow + local_row;
  if (ahead.position == STOPPED) { return; }
  let half_dim = params.headDim / 2u;
  let head = (params.firstPair + pair) / half_dim;
  let i = (params.firstPair + pair) % half_dim;
  var a = fma(even, terms.x, terms.y);
  var b = fma(odd, terms.z, terms.w);
  if (ROTATES && head < params.queryHeads + params.kvHeads) {
    let rotated = fma(a, ahead.angle.x, -(b * ahead.angle.y));
    b = fma(b, ahead.angle.x, a * ahead.angle.y);
    a = rotated;
  }
  if (head < params.queryHeads) {
    let at = row * params.queryStride + head * params.headDim + i;
    queries[at] = Act(a);
    queries[at + half_dim] = Act(b);
  } else {
    let at = kept_place(row, head - params.queryHeads) + i;
    cache[at] = Kept(a);
    cache[at + half_dim] = Kept(b);
  }
}

@compute @workgroup_size(WORKGROUP)
fn qkv_rope(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  linear(group.xy, local);
}

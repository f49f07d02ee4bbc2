// queries, keys = rotated(rmsNorm(head) · gain), each head of each row by itself, in place (Qwen 3). qkv_rope has left them
// as the projections made them, for no invocation of it knows more than two elements of a head.
// Rotation of the pair (i, i + headDim/2): (a·cos − b·sin, b·cos + a·sin), as in qkv_rope.wgsl.
//
// gains [q|k, headDim] f32          rotary [positions, headDim/2] (cos, sin)       plan u32, see src/model/plan.ts
// queries [rows, queryStride] Act   cache: keys, where shaders/lib/kept_*.wgsl say
// Grid: x over the heads of q, then of k, y over rows. An invocation has a pair. The sum of squares is a tree over pairs,
// whose order depends on WORKGROUP alone.
override WORKGROUP: u32 = 128; // a power of two, at least headDim / 2

/// In place of a position: the row's sequence has stopped, and nothing of it is kept.
const STOPPED = 0xffffffffu;

struct Params {
  rows: u32,
  queryHeads: u32,
  kvHeads: u32,
  headDim: u32,
  queryStride: u32,
  blockSize: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> gains: array<f32>;
@group(0) @binding(1) var<storage, read> rotary: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> plan: array<u32>;
@group(0) @binding(3) var<storage, read_write> queries: array<Act>;
@group(0) @binding(4) var<storage, read_write> cache: array<Kept>;
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> squares: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn head_norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let head = group.x;
  let half_dim = params.headDim / 2u;
  let position = plan[row * 4u + 2u];
  if (position == STOPPED) { return; }
  let is_query = head < params.queryHeads;
  let has = local < half_dim;
  var at = row * params.queryStride + head * params.headDim + local;
  if (!is_query) { at = kept_place(row, head - params.queryHeads) + local; }
  var a = 0.0;
  var b = 0.0;
  if (has && is_query) {
    a = f32(queries[at]);
    b = f32(queries[at + half_dim]);
  }
  if (has && !is_query) {
    a = f32(cache[at]);
    b = f32(cache[at + half_dim]);
  }
  squares[local] = fma(b, b, a * a);
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (local < step) { squares[local] += squares[local + step]; }
  }
  workgroupBarrier();
  if (!has) { return; }
  let inverse = 1.0 / sqrt(squares[0] / f32(params.headDim) + params.eps);
  let gain = select(params.headDim, 0u, is_query) + local;
  a = a * inverse * gains[gain];
  b = b * inverse * gains[gain + half_dim];
  let angle = rotary[position * half_dim + local];
  let turned_a = fma(a, angle.x, -(b * angle.y));
  let turned_b = fma(b, angle.x, a * angle.y);
  if (is_query) {
    queries[at] = Act(turned_a);
    queries[at + half_dim] = Act(turned_b);
  } else {
    cache[at] = Kept(turned_a);
    cache[at + half_dim] = Kept(turned_b);
  }
}

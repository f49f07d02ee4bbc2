// out = softmax(q·Kᵀ·scale)·V per row and query head, over positions max(0, p − window + 1) … p of the row's own
// sequence, read from the paged cache through its block table. Query head h reads kv head h / (queryHeads / kvHeads).
// Softmax runs online over tiles of WORKGROUP keys (Milakov and Gimelshein 2018).
//
// queries [rows, queryStride] Act     cache [blocks, k|v, kvHeads] sections, see shaders/lib/cache_*.wgsl
// plan u32, see src/model/plan.ts     attended [rows, queryStride] Act
// Grid: x over bundles of up to HEADS query heads of one kv head, which share every key and value; y over rows.
// In a tile each invocation scores one key; then the invocations are dealt out as (team, column): a column is four
// elements of headDim, and a team adds up every teams-th key of the tile. The order of additions depends on the row's
// own position only, so a row's result is the same in a prompt, in decoding and in any batch.
override WORKGROUP: u32 = 64; // a power of two, at least headDim / 4
override HEADS: u32 = 1;      // 1, 2 or 4

const LOWEST = -3.4028234e38;
/// In place of a position: the row's sequence has stopped, and it attends to nothing.
const STOPPED = 0xffffffffu;

struct Params {
  rows: u32,
  firstRow: u32,
  queryHeads: u32,
  kvHeads: u32,
  columns: u32,      // headDim / 4
  queryStride: u32,
  blockSize: u32,
  window: u32,       // 0xffffffff: none
  scale: f32,
}

@group(0) @binding(0) var<storage, read> queries: array<Act4>;
@group(0) @binding(1) var<storage, read> cache: array<Cached4>;
@group(0) @binding(2) var<storage, read> plan: array<u32>;
@group(0) @binding(3) var<storage, read_write> attended: array<Act4>;
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> scores: array<vec4<f32>, WORKGROUP>; // one component per head; later the weights
var<workgroup> places: array<u32, WORKGROUP>;       // of the tile's values in the cache
var<workgroup> scales: array<f32, WORKGROUP>;       // of these values, where they have any
var<workgroup> team_values: array<mat4x4<f32>, WORKGROUP>;

fn across(v: vec4<f32>) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}

// The scores of one key, but for its scale, for the bundle's heads, whose queries begin at `query`.
fn score_key(query: vec4<u32>, place: u32) -> vec4<f32> {
  var a = vec4<f32>();
  var b = vec4<f32>();
  var c = vec4<f32>();
  var d = vec4<f32>();
  for (var column = 0u; column < params.columns; column++) {
    let key = cached4(cache[place + column]);
    a = fma(vec4<f32>(queries[query.x + column]), key, a);
    if (HEADS > 1u) { b = fma(vec4<f32>(queries[query.y + column]), key, b); }
    if (HEADS > 2u) {
      c = fma(vec4<f32>(queries[query.z + column]), key, c);
      d = fma(vec4<f32>(queries[query.w + column]), key, d);
    }
  }
  return vec4<f32>(across(a), across(b), across(c), across(d)) * params.scale;
}

@compute @workgroup_size(WORKGROUP)
fn attention(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = params.firstRow + group.y;
  let columns = params.columns;
  let heads = params.queryHeads / params.kvHeads; // that share a kv head
  let bundles = (heads + HEADS - 1u) / HEADS;
  let kv_head = group.x / bundles;
  let first_head = group.x % bundles * HEADS;
  // A bundle that has fewer heads computes and writes its last one again.
  let bundle = kv_head * heads + min(first_head + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(heads - 1u));
  let query = row * params.queryStride / 4u + bundle * columns;
  let teams = WORKGROUP / columns;
  let team = local / columns;
  let column = local % columns;
  let position = plan[row * 4u + 2u];
  if (position == STOPPED) { return; }
  let table = plan[row * 4u + 3u];
  let first = select(0u, position - params.window + 1u, position >= params.window);

  var largest = vec4<f32>(LOWEST);
  var weight_sum = vec4<f32>();
  var values = mat4x4<f32>(); // one column per head
  for (var tile = first; tile <= position; tile += WORKGROUP) {
    let keys = min(WORKGROUP, position - tile + 1u);
    var score = vec4<f32>(LOWEST);
    if (local < keys) {
      let key = tile + local;
      let section = plan[table + key / params.blockSize] * 2u * params.kvHeads + kv_head;
      let token = key % params.blockSize;
      score = score_key(query, cache_row(section, token)) * cache_scale(section, token);
      places[local] = cache_row(section + params.kvHeads, token);
      if (SCALED) { scales[local] = cache_scale(section + params.kvHeads, token); }
    }
    scores[local] = score;
    for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
      workgroupBarrier();
      if (local < step) { scores[local] = max(scores[local], scores[local + step]); }
    }
    workgroupBarrier();
    let tile_largest = max(largest, scores[0]);
    workgroupBarrier();
    scores[local] = exp(score - tile_largest);
    workgroupBarrier();

    let shrink = exp(largest - tile_largest);
    largest = tile_largest;
    weight_sum *= shrink;
    values = mat4x4<f32>(
      values[0] * shrink.x, values[1] * shrink.y, values[2] * shrink.z, values[3] * shrink.w,
    );
    if (team < teams) {
      for (var key = team; key < keys; key += teams) {
        let weight = scores[key];
        var value = cached4(cache[places[key] + column]);
        if (SCALED) { value *= scales[key]; }
        weight_sum += weight;
        values[0] = fma(weight.xxxx, value, values[0]);
        if (HEADS > 1u) { values[1] = fma(weight.yyyy, value, values[1]); }
        if (HEADS > 2u) {
          values[2] = fma(weight.zzzz, value, values[2]);
          values[3] = fma(weight.wwww, value, values[3]);
        }
      }
    }
    workgroupBarrier();
  }

  team_values[local] = values;
  scores[local] = weight_sum;
  workgroupBarrier();
  if (local >= columns) { return; }
  for (var other = 1u; other < teams; other++) {
    values += team_values[other * columns + local];
    weight_sum += scores[other * columns + local];
  }
  attend_to(row, bundle.x, local, values[0] / weight_sum.x);
  if (HEADS > 1u) { attend_to(row, bundle.y, local, values[1] / weight_sum.y); }
  if (HEADS > 2u) {
    attend_to(row, bundle.z, local, values[2] / weight_sum.z);
    attend_to(row, bundle.w, local, values[3] / weight_sum.w);
  }
}

fn attend_to(row: u32, head: u32, column: u32, value: vec4<f32>) {
  attended[place_of_quad(row, params.queryStride, head * params.columns + column)] = placed_quad(Act4(value));
}

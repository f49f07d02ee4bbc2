// out = softmax(q·Kᵀ·scale)·V per row and query head, over positions max(0, p − window + 1) … p of the row's own
// sequence, read from the paged cache through its block table. Query head h reads kv head h / (queryHeads / kvHeads).
// Softmax runs online over tiles of WORKGROUP keys (Milakov and Gimelshein 2018).
//
// queries [rows, queryStride] Act     cache [blocks, k|v, kvHeads, blockSize, headDim] Act
// plan u32, see src/model/plan.ts     attended [rows, queryStride] Act
// Grid: x over query heads, y over rows. In a tile each invocation scores one key; then the invocations are dealt out
// as (team, column): a column is four elements of headDim, and a team adds up every teams-th key of the tile. Order of
// additions depends on the row's own position only.
override WORKGROUP: u32 = 64; // a power of two, at least headDim / 4

const LOWEST = -3.4028234e38;

struct Params {
  rows: u32,
  queryHeads: u32,
  kvHeads: u32,
  columns: u32,      // headDim / 4
  queryStride: u32,
  blockSize: u32,
  window: u32,       // 0xffffffff: none
  scale: f32,
}

@group(0) @binding(0) var<storage, read> queries: array<Act4>;
@group(0) @binding(1) var<storage, read> cache: array<Act4>;
@group(0) @binding(2) var<storage, read> plan: array<u32>;
@group(0) @binding(3) var<storage, read_write> attended: array<Act4>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> scores: array<f32, WORKGROUP>;        // then weights
var<workgroup> places: array<u32, WORKGROUP>;        // of the tile's values in the cache
var<workgroup> team_sums: array<vec4<f32>, WORKGROUP>;
var<workgroup> team_weights: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn attention(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let head = group.x;
  let row = group.y;
  let kv_head = head / (params.queryHeads / params.kvHeads);
  let columns = params.columns;
  let teams = WORKGROUP / columns;
  let team = local / columns;
  let column = local % columns;
  let query = (row * params.queryStride) / 4u + head * columns;
  let position = plan[row * 4u + 2u];
  let table = plan[row * 4u + 3u];
  let first = select(0u, position - params.window + 1u, position >= params.window);

  var largest = LOWEST;
  var weight_sum = 0.0;
  var value_sum = vec4<f32>();
  for (var tile = first; tile <= position; tile += WORKGROUP) {
    let keys = min(WORKGROUP, position - tile + 1u);
    var score = LOWEST;
    if (local < keys) {
      let key = tile + local;
      let block = plan[table + key / params.blockSize] * 2u * params.kvHeads + kv_head;
      let place = (block * params.blockSize + key % params.blockSize) * columns;
      var sum = vec4<f32>();
      for (var d = 0u; d < columns; d++) {
        sum = fma(vec4<f32>(queries[query + d]), vec4<f32>(cache[place + d]), sum);
      }
      score = ((sum.x + sum.y) + (sum.z + sum.w)) * params.scale;
      places[local] = place + params.kvHeads * params.blockSize * columns;
    }
    scores[local] = score;
    workgroupBarrier();

    var tile_largest = largest;
    for (var k = 0u; k < keys; k++) { tile_largest = max(tile_largest, scores[k]); }
    workgroupBarrier();
    scores[local] = exp(score - tile_largest);
    workgroupBarrier();

    let shrink = exp(largest - tile_largest);
    largest = tile_largest;
    weight_sum *= shrink;
    value_sum *= shrink;
    if (team < teams) {
      for (var k = team; k < keys; k += teams) {
        let weight = scores[k];
        weight_sum += weight;
        value_sum = fma(vec4<f32>(weight), vec4<f32>(cache[places[k] + column]), value_sum);
      }
    }
    workgroupBarrier();
  }

  team_sums[local] = value_sum;
  team_weights[local] = weight_sum;
  workgroupBarrier();
  if (local < columns) {
    for (var other = 1u; other < teams; other++) {
      value_sum += team_sums[other * columns + local];
      weight_sum += team_weights[other * columns + local];
    }
    attended[query + local] = Act4(value_sum / weight_sum);
  }
}

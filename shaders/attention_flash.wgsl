// Attention for heads of 32 · CHUNKS elements with subgroups: part `split` of softmax(q·Kᵀ·scale)·V. Eight invocations take
// a key, four elements of every 32 each; the HEADS query heads of one kv head share what they load.
// Keys of a split: positions split·splitKeys … (split + 1)·splitKeys − 1, as far as window and position allow.
//
// queries [rows, queryStride] Act     cache [blocks, k|v, kvHeads] sections, see shaders/lib/cache_*.wgsl
// plan u32, see src/model/plan.ts     attended [rows, queryStride] Act, written where splits is 1
// parts [rows from firstRow, splits, queryHeads, headDim] f32 and part_terms [rows, splits, queryHeads], the logarithm of
// each part's sum of exp(score): written otherwise, for attention_combine
// Grid: x over kv heads and their bundles of HEADS query heads, y over rows, z over splits. Softmax runs online per eight
// invocations (Milakov and Gimelshein 2018), then by a tree over the subgroup and over the subgroups in order: a row's
// result depends on its own position only.
override WORKGROUP: u32 = 64; // eight subgroups
override SUBGROUP: u32 = 8;
override HEADS: u32 = 1;
override CHUNKS: u32 = 1;
override KEYS: u32 = 1; // in flight an invocation

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
  splits: u32,
  splitKeys: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> queries: array<Act4>;
@group(0) @binding(1) var<storage, read> cache: array<Cached4>;
@group(0) @binding(2) var<storage, read> plan: array<u32>;
@group(0) @binding(3) var<storage, read_write> attended: array<Act4>;
@group(0) @binding(4) var<storage, read_write> parts: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> part_terms: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// Of each of the eight subgroups: weighted values, largest score, sum of weights.
var<workgroup> values: array<vec4<f32>, 8u * HEADS * CHUNKS * 8u>;
var<workgroup> largest: array<f32, 8u * HEADS>;
var<workgroup> weights: array<f32, 8u * HEADS>;

fn dot_into(sum: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

fn across_eight(value: f32) -> f32 {
  var sum = value;
  sum += subgroupShuffleXor(sum, 4u);
  sum += subgroupShuffleXor(sum, 2u);
  sum += subgroupShuffleXor(sum, 1u);
  return sum;
}

@compute @workgroup_size(WORKGROUP)
fn attention_flash(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = params.firstRow + group.y;
  let columns = params.columns;
  let heads = params.queryHeads / params.kvHeads; // that share a kv head
  let bundles = (heads + HEADS - 1u) / HEADS;
  let kv_head = group.x / bundles;
  let first_head = group.x % bundles * HEADS;
  let slot = local / 8u;
  let eighth = local % 8u;
  let position = plan[row * 4u + 2u];
  let table = plan[row * 4u + 3u];
  let begin = group.z * params.splitKeys;
  if (begin > position || position == STOPPED) { return; }
  let first = max(begin, select(0u, position - params.window + 1u, position >= params.window));
  let end = min(position, begin + params.splitKeys - 1u);

  //! for h in HEADS
  let head_$h = kv_head * heads + min(first_head + $hu, heads - 1u);
  var largest_$h = LOWEST;
  var weight_$h = 0.0;
  //! for c in CHUNKS
  let query_$h_$c = vec4<f32>(queries[row * params.queryStride / 4u + head_$h * columns + $cu * 8u + eighth]) * params.scale;
  var value_$h_$c = vec4<f32>(0.0);
  //! end
  //! end
  for (var tile = first; tile <= end; tile += WORKGROUP / 8u * KEYS) {
    //! for k in KEYS
    let key_$k = tile + $ku * (WORKGROUP / 8u) + slot;
    let safe_$k = min(key_$k, end);
    let section_$k = plan[table + safe_$k / params.blockSize] * 2u * params.kvHeads + kv_head;
    let token_$k = safe_$k % params.blockSize;
    let keys_at_$k = cache_row(section_$k, token_$k) + eighth;
    let values_at_$k = cache_row(section_$k + params.kvHeads, token_$k) + eighth;
    let key_scale_$k = cache_scale(section_$k, token_$k);
    let value_scale_$k = cache_scale(section_$k + params.kvHeads, token_$k);
    //! for c in CHUNKS
    let key_$k_$c = cache[keys_at_$k + $cu * 8u];
    let held_$k_$c = cache[values_at_$k + $cu * 8u];
    //! end
    //! end
    //! for k in KEYS
    //! for c in CHUNKS
    let some_key_$k_$c = cached4(key_$k_$c);
    let value_of_key_$k_$c = cached4(held_$k_$c) * value_scale_$k;
    //! end
    //! for h in HEADS
    {
      var score = 0.0;
      //! for c in CHUNKS
      score = dot_into(score, query_$h_$c, some_key_$k_$c);
      //! end
      score = select(LOWEST, across_eight(score) * key_scale_$k, key_$k <= end);
      let next = max(largest_$h, score);
      let shrink = exp(largest_$h - next);
      let weight = select(0.0, exp(score - next), key_$k <= end);
      largest_$h = next;
      weight_$h = fma(weight_$h, shrink, weight);
      //! for c in CHUNKS
      value_$h_$c = fma(value_$h_$c, vec4<f32>(shrink), value_of_key_$k_$c * weight);
      //! end
    }
    //! end
    //! end
  }

  for (var step = 8u; step < SUBGROUP; step *= 2u) {
    //! for h in HEADS
    {
      let other = subgroupShuffleXor(largest_$h, step);
      let next = max(largest_$h, other);
      let own_share = exp(largest_$h - next);
      let other_share = exp(other - next);
      largest_$h = next;
      weight_$h = weight_$h * own_share + subgroupShuffleXor(weight_$h, step) * other_share;
      //! for c in CHUNKS
      value_$h_$c = value_$h_$c * own_share + subgroupShuffleXor(value_$h_$c, step) * other_share;
      //! end
    }
    //! end
  }
  let subgroup = local / SUBGROUP;
  if (local % SUBGROUP < 8u) {
    //! for h in HEADS
    largest[subgroup * HEADS + $hu] = largest_$h;
    weights[subgroup * HEADS + $hu] = weight_$h;
    //! for c in CHUNKS
    values[((subgroup * HEADS + $hu) * CHUNKS + $cu) * 8u + eighth] = value_$h_$c;
    //! end
    //! end
  }
  workgroupBarrier();
  for (var at = local; at < HEADS * CHUNKS * 8u; at += WORKGROUP) {
    let bundled = at / (CHUNKS * 8u);
    let column = at % (CHUNKS * 8u);
    var best = LOWEST;
    for (var other = 0u; other < 8u; other++) { best = max(best, largest[other * HEADS + bundled]); }
    var weight = 0.0;
    var value = vec4<f32>(0.0);
    for (var other = 0u; other < 8u; other++) {
      let share = exp(largest[other * HEADS + bundled] - best);
      weight += weights[other * HEADS + bundled] * share;
      value += values[(other * HEADS + bundled) * CHUNKS * 8u + column] * share;
    }
    if (first_head + bundled < heads) {
      let head = kv_head * heads + first_head + bundled;
      // A split that the window leaves no key has no weight. Asked like this, a NaN has one and is passed on.
      let none = weight == 0.0;
      let mean = select(value / weight, vec4<f32>(0.0), none);
      if (params.splits == 1u) {
        attended[place_of_quad(row, params.queryStride, head * columns + column)] = placed_quad(Act4(mean));
      } else {
        let part = (group.y * params.splits + group.z) * params.queryHeads + head;
        parts[part * columns + column] = mean;
        if (column == 0u) { part_terms[part] = select(best + log(weight), LOWEST, none); }
      }
    }
  }
}

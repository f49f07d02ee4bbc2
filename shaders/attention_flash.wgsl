// Attention for heads of 32 · CHUNKS elements with subgroups: part `split` of softmax(q·Kᵀ·scale)·V. Eight invocations take
// a key, four elements of every 32 each; the HEADS query heads of one kv head share what they load. The keys of a part:
// see shaders/lib/row_parts.wgsl.
//
// queries [rows, queryStride] Act     cache [blocks, k|v, kvHeads] sections, see shaders/lib/cache_*.wgsl
// plan u32, see src/model/plan.ts     attended [rows, queryStride] Act, written at once where a row has one part only
// parts [rows from firstRow, splits, queryHeads, headDim] f32 and part_terms [rows, splits, queryHeads], the logarithm of
// each part's sum of exp(score): written otherwise, and joined by attention_combine, or here (JOINS)
// tickets [rows from firstRow, kv heads and bundles] u32, 0 before and after a dispatch: parts that are written
// Grid: x over kv heads and their bundles of HEADS query heads, y over rows, z over splits. Softmax runs online per eight
// invocations (Milakov and Gimelshein 2018), then by a tree over the subgroup and over the subgroups in order: a row's
// result depends on its own position only.
//
// JOINS: whichever workgroup is the last to write a part of a row and bundle joins them. None waits for another: each takes
// a number when its part is written, and who draws the last one knows that all are there. WGSL promises nothing between
// workgroups of a dispatch, so this is for Vulkan only: there naga makes of storageBarrier() a barrier that releases and
// acquires with the scope of the device, and with @coherent (a feature of its own) it reaches what other workgroups wrote.
// On Metal the same call is a fence within the workgroup. Every part of a row takes its number or, where the row has
// stopped, none does; the last one puts the ticket back. A device that is lost in between takes its tickets with it.
override WORKGROUP: u32 = 64; // eight subgroups
override SUBGROUP: u32 = 8;
override HEADS: u32 = 1;
override CHUNKS: u32 = 1;
override KEYS: u32 = 1; // in flight an invocation
override JOINS: u32 = 0;

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
  splits: u32,       // of the row that has most
  splitLog2: u32,    // fewest keys of a part
  mostLog2: u32,     // most parts of a row
  scale: f32,
}

@group(0) @binding(0) var<storage, read> queries: array<Act4>;
@group(0) @binding(1) var<storage, read> cache: array<Cached4>;
@group(0) @binding(2) var<storage, read> plan: array<u32>;
@group(0) @binding(3) var<storage, read_write> attended: array<Act4>;
//! if JOINS > 0
@coherent
//! end
@group(0) @binding(4) var<storage, read_write> parts: array<vec4<f32>>;
//! if JOINS > 0
@coherent
//! end
@group(0) @binding(5) var<storage, read_write> part_terms: array<f32>;
@group(0) @binding(6) var<storage, read_write> tickets: array<atomic<u32>>;
@group(0) @binding(7) var<uniform> params: Params;

// Of each of the eight subgroups: weighted values, largest score, sum of weights.
var<workgroup> values: array<vec4<f32>, 8u * HEADS * CHUNKS * 8u>;
var<workgroup> largest: array<f32, 8u * HEADS>;
var<workgroup> weights: array<f32, 8u * HEADS>;
var<workgroup> parts_before: u32;

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

fn attend_to(row: u32, head: u32, column: u32, value: vec4<f32>) {
  attended[place_of_quad(row, params.queryStride, head * params.columns + column)] = placed_quad(Act4(value));
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
  // Asked for before anything is waited for.
  //! for h in HEADS
  let head_$h = kv_head * heads + min(first_head + $hu, heads - 1u);
  //! for c in CHUNKS
  let stored_$h_$c = queries[row * params.queryStride / 4u + head_$h * columns + $cu * 8u + eighth];
  //! end
  //! end
  let seen = keys_seen(position);
  let keys_log2 = part_log2(seen);
  let first = position + 1u - seen + (group.z << keys_log2);
  if (position == STOPPED || first > position) { return; }
  let count = part_count(seen);
  let end = min(position, first + (1u << keys_log2) - 1u);

  // Each turn finds its blocks looked up, so that keys and values are the only loads it waits for.
  //! for k in KEYS
  var block_$k = plan[table + min(first + $ku * (WORKGROUP / 8u) + slot, end) / params.blockSize];
  //! end
  //! for h in HEADS
  var largest_$h = LOWEST;
  var weight_$h = 0.0;
  //! for c in CHUNKS
  let query_$h_$c = vec4<f32>(stored_$h_$c) * params.scale;
  var value_$h_$c = vec4<f32>(0.0);
  //! end
  //! end
  for (var tile = first; tile <= end; tile += (WORKGROUP / 8u) * KEYS) {
    //! for k in KEYS
    let key_$k = tile + $ku * (WORKGROUP / 8u) + slot;
    let safe_$k = min(key_$k, end);
    let section_$k = block_$k * 2u * params.kvHeads + kv_head;
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
    block_$k = plan[table + min(key_$k + (WORKGROUP / 8u) * KEYS, end) / params.blockSize];
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
  let first_part = group.y * params.splits * params.queryHeads + kv_head * heads + first_head;
  for (var at = local; at < HEADS * CHUNKS * 8u; at += WORKGROUP) {
    let bundled = at / (CHUNKS * 8u);
    let column = at % (CHUNKS * 8u);
    var best = LOWEST;
    //! for o in 8
    best = max(best, largest[$ou * HEADS + bundled]);
    //! end
    var weight = 0.0;
    var value = vec4<f32>(0.0);
    //! for o in 8
    let share_$o = exp(largest[$ou * HEADS + bundled] - best);
    weight += weights[$ou * HEADS + bundled] * share_$o;
    value += values[($ou * HEADS + bundled) * CHUNKS * 8u + column] * share_$o;
    //! end
    if (first_head + bundled < heads) {
      // Scores that are all −∞ have no weight. Asked like this, a NaN has one and is passed on.
      let none = weight == 0.0;
      let mean = select(value / weight, vec4<f32>(0.0), none);
      if (count == 1u) {
        attend_to(row, kv_head * heads + first_head + bundled, column, mean);
      } else {
        let part = first_part + group.z * params.queryHeads + bundled;
        parts[part * columns + column] = mean;
        if (column == 0u) { part_terms[part] = select(best + log(weight), LOWEST, none); }
      }
    }
  }
  //! if JOINS > 0
  if (count == 1u) { return; }
  storageBarrier();
  let ticket = group.y * params.kvHeads * bundles + group.x;
  if (local == 0u) { parts_before = atomicAdd(&tickets[ticket], 1u); }
  if (workgroupUniformLoad(&parts_before) + 1u < count) { return; }
  if (local == 0u) { atomicStore(&tickets[ticket], 0u); }
  storageBarrier();
  for (var at = local; at < HEADS * CHUNKS * 8u; at += WORKGROUP) {
    let bundled = at / (CHUNKS * 8u);
    let column = at % (CHUNKS * 8u);
    if (first_head + bundled < heads) {
      attend_to(row, kv_head * heads + first_head + bundled, column, joined(first_part + bundled, count, column));
    }
  }
  //! end
}

// Attention of prompt rows, for heads of 32 · CHUNKS elements with subgroups: softmax(q·Kᵀ·scale)·V. A workgroup takes 16 ·
// QUERIES query vectors, those of HEADS query heads of one kv head in so many rows, and goes over their keys 32 at a time,
// from positions that are multiples of 32. Keys and values are brought to workgroup memory once for all vectors,
// 32 · SPAN elements of each at a time; a head has SLICES of them. Both products are blocked in registers: eight neighbours
// share QUERIES vectors, each of them four keys' scores, then four of every 32 elements of the values' sums. Of a row that
// sees many keys a workgroup takes one part (shaders/lib/row_parts.wgsl), for a few rows far into a context would be a few
// workgroups with a long way to go.
//
// queries [rows, queryStride] Act     cache [blocks, k|v, kvHeads] sections, see shaders/lib/cache_*.wgsl
// plan u32, see src/model/plan.ts     attended [rows, queryStride] Act, written at once where a row has one part only
// parts [rows from firstRow, splits, queryHeads, headDim] f32 and part_terms [rows, splits, queryHeads], the logarithm of
// each part's sum of exp(score): written otherwise, and joined by attention_combine
// Grid: x over kv heads and their bundles of HEADS query heads, y over rows from firstRow on, z over splits. Softmax runs
// online over tiles of keys (Milakov and Gimelshein 2018). A row's sums run in an order that its own position gives; of a
// key that it does not see nothing is added, not even a zero, for zero times NaN is NaN; and a tile of which it sees none
// changes nothing. So its result is the same in any tile of rows, whose may be several sequences'.
override QUERIES: u32 = 1; // of an invocation: 1, 2 or 4
override HEADS: u32 = 1;   // 1, 2 or 4
override CHUNKS: u32 = 1;
override SPAN: u32 = 1;
override SLICES: u32 = 1;
override PAIR: u32 = 1;    // 2 where a subgroup has 16 invocations or more

const LOWEST = -3.4028234e38;
/// In place of a position: the row's sequence has stopped, and it attends to nothing.
const STOPPED = 0xffffffffu;
const TILE = 32u;
/// Of eight invocations.
const TEAMS = 16u;

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
@group(0) @binding(4) var<storage, read_write> parts: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> part_terms: array<f32>;
@group(0) @binding(6) var<uniform> params: Params;

// A constant index wants no check, and of several accesses that differ in it alone one check is left. Within the last
// dimension places are exchanged by exclusive or, for eight neighbours to hit different banks when they write and when they read.
// [chunk][query of the team][quarter of the chunk, team]
var<workgroup> held_queries: array<array<array<vec4<f32>, 128>, $QUERIES>, $CHUNKS>;
// Of keys [chunk][key % 4][quarter of the chunk, key / 4], of values [chunk][key % 4][key / 4, quarter of the chunk].
var<workgroup> held: array<array<array<vec4<f32>, 64>, 4>, $SPAN>;
// Four keys' weights: [query of the team][team, key / 4]
var<workgroup> held_weights: array<array<vec4<f32>, 128>, $QUERIES>;

/// Where a key and its value begin, and what they are to be multiplied by.
struct Entry {
  key: u32,
  value: u32,
  key_scale: f32,
  value_scale: f32,
}

fn entry_of(table: u32, kv_head: u32, position: u32) -> Entry {
  let section = plan[table + position / params.blockSize] * 2u * params.kvHeads + kv_head;
  let token = position % params.blockSize;
  let value_section = section + params.kvHeads;
  return Entry(
    cache_row(section, token), cache_row(value_section, token), cache_scale(section, token),
    cache_scale(value_section, token),
  );
}

/// Positions `first` … `last`; none: STOPPED … 0.
struct Keys {
  first: u32,
  last: u32,
}

/// Those of a part of the row at `position`.
fn keys_of(position: u32, part: u32) -> Keys {
  let seen = keys_seen(position);
  let keys_log2 = part_log2(seen);
  let first = position + 1u - seen + (part << keys_log2);
  if (position == STOPPED || first > position) { return Keys(STOPPED, 0u); }
  return Keys(first, min(position, first + (1u << keys_log2) - 1u));
}

fn dot_into(sum: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
  return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
}

fn most_of_eight(value: f32) -> f32 {
  var most = value;
  most = max(most, subgroupShuffleXor(most, 4u * PAIR));
  most = max(most, subgroupShuffleXor(most, 2u * PAIR));
  most = max(most, subgroupShuffleXor(most, PAIR));
  return most;
}

fn sum_of_eight(value: f32) -> f32 {
  var sum = value;
  sum += subgroupShuffleXor(sum, 4u * PAIR);
  sum += subgroupShuffleXor(sum, 2u * PAIR);
  sum += subgroupShuffleXor(sum, PAIR);
  return sum;
}

fn keep(row: u32, head: u32, column: u32, mean: vec4<f32>) {
  attended[place_of_quad(row, params.queryStride, head * params.columns + column)] = placed_quad(Act4(mean));
}

@compute @workgroup_size(128)
fn attention_prompt(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  // Two teams take turns, invocation by invocation: what each pair of neighbours or of those two apart reads alike, half a
  // subgroup has at once.
  let lane = local / PAIR % 8u;
  let team = local / (8u * PAIR) * PAIR + local % PAIR;
  // Whatever is brought to workgroup memory is brought by eight neighbours.
  let eighth = local % 8u;
  let bringer = local / 8u;
  let heads = params.queryHeads / params.kvHeads; // that share a kv head
  let bundles = (heads + HEADS - 1u) / HEADS;
  let kv_head = group.x / bundles;
  let first_head = group.x % bundles * HEADS;
  // The later half of the rows, which see more keys, from the last on, then the earlier half from the first on: what a
  // processor gets first and last comes out even.
  let tile_rows = TEAMS * QUERIES / HEADS;
  let row_tiles = (params.rows + tile_rows - 1u) / tile_rows;
  let later = (row_tiles + 1u) / 2u;
  let row_tile = select(group.y - later, row_tiles - 1u - group.y, group.y < later);
  let first_row = params.firstRow + row_tile * tile_rows;
  let end_row = min(first_row + tile_rows, params.firstRow + params.rows);

  //! for q in QUERIES
  let row_$q = first_row + (team * QUERIES + $qu) / HEADS;
  let head_$q = first_head + (team * QUERIES + $qu) % HEADS;
  let position_$q = select(STOPPED, plan[min(row_$q, end_row - 1u) * 4u + 2u], row_$q < end_row);
  var largest_$q = LOWEST;
  var weight_$q = 0.0;
  {
    let vector = bringer * QUERIES + $qu;
    let head = kv_head * heads + min(first_head + vector % HEADS, heads - 1u);
    let row = min(first_row + vector / HEADS, end_row - 1u);
    let query_at = row * params.queryStride / 4u + head * params.columns + eighth;
    //! for c in CHUNKS
    held_queries[$c][$q][eighth * TEAMS + (bringer ^ eighth)] = vec4<f32>(queries[query_at + $cu * 8u]) * params.scale;
    //! end
  }
  //! for s in SLICES
  //! for c in SPAN
  var value_$q_$s_$c = vec4<f32>(0.0);
  //! end
  //! end
  //! end
  // Of every tile an invocation brings two keys and two values, of each four elements of every 32.
  //! for r in 2
  let brought_$r = bringer + $ru * TEAMS;
  let key_to_$r = eighth * 8u + ((brought_$r / 4u) ^ eighth);
  let value_to_$r = brought_$r / 4u * 8u + eighth;
  //! end
  let fourth = bringer % 4u; // of both

  for (var next_row = first_row; next_row < end_row;) {
    // Rows of one sequence, their parts of one size: side by side in what they see.
    let run = next_row;
    let table = plan[run * 4u + 3u];
    let keys_log2 = part_log2(keys_seen(plan[run * 4u + 2u]));
    var lowest = STOPPED;
    var highest = 0u;
    for (; next_row < end_row; next_row++) {
      if (plan[next_row * 4u + 3u] != table) { break; }
      let position = plan[next_row * 4u + 2u];
      if (position == STOPPED) { continue; }
      if (part_log2(keys_seen(position)) != keys_log2) { break; }
      let keys = keys_of(position, group.z);
      lowest = min(lowest, keys.first);
      highest = max(highest, keys.last);
    }
    if (lowest > highest) { continue; }
    // The keys that each sees: none if it is not one of these rows.
    //! for q in QUERIES
    let among_$q = row_$q >= run && row_$q < next_row;
    let keys_$q = keys_of(select(STOPPED, position_$q, among_$q), group.z);
    let first_$q = keys_$q.first;
    let last_$q = keys_$q.last;
    //! end
    var first_of_any = first_0;
    var first_of_all = first_0;
    var last_of_any = last_0;
    var last_of_all = last_0;
    //! for q in QUERIES
    first_of_any = min(first_of_any, first_$q);
    first_of_all = max(first_of_all, first_$q);
    last_of_any = max(last_of_any, last_$q);
    last_of_all = min(last_of_all, last_$q);
    //! end

    // What is needed next is loaded while the last is computed with. Keys after the last one are that one again.
    let first_tile = lowest / TILE * TILE;
    //! for r in 2
    var entry_$r = entry_of(table, kv_head, min(first_tile + brought_$r, highest));
    //! for c in SPAN
    var loaded_$r_$c = cache[entry_$r.key + $cu * 8u + eighth];
    //! end
    //! end
    for (var tile = first_tile; tile <= highest; tile += TILE) {
      //! for q in QUERIES
      //! for j in 4
      var sum_$q_$j = 0.0;
      //! end
      //! end
      for (var slice = 0u; slice < SLICES; slice++) {
        workgroupBarrier();
        //! for r in 2
        //! for c in SPAN
        held[$c][fourth][key_to_$r] = cached4(loaded_$r_$c) * entry_$r.key_scale;
        //! end
        //! end
        workgroupBarrier();
        //! for r in 2
        {
          let from_here = select(entry_$r.value, entry_$r.key + (slice + 1u) * 8u * SPAN, slice + 1u < SLICES) + eighth;
          //! for c in SPAN
          loaded_$r_$c = cache[from_here + $cu * 8u];
          //! end
        }
        //! end
        for (var quarter = 0u; quarter < 8u; quarter += 2u) {
          //! for i in 2
          {
            let keys_at = (quarter + $iu) * 8u + (lane ^ (quarter + $iu));
            let queries_at = (quarter + $iu) * TEAMS + (team ^ (quarter + $iu));
            //! for c in SPAN
            {
              //! for j in 4
              let key_$j = held[$c][$j][keys_at];
              //! end
              //! for q in QUERIES
              let query_$q = held_queries[slice * SPAN + $cu][$q][queries_at];
              //! for j in 4
              sum_$q_$j = dot_into(sum_$q_$j, query_$q, key_$j);
              //! end
              //! end
            }
            //! end
          }
          //! end
        }
      }

      //! for q in QUERIES
      {
        let first_key = tile + lane * 4u;
        //! for j in 4
        let sees_$j = first_key + $ju >= first_$q && first_key + $ju <= last_$q;
        let score_$j = select(LOWEST, sum_$q_$j, sees_$j);
        //! end
        let most = most_of_eight(max(max(score_0, score_1), max(score_2, score_3)));
        let sees_some = first_$q < tile + TILE && last_$q >= tile;
        let next = select(largest_$q, max(largest_$q, most), sees_some);
        let shrink = select(1.0, exp(largest_$q - next), sees_some);
        largest_$q = next;
        //! for j in 4
        let share_$j = select(0.0, exp(score_$j - next), sees_$j);
        //! end
        weight_$q = fma(weight_$q, shrink, (share_0 + share_1) + (share_2 + share_3));
        held_weights[$q][team * 8u + (lane ^ (team % 8u))] = vec4<f32>(share_0, share_1, share_2, share_3);
        //! for s in SLICES
        //! for c in SPAN
        value_$q_$s_$c *= shrink;
        //! end
        //! end
      }
      //! end

      let from_key = max(first_of_any, tile);
      let to_key = min(last_of_any, tile + (TILE - 1u));
      //! for r in 2
      let next_entry_$r = entry_of(table, kv_head, min(tile + TILE + brought_$r, highest));
      //! end
      //! for s in SLICES
      workgroupBarrier();
      //! for r in 2
      //! for c in SPAN
      held[$c][fourth][value_to_$r] = cached4(loaded_$r_$c) * entry_$r.value_scale;
      //! end
      //! end
      workgroupBarrier();
      //! for r in 2
      {
        let from_here = select(next_entry_$r.key, entry_$r.value + ($su + 1u) * 8u * SPAN, $su + 1u < SLICES) + eighth;
        //! for c in SPAN
        loaded_$r_$c = cache[from_here + $cu * 8u];
        //! end
      }
      //! end
      for (var key = from_key; key <= to_key;) {
        let values_at = (key - tile) / 4u * 8u + lane;
        let shares_at = team * 8u + (((key - tile) / 4u) ^ (team % 8u));
        if (key % 4u == 0u && key >= first_of_all && key + 3u <= last_of_all) {
          //! for q in QUERIES
          let shares_$q = held_weights[$q][shares_at];
          //! end
          //! for c in SPAN
          //! for i in 4
          {
            let some = held[$c][$i][values_at];
            //! for q in QUERIES
            value_$q_$s_$c = fma(vec4<f32>(shares_$q[$i]), some, value_$q_$s_$c);
            //! end
          }
          //! end
          //! end
          key += 4u;
        } else {
          //! for c in SPAN
          let some_$c = held[$c][key % 4u][values_at];
          //! end
          //! for q in QUERIES
          {
            let share = vec4<f32>(held_weights[$q][shares_at][key % 4u]);
            // Vectors of one row see the same.
            let sees = (QUERIES <= HEADS) | ((key >= first_$q) & (key <= last_$q));
            //! for c in SPAN
            value_$q_$s_$c = select(value_$q_$s_$c, fma(share, some_$c, value_$q_$s_$c), sees);
            //! end
          }
          //! end
          key++;
        }
      }
      //! end
      //! for r in 2
      entry_$r = next_entry_$r;
      //! end
    }
  }

  //! for q in QUERIES
  {
    let weight = sum_of_eight(weight_$q);
    let count = part_count(keys_seen(position_$q));
    if (position_$q != STOPPED && head_$q < heads && group.z < count) {
      let head = kv_head * heads + head_$q;
      let part = ((row_$q - params.firstRow) * params.splits + group.z) * params.queryHeads + head;
      // Scores that are all −∞ have no weight. Asked like this, a NaN has one and is passed on.
      let none = weight == 0.0;
      //! for s in SLICES
      //! for c in SPAN
      {
        let column = ($su * SPAN + $cu) * 8u + lane;
        let mean = select(value_$q_$s_$c / weight, vec4<f32>(0.0), none);
        if (count == 1u) { keep(row_$q, head, column, mean); } else { parts[part * params.columns + column] = mean; }
      }
      //! end
      //! end
      if (count > 1u && lane == 0u) { part_terms[part] = select(largest_$q + log(weight), LOWEST, none); }
    }
  }
  //! end
}

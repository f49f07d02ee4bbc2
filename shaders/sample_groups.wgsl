// First half of sampling: statistics of every group of 64 consecutive ids, over as many workgroups as the vocabulary fills.
// The second half (sample.wgsl) finds from them what it must look at, which is little: greedy needs no logit again.
//
// Grid [ceil(vocabSize / (4 workgroupSize)), rowCount]; a lane takes four neighbouring ids, 16 lanes a group.
//
//   groups[row][0][g] = best key of the values (mask, bias, penalties and ban applied), its id (the lowest among equals),
//                       sum of exp((value - best) / T) in f32 bits and number of ids with a probability (T > 0 only);
//                       the best key is NOT_FINITE_KEY where any logit of the group, masked or not, is NaN or infinite
//   groups[row][1][g] = the same of the raw logits at T = 1; only where the slot wants log-probabilities
//
// Sums run over a fixed tree of the group's 64 ids, so they depend on nothing else.
//
// logits  [rows, vocabSize] bits of f32
// rows    [rows] SampleRow
// slots   [slots]
// counts  [slots, vocabSize]
// controls [slots, 2 * 300 + ceil(vocabSize / 32) + 128] biases, mask
// tokens  [slots]; a row that goes on from STOPPED gets no statistics
// groups  [rows, 2, ceil(vocabSize / 64)] vec4

struct Params {
  vocabSize: u32,
  rowCount: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<SampleRow>;
@group(0) @binding(2) var<storage, read> slots: array<SlotSampling>;
@group(0) @binding(3) var<storage, read> counts: array<u32>;
@group(0) @binding(4) var<storage, read> controls: array<u32>;
@group(0) @binding(5) var<storage, read> tokens: array<u32>;
@group(0) @binding(6) var<storage, read_write> groups: array<vec4<u32>>;
@group(0) @binding(7) var<uniform> params: Params;

/// A multiple of LANES.
override workgroupSize: u32 = 256;

const LOADS = 4u;
/// Lanes to a group.
const LANES = 16u;

var<workgroup> keys: array<u32, workgroupSize>;
var<workgroup> ids: array<u32, workgroupSize>;
var<workgroup> sums: array<vec2<f32>, workgroupSize>; // mass, number

/// Statistics of the lane's group from each lane's four keys; the same in every lane of the group.
fn reduce(lane: u32, first_id: u32, key: vec4<u32>, weighs: bool) -> vec4<u32> {
  let place = lane % LANES;
  let best_key = max(max(key.x, key.y), max(key.z, key.w));
  var best_id = first_id;
  if (key.x != best_key) { best_id = first_id + select(select(3u, 2u, key.z == best_key), 1u, key.y == best_key); }
  workgroupBarrier();
  keys[lane] = best_key;
  ids[lane] = best_id;
  for (var stride = 1u; stride < LANES; stride *= 2u) {
    workgroupBarrier();
    // What a lane holds comes from the ids before those of the other, so among equals its own stays.
    if (place % (2u * stride) == 0u && keys[lane + stride] > keys[lane]) {
      keys[lane] = keys[lane + stride];
      ids[lane] = ids[lane + stride];
    }
  }
  workgroupBarrier();
  let leader = lane - place;
  let best = keys[leader];
  if (!weighs) { return vec4<u32>(best, ids[leader], 0u, 0u); }

  let largest = float_of_key(best);
  sums[lane] = (weight(key.x, largest) + weight(key.y, largest)) + (weight(key.z, largest) + weight(key.w, largest));
  for (var stride = LANES / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (place < stride) { sums[lane] += sums[lane + stride]; }
  }
  workgroupBarrier();
  return vec4<u32>(best, ids[leader], bitcast<u32>(sums[leader].x), u32(sums[leader].y));
}

/// Mass and number of one token.
fn weight(key: u32, largest: f32) -> vec2<f32> {
  if (key <= BANNED_KEY) { return vec2<f32>(0.0); }
  return vec2<f32>(exp(tempered(key, largest)), 1.0);
}

@compute @workgroup_size(workgroupSize)
fn sample_groups(@builtin(workgroup_id) workgroup: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = workgroup.y;
  if (is_left_out(row)) { return; }
  read_row(row);
  let id = (workgroup.x * workgroupSize + lane) * LOADS;
  // Ids past the end are like masked ones, and never the first of them.
  var raw = vec4<u32>(MASKED_KEY);
  var key = vec4<u32>(MASKED_KEY);
  if (id < params.vocabSize) { raw.x = raw_key(id); key.x = value_key(id, raw.x); }
  if (id + 1u < params.vocabSize) { raw.y = raw_key(id + 1u); key.y = value_key(id + 1u, raw.y); }
  if (id + 2u < params.vocabSize) { raw.z = raw_key(id + 2u); key.z = value_key(id + 2u, raw.z); }
  if (id + 3u < params.vocabSize) { raw.w = raw_key(id + 3u); key.w = value_key(id + 3u, raw.w); }
  let group = id / GROUP;
  let count = (params.vocabSize + GROUP - 1u) / GROUP;
  let writes = lane % LANES == 0u && group < count;
  let of_values = reduce(lane, id, key, sampling.temperature > 0.0);
  if (writes) { groups[row * 2u * count + group] = of_values; }
  if ((sampling.flags & WANTS_LOGPROBS) != 0u) {
    sampling.temperature = 1.0;
    let of_logits = reduce(lane, id, raw, true);
    if (writes) { groups[(row * 2u + 1u) * count + group] = of_logits; }
  }
}

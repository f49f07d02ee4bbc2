// Keys and values of a step's rows → E4M3 codes in the paged cache, with a scale for each token and kv head, which needs
// no calibration and lets a row's bits depend on nothing but the row.
//
// scale = the smallest power of two with max|x| / scale ≤ 448, the largest E4M3 value; 1 for zeros. A power of two, as
// the scales of OCP's microscaling formats are, costs no accuracy that a floating-point code has (less than one of its
// seventeen binades stays unused), and both ways are exact but for the one rounding: to nearest, ties to even. Scales
// lie from 2^-116, below which subnormal inputs would matter that a GPU may flush, to 2^119, where what is larger
// saturates. A row with a NaN or an infinity has the scale NaN.
//
// kept  [rows, k|v, kvHeads, headDim] bits of f32: as bits, since a compiler may assume that floats are never NaN
// plan  u32, see src/model/plan.ts
// cache [blocks, k|v, kvHeads] sections of codes [blockSize, headDim / 4] u32 and scales · 256 [blockSize] f32
// Grid: x over the heads of k, then of v, y over rows. An invocation writes whole words, four codes each.
override WORKGROUP: u32 = 64; // a power of two, at least headDim / 4

struct Params {
  rows: u32,
  kvHeads: u32,
  columns: u32, // headDim / 4
  blockSize: u32,
}

@group(0) @binding(0) var<storage, read> kept: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> plan: array<u32>;
@group(0) @binding(2) var<storage, read_write> cache: array<u32>;
@group(0) @binding(3) var<uniform> params: Params;

/// In place of a position: the row's sequence has stopped, and nothing of it is kept.
const STOPPED = 0xffffffffu;
const MAGNITUDE = 0x7fffffffu;
const INFINITE = 0x7f800000u;
const NAN = 0x7fc00000u;

/// Magnitudes compare as their bits do, and a NaN is above all.
var<workgroup> largest: array<u32, WORKGROUP>;

/// Exponent field of the scale for values of this largest magnitude.
fn scale_exponent(magnitude: u32) -> u32 {
  // 448 is 1.75 · 2^8.
  let whole = (magnitude >> 23u) + select(0u, 1u, (magnitude & 0x7fffffu) > 0x600000u);
  return select(clamp(whole, 19u, 254u) - 8u, 127u, magnitude == 0u);
}

/// The nearest E4M3 code of a finite value, ties to even, in integers: WGSL leaves the rounding of floats open.
fn encode(bits: u32) -> u32 {
  let magnitude = bits & MAGNITUDE;
  // The mantissa loses twenty bits; the carry of rounding runs into the exponent, as it should.
  let rounded = (magnitude + 0x7ffffu + ((magnitude >> 20u) & 1u)) >> 20u;
  let normal = min(rounded, 0x43eu) - 0x3c0u;
  // Below 2^-6 it loses one more for each binade, down to nothing.
  let mantissa = (magnitude & 0x7fffffu) | 0x800000u;
  let shift = min(141u - min(magnitude >> 23u, 120u), 25u);
  let subnormal = (mantissa + (1u << (shift - 1u)) - 1u + ((mantissa >> shift) & 1u)) >> shift;
  return select(normal, subnormal, magnitude < 0x3c800000u) | ((bits >> 24u) & 0x80u);
}

@compute @workgroup_size(WORKGROUP)
fn quantize_cache(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let head = group.x;
  let columns = params.columns;
  let position = plan[row * 4u + 2u];
  if (position == STOPPED) { return; }
  let has = local < columns;
  var values = vec4<u32>(0u);
  if (has) { values = kept[(row * 2u * params.kvHeads + head) * columns + local]; }
  let own = values & vec4<u32>(MAGNITUDE);
  largest[local] = max(max(own.x, own.y), max(own.z, own.w));
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (local < step) { largest[local] = max(largest[local], largest[local + step]); }
  }
  workgroupBarrier();
  let magnitude = largest[0];
  let finite = magnitude < INFINITE;
  let exponent = scale_exponent(magnitude);

  let block = plan[plan[row * 4u + 3u] + position / params.blockSize];
  let token = position % params.blockSize;
  let section = (block * 2u * params.kvHeads + head) * params.blockSize * (columns + 1u);
  if (has) {
    let scaled = bitcast<vec4<u32>>(bitcast<vec4<f32>>(values) * bitcast<f32>((254u - exponent) << 23u));
    let word = encode(scaled.x) | (encode(scaled.y) << 8u) | (encode(scaled.z) << 16u) | (encode(scaled.w) << 24u);
    cache[section + token * columns + local] = select(0u, word, finite);
  }
  if (local == 0u) {
    cache[section + params.blockSize * columns + token] = select(NAN, (exponent + 8u) << 23u, finite);
  }
}

// code = E4M3(f32(weight / scale)), scale = f32(max|row| / 448), as src/tensor/row_quantize.ts has it, bit for bit
//
// source  rows as they lie in a file, elements of 2 or 4 bytes, in no order
// places  [rows] u32: the element of `source` at which the row begins, or NO_ROW: a row of zeros
// codes   [rows of the slice, groups·16] E4M3, four in a u32, padded with zeros
// channels [rows of the slice] (scale, bias) f32: the scale is written, times 256 (see shaders/lib/weight_fp8.wgsl)
// Grid: one workgroup a row. Invocations take four neighbouring weights in turn.
//
// All in integers: WGSL lets a float division be off by 2.5 units in the last place and flush subnormals, and a code
// that differs from the reference's on some devices would be another model. A quotient is never rounded to float32 as
// such: what a code is rounded from lies on one side or the other of a midpoint, and the comparison takes in the half
// unit that the rounding to float32 would have moved it by.
override WORKGROUP: u32 = 64;

const NO_ROW = 0xffffffffu;
const INFINITY = 0x7f800000u;
const NOT_A_NUMBER = 0x7fc00000u;
const ONE = 0x3f800000u;
const IMPLICIT = 0x800000u; // the leading bit of a significand
const LARGEST_CODE = 0x7eu;
const NAN_CODE = 0x7fu;

struct Params {
  firstRow: u32, // of the slice, that places[0] is for
  rows: u32,
  inputs: u32,
  groups: u32,
}

@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> places: array<u32>;
@group(0) @binding(2) var<storage, read_write> codes: array<u32>;
@group(0) @binding(3) var<storage, read_write> channels: array<u32>;
@group(0) @binding(4) var<uniform> params: Params;

// The largest magnitude of each invocation that is not NaN, and whether it saw a NaN.
var<workgroup> largest: array<u32, WORKGROUP>;
var<workgroup> spoiled: array<u32, WORKGROUP>;

// A positive number: significand · 2^(exponent - 150), the significand in 2^23 ... 2^24 - 1.
struct Number {
  significand: u32,
  exponent: i32,
}

fn number_of(magnitude: u32) -> Number {
  let fraction = magnitude & (IMPLICIT - 1u);
  if (magnitude >= IMPLICIT) { return Number(fraction | IMPLICIT, i32(magnitude >> 23u)); }
  let lead = firstLeadingBit(fraction);
  return Number(fraction << (23u - lead), i32(lead) - 22);
}

// float32(magnitude / 448), as bits; 1 where that is zero. 448 is 7 · 2^6.
fn scale_of(magnitude: u32) -> u32 {
  if (magnitude >= INFINITY) { return INFINITY; }
  let exponent = max(magnitude >> 23u, 1u);
  let significand = (magnitude & (IMPLICIT - 1u)) | select(0u, IMPLICIT, magnitude >= IMPLICIT);
  // Three bits more make up for the seven, or two where that is more than 24 bits.
  let shift = select(3u, 2u, significand >= 7u << 21u);
  if (exponent + 3u > shift + 9u) {
    let dividend = significand << shift;
    let quotient = dividend / 7u;
    let rounded = quotient + select(0u, 1u, dividend - quotient * 7u >= 4u);
    return ((exponent - 6u - shift) << 23u) + rounded - IMPLICIT;
  }
  // Subnormal, in units of 2^-149.
  let dividend = significand << select(0u, exponent - 7u, exponent > 7u);
  let divisor = 7u << select(0u, 7u - exponent, exponent < 7u);
  let quotient = dividend / divisor;
  let twice = 2u * (dividend - quotient * divisor);
  let up = twice > divisor || (twice == divisor && (quotient & 1u) == 1u);
  return select(quotient + select(0u, 1u, up), ONE, quotient == 0u && !up);
}

// The bits of 256 times a scale.
fn channel_of(scale: u32) -> u32 {
  if (scale >= IMPLICIT) { return scale + (8u << 23u); }
  if (scale < 1u << 15u) { return scale << 8u; }
  let number = number_of(scale);
  return (u32(number.exponent + 8) << 23u) + number.significand - IMPLICIT;
}

// E4M3 of float32(weight / scale): nearest, ties to even, magnitudes above 448 become 448, the sign is kept.
fn code_of(weight: u32, scale: Number, infinite: bool) -> u32 {
  let sign = (weight >> 24u) & 0x80u;
  let magnitude = weight & 0x7fffffffu;
  if (magnitude >= INFINITY) { return sign | NAN_CODE; } // ∞ / ∞ is NaN, too
  if (magnitude == 0u || infinite) { return sign; }
  let number = number_of(magnitude);
  let below = number.significand < scale.significand;
  // The quotient is a ratio in 1 ... 2 times 2^(place - 9): so many bits come before the point in units of the smallest
  // subnormal, 2^-9. A code has that many bits of the ratio's fraction, at most three.
  let dividend = number.significand << select(0u, 1u, below);
  let place = number.exponent - scale.exponent + select(9, 8, below);
  if (place < -1) { return sign; }
  if (place == -1) { return sign | select(0u, 1u, dividend > scale.significand); }
  let kept = min(u32(place), 3u);
  let whole = (dividend << kept) / scale.significand;
  let twice = 2u * ((dividend << kept) - whole * scale.significand);
  // Half a unit in the last place of float32, in the units of `twice`; a quotient just there becomes the midpoint.
  let slack = scale.significand >> (23u - kept);
  let odd = (whole & 1u) == 1u;
  let up = select(twice > scale.significand + slack, twice + slack >= scale.significand, odd);
  return sign | min(whole + select(0u, 1u, up) + 8u * (u32(place) - kept), LARGEST_CODE);
}

@compute @workgroup_size(WORKGROUP)
fn quantize_rows(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row = params.firstRow + group.x;
  let start = places[group.x];
  let inputs = select(params.inputs, 0u, start == NO_ROW);
  let quads = (inputs + 3u) / 4u;

  var most = 0u;
  var nan = 0u;
  for (var quad = lane; quad < quads; quad += WORKGROUP) {
    let weights = load_quad(start, quad, inputs);
    for (var i = 0u; i < 4u; i++) {
      let magnitude = weights[i] & 0x7fffffffu;
      let number = magnitude <= INFINITY;
      most = max(most, select(0u, magnitude, number));
      nan |= select(1u, 0u, number);
    }
  }
  largest[lane] = most;
  spoiled[lane] = nan;
  for (var stride = WORKGROUP / 2u; stride > 0u; stride /= 2u) {
    workgroupBarrier();
    if (lane < stride) {
      largest[lane] = max(largest[lane], largest[lane + stride]);
      spoiled[lane] |= spoiled[lane + stride];
    }
  }
  workgroupBarrier();

  let scale = scale_of(largest[0]);
  let infinite = scale == INFINITY;
  let number = number_of(scale);
  for (var quad = lane; quad < params.groups * 4u; quad += WORKGROUP) {
    var word = 0u;
    if (quad < quads) {
      let weights = load_quad(start, quad, inputs);
      for (var i = 0u; i < 4u; i++) { word |= code_of(weights[i], number, infinite) << (8u * i); }
    }
    codes[row * params.groups * 4u + quad] = word;
  }
  if (lane == 0u) {
    let real = select(channel_of(scale), ONE, start == NO_ROW);
    channels[row * 2u] = select(real, NOT_A_NUMBER, infinite || spoiled[0] != 0u);
  }
}

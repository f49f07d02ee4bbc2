// logits = rmsNorm(input) · Wᵀ·scale, for the rows that sample only
//
// input [rows, groups·16] f32     gain [groups·16] f32     weights [pairs·2, groups·16]   channels [pairs·2] (scale, bias)
// plan u32: from `samples` on, the row of each sample      logits [samples, outputs] f32
// Grid: x over pairs by PAIRS, y over samples by TOKENS. The last pair of an odd vocabulary has a zero row.
override WORKGROUP: u32 = 32;
override LANES: u32 = 1;
override TOKENS: u32 = 1;
override PAIRS: u32 = 1;

struct Params {
  rows: u32,      // samples
  pairs: u32,     // in this slice
  firstPair: u32, // of this slice
  groups: u32,
  inputSize: f32,
  eps: f32,
  outputs: u32,   // vocabulary
  samples: u32,   // where the list of samples begins in plan
}

@group(0) @binding(0) var<storage, read> input: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<WeightGroup>;
@group(0) @binding(3) var<storage, read> channels: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> plan: array<u32>;
@group(0) @binding(5) var<storage, read_write> logits: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn sample_row(sample: u32) -> u32 {
  return plan[params.samples + min(sample, params.rows - 1u)];
}

@compute @workgroup_size(WORKGROUP)
fn lm_head(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let lane = local % LANES;
  let first_pair = (group.x * (WORKGROUP / LANES) + local / LANES) * PAIRS;
  let first = group.y * TOKENS;
  let rows = vec4<u32>(sample_row(first), sample_row(first + 1u), sample_row(first + 2u), sample_row(first + 3u));
  var sums = reduce(dot_pairs(first_pair, rows, lane), local, lane);
  if (lane != 0u) { return; }

  let inverse = inverse_rms(sums.squares);
  for (var p = 0u; p < PAIRS && first_pair + p < params.pairs; p++) {
    let pair = first_pair + p;
    let even = channels[pair * 2u];
    let odd = channels[pair * 2u + 1u];
    let output = (params.firstPair + pair) * 2u;
    for (var t = 0u; t < TOKENS; t++) {
      let sample = first + t;
      if (sample < params.rows) {
        let at = sample * params.outputs + output;
        logits[at] = fma(sums.even[p][t] * inverse[t], even.x, even.y);
        if (output + 1u < params.outputs) { logits[at + 1u] = fma(sums.odd[p][t] * inverse[t], odd.x, odd.y); }
      }
    }
  }
}

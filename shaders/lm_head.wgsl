// logits = rmsNorm(input) · Wᵀ·scale, for the rows that sample only: those of the plan, or, behind rms_norm, the first ones
//
// input and gain: see shaders/lib/input_*.wgsl
//     weights [pairs·2, groups·16]   channels [pairs·2] (scale, bias)
// plan u32: from `samples` on, the row of each sample      logits [samples, outputs] f32
// Grid: x over pairs, y over samples, by what the core takes of them at a time. The last pair of an odd vocabulary has a
// zero row.
override WORKGROUP: u32 = 32;
override LANES: u32 = 1;
override SPLIT: u32 = 1;
override TOKENS: u32 = 1;
override PAIRS: u32 = 1;
override UNROLL: u32 = 1;
override TEAMS: u32 = 1;
override STEP: u32 = 32;
override CHAIN: u32 = 32;
override BUFFERS: u32 = 1;
override GROUPS: u32 = 1;
override WORKGROUPS: u32 = 4294967295;
override SLICE_PAIRS: u32 = 0; // params.pairs, where the core knows them beforehand
override SKIPS: u32 = 1; // 1: a step whose every row has stopped is left out

struct Params {
  rows: u32,      // samples
  firstRow: u32,  // first of these samples
  pairs: u32,     // in this slice
  firstPair: u32, // of this slice
  groups: u32,
  inputSize: f32,
  eps: f32,
  outputs: u32,   // vocabulary
  samples: u32,   // where the list of samples begins in plan
}

@group(0) @binding(0) var<storage, read> input: array<Input>;
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weights: array<WeightGroup>;
@group(0) @binding(3) var<storage, read> channels: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> plan: array<u32>;
@group(0) @binding(5) var<storage, read_write> logits: array<f32>;
@group(0) @binding(6) var<uniform> live: u32; // 0: every row of the step has stopped
@group(0) @binding(7) var<uniform> params: Params;

fn is_over() -> bool {
  return SKIPS > 0u && live == 0u;
}

fn input_row(sample: u32) -> u32 {
  if (!NORMED) { return params.firstRow + sample; } // rms_norm has picked them.
  return plan[params.samples + params.firstRow + sample];
}

// Nothing that finish() needs has to be looked up.
struct Ahead {
  none: u32,
}

fn look_ahead(pair: u32, sample: u32) -> Ahead {
  return Ahead(0u);
}

fn finish(pair: u32, sample: u32, even: f32, odd: f32, terms: vec4<f32>, ahead: Ahead) {
  let output = (params.firstPair + pair) * 2u;
  let at = (params.firstRow + sample) * params.outputs + output;
  logits[at] = fma(even, terms.x, terms.y);
  if (output + 1u < params.outputs) { logits[at + 1u] = fma(odd, terms.z, terms.w); }
}

@compute @workgroup_size(WORKGROUP)
fn lm_head(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  linear(group.xy, local);
}

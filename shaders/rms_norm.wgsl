// normed = f16(rmsNorm(hidden)), what products in pairs of f16 take as their input
//
// input [rows, blocks·512] f32, gain [blocks·512] f32, both in the order of shaders/lib/hidden_order.wgsl
// plan u32: from `samples` on, the row of each sample, unless every row is wanted
// normed [rows, blocks·512] f16, in the order of shaders/lib/half_order.wgsl
// Grid: x over rows, a workgroup each.
override WORKGROUP: u32 = 256; // a multiple of 32; changes no bit
override SKIPS: u32 = 1;       // 1: a step whose every row has stopped is left out

/// In place of where the samples begin: the rows in order.
const EVERY_ROW = 0xffffffffu;

struct Params {
  rows: u32,
  groups: u32,
  inputSize: f32,
  eps: f32,
  samples: u32, // where the list of samples begins in plan
}

@group(0) @binding(0) var<storage, read> input: array<Input>;
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> plan: array<u32>;
@group(0) @binding(3) var<storage, read_write> normed: array<vec4<u32>>;
@group(0) @binding(4) var<uniform> live: u32; // 0: every row of the step has stopped
@group(0) @binding(5) var<uniform> params: Params;

fn row_groups() -> u32 {
  return params.groups;
}

fn keep_unit(row: u32, unit: u32, value: vec4<u32>) {
  normed[half_row(row, params.groups) + unit] = value;
}

@compute @workgroup_size(WORKGROUP)
fn rms_norm(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  if (SKIPS > 0u && live == 0u) { return; }
  var row = group.x;
  if (params.samples != EVERY_ROW) { row = plan[params.samples + group.x]; }
  norm_row(row, group.x, local);
}

// attended = Σ share·part / Σ share over a row's splits, share = exp(term − largest term): the end of attention_flash.
//
// parts [rows, splits, queryHeads, headDim] f32     part_terms [rows, splits, queryHeads] f32
// plan u32, see src/model/plan.ts                   attended [rows, queryStride] Act, rows from firstRow on
// Grid: x over the columns of all heads, y over rows. A row with one split gets its bits as they are.
override WORKGROUP: u32 = 64;

/// In place of a position: the row's sequence has stopped, and has no parts.
const STOPPED = 0xffffffffu;

struct Params {
  rows: u32,
  firstRow: u32,
  queryHeads: u32,
  columns: u32,     // headDim / 4
  queryStride: u32,
  splits: u32,      // of the row that has most
  splitKeys: u32,
}

@group(0) @binding(0) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> part_terms: array<f32>;
@group(0) @binding(2) var<storage, read> plan: array<u32>;
@group(0) @binding(3) var<storage, read_write> attended: array<Act4>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn attention_combine(@builtin(global_invocation_id) id: vec3<u32>) {
  let head = id.x / params.columns;
  if (head >= params.queryHeads) { return; }
  let row = params.firstRow + id.y;
  let position = plan[row * 4u + 2u];
  if (position == STOPPED) { return; }
  let splits = min(params.splits, position / params.splitKeys + 1u);
  let first = id.y * params.splits * params.queryHeads + head;
  var largest = part_terms[first];
  for (var split = 1u; split < splits; split++) {
    largest = max(largest, part_terms[first + split * params.queryHeads]);
  }
  var weight = 0.0;
  var value = vec4<f32>(0.0);
  for (var split = 0u; split < splits; split++) {
    let part = first + split * params.queryHeads;
    let share = exp(part_terms[part] - largest);
    weight += share;
    value += parts[part * params.columns + id.x % params.columns] * share;
  }
  attended[place_of_quad(row, params.queryStride, id.x)] = placed_quad(Act4(value / weight));
}

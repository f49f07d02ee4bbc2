// The parts of each row joined (shaders/lib/row_parts.wgsl): the end of attention_prompt, and of attention_flash where that does
// not join them itself.
//
// parts [rows, splits, queryHeads, headDim] f32     part_terms [rows, splits, queryHeads] f32
// plan u32, see src/model/plan.ts                   attended [rows, queryStride] Act, rows from firstRow on
// Grid: x over the columns of all heads, y over rows. What has one part only is written already.
override WORKGROUP: u32 = 64;

/// In place of a position: the row's sequence has stopped, and has no parts.
const STOPPED = 0xffffffffu;

struct Params {
  rows: u32,
  firstRow: u32,
  queryHeads: u32,
  columns: u32,     // headDim / 4
  queryStride: u32,
  window: u32,      // 0xffffffff: none
  splits: u32,      // of the row that has most
  splitLog2: u32,   // fewest keys of a part
  mostLog2: u32,    // most parts of a row
}

@group(0) @binding(0) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> part_terms: array<f32>;
@group(0) @binding(2) var<storage, read> plan: array<u32>;
@group(0) @binding(3) var<storage, read_write> attended: array<Act4>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn attention_combine(@builtin(global_invocation_id) id: vec3<u32>) {
  let head = id.x / params.columns;
  if (head >= params.queryHeads) { return; }
  let row = params.firstRow + id.y;
  let position = plan[row * 4u + 2u];
  if (position == STOPPED) { return; }
  let count = part_count(keys_seen(position));
  if (count == 1u) { return; }
  let first = id.y * params.splits * params.queryHeads + head;
  let value = joined(first, count, id.x % params.columns);
  attended[place_of_quad(row, params.queryStride, id.x)] = placed_quad(Act4(value));
}

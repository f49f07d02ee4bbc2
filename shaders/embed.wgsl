// hidden[row] = embedding[token of row]
//
// weights [tokens of this slice, groups·16] any format   plan   u32, see src/model/plan.ts
// last_tokens [slots] u32                                hidden [rows, groups·16] f32, see shaders/lib/hidden_order.wgsl
// Grid: x over groups of sixteen, y over rows. One invocation copies one group; rows whose token lies outside the
// slice are left to the dispatch that holds it.
//
// A slot whose last token has ended its sequence has STOPPED in place of it. Its row gets STOPPED in place of its position,
// where the kernels behind find it, and makes nothing of the hidden row; any other row that goes on from a slot's last
// token writes 1 to plan[live], which is 0 before unless there are rows of known tokens.
override WORKGROUP: u32 = 32;

const FROM_SLOT = 0xffffffffu;
const STOPPED = 0xffffffffu;

struct Params {
  rows: u32,
  groups: u32,
  firstToken: u32, // of the slice
  tokens: u32,     // in the slice
  live: u32,       // word of the plan
}

@group(0) @binding(0) var<storage, read> weights: array<WeightGroup>;
@group(0) @binding(1) var<storage, read_write> plan: array<atomic<u32>>;
@group(0) @binding(2) var<storage, read> last_tokens: array<u32>;
@group(0) @binding(3) var<storage, read_write> hidden: array<vec4<f32>>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP)
fn embed(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.y;
  var token = atomicLoad(&plan[row * 4u]);
  if (token == FROM_SLOT) {
    token = last_tokens[atomicLoad(&plan[row * 4u + 1u])];
    if (id.x == 0u && token == STOPPED) { atomicStore(&plan[row * 4u + 2u], STOPPED); }
    if (id.x == 0u && token != STOPPED) { atomicStore(&plan[params.live], 1u); }
  }
  // Unsigned: a token before the slice wraps far beyond its end, and STOPPED lies beyond every slice.
  let local = token - params.firstToken;
  if (id.x >= params.groups || local >= params.tokens) { return; }
  let values = load_weights(local * params.groups + id.x);
  let at = hidden_row(row) + hidden_quad(id.x, 0u);
  hidden[at] = values[0];
  hidden[at + 32u] = values[1];
  hidden[at + 64u] = values[2];
  hidden[at + 96u] = values[3];
}

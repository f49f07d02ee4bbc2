// token = argmax(logits[sample]), the lowest id of equals; into results and the slot's last token
//
// logits [samples, vocab] f32     plan u32: from `samples` on, (row, slot) per sample
// last_tokens [slots] u32         results [samples] u32
// Grid: x over samples, one workgroup each. A row of NaN yields token 0.
override WORKGROUP: u32 = 64; // a power of two

struct Params {
  rows: u32,
  vocab: u32,
  samples: u32, // where the list of samples begins in plan
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> plan: array<u32>;
@group(0) @binding(2) var<storage, read_write> last_tokens: array<u32>;
@group(0) @binding(3) var<storage, read_write> results: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> values: array<f32, WORKGROUP>;
var<workgroup> tokens: array<u32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn argmax(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first = group.x * params.vocab;
  var best = -3.4028234e38;
  var token = 0u;
  for (var id = local; id < params.vocab; id += WORKGROUP) {
    let value = logits[first + id];
    if (value > best) {
      best = value;
      token = id;
    }
  }
  values[local] = best;
  tokens[local] = token;
  for (var step = WORKGROUP / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (local < step) {
      let other = values[local + step];
      let id = tokens[local + step];
      if (other > values[local] || (other == values[local] && id < tokens[local])) {
        values[local] = other;
        tokens[local] = id;
      }
    }
  }
  if (local == 0u) {
    last_tokens[plan[params.samples + group.x * 2u + 1u]] = tokens[0];
    results[group.x] = tokens[0];
  }
}

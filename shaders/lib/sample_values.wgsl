// What sampling makes of one token's logit, as a key (see float_order.wgsl): penalties and ban of the row's slot. The shader
// provides `logits`, `counts`, `slots` and calls read_slot first.

struct SlotSampling {
  flags: u32,
  temperature: f32,
  top_k: u32, // 0: off
  top_p: f32,
  log_min_p: f32, // NO_FLOOR: off
  typical_p: f32,
  repetition: f32,
  presence: f32,
  frequency: f32,
  min_tokens: u32,
  seed_low: u32,
  seed_high: u32,
  top_logprobs: u32,
}

const PENALIZES = 1u;
const BANS = 2u;
const WANTS_LOGPROBS = 4u;

const SEEN = 0x80000000u;
const BANNED = 0x40000000u;
const COUNT = 0x3fffffffu;

/// Keys below those of any value.
const BANNED_KEY = 0u;
const EXCLUDED_KEY = 1u;

/// Consecutive ids whose statistics are kept together.
const GROUP = 64u;

var<private> sampling: SlotSampling;
var<private> logit_base: u32;
var<private> count_base: u32;
var<private> banning: bool;
var<private> penalizing: bool;

/// Of row `row`, for the token at `index` of the output of `slot`.
fn read_slot(row: u32, slot: u32, index: u32) {
  sampling = slots[slot];
  logit_base = row * params.vocabSize;
  count_base = slot * params.vocabSize;
  penalizing = (sampling.flags & PENALIZES) != 0u;
  banning = (sampling.flags & BANS) != 0u && index < sampling.min_tokens;
}

fn raw_key(id: u32) -> u32 {
  let bits = logits[logit_base + id];
  if ((bits & 0x7fffffffu) > 0x7f800000u || bits == 0xff800000u) { return EXCLUDED_KEY; }
  if (bits == 0x7f800000u) { return key_of_float(1e37); }
  return key_of_float(bitcast<f32>(bits));
}

fn value_key(id: u32, raw: u32) -> u32 {
  if (!banning && !penalizing) { return raw; }
  let seen = counts[count_base + id];
  if (banning && (seen & BANNED) != 0u) { return BANNED_KEY; }
  if (!penalizing || (seen & (SEEN | COUNT)) == 0u || raw == EXCLUDED_KEY) { return raw; }
  let logit = float_of_key(raw);
  let count = f32(seen & COUNT);
  var value = select(logit * sampling.repetition, logit / sampling.repetition, logit > 0.0);
  value -= count * sampling.frequency + select(0.0, sampling.presence, count > 0.0);
  return key_of_float(value);
}

/// (value - origin) / T, at most 0; so low that exp of it is 0 where it would overflow.
fn tempered(key: u32, origin: f32) -> f32 {
  return max((float_of_key(key) - origin) / sampling.temperature, -1e4);
}

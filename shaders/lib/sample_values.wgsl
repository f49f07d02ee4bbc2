// What sampling makes of one token's logit, as a key (see float_order.wgsl): mask, bias, penalties and ban of the row's slot. The
// shader provides `logits`, `rows`, `counts`, `slots`, `controls` and `tokens`, and calls read_row first.

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
  bias_count: u32,
  stop_count: u32,
}

const PENALIZES = 1u;
const BANS = 2u;
const WANTS_LOGPROBS = 4u;
const BIASES = 8u;
const MASKS = 16u;

const SEEN = 0x80000000u;
const BANNED = 0x40000000u;
const BIASED = 0x20000000u;
const COUNT = 0x1fffffffu;

/// Keys below those of any value: what a mask forbids comes after what is only banned for now, should there be nothing else
/// to take.
const MASKED_KEY = 0u;
const BANNED_KEY = 1u;
/// Above those of any value: the logit is NaN or infinite, whatever mask, ban and bias would make of it.
const NOT_FINITE_KEY = 0xffffffffu;

/// A slot in `controls`: (id, bits of the bias) by id, then a bit for each id that may come, then ids that end the sequence.
const MAX_BIASES = 300u;
const MAX_STOPS = 128u;

/// In place of a slot's last token: it has ended its sequence. In a record: the row was left out for that.
const STOPPED = 0xffffffffu;
/// In a record, in place of an id: a logit of the row is NaN or infinite.
const NOT_FINITE = 0xfffffffeu;

/// A row of logits: whose they are, and what they decide.
struct SampleRow {
  slot: u32,
  index: u32, // of the token within the output
  flags: u32,
  drafted: u32, // number of drafts
  drafts: vec4<u32>, // outputs that are not counted yet; padded with what is no id
}

/// The token is the slot's next. Without it, it is if all drafts are right, which the host finds out.
const DECIDES = 1u;
/// The row's input is the slot's last token.
const CONTINUES = 2u;

/// Consecutive ids whose statistics are kept together.
const GROUP = 64u;

var<private> sampling: SlotSampling;
var<private> logit_base: u32;
var<private> count_base: u32;
var<private> control_base: u32;
var<private> stop_offset: u32;
var<private> banning: bool;
var<private> biasing: bool;
var<private> masking: bool;
var<private> penalizing: bool;
var<private> drafting: bool;
var<private> drafts: vec4<u32>;

/// Whether nothing has been computed for row `row` of the logits, since its sequence has ended.
fn is_left_out(row: u32) -> bool {
  return (rows[row].flags & CONTINUES) != 0u && tokens[rows[row].slot] == STOPPED;
}

/// For row `row` of the logits.
fn read_row(row: u32) {
  let slot = rows[row].slot;
  sampling = slots[slot];
  drafting = rows[row].drafted > 0u;
  drafts = rows[row].drafts;
  logit_base = row * params.vocabSize;
  count_base = slot * params.vocabSize;
  stop_offset = 2u * MAX_BIASES + (params.vocabSize + 31u) / 32u;
  control_base = slot * (stop_offset + MAX_STOPS);
  masking = (sampling.flags & MASKS) != 0u;
  biasing = (sampling.flags & BIASES) != 0u;
  penalizing = (sampling.flags & PENALIZES) != 0u;
  banning = (sampling.flags & BANS) != 0u && rows[row].index < sampling.min_tokens;
}

/// Asks the bits, since a compiler may assume that floats are never NaN or infinite.
fn raw_key(id: u32) -> u32 {
  let bits = logits[logit_base + id];
  if ((bits & 0x7f800000u) == 0x7f800000u) { return NOT_FINITE_KEY; }
  return key_of_float(bitcast<f32>(bits));
}

fn value_key(id: u32, raw: u32) -> u32 {
  if (raw == NOT_FINITE_KEY) { return raw; }
  if (masking) {
    let word = controls[control_base + 2u * MAX_BIASES + id / 32u];
    if (((word >> (id % 32u)) & 1u) == 0u) { return MASKED_KEY; }
  }
  if (!banning && !penalizing && !biasing) { return raw; }
  var seen = counts[count_base + id];
  if (drafting) { seen += dot(select(vec4<u32>(0u), vec4<u32>(1u), drafts == vec4<u32>(id)), vec4<u32>(1u)); }
  if (banning && (seen & BANNED) != 0u) { return BANNED_KEY; }
  let biased = biasing && (seen & BIASED) != 0u;
  let penalized = penalizing && (seen & (SEEN | COUNT)) != 0u;
  if (!biased && !penalized) { return raw; }
  var value = float_of_key(raw);
  if (biased) { value += bias_of(id); }
  if (penalized) {
    let count = f32(seen & COUNT);
    value = select(value * sampling.repetition, value / sampling.repetition, value > 0.0);
    value -= count * sampling.frequency + select(0.0, sampling.presence, count > 0.0);
  }
  return key_of_float(value);
}

/// By halving; the id is among the slot's entries.
fn bias_of(id: u32) -> f32 {
  var first = 0u;
  var end = min(sampling.bias_count, MAX_BIASES);
  for (; first + 1u < end;) {
    let middle = (first + end) / 2u;
    if (controls[control_base + 2u * middle] <= id) { first = middle; } else { end = middle; }
  }
  return bitcast<f32>(controls[control_base + 2u * first + 1u]);
}

/// (value - origin) / T, at most 0; so low that exp of it is 0 where it would overflow.
fn tempered(key: u32, origin: f32) -> f32 {
  return max((float_of_key(key) - origin) / sampling.temperature, -1e4);
}

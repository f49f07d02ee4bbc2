// Input of a linear layer behind an RMSNorm: `input` is multiplied by `gain` on the way in, the sum of its squares is
// taken along, and 1 / rms multiplies the finished sum, so that normalising needs no pass of its own.
alias Input = vec4<f32>;
const NORMED = true;

// input [rows, groups·16] f32, gain [groups·16] f32; both lie in the order in which lanes read them
// (shaders/lib/hidden_order.wgsl).

fn load_input4(row: u32, group: u32, quarter: u32) -> vec4<f32> {
  return input[hidden_row(row) + hidden_quad(group, quarter)];
}

fn load_gain4(group: u32, quarter: u32) -> vec4<f32> {
  return gain[hidden_quad(group, quarter)];
}

// 1 / sqrt(mean of squares + eps), one component per token.
fn inverse_rms(squares: vec4<f32>) -> vec4<f32> {
  return 1.0 / sqrt(squares / params.inputSize + params.eps);
}

/**
 * Every operation of the Mistral forward pass once, in float64, over plain row-major matrices. Written to be read,
 * never optimised, never imported by src; pinned by the golden files (forward_test.ts) and, in turn, pinning the kernels.
 */

/** Row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

export function matrix(rows: number, columns: number, data?: ArrayLike<number>): Matrix {
  const copy = new Float64Array(rows * columns);
  if (data !== undefined) {
    if (data.length !== copy.length) throw new Error(`${data.length} values for ${rows} × ${columns}`);
    copy.set(data);
  }
  return { rows, columns, data: copy };
}

function build(rows: number, columns: number, value: (row: number, column: number) => number): Matrix {
  const result = matrix(rows, columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result.data[row * columns + column] = value(row, column);
  }
  return result;
}

/** `table[ids[i]]`. */
export function embed(table: Matrix, ids: ArrayLike<number>): Matrix {
  return build(ids.length, table.columns, (row, column) => table.data[ids[row]! * table.columns + column]!);
}

/** `x · rsqrt(mean(x²) + eps) · weight` per row (Zhang and Sennrich 2019). */
export function rmsNorm(x: Matrix, weight: ArrayLike<number>, eps: number): Matrix {
  const scales = Array.from({ length: x.rows }, (_, row) => {
    let sum = 0;
    for (let k = 0; k < x.columns; k++) sum += x.data[row * x.columns + k]! ** 2;
    return 1 / Math.sqrt(sum / x.columns + eps);
  });
  return build(
    x.rows,
    x.columns,
    (row, column) => x.data[row * x.columns + column]! * scales[row]! * weight[column]!,
  );
}

/** `x · weightᵀ (+ bias)`; weight is [outputs, inputs]. */
export function linear(x: Matrix, weight: Matrix, bias?: ArrayLike<number>): Matrix {
  return build(x.rows, weight.rows, (row, output) => {
    let sum = bias?.[output] ?? 0;
    for (let k = 0; k < x.columns; k++) {
      sum += x.data[row * x.columns + k]! * weight.data[output * x.columns + k]!;
    }
    return sum;
  });
}

/** Llama 3.1's stretched waves, as config.json has them. */
export interface Stretch {
  readonly factor: number;
  readonly low_freq_factor: number;
  readonly high_freq_factor: number;
  readonly original_max_position_embeddings: number;
}

/**
 * Rotary embedding, half-split pairs (i, i + headDim/2) within each head (the Hugging Face layout):
 * angle = position · theta^(−2i/headDim), with exponent, power, frequency and angle rounded to float32 as the reference does.
 */
export function rope(
  x: Matrix,
  positions: ArrayLike<number>,
  headDim: number,
  theta: number,
  stretch?: Stretch,
): Matrix {
  const half = headDim / 2;
  return build(x.rows, x.columns, (row, column) => {
    const i = column % headDim;
    const power = Math.fround(theta ** Math.fround((2 * (i % half)) / headDim));
    const frequency = Math.fround(stretched(Math.fround(1 / power), stretch));
    const angle = Math.fround(positions[row]! * frequency);
    const own = x.data[row * x.columns + column]!;
    const other = x.data[row * x.columns + column + (i < half ? half : -half)]!;
    return own * Math.cos(angle) + (i < half ? -other : other) * Math.sin(angle);
  });
}

/** By how many waves there are over the original positions: few are stretched, many are kept, in between it goes by shares. */
function stretched(frequency: number, stretch: Stretch | undefined): number {
  if (stretch === undefined) return frequency;
  const { factor, low_freq_factor: low, high_freq_factor: high } = stretch;
  const waves = stretch.original_max_position_embeddings * frequency / (2 * Math.PI);
  const kept = Math.min(1, Math.max(0, (waves - low) / (high - low)));
  return (1 - kept) * frequency / factor + kept * frequency;
}

/**
 * Causal grouped-query attention. Row r of `q` is at `positions[r]` and sees keys `max(0, p − window + 1) … p`, where
 * key j is row j of `keys`. Head h reads kv head floor(h / (queryHeads / kvHeads)); scale is headDim^−½.
 */
export function attention(
  q: Matrix, // [rows, queryHeads · headDim]
  keys: Matrix, // [tokens, kvHeads · headDim]
  values: Matrix, // [tokens, kvHeads · headDim]
  shape: {
    positions: ArrayLike<number>;
    queryHeads: number;
    kvHeads: number;
    headDim: number;
    window: number | null;
  },
): Matrix {
  const { positions, queryHeads, kvHeads, headDim, window } = shape;
  const result = matrix(q.rows, queryHeads * headDim);
  for (let row = 0; row < q.rows; row++) {
    const last = positions[row]!;
    const first = window === null ? 0 : Math.max(0, last - window + 1);
    for (let head = 0; head < queryHeads; head++) {
      const kvHead = Math.floor(head / (queryHeads / kvHeads));
      const scores: number[] = [];
      for (let key = first; key <= last; key++) {
        let dot = 0;
        for (let d = 0; d < headDim; d++) {
          dot += q.data[row * q.columns + head * headDim + d]! *
            keys.data[key * keys.columns + kvHead * headDim + d]!;
        }
        scores.push(dot / Math.sqrt(headDim));
      }
      const weights = softmax(scores);
      for (let d = 0; d < headDim; d++) {
        let sum = 0;
        weights.forEach((weight, i) => {
          sum += weight * values.data[(first + i) * values.columns + kvHead * headDim + d]!;
        });
        result.data[row * result.columns + head * headDim + d] = sum;
      }
    }
  }
  return result;
}

/** `silu(gate) · up`, silu(x) = x / (1 + e^−x). */
export function siluMul(gate: Matrix, up: Matrix): Matrix {
  return build(gate.rows, gate.columns, (row, column) => {
    const index = row * gate.columns + column;
    const x = gate.data[index]!;
    return x / (1 + Math.exp(-x)) * up.data[index]!;
  });
}

export function add(a: Matrix, b: Matrix): Matrix {
  return build(
    a.rows,
    a.columns,
    (row, column) => a.data[row * a.columns + column]! + b.data[row * a.columns + column]!,
  );
}

export function softmax(logits: ArrayLike<number>): number[] {
  let largest = -Infinity;
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, logits[i]!);
  const exponentials = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

/** Natural logarithm of the softmax, computed as logit − logsumexp. */
export function logSoftmax(logits: ArrayLike<number>): number[] {
  let largest = -Infinity;
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, logits[i]!);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i]! - largest);
  return Array.from(logits, (logit) => logit - largest - Math.log(sum));
}

/** Index of the largest value; the lowest index wins a tie. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

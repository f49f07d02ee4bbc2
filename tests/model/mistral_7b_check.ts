/**
 * A slow check, run by hand: `deno run -A tests/model/mistral_7b_check.ts [none|fp8] [f32|f16]`. Writes one layer of
 * Mistral 7B's shape with embedding and head (1 GB), runs it on the device and compares with float64, computed row by row
 * here because the oracle would hold every weight as float64. 100 s on two cores with lavapipe; 5 GB of memory.
 */
import { GpuDevice } from "../../src/gpu/device.ts";
import type { Precision, Quantization } from "../../src/model/runner.ts";
import { type PlainTensor, readCheckpoint } from "../oracle/checkpoint.ts";
import { decodeE4m3 } from "../oracle/fp8.ts";
import { add, attention, type Matrix, matrix, rmsNorm, rope, siluMul } from "../oracle/ops.ts";
import { quantizeRow } from "../../src/tensor/row_quantize.ts";
import { MISTRAL_7B_SHAPE, writeCheckpoint } from "../support/checkpoint_generator.ts";
import { tempDir } from "../support/temp.ts";
import { TestModel, worst } from "./harness.ts";

const IDS = [1, 31_999, 16_384]; // Rows of both slices of the embedding.
const TOLERANCE: Readonly<Record<Precision, number>> = { f32: 1e-3, f16: 0.08 };

const quantization = (Deno.args[0] ?? "fp8") as Quantization;
const precision = (Deno.args[1] ?? "f32") as Precision;

const started = performance.now();
const log = (what: string) => console.log(`${((performance.now() - started) / 1000).toFixed(1)} s  ${what}`);

await using dir = await tempDir();
await writeCheckpoint(dir.path, {
  config: { ...MISTRAL_7B_SHAPE, num_hidden_layers: 1, head_dim: 128, rope_theta: 1e6 },
  seed: 7,
  gain: 1.5,
});
log("written");

let actual: Float32Array;
{
  using device = await GpuDevice.open();
  using model = await TestModel.load(device, dir.path, {
    quantization,
    precision,
    maxContext: 64,
    maxRows: 8,
  });
  log(`loaded with ${quantization} weights onto ${device.info.adapter}`);
  actual = await model.runPrompt(IDS);
  log("run");
}
const expected = await reference(dir.path);
const { error, index } = worst(actual, expected.data);
log(`largest error of a logit: ${error.toExponential(2)} at ${index}; tolerance ${TOLERANCE[precision]}`);
if (!(error < TOLERANCE[precision])) Deno.exit(1);

async function reference(path: string): Promise<Matrix> {
  const tensors = await readCheckpoint(path);
  const at = (name: string) => tensors.get(`model.layers.0.${name}.weight`)!;
  const { queryHeads, kvHeads, headDim } = { queryHeads: 32, kvHeads: 8, headDim: 128 };
  const positions = [...IDS.keys()];
  const table = tensors.get("model.embed_tokens.weight")!;
  const x = matrix(IDS.length, 4096, IDS.flatMap((id) => [...row(table, id)]));
  const normed = rmsNorm(x, row(at("input_layernorm"), 0), 1e-5);
  const q = rope(product(normed, at("self_attn.q_proj")), positions, headDim, 1e6);
  const k = rope(product(normed, at("self_attn.k_proj")), positions, headDim, 1e6);
  const v = product(normed, at("self_attn.v_proj"));
  const attended = attention(q, k, v, { positions, queryHeads, kvHeads, headDim, window: null });
  const middle = add(x, product(attended, at("self_attn.o_proj")));
  const inner = rmsNorm(middle, row(at("post_attention_layernorm"), 0), 1e-5);
  const activated = siluMul(product(inner, at("mlp.gate_proj")), product(inner, at("mlp.up_proj")));
  const last = add(middle, product(activated, at("mlp.down_proj")));
  return product(
    rmsNorm(last, row(tensors.get("model.norm.weight")!, 0), 1e-5),
    tensors.get("lm_head.weight")!,
  );
}

/** Row `index` of a BF16 tensor; a vector is one row. */
function row({ bytes, shape }: PlainTensor, index: number): Float32Array {
  const columns = shape.at(-1)!;
  const words = new Uint16Array(bytes.buffer, index * columns * 2, columns);
  return new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer);
}

/** `x · weightᵀ` in float64, the weight quantized row by row when the model's is. */
function product(x: Matrix, weight: PlainTensor): Matrix {
  const [rows, columns] = weight.shape as [number, number];
  const result = matrix(x.rows, rows);
  const codes = new Uint8Array(columns);
  const values = Float64Array.from({ length: 256 }, (_, code) => decodeE4m3(code));
  for (let output = 0; output < rows; output++) {
    const weights = row(weight, output);
    if (quantization === "fp8") {
      const scale = quantizeRow(weights, codes);
      for (let i = 0; i < columns; i++) weights[i] = values[codes[i]!]! * scale;
    }
    for (let token = 0; token < x.rows; token++) {
      let sum = 0;
      for (let i = 0; i < columns; i++) sum += x.data[token * columns + i]! * weights[i]!;
      result.data[token * rows + output] = sum;
    }
  }
  return result;
}

/**
 * The tensors of a Mistral-class checkpoint → matrices on the device, fused and reordered as the kernels want them:
 * q, k and v in one with the rows that rotate together side by side, gate and up interleaved. Checks that every
 * tensor is there, with the shape its configuration implies, before the first byte is uploaded.
 */
import { FormatError } from "../errors.ts";
import {
  EMBEDDING_TENSOR,
  expectedTensors,
  FINAL_NORM_TENSOR,
  type LayerTensor,
  layerTensorName,
  LM_HEAD_TENSOR,
} from "../formats/architecture.ts";
import type { Checkpoint } from "../formats/checkpoint.ts";
import type { ModelConfig } from "../formats/config.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import { isWeightDtype } from "../tensor/dtype.ts";
import {
  type MatrixSource,
  type PackContext,
  type PackedMatrix,
  packGain,
  packMatrix,
} from "./packed_matrix.ts";
import type { Quantization } from "./runner.ts";

export interface LayerWeights {
  readonly inputGain: GpuBuffer; // [hiddenStride] f32, in hidden order
  readonly qkv: PackedMatrix; // pairs: (i, i + headDim / 2) of each head, heads in the order q, k, v
  readonly output: PackedMatrix; // pairs: rows 2p, 2p + 1
  readonly postAttentionGain: GpuBuffer; // [hiddenStride] f32, in hidden order
  readonly gateUp: PackedMatrix; // pairs: row p of gate, row p of up
  readonly down: PackedMatrix; // pairs: rows 2p, 2p + 1
}

export interface ModelWeights {
  readonly embedding: PackedMatrix; // pairs: tokens 2p, 2p + 1; never quantized
  readonly layers: readonly LayerWeights[];
  readonly finalGain: GpuBuffer; // [hiddenStride] f32, in hidden order
  /** The embedding itself where the two are tied and not quantized. */
  readonly lmHead: PackedMatrix;
}

/** Bytes that {@link loadWeights} reads, for progress; throws FormatError for missing or misshapen tensors. */
export function checkTensors(checkpoint: Checkpoint, quantization: Quantization): number {
  // A quantized head of its own is made from tied embeddings, which are then read twice.
  const readTwice = quantization !== "none" && headTensor(checkpoint) === EMBEDDING_TENSOR;
  let bytes = readTwice ? checkpoint.tensor(EMBEDDING_TENSOR).byteLength : 0;
  for (const [name, expected] of tensorsToLoad(checkpoint)) {
    const { dtype, shape, byteLength } = checkpoint.tensor(name);
    const details = { dir: checkpoint.dir, tensor: name };
    if (shape.length !== expected.length || shape.some((size, axis) => size !== expected[axis])) {
      throw new FormatError(
        `Cannot load tensor "${name}": shape is [${shape.join(", ")}], expected [${expected.join(", ")}]`,
        { ...details, found: shape, expected },
      );
    }
    if (!isWeightDtype(dtype)) {
      throw new FormatError(`Cannot load tensor "${name}": dtype is ${dtype}, expected BF16, F16 or F32`, {
        ...details,
        found: dtype,
        expected: ["BF16", "F16", "F32"],
      });
    }
    bytes += byteLength;
  }
  return bytes;
}

function tensorsToLoad(checkpoint: Checkpoint): Map<string, readonly number[]> {
  const tensors = new Map(expectedTensors(checkpoint.config));
  if (headTensor(checkpoint) === EMBEDDING_TENSOR) tensors.delete(LM_HEAD_TENSOR);
  for (const [name, [rows]] of [...tensors]) {
    const bias = biasName(checkpoint, name);
    if (bias !== undefined) tensors.set(bias, [rows!]);
  }
  return tensors;
}

/** A checkpoint without an output head of its own uses its embedding, whether it says so or not. */
function headTensor({ config, tensors }: Checkpoint): string {
  return config.tieWordEmbeddings || !tensors.has(LM_HEAD_TENSOR) ? EMBEDDING_TENSOR : LM_HEAD_TENSOR;
}

/** Biases exist only where config.json says so, as in the reference implementation. */
function biasName({ configJson }: Checkpoint, weight: string): string | undefined {
  const flag = weight.includes(".self_attn.")
    ? "attention_bias"
    : weight.includes(".mlp.")
    ? "mlp_bias"
    : undefined;
  return flag !== undefined && configJson[flag] === true ? weight.replace(/weight$/, "bias") : undefined;
}

/** Uploads everything; buffers land on `context.owned` whatever happens. */
export async function loadWeights(context: PackContext, quantization: Quantization): Promise<ModelWeights> {
  const { checkpoint } = context;
  const { config } = checkpoint;
  const { hiddenSize, intermediateSize, headDim, vocabSize } = config;
  const tensor = (name: string) => ({ name, bias: biasName(checkpoint, name) });
  const plain = (name: string, rows: number, inputs: number): MatrixSource => ({
    label: name,
    tensors: [tensor(name)],
    inputs,
    pairs: Math.ceil(rows / 2),
    rowAt: (row) => row < rows ? [0, row] : null,
    alignPairs: 1,
  });

  const embedding = await packMatrix(context, plain(EMBEDDING_TENSOR, vocabSize, hiddenSize), "none");
  const layers: LayerWeights[] = [];
  for (let layer = 0; layer < config.layers; layer++) {
    const at = (name: LayerTensor) => layerTensorName(layer, name);
    layers.push({
      inputGain: await packGain(context, at("input_layernorm.weight")),
      qkv: await packMatrix(context, qkvSource(config, layer, tensor), quantization),
      output: await packMatrix(
        context,
        plain(at("self_attn.o_proj.weight"), hiddenSize, config.queryHeads * headDim),
        quantization,
      ),
      postAttentionGain: await packGain(context, at("post_attention_layernorm.weight")),
      gateUp: await packMatrix(context, {
        label: at("mlp.gate_proj.weight"),
        tensors: [tensor(at("mlp.gate_proj.weight")), tensor(at("mlp.up_proj.weight"))],
        inputs: hiddenSize,
        pairs: intermediateSize,
        rowAt: (row) => [row % 2, row >> 1],
        alignPairs: 1,
      }, quantization),
      down: await packMatrix(
        context,
        plain(at("mlp.down_proj.weight"), hiddenSize, intermediateSize),
        quantization,
      ),
    });
  }
  const finalGain = await packGain(context, FINAL_NORM_TENSOR);
  const head = headTensor(checkpoint);
  const lmHead = head === EMBEDDING_TENSOR && quantization === "none"
    ? embedding
    : await packMatrix(context, plain(head, vocabSize, hiddenSize), quantization);
  return { embedding, layers, finalGain, lmHead };
}

function qkvSource(
  { hiddenSize, queryHeads, kvHeads, headDim }: ModelConfig,
  layer: number,
  tensor: (name: string) => MatrixSource["tensors"][number],
): MatrixSource {
  const half = headDim / 2;
  const label = layerTensorName(layer, "self_attn.q_proj.weight");
  return {
    label,
    tensors: [
      tensor(label),
      tensor(layerTensorName(layer, "self_attn.k_proj.weight")),
      tensor(layerTensorName(layer, "self_attn.v_proj.weight")),
    ],
    inputs: hiddenSize,
    pairs: (queryHeads + 2 * kvHeads) * half,
    rowAt: (row) => {
      const pair = row >> 1;
      const head = Math.floor(pair / half);
      const element = pair % half + (row % 2) * half;
      if (head < queryHeads) return [0, head * headDim + element];
      const kvHead = head - queryHeads;
      return kvHead < kvHeads ? [1, kvHead * headDim + element] : [2, (kvHead - kvHeads) * headDim + element];
    },
    alignPairs: half,
  };
}

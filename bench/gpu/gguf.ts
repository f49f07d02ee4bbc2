/**
 * A GGUF file of a Llama-shaped model with random weights in Q8_0, for llama.cpp to load: just enough of the format
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), written as a stream; memory is a chunk, whatever the shape.
 */
import { randomBytes } from "./harness.ts";

export interface GgufShape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly queryHeads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  readonly contextLength: number;
}

/** Types of values in the header. */
const [UINT32, INT32, FLOAT32, STRING, ARRAY] = [4, 5, 6, 8, 9];
/** Types of tensors. */
const [F32, Q8_0] = [0, 8];
const ALIGNMENT = 32;
/** Weights to a block of Q8_0, and its bytes: a scale in binary16, then as many signed bytes. */
const [BLOCK, BLOCK_BYTES] = [32, 34];
const CHUNK_BLOCKS = 2 ** 16;
/** Types of tokens: an ordinary one, unknown, control, and a byte. */
const [NORMAL, UNKNOWN, CONTROL, BYTE] = [1, 2, 3, 6];

interface Tensor {
  readonly name: string;
  /** Inputs first. */
  readonly shape: readonly number[];
  readonly type: number;
}

class HeaderWriter {
  readonly #parts: Uint8Array<ArrayBuffer>[] = [];
  readonly #text = new TextEncoder();

  uint32(value: number): this {
    this.#parts.push(new Uint8Array(Uint32Array.of(value).buffer));
    return this;
  }
  uint64(value: number): this {
    this.#parts.push(new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
    return this;
  }
  float32(value: number): this {
    this.#parts.push(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }
  string(value: string): this {
    const bytes = this.#text.encode(value);
    this.uint64(bytes.byteLength);
    this.#parts.push(bytes);
    return this;
  }
  entry(key: string, type: number): this {
    return this.string(key).uint32(type);
  }
  array(key: string, type: number, length: number): this {
    return this.entry(key, ARRAY).uint32(type).uint64(length);
  }
  /** Everything so far, with zeros up to the alignment. */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const blob = new Blob(this.#parts);
    return await new Blob([blob, new Uint8Array(-blob.size & (ALIGNMENT - 1))]).bytes();
  }
}

/** Writes the file and returns the bytes of its tensors. */
export async function writeGguf(path: string, shape: GgufShape): Promise<number> {
  const tensors = tensorsOf(shape);
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  await write(file, await header(shape, tensors));
  const codes = randomBytes(CHUNK_BLOCKS * BLOCK_BYTES, 11);
  const blocks = new DataView(codes.buffer);
  let total = 0;
  for (const tensor of tensors) {
    const { shape: [inputs = 1], type } = tensor;
    const bytes = tensorBytes(tensor);
    total += bytes;
    if (type === F32) {
      await write(file, new Uint8Array(new Float32Array(bytes / 4).fill(1).buffer));
    } else {
      // Bytes have a standard deviation of 74; products with a normed input get one of about 1.
      const [scale] = new Uint16Array(Float16Array.of(1 / (74 * Math.sqrt(inputs))).buffer);
      for (let block = 0; block < CHUNK_BLOCKS; block++) blocks.setUint16(block * BLOCK_BYTES, scale!, true);
      for (let left = bytes; left > 0; left -= codes.byteLength) {
        await write(file, codes.subarray(0, Math.min(left, codes.byteLength)));
      }
    }
    await write(file, new Uint8Array(-bytes & (ALIGNMENT - 1)));
  }
  return total;
}

function tensorsOf(shape: GgufShape): Tensor[] {
  const { layers, hiddenSize, intermediateSize, queryHeads, kvHeads, headDim, vocabSize } = shape;
  const matrix = (name: string, inputs: number, outputs: number) => ({
    name,
    shape: [inputs, outputs],
    type: Q8_0,
  });
  const gain = (name: string) => ({ name, shape: [hiddenSize], type: F32 });
  const layer = (at: string) => [
    gain(`${at}.attn_norm.weight`),
    matrix(`${at}.attn_q.weight`, hiddenSize, queryHeads * headDim),
    matrix(`${at}.attn_k.weight`, hiddenSize, kvHeads * headDim),
    matrix(`${at}.attn_v.weight`, hiddenSize, kvHeads * headDim),
    matrix(`${at}.attn_output.weight`, queryHeads * headDim, hiddenSize),
    gain(`${at}.ffn_norm.weight`),
    matrix(`${at}.ffn_gate.weight`, hiddenSize, intermediateSize),
    matrix(`${at}.ffn_up.weight`, hiddenSize, intermediateSize),
    matrix(`${at}.ffn_down.weight`, intermediateSize, hiddenSize),
  ];
  return [
    matrix("token_embd.weight", hiddenSize, vocabSize),
    ...Array.from({ length: layers }, (_, index) => layer(`blk.${index}`)).flat(),
    gain("output_norm.weight"),
    matrix("output.weight", hiddenSize, vocabSize),
  ];
}

function tensorBytes({ shape, type }: Tensor): number {
  const elements = shape.reduce((a, b) => a * b, 1);
  return type === F32 ? elements * 4 : elements / BLOCK * BLOCK_BYTES;
}

async function header(shape: GgufShape, tensors: readonly Tensor[]): Promise<Uint8Array<ArrayBuffer>> {
  const { layers, hiddenSize, intermediateSize, queryHeads, kvHeads, headDim, vocabSize } = shape;
  const numbers = {
    "llama.block_count": layers,
    "llama.context_length": shape.contextLength,
    "llama.embedding_length": hiddenSize,
    "llama.feed_forward_length": intermediateSize,
    "llama.attention.head_count": queryHeads,
    "llama.attention.head_count_kv": kvHeads,
    "llama.attention.key_length": headDim,
    "llama.attention.value_length": headDim,
    "llama.rope.dimension_count": headDim,
    "llama.vocab_size": vocabSize,
    "general.file_type": 7, // mostly Q8_0
    "tokenizer.ggml.bos_token_id": 1,
    "tokenizer.ggml.eos_token_id": 2,
    "tokenizer.ggml.unknown_token_id": 0,
  };
  const reals = { "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.freq_base": 1e6 };
  const texts = {
    "general.architecture": "llama",
    "general.name": "random",
    "tokenizer.ggml.model": "llama",
  };
  const entries = [numbers, reals, texts].reduce((sum, part) => sum + Object.keys(part).length, 3);
  const out = new HeaderWriter().uint32(0x46554747).uint32(3).uint64(tensors.length).uint64(entries);
  for (const [key, text] of Object.entries(texts)) out.entry(key, STRING).string(text);
  for (const [key, value] of Object.entries(numbers)) out.entry(key, UINT32).uint32(value);
  for (const [key, value] of Object.entries(reals)) out.entry(key, FLOAT32).float32(value);
  // A vocabulary of SentencePiece's kind, whose pieces mean nothing: three special ones, the bytes, and the rest.
  out.array("tokenizer.ggml.tokens", STRING, vocabSize);
  for (let id = 0; id < vocabSize; id++) out.string(piece(id));
  out.array("tokenizer.ggml.scores", FLOAT32, vocabSize);
  for (let id = 0; id < vocabSize; id++) out.float32(-id);
  out.array("tokenizer.ggml.token_type", INT32, vocabSize);
  for (let id = 0; id < vocabSize; id++) out.uint32(kind(id));
  let offset = 0;
  for (const tensor of tensors) {
    out.string(tensor.name).uint32(tensor.shape.length);
    for (const size of tensor.shape) out.uint64(size);
    out.uint32(tensor.type).uint64(offset);
    offset += Math.ceil(tensorBytes(tensor) / ALIGNMENT) * ALIGNMENT;
  }
  return await out.bytes();
}

function piece(id: number): string {
  if (id < 3) return ["<unk>", "<s>", "</s>"][id]!;
  return id < 259 ? `<0x${(id - 3).toString(16).toUpperCase().padStart(2, "0")}>` : `t${id}`;
}

function kind(id: number): number {
  if (id < 3) return [UNKNOWN, CONTROL, CONTROL][id]!;
  return id < 259 ? BYTE : NORMAL;
}

async function write(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.byteLength;) at += await file.write(bytes.subarray(at));
}

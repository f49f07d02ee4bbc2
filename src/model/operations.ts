/**
 * Kernels bound to a model's buffers: an {@link Operation} is everything fixed but the rows of a step. Compiles each
 * linear kernel for several numbers of rows; which of a family runs changes speed, never a bit of a result.
 */
import type { BufferSlice, GpuBuffer } from "../gpu/buffer.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { BoundKernel, KernelDeclaration } from "../gpu/kernel.ts";
import { embed } from "../kernels/embed.ts";
import { gateUp } from "../kernels/gate_up.ts";
import {
  GROUP_SIZE,
  halfInput,
  type LinearOverride,
  type LinearTuning,
  linearVariant,
  takesRow,
} from "../kernels/linear.ts";
import { linearResidual } from "../kernels/linear_residual.ts";
import { lmHead } from "../kernels/lm_head.ts";
import { qkvRope } from "../kernels/qkv_rope.ts";
import { EVERY_ROW, rmsNorm } from "../kernels/rms_norm.ts";
import { fitShape, matricesOf, type MatrixRole, promptVariantFor, variantFor } from "../kernels/tuning.ts";
import { attend } from "./attention.ts";
import { normHeads, quantizeKept } from "./heads.ts";
import type { Operation, OperationParts, RowRange } from "./operation.ts";
import type { MatrixSlice, PackedMatrix } from "./packed_matrix.ts";
import { headTakesHalves } from "./sizes.ts";
import type { LayerWeights, ModelWeights } from "./weights.ts";

/** Of the window in which kernels find {@link OperationParts.liveOffset}. */
const LIVE_BYTES = 16;

/** Params that every linear kernel has and that this file fills in itself. */
type LinearParam = "rows" | "firstRow" | "pairs" | "firstPair" | "groups";

/** Token ids → the residual stream; one operation per slice of the embedding. */
export async function embedding(parts: OperationParts, matrix: PackedMatrix): Promise<Operation[]> {
  const { plan, lastTokens: last_tokens, hidden } = parts.buffers;
  const { format, groups, slices } = matrix;
  const kernel = await parts.device.compile(embed, { libs: { weight: `weight_${format}` } });
  return slices.map(({ weights, firstPair, pairs }): Operation => {
    const bound = kernel.bind({ weights, plan, last_tokens, hidden });
    const shape = { groups, firstToken: firstPair * 2, tokens: pairs * 2, live: parts.liveOffset };
    return { dispatches: 1, encode: (step, { rows }) => step.dispatch(bound, { rows, ...shape }) };
  });
}

/** A decoder layer's queries, keys and values. */
export async function projections(
  parts: OperationParts,
  layer: LayerWeights,
  cache: GpuBuffer,
): Promise<Operation[]> {
  return [
    ...await norm(parts, "qkv", layer.inputGain),
    ...await qkv(parts, layer, cache),
    ...await normHeads(parts, layer, cache),
    ...await quantizeKept(parts, cache),
  ];
}

/** The rest of it, which makes the next layer's input, or the head's. */
export async function decoderLayer(
  parts: OperationParts,
  layer: LayerWeights,
  cache: GpuBuffer,
): Promise<Operation[]> {
  const { attended, activated } = parts.buffers;
  return [
    await attend(parts, cache),
    ...await residual(parts, "output", layer.output, attended),
    ...await norm(parts, "gateUp", layer.postAttentionGain),
    ...await mlp(parts, layer),
    ...await residual(parts, "down", layer.down, activated),
  ];
}

/** Logits of the sampling rows, prompts' and others' alike by the decode family: there are few of them. */
export async function head(
  parts: OperationParts,
  { lmHead: matrix, finalGain: gain }: ModelWeights,
): Promise<Operation[]> {
  const { config, sizes, samplesOffset } = parts;
  const { plan, logits } = parts.buffers;
  const halves = headTakesHalves(sizes, matrix.format);
  const bind = (slice: MatrixSlice, tuning: LinearTuning) => ({
    input: normedInput(parts, tuning, halves),
    gain,
    ...operands(slice),
    plan,
    logits,
    live: live(parts),
  });
  const shape = {
    inputSize: config.hiddenSize,
    eps: config.rmsNormEps,
    outputs: config.vocabSize,
    samples: samplesOffset,
  };
  return [
    ...halves ? await norm(parts, "head", gain, "samples") : [],
    ...await linear({ ...parts, family: "samples", halves }, lmHead, "head", matrix, bind, shape),
  ];
}

/** Nothing, unless several rows go through a matrix in pairs of f16: a single one, and others, they norm themselves. */
async function norm(
  parts: OperationParts,
  role: MatrixRole,
  gain: GpuBuffer,
  family: Family = "rows",
): Promise<Operation[]> {
  const { device, config, sizes, buffers, samplesOffset } = parts;
  if (!sizes.halves) return [];
  const { hidden, plan, normed } = buffers;
  const groups = Math.ceil(config.hiddenSize / GROUP_SIZE);
  const compiled = await device.compile(rmsNorm, { overrides: { SKIPS: skips(parts) } });
  const bound = compiled.bind({ input: hidden, gain, plan, normed, live: live(parts) });
  const shape = {
    groups,
    inputSize: config.hiddenSize,
    eps: config.rmsNormEps,
    samples: family === "samples" ? samplesOffset : EVERY_ROW,
  };
  const alone = takesRow(fit(parts, matricesOf(parts.tuning, true)[role].decode[0]!, { groups, pairs: 1 }));
  return [{
    dispatches: 1,
    encode(step, stepRows) {
      const { promptFrom, promptRows, samples } = stepRows;
      const rows = stepRows[family];
      const isOneOfDecode = family === "samples"
        ? samples === 1
        : rows - promptFrom === 1 && promptRows === promptFrom;
      // Norming rows that nobody wants is cheap, as long as there is one that somebody does.
      if (!(alone && isOneOfDecode) && (family === "samples" || rows > promptFrom)) {
        step.dispatch(bound, { rows, ...shape });
      }
    },
  }];
}

function qkv(parts: OperationParts, layer: LayerWeights, cache: GpuBuffer): Promise<Operation[]> {
  const { config, sizes } = parts;
  const { rotary, plan, queries, kept } = parts.buffers;
  const gain = layer.inputGain;
  const quantized = sizes.kvCacheFormat === "fp8";
  const target = quantized ? kept : cache;
  const bind = (slice: MatrixSlice, tuning: LinearTuning) => ({
    input: normedInput(parts, tuning),
    gain,
    ...operands(slice),
    rotary,
    plan,
    queries,
    cache: target,
    live: live(parts),
  });
  const libs = {
    kept: quantized ? "kept_rows" : "kept_pages",
    rotates: config.headNorms ? "rotates_later" : "rotates_now",
  };
  return linear({ ...parts, libs }, qkvRope, "qkv", layer.qkv, bind, {
    inputSize: config.hiddenSize,
    eps: config.rmsNormEps,
    queryHeads: config.queryHeads,
    kvHeads: config.kvHeads,
    headDim: config.headDim,
    queryStride: sizes.queryStride,
    blockSize: sizes.limits.blockSize,
  });
}

function mlp(parts: OperationParts, layer: LayerWeights): Promise<Operation[]> {
  const { config, sizes } = parts;
  const { activated } = parts.buffers;
  const gain = layer.postAttentionGain;
  const bind = (slice: MatrixSlice, tuning: LinearTuning) => ({
    input: normedInput(parts, tuning),
    gain,
    ...operands(slice),
    activated,
    live: live(parts),
  });
  const shape = { inputSize: config.hiddenSize, eps: config.rmsNormEps, stride: sizes.innerStride };
  const libs = { place: sizes.halves ? "place_half" : "place_natural" };
  return linear({ ...parts, libs }, gateUp, "gateUp", layer.gateUp, bind, shape);
}

function residual(
  parts: OperationParts,
  role: MatrixRole,
  matrix: PackedMatrix,
  input: GpuBuffer,
): Promise<Operation[]> {
  const { hidden } = parts.buffers;
  const bind = (slice: MatrixSlice) => ({ input, ...operands(slice), hidden, live: live(parts) });
  const shape = { stride: parts.sizes.hiddenStride };
  return linear(parts, linearResidual, role, matrix, bind, shape);
}

/** The variant as it is for a slice of so many pairs and groups on this device. */
const fit = (
  { device }: Pick<OperationParts, "device">,
  tuning: LinearTuning,
  shape: Parameters<typeof fitShape>[1],
) => fitShape(tuning, shape, device.limits.maxComputeWorkgroupStorageSize);

const live = ({ buffers: { plan }, liveOffset }: OperationParts): BufferSlice => {
  return { buffer: plan, offset: liveOffset * 4, bytes: LIVE_BYTES };
};

const skips = ({ tuning }: Pick<OperationParts, "tuning">) => (tuning.skipsStopped ?? true) ? 1 : 0;

/** Of matrices behind a norm: what rms_norm has made, or what they norm themselves. */
const normedInput = ({ buffers, sizes }: OperationParts, tuning: LinearTuning, halves = sizes.halves) =>
  halves && !takesRow(tuning) ? buffers.normed : buffers.hidden;

const operands = ({ weights, channels }: MatrixSlice) => ({ weights, channels });

/** Which rows of a step an operation takes. */
type Family = "rows" | "samples";

/** One operation per slice of the matrix. */
function linear<B extends string, P extends string>(
  { device, precision, tuning, sizes, family = "rows", halves = sizes.halves, libs = {} }: OperationParts & {
    readonly family?: Family;
    readonly halves?: boolean;
    readonly libs?: Readonly<Record<string, string>>;
  },
  kernel: KernelDeclaration<B, P | LinearParam, LinearOverride>,
  role: MatrixRole,
  { format, groups, slices }: PackedMatrix,
  bind: (slice: MatrixSlice, tuning: LinearTuning) => Readonly<Record<B, GpuBuffer | BufferSlice>>,
  shape: Readonly<Record<Exclude<P, LinearParam>, number>>,
): Promise<Operation[]> {
  const SKIPS = skips({ tuning });
  const act = kernel.libs?.["act"] === undefined ? {} : { act: `act_${precision}` };
  const bindAll = (variants: readonly LinearTuning[], slice: MatrixSlice) =>
    Promise.all(variants.map(async (tuning) => {
      const variant = linearVariant(format, { ...tuning, SKIPS });
      const input = halves ? { input: halfInput(kernel, tuning) } : {};
      const all = { ...variant.libs, ...act, ...input, ...libs };
      return (await device.compile(kernel, { ...variant, libs: all })).bind(bind(slice, tuning));
    }));
  const variants = matricesOf(tuning, halves)[role];
  return Promise.all(slices.map(async (slice): Promise<Operation> => {
    const [decode, prompt] = [variants.decode, family === "samples" ? [] : variants.prompt].map((list) =>
      list.map((variant) => fit({ device }, variant, { groups, pairs: slice.pairs }))
    ) as [LinearTuning[], LinearTuning[]];
    const [forDecode, forPrompt] = await Promise.all([bindAll(decode, slice), bindAll(prompt, slice)]);
    const params = {
      ...shape,
      rows: 0,
      firstRow: 0,
      groups,
      pairs: slice.pairs,
      firstPair: slice.firstPair,
    } as Record<
      P | LinearParam,
      number
    >;
    const dispatcher = (
      bound: readonly BoundKernel<P | LinearParam>[],
      variantOf: (rows: number) => number,
    ) => {
      // A step has few numbers of rows, and choosing anew took an eighth of the host's time for it.
      const chosen = new Map<number, BoundKernel<P | LinearParam>>();
      return (step: StepEncoder, { firstRow, rows }: RowRange) => {
        if (rows === 0) return;
        let kernel = chosen.get(rows);
        if (kernel === undefined) {
          kernel = bound[variantOf(rows)]!;
          chosen.set(rows, kernel);
        }
        params.rows = rows;
        params.firstRow = firstRow;
        step.dispatch(kernel, params);
      };
    };
    const { pairs } = slice;
    const dispatchDecode = dispatcher(forDecode, (rows) => variantFor(decode, { rows, pairs }));
    const fitted = { ...variants, prompt };
    const dispatchPrompt = dispatcher(forPrompt, (rows) => promptVariantFor(fitted, { rows, pairs }));
    return {
      dispatches: forPrompt.length === 0 ? 1 : 2,
      encode(step, { promptFrom, promptRows, rows, samples }) {
        if (family === "samples") return dispatchDecode(step, { firstRow: 0, rows: samples });
        const apart = forPrompt.length === 0 ? promptFrom : promptRows;
        dispatchPrompt(step, { firstRow: promptFrom, rows: apart - promptFrom });
        dispatchDecode(step, { firstRow: apart, rows: rows - apart });
      },
    };
  }));
}

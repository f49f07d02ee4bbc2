/**
 * The forward pass of a Mistral-class decoder on the device: which kernels run in which order over which buffers. Knows
 * rows, positions and block tables, not sequences or sampling. Five dispatches a layer (more where a matrix has several
 * slices): qkv_rope, attention, linear_residual, gate_up, linear_residual; before them embed, after them lm_head. Where
 * heads are normed by themselves (Qwen 3), head_norm follows qkv_rope, and with a KV cache in FP8 quantize_cache does;
 * with products in pairs of f16, rms_norm comes before qkv_rope, gate_up and lm_head, unless one decode row is all; where
 * attention has parts that it may not join itself, attention_combine follows it. Tunings for prompts double what a step
 * of prompt and decode rows takes. The last layer's attention and what follows it are for decode rows and for prompt rows
 * from the first one that samples only.
 */
import { formatBytes } from "../byte_size.ts";
import type { ModelConfig } from "../formats/config.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { GpuDevice } from "../gpu/device.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { DeviceTuning } from "../kernels/tuning.ts";
import { rowSplits } from "./attention_parts.ts";
import { decoderLayer, embedding, head, projections } from "./operations.ts";
import type { Operation, StepBuffers } from "./operation.ts";
import type { PlanWriter } from "./plan.ts";
import { rotaryTable } from "./rotary.ts";
import type { Precision } from "./runner.ts";
import type { ModelSizes } from "./sizes.ts";
import { planWriter, stepBufferBytes } from "./step_buffers.ts";
import { StepSequences } from "./step_sequences.ts";
import type { StepUploads } from "./step_uploads.ts";
import type { ModelWeights } from "./weights.ts";

export interface ForwardParts {
  readonly device: GpuDevice;
  readonly config: ModelConfig;
  readonly sizes: ModelSizes;
  readonly weights: ModelWeights;
  readonly precision: Precision;
  readonly tuning: DeviceTuning;
  /** Receives every buffer made here. */
  readonly owned: DisposableStack;
}

export class Forward {
  /** The next step's rows and samples. */
  readonly planWriter: PlanWriter;
  readonly plan: GpuBuffer;
  /** Logits of the last step's samples. // [maxSamples, vocabSize] f32 */
  readonly logits: GpuBuffer;
  /** Each slot's last sampled token; the sampler writes it, the next step's decode rows read it. // [maxSequences] u32 */
  readonly lastTokens: GpuBuffer;
  readonly #body: readonly Operation[];
  readonly #last: readonly Operation[];
  readonly #head: readonly Operation[];
  readonly #splits: ReturnType<typeof rowSplits>;
  readonly #sequences = new StepSequences();

  private constructor(
    buffers: StepBuffers,
    planWriter: PlanWriter,
    operations: Readonly<Record<"body" | "last" | "head", readonly Operation[]>>,
    splits: ReturnType<typeof rowSplits>,
  ) {
    this.#splits = splits;
    this.planWriter = planWriter;
    this.plan = buffers.plan;
    this.logits = buffers.logits;
    this.lastTokens = buffers.lastTokens;
    this.#body = operations.body;
    this.#last = operations.last;
    this.#head = operations.head;
  }

  /** Allocates cache and activations, compiles and binds the kernels. Throws CapacityError. */
  static async create(parts: ForwardParts): Promise<Forward> {
    const { device, config, sizes, weights, precision, tuning } = parts;
    const { limits } = sizes;
    const writer = planWriter(sizes);
    const cacheBytes = sizes.cacheLayerBytes * config.layers;
    const buffers = await device.guard(
      `allocate a KV cache of ${formatBytes(cacheBytes)} and activations for ${sizes.maxRows} rows`,
      () => allocate(parts, writer.capacity),
      { bytes: cacheBytes },
    );
    const rotary = rotaryTable(config, limits.maxContext);
    device.handle.queue.writeBuffer(buffers.rotary.handle, 0, rotary);

    const { samplesOffset, liveOffset } = writer;
    const operationParts = { device, config, sizes, precision, tuning, buffers, samplesOffset, liveOffset };
    const body = await embedding(operationParts, weights.embedding);
    let last: Operation[] = [];
    for (const [index, layer] of weights.layers.entries()) {
      const cache = buffers.cache[index]!;
      body.push(...last, ...await projections(operationParts, layer, cache));
      last = await decoderLayer(operationParts, layer, cache);
    }
    const operations = { body, last, head: await head(operationParts, weights) };
    return new Forward(buffers, writer, operations, rowSplits(config, tuning.attention));
  }

  /** Most dispatches of a step. */
  get dispatches(): number {
    return [...this.#body, ...this.#last, ...this.#head].reduce((sum, { dispatches }) => sum + dispatches, 0);
  }

  /** Sends the plan that {@link planWriter} holds and appends the step's dispatches; `appended` hears of every few. */
  encode(step: StepEncoder, uploads: StepUploads, appended: () => void = () => {}): void {
    const { planWriter } = this;
    const { promptRows, sampledFrom, rows, samples } = planWriter;
    const promptSplits = planWriter.most(this.#splits.prompt, 0, promptRows);
    const splits = planWriter.most(this.#splits.decode, promptRows, rows);
    const stepRows = { promptFrom: 0, promptRows, rows, samples, promptSplits, splits };
    uploads.send(step, planWriter.used, this.plan);
    const dispatch = () => {
      for (const operation of this.#body) {
        operation.encode(step, stepRows);
        appended();
      }
      // Of prompt rows that do not sample, the last layer's keys and values are all that anybody will read.
      const lastRows = { ...stepRows, promptFrom: sampledFrom };
      for (const operation of this.#last) {
        operation.encode(step, lastRows);
        appended();
      }
      if (samples > 0) { for (const operation of this.#head) operation.encode(step, stepRows); }
    };
    this.#sequences.encode(step, stepRows, { dispatch, appended });
  }
}

function allocate({ device, config, sizes, owned }: ForwardParts, planWords: number): StepBuffers {
  const bytes = stepBufferBytes(config, sizes, planWords);
  const buffer = (label: string, bytes: number, usage?: GPUBufferUsageFlags) =>
    owned.use(device.createBuffer({ label, bytes, ...usage !== undefined && { usage } }));
  const { STORAGE, UNIFORM, COPY_DST } = GPUBufferUsage;
  return {
    plan: buffer("plan", bytes.plan, STORAGE | UNIFORM | COPY_DST),
    lastTokens: buffer("last tokens", bytes.lastTokens),
    hidden: buffer("hidden", bytes.hidden),
    normed: buffer("normed", bytes.normed),
    queries: buffer("queries", bytes.queries),
    attended: buffer("attended", bytes.attended),
    kept: buffer("kept keys and values", bytes.kept),
    activated: buffer("activated", bytes.activated),
    logits: buffer("logits", bytes.logits),
    rotary: buffer("rotary", bytes.rotary),
    parts: buffer("attention parts", bytes.parts),
    partTerms: buffer("attention part terms", bytes.partTerms),
    tickets: buffer("attention tickets", bytes.tickets),
    cache: Array.from({ length: config.layers }, (_, layer) => buffer(`cache ${layer}`, bytes.cache)),
  };
}

/** What a part of a step is, and what it is made of. */
import type { ModelConfig } from "../formats/config.ts";
import type { GpuBuffer } from "../gpu/buffer.ts";
import type { GpuDevice } from "../gpu/device.ts";
import type { StepEncoder } from "../gpu/encoder.ts";
import type { DeviceTuning } from "../kernels/tuning.ts";
import type { Precision } from "./runner.ts";
import type { ModelSizes } from "./sizes.ts";

/** What a step holds; rows of prompts come first. */
export interface StepRows {
  /** The first prompt row that is to be computed. */
  readonly promptFrom: number;
  readonly promptRows: number;
  /** Prompt rows, decode rows and drafts. */
  readonly rows: number;
  readonly samples: number;
  /** Parts of the prompt row, and of the decode row, whose attention has most of them. */
  readonly promptSplits: number;
  readonly splits: number;
}

/** A part of a step. */
export interface Operation {
  /** Most dispatches that it appends. */
  readonly dispatches: number;
  encode(step: StepEncoder, rows: StepRows): void;
}

/** Buffers that a step passes through. */
export interface StepBuffers {
  readonly plan: GpuBuffer; // u32, see plan.ts
  readonly lastTokens: GpuBuffer; // [maxSequences] u32
  readonly hidden: GpuBuffer; // [maxRows, hiddenStride] f32
  readonly normed: GpuBuffer; // [maxRows, normedStride] f16, half order
  readonly queries: GpuBuffer; // [maxRows, queryStride]
  readonly attended: GpuBuffer; // [maxRows, queryStride]
  readonly kept: GpuBuffer; // [maxRows, k|v, kvHeads, headDim] f32, of a cache in FP8
  readonly activated: GpuBuffer; // [maxRows, innerStride]
  readonly logits: GpuBuffer; // [maxSamples, vocabSize] f32
  readonly rotary: GpuBuffer; // [maxContext, headDim / 2, 2] f32
  readonly cache: readonly GpuBuffer[]; // per layer: [blocks, k|v, kvHeads, …], see shaders/lib/cache_*.wgsl
  readonly parts: GpuBuffer; // [partRows, maxSplits, queryHeads, headDim] f32
  readonly partTerms: GpuBuffer; // [partRows, maxSplits, queryHeads] f32
  readonly tickets: GpuBuffer; // [partRows, queryHeads] u32, 0 between dispatches
}

export interface OperationParts {
  readonly device: GpuDevice;
  readonly config: ModelConfig;
  readonly sizes: ModelSizes;
  readonly precision: Precision;
  readonly tuning: DeviceTuning;
  readonly buffers: StepBuffers;
  /** Word of the plan where the samples begin. */
  readonly samplesOffset: number;
  /** Word of the plan that says whether there is anything to do. */
  readonly liveOffset: number;
}

/** A run of rows of one family. */
export interface RowRange {
  readonly firstRow: number;
  readonly rows: number;
}

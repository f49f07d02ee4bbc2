/**
 * The provenance of a merge: what went in, what was asked for, what it meant for every tensor, and what came out.
 * Written as provenance.json; the same inputs give the same record, so it holds no times and no machine's paths.
 */
import type { FileHash } from "../formats/artifact.ts";
import type { WeightDtype } from "../tensor/dtype.ts";
import type { MixMode } from "./methods/method.ts";

export const RECORD_VERSION = 1;

/** What a record may hold at most, so that what is written is read again: configurations keep to it, too. */
export const RECORD_LIMITS = {
  /** Characters of a name or a filter. */
  text: 1000,
  /** Values of a gradient. */
  gradient: 10_000,
  /** Of a slice, beside a base model that it does not list. */
  sources: 100,
  /** Of all slices. */
  models: 1000,
  /** Numbers, gradients and flags, each place and filter counted. */
  parameters: 10_000,
} as const;

/** A parameter as written: exactly one of `value` and `gradient` is set. */
export interface ParameterRecord {
  readonly name: string;
  readonly filter: string | null;
  readonly value: number | null;
  readonly gradient: readonly number[] | null;
  /** Where it stands in the configuration, such as "parameters" or "slices[0].parameters". */
  readonly place: string;
}

/** As resolved: `t[i]` is the value in output layer i of the tensors that this filter decided; null: it decided none. */
export interface CurveRecord {
  readonly filter: string | null;
  readonly t: readonly (number | null)[];
}

export interface TensorRecord {
  readonly name: string;
  /** Output layer; null for embedding, norm and lm_head. */
  readonly layer: number | null;
  readonly dtype: WeightDtype;
  readonly shape: readonly number[];
  /** The condition that decided t; null: it had none, or the tensor was copied. */
  readonly filter: string | null;
  readonly t: number | null;
  readonly mode: MixMode;
  /** Of the angle between the parents' tensors; null where there are not two, or it is no number. */
  readonly cosine: number | null;
  /** Of the random masks, where some were drawn; with each model's name and the tensor's it determines them. */
  readonly seed?: number;
  readonly inputs: readonly { readonly model: string; readonly tensor: string }[];
  /** Of the tensor's bytes as written. */
  readonly outputSha256: string;
}

export interface SourceRecord {
  /** As the configuration names it. */
  readonly name: string;
  readonly isBase: boolean;
  /** One for each slice it takes part in. */
  readonly layerRanges: readonly (readonly [number, number])[];
  readonly manifestSha256: string;
  readonly files: readonly FileHash[];
}

export interface ArtifactRecord {
  /** Over all files but provenance.json, see formats/artifact.ts. */
  readonly manifestSha256: string;
  readonly files: readonly FileHash[];
  readonly sizeBytes: number;
}

export interface ResolvedSliceRecord {
  readonly baseModel: string | null;
  readonly sources: readonly { readonly model: string; readonly layerRange: readonly [number, number] }[];
}

/** How the output came by its vocabulary. */
export interface TokenizerRecord {
  /** "base", "union", or a model's name. */
  readonly source: string;
  /** Whose tokenizer files the output has, changed or not. */
  readonly model: string;
  /** Of tokenizer.json as it lay there. */
  readonly sha256: string;
  readonly tokens: number;
  /** Of embedding and lm_head, padding included. */
  readonly rows: number;
  /** Tokens that it had not, and tokens of it that had no rows. */
  readonly appended: number;
  readonly removed: number;
  readonly models: readonly {
    readonly model: string;
    /** Tokens of the output that have a row of their own in this model; the others' rows were filled in. */
    readonly ownRows: number;
    /** Whether it had no tokenizer, and was taken to have that of the base. */
    readonly assumed: boolean;
  }[];
}

/** A document that was merged for the sake of the output, and whose result is not kept. */
export interface StageRecord {
  /** As later documents name it; it stands among their sources. */
  readonly name: string;
  readonly record: MergeRecord;
}

export interface MergeRecord {
  readonly version: typeof RECORD_VERSION;
  readonly toolVersion: string;
  readonly method: string;
  /** Which edition of the method's arithmetic computed it (see method.ts); absent: the first. */
  readonly arithmetic?: number;
  readonly baseModel: string | null;
  /** Of the output, as config.json spells it. */
  readonly dtype: string;
  readonly layers: number;
  readonly configuration: {
    /** As given, to the byte. */
    readonly text: string;
    readonly sha256: string;
    readonly resolved: {
      readonly dtype: string | null;
      readonly outDtype: string | null;
      readonly slices: readonly ResolvedSliceRecord[];
    };
  };
  readonly parameters: readonly ParameterRecord[];
  readonly curves: readonly CurveRecord[];
  readonly sources: readonly SourceRecord[];
  /** In the order in which they are written. */
  readonly tensors: readonly TensorRecord[];
  readonly artifact: ArtifactRecord;
  /** Absent where the tokenizer was copied and rows were merged as they lie. */
  readonly tokenizer?: TokenizerRecord;
  /** In the order in which they were merged; absent where there were none. */
  readonly stages?: readonly StageRecord[];
}

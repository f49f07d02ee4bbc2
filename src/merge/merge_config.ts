/** What a configuration says, of one merge. */
import type { ConfigError } from "../errors.ts";
import type { WeightDtype } from "../tensor/dtype.ts";
import type { Parameters } from "./settings.ts";
import type { TokenizerRequest } from "./tokenizer_request.ts";
import type { Path } from "./yaml_source.ts";

export interface InputSource {
  /** The name or path, with `@revision` where one was asked for. */
  readonly model: string;
  /** Half open; null: all layers (the `models:` syntax). */
  readonly layerRange: readonly [number, number] | null;
  readonly parameters: Parameters;
  readonly path: Path;
}
export interface OutputSlice {
  readonly sources: readonly InputSource[];
  readonly baseModel: string | null;
  readonly parameters: Parameters;
  readonly path: Path;
}
export interface MergeConfig {
  /** As given, with all of its documents. */
  readonly text: string;
  /** What other documents of the text call the result. */
  readonly name: string | null;
  readonly method: string;
  readonly baseModel: string | null;
  /** Inputs are rounded to this before anything else; null: taken as they are. */
  readonly dtype: WeightDtype | null;
  /** Results are rounded to this when written; null: to what the method makes of `dtype`, or else of the inputs' types. */
  readonly outDtype: WeightDtype | null;
  readonly slices: readonly OutputSlice[];
  readonly parameters: Parameters;
  /** null: tokenizer files are the lead model's, and rows of embeddings are merged as they lie. */
  readonly tokenizer: TokenizerRequest | null;
  /** "auto", or Jinja source; null: that of the model whose tokenizer the output takes. */
  readonly chatTemplate: string | null;
  /** Documents whose results this one needs, directly or not, in the order in which they are to be merged. */
  readonly before: readonly MergeConfig[];
  /** Line and column for a complaint about a part of this configuration. */
  readonly error: (path: Path, message: string) => ConfigError;
}

/** Parameters of a configuration as they are written. What they mean is the merge method's business (see methods/). */
import type { Path } from "./yaml_source.ts";

export type Scalar = number | boolean;
/** One entry of a filtered list: for output tensors whose name contains `filter`; null or "*": for all. */
export interface Conditional {
  readonly filter: string | null;
  readonly value: Scalar | readonly number[];
}
/** A number, a gradient over the layers of a slice, or a list of conditions of which the first that matches decides. */
export type Setting =
  | { readonly kind: "plain"; readonly value: Scalar | readonly number[] }
  | { readonly kind: "filtered"; readonly entries: readonly Conditional[] };

/** Settings by parameter name, with the place they stand in, for messages and lookups. */
export interface Parameters {
  readonly path: Path;
  readonly settings: ReadonlyMap<string, Setting>;
}

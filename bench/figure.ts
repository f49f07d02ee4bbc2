/** One figure of a benchmark. `value` is null where it could not be measured; `note` then says why. */
export interface Figure {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  readonly note?: string;
}

/** The value that such a share of the others stays below. */
export function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
}

/** One figure of a benchmark. `value` is null where it could not be measured; `note` then says why. */
export interface Figure {
  readonly name: string;
  readonly value: number | null;
  readonly unit: string;
  readonly note?: string;
}

/**
 * Which rows the inputs of an embedding or lm_head have after they were brought to the output's vocabulary: a token that
 * a model has keeps its row there; one that it lacks gets the row of the base model, else of the only model that has
 * it, else the mean of those that have it, else zeros; rows without a token (padding) the mean of the others.
 */
import { fromFloat32, roundTo, toFloat32 } from "../tensor/convert.ts";
import { bytesPerElement, type FloatDtype, type WeightDtype } from "../tensor/dtype.ts";

/** A row of an input as it lies in its file. */
export interface StoredRow {
  readonly input: number;
  readonly row: number;
}

/** For the inputs of one step. */
export interface EmbeddingRows {
  /** Of the output, padding included. */
  readonly rows: number;
  /** For each input: the row that becomes row i, or -1. */
  readonly own: readonly Int32Array[];
  /** What stands where an input has none: the mean of these rows, or zeros where there are none. Without: padding. */
  readonly filled: ReadonlyMap<number, readonly StoredRow[]>;
}

/** One input as read. */
export interface StoredMatrix {
  readonly bytes: Uint8Array;
  readonly dtype: FloatDtype;
}

/** What an input's rows are held in once they come from several: the type of the cast, or else its own. */
export function rowDtype(stored: FloatDtype, cast: WeightDtype | null): WeightDtype {
  return cast ?? (stored === "F8_E4M3" ? "BF16" : stored);
}

/**
 * The inputs, each brought to the output's rows, in {@link rowDtype}. `columns` is the length of a row. The result is as
 * large as the inputs together, or as much larger as their vocabularies grow.
 */
export function arrangeRows(
  inputs: readonly StoredMatrix[],
  { rows, own, filled }: EmbeddingRows,
  columns: number,
  cast: WeightDtype | null,
): readonly { readonly bytes: Uint8Array<ArrayBuffer>; readonly dtype: WeightDtype }[] {
  const values = new Float32Array(columns);
  const rounding = new Uint8Array(columns * 4);
  const readRow = ({ input, row }: StoredRow) => {
    const { bytes, dtype } = inputs[input]!;
    const size = columns * bytesPerElement(dtype);
    toFloat32(dtype, bytes.subarray(row * size, (row + 1) * size), values);
    if (cast !== null && cast !== dtype) roundTo(cast, values, rounding);
  };
  return inputs.map((input, index) => {
    const dtype = rowDtype(input.dtype, cast);
    const size = columns * bytesPerElement(dtype);
    const bytes = new Uint8Array(rows * size);
    const sums = new Float64Array(columns);
    const padding: number[] = [];
    for (let row = 0; row < rows; row++) {
      const at = bytes.subarray(row * size, (row + 1) * size);
      const from = own[index]![row]!;
      const donors = from >= 0 ? [{ input: index, row: from }] : filled.get(row);
      if (donors === undefined) {
        padding.push(row);
        continue;
      }
      if (donors.length === 1) readRow(donors[0]!);
      else meanOf(donors, readRow, values);
      fromFloat32(dtype, values, at);
      toFloat32(dtype, at, values); // padding is the mean of rows as rounded
      for (let i = 0; i < columns; i++) sums[i]! += values[i]!;
    }
    const tokens = rows - padding.length;
    for (let i = 0; i < columns; i++) values[i] = tokens === 0 ? 0 : sums[i]! / tokens;
    for (const row of padding) fromFloat32(dtype, values, bytes.subarray(row * size, (row + 1) * size));
    return { bytes, dtype };
  });
}

function meanOf(
  donors: readonly StoredRow[],
  readRow: (row: StoredRow) => void,
  values: Float32Array,
): void {
  const sums = new Float64Array(values.length);
  for (const donor of donors) {
    readRow(donor);
    for (let i = 0; i < sums.length; i++) sums[i]! += values[i]!;
  }
  for (let i = 0; i < sums.length; i++) values[i] = donors.length === 0 ? 0 : sums[i]! / donors.length;
}

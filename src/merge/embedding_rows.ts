/**
 * Which rows the inputs of an embedding or lm_head have after they were brought to the output's vocabulary: a token that
 * a model has keeps its row there; one that it lacks gets the row of the base model, else of the only model that has
 * it, else the mean of those that have it, else zeros; rows without a token (padding) the mean of the others.
 */
import { fromFloat32, roundTo, toFloat32 } from "../tensor/convert.ts";
import { bytesPerElement, type FloatDtype, type WeightDtype } from "../tensor/dtype.ts";
import type { ByteSource } from "./operand.ts";

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

/** One input of a step: a matrix of rows. */
export interface MatrixSource {
  readonly source: ByteSource;
  readonly dtype: FloatDtype;
}

/**
 * The inputs, each with the output's rows in place of its own, `columns` long: still read by range, so that none lies in
 * memory as a whole. Values are held in the type of the cast, or else in the input's own (FP8: in bfloat16).
 */
export function arrangeInputs(
  inputs: readonly MatrixSource[],
  embedding: EmbeddingRows,
  columns: number,
  cast: WeightDtype | null,
): readonly (MatrixSource & { readonly dtype: WeightDtype })[] {
  return inputs.map((input, index) => {
    const dtype = cast ?? (input.dtype === "F8_E4M3" ? "BF16" : input.dtype);
    return { source: new ArrangedRows(inputs, index, { embedding, columns, cast, dtype }), dtype };
  });
}

interface Arrangement {
  readonly embedding: EmbeddingRows;
  readonly columns: number;
  readonly cast: WeightDtype | null;
  readonly dtype: WeightDtype;
}

class ArrangedRows implements ByteSource {
  readonly byteLength: number;
  readonly #inputs: readonly MatrixSource[];
  readonly #index: number;
  readonly #to: Arrangement;
  readonly #rowBytes: number;
  readonly #values: Float32Array;
  readonly #rounding: Uint8Array;
  readonly #stored: Uint8Array;
  /** Made when first asked for: it takes a pass over all rows. */
  #padding: Uint8Array | undefined;

  constructor(inputs: readonly MatrixSource[], index: number, to: Arrangement) {
    this.#inputs = inputs;
    this.#index = index;
    this.#to = to;
    this.#rowBytes = to.columns * bytesPerElement(to.dtype);
    this.byteLength = to.embedding.rows * this.#rowBytes;
    this.#values = new Float32Array(to.columns);
    this.#rounding = new Uint8Array(to.columns * 4);
    this.#stored = new Uint8Array(to.columns * 4);
  }

  read(offset: number, into: Uint8Array): void {
    const rowBytes = this.#rowBytes;
    const row = new Uint8Array(rowBytes);
    for (let done = 0; done < into.byteLength;) {
      const at = offset + done;
      const index = Math.floor(at / rowBytes);
      const skip = at - index * rowBytes;
      const run = this.#storedRun(index, Math.ceil((skip + into.byteLength - done) / rowBytes));
      const count = Math.min(Math.max(run, 1) * rowBytes - skip, into.byteLength - done);
      const target = into.subarray(done, done + count);
      if (run > 0) {
        const from = this.#to.embedding.own[this.#index]![index]! * rowBytes + skip;
        this.#inputs[this.#index]!.source.read(from, target);
      } else {
        this.#readRow(index, row);
        target.set(row.subarray(skip, skip + count));
      }
      done += count;
    }
  }

  /** How many rows from this one on, up to `limit`, lie in the input one after the other just as they are wanted. */
  #storedRun(row: number, limit: number): number {
    if (this.#inputs[this.#index]!.dtype !== this.#to.dtype) return 0;
    const own = this.#to.embedding.own[this.#index]!;
    let run = 0;
    while (run < limit && own[row]! >= 0 && own[row + run] === own[row]! + run) run++;
    return run;
  }

  #readRow(row: number, into: Uint8Array): void {
    const { dtype } = this.#to;
    const donors = this.#donors(row);
    if (donors === undefined) {
      into.set(this.#padding ??= this.#meanOfTokens());
      return;
    }
    if (donors.length === 1) this.#readStored(donors[0]!);
    else this.#mean(donors.length, (i) => this.#readStored(donors[i]!));
    fromFloat32(dtype, this.#values, into);
  }

  /** undefined: a row without a token. */
  #donors(row: number): readonly StoredRow[] | undefined {
    const { own, filled } = this.#to.embedding;
    const from = own[this.#index]![row]!;
    return from >= 0 ? [{ input: this.#index, row: from }] : filled.get(row);
  }

  /** Into the values, rounded by the cast. */
  #readStored({ input, row }: StoredRow): void {
    const { columns, cast } = this.#to;
    const { source, dtype } = this.#inputs[input]!;
    const bytes = this.#stored.subarray(0, columns * bytesPerElement(dtype));
    source.read(row * bytes.byteLength, bytes);
    toFloat32(dtype, bytes, this.#values);
    if (cast !== null && cast !== dtype) roundTo(cast, this.#values, this.#rounding);
  }

  /** Of so many rows, each read into the values; zeros of none. Into the values. */
  #mean(count: number, readRow: (index: number) => void): void {
    const sums = new Float64Array(this.#values.length);
    for (let row = 0; row < count; row++) {
      readRow(row);
      for (let i = 0; i < sums.length; i++) sums[i]! += this.#values[i]!;
    }
    for (let i = 0; i < sums.length; i++) this.#values[i] = count === 0 ? 0 : sums[i]! / count;
  }

  #meanOfTokens(): Uint8Array {
    const { embedding: { rows }, dtype } = this.#to;
    const tokens = Array.from({ length: rows }, (_, row) => row).filter((row) =>
      this.#donors(row) !== undefined
    );
    const bytes = new Uint8Array(this.#rowBytes);
    this.#mean(tokens.length, (index) => {
      this.#readRow(tokens[index]!, bytes);
      toFloat32(dtype, bytes, this.#values);
    });
    fromFloat32(dtype, this.#values, bytes);
    return bytes;
  }
}

// Rows of embeddings in the order of another vocabulary, against the definition, a row at a time.
import { expect } from "@std/expect";
import { arrangeInputs, type EmbeddingRows } from "../../src/merge/embedding_rows.ts";
import { fromFloat32, roundTo, toFloat32 } from "../../src/tensor/convert.ts";
import { bytesPerElement, type FloatDtype } from "../../src/tensor/dtype.ts";

Deno.test("arrangeInputs() gives every row what it is to have, rounded by the cast, however the bytes are asked for", () => {
  const columns = 13;
  const inputs = (["F8_E4M3", "BF16", "F32"] as const).map((dtype, k) => {
    const values = Float32Array.from({ length: 4 * columns }, (_, i) => (k + 1) * (i + 1) / 7 * (-1) ** i);
    const bytes = new Uint8Array(values.length * bytesPerElement(dtype));
    fromFloat32(dtype, values, bytes);
    const read = (offset: number, into: Uint8Array) =>
      into.set(bytes.subarray(offset, offset + into.byteLength));
    return { dtype, bytes, source: { byteLength: bytes.byteLength, read } };
  });
  const embedding: EmbeddingRows = {
    rows: 8,
    own: [
      Int32Array.of(2, 3, -1, 0, -1, -1, -1, 1),
      Int32Array.of(1, 2, 3, -1, 0, -1, -1, -1),
      Int32Array.of(0, 1, 3, 2, -1, -1, -1, -1),
    ],
    filled: new Map([
      [2, [{ input: 1, row: 3 }]],
      [3, [{ input: 0, row: 0 }, { input: 2, row: 0 }]],
      [4, []],
      [7, [{ input: 2, row: 1 }]],
    ]),
  };
  for (const cast of [null, "F32", "F16", "BF16"] as const) {
    const rounded = (dtype: FloatDtype | null, values: readonly number[]) => {
      const result = Float32Array.from(values);
      if (dtype !== null) roundTo(dtype, result, new Uint8Array(values.length * 4));
      return [...result];
    };
    const mean = (rows: readonly (readonly number[])[]) =>
      Array.from(
        { length: columns },
        (_, i) => rows.reduce((sum, row) => sum + row[i]!, 0) / (rows.length || 1),
      );
    const stored = ({ input, row }: { readonly input: number; readonly row: number }) => {
      const { dtype, bytes } = inputs[input]!;
      const values = new Float32Array(4 * columns);
      toFloat32(dtype, bytes, values);
      return rounded(cast, [...values.subarray(row * columns, (row + 1) * columns)]);
    };
    for (const [k, { source, dtype }] of arrangeInputs(inputs, embedding, columns, cast).entries()) {
      expect(dtype).toBe(cast ?? (["BF16", "BF16", "F32"] as const)[k]);
      const expected = Array.from(embedding.own[k]!, (own, row) => {
        const donors = own >= 0 ? [{ input: k, row: own }] : embedding.filled.get(row);
        return donors && rounded(dtype, mean(donors.map(stored)));
      });
      const padding = rounded(dtype, mean(expected.filter((row) => row !== undefined)));
      const bytes = new Uint8Array(source.byteLength);
      fromFloat32(dtype, Float32Array.from(expected.flatMap((row) => row ?? padding)), bytes);
      for (const step of [bytes.length, 1, 5, 26, 31, 64]) {
        const pieces = new Uint8Array(source.byteLength);
        for (let at = 0; at < pieces.length; at += step) source.read(at, pieces.subarray(at, at + step));
        expect({ k, cast, step, pieces }).toEqual({ k, cast, step, pieces: bytes });
      }
    }
  }
});

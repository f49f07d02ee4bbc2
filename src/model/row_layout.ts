/**
 * Which row of which tensor becomes which row of a packed matrix. Plain data, because threads pass it on. Packed rows
 * come in pairs that a kernel computes together.
 */

/** The tensor, by index, and its row. */
export type RowPlace = readonly [tensor: number, row: number];

export type RowLayout =
  /** One tensor, rows as they are; a row of zeros completes the last pair. */
  | { readonly kind: "plain"; readonly rows: number }
  /** Two tensors in turn: gate and up. */
  | { readonly kind: "interleaved"; readonly rows: number }
  /** q, k and v, head after head; in a head, rows that rotate together (i, i + headDim / 2) make a pair. */
  | {
    readonly kind: "heads";
    readonly queryHeads: number;
    readonly kvHeads: number;
    readonly headDim: number;
  };

export function pairsOf(layout: RowLayout): number {
  switch (layout.kind) {
    case "plain":
      return Math.ceil(layout.rows / 2);
    case "interleaved":
      return layout.rows;
    case "heads":
      return (layout.queryHeads + 2 * layout.kvHeads) * layout.headDim / 2;
  }
}

/** Pairs between places where a chunk should begin, so that what it reads stays dense. */
export function alignmentOf(layout: RowLayout): number {
  return layout.kind === "heads" ? layout.headDim / 2 : 1;
}

/** Where packed row `row` comes from; null: zeros. */
export function rowAt(layout: RowLayout, row: number): RowPlace | null {
  switch (layout.kind) {
    case "plain":
      return row < layout.rows ? [0, row] : null;
    case "interleaved":
      return [row % 2, row >> 1];
    case "heads": {
      const { queryHeads, kvHeads, headDim } = layout;
      const half = headDim / 2;
      const pair = row >> 1;
      const head = Math.floor(pair / half);
      const element = pair % half + (row % 2) * half;
      if (head < queryHeads) return [0, head * headDim + element];
      const kvHead = head - queryHeads;
      return kvHead < kvHeads ? [1, kvHead * headDim + element] : [2, (kvHead - kvHeads) * headDim + element];
    }
  }
}

/** Rows `first … first + rows - 1` of a tensor. */
export interface RowRange {
  readonly first: number;
  readonly rows: number;
}

/** The dense range of each of `tensors` tensors' rows that packed rows `from … to - 1` are taken from. */
export function sourceRanges(
  layout: RowLayout,
  { from, to, tensors }: { readonly from: number; readonly to: number; readonly tensors: number },
): RowRange[] {
  const first = Array<number>(tensors).fill(Infinity);
  const last = Array<number>(tensors).fill(-1);
  for (let row = from; row < to; row++) {
    const place = rowAt(layout, row);
    if (place === null) continue;
    const [tensor, at] = place;
    first[tensor] = Math.min(first[tensor]!, at);
    last[tensor] = Math.max(last[tensor]!, at);
  }
  return first.map((start, tensor) =>
    last[tensor]! < 0 ? { first: 0, rows: 0 } : { first: start, rows: last[tensor]! - start + 1 }
  );
}

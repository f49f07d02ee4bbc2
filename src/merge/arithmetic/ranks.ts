/**
 * The rank of each element of a row by magnitude: a stable radix sort of float32 bits in three digits of 11, linear in
 * the row and the same on every machine. Buffers serve all rows of a tensor.
 */
const DIGIT_BITS = 11;
const DIGITS = 3;

export class RowRanker {
  readonly #order: [Uint32Array, Uint32Array];
  readonly #ranks: Uint32Array;

  constructor(length: number) {
    this.#order = [new Uint32Array(length), new Uint32Array(length)];
    this.#ranks = new Uint32Array(length);
  }

  /** Rank 0 is the smallest magnitude; of equal ones the earlier ranks lower. The result lives until the next call. */
  rank(row: Float32Array<ArrayBuffer>): Uint32Array {
    const bits = new Uint32Array(row.buffer, row.byteOffset, row.length);
    let [order, next] = this.#order;
    for (let i = 0; i < order.length; i++) order[i] = i;
    for (let digit = 0; digit < DIGITS; digit++) {
      scatter(bits, digit * DIGIT_BITS, order, next);
      [order, next] = [next, order];
    }
    for (let rank = 0; rank < order.length; rank++) this.#ranks[order[rank]!] = rank;
    return this.#ranks;
  }
}

/** Moves indices to where one digit of their magnitude belongs, keeping the order of equal digits. */
function scatter(bits: Uint32Array, shift: number, order: Uint32Array, into: Uint32Array): void {
  const places = new Uint32Array((1 << DIGIT_BITS) + 1);
  const digitOf = (index: number) => ((bits[index]! & 0x7fff_ffff) >>> shift) & ((1 << DIGIT_BITS) - 1);
  for (let i = 0; i < order.length; i++) {
    const after = digitOf(i) + 1;
    places[after] = places[after]! + 1;
  }
  for (let digit = 1; digit < places.length; digit++) places[digit] = places[digit]! + places[digit - 1]!;
  for (let i = 0; i < order.length; i++) {
    const digit = digitOf(order[i]!);
    into[places[digit]!] = order[i]!;
    places[digit] = places[digit]! + 1;
  }
}

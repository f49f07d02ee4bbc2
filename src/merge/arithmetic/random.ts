/**
 * Random words for masks, as a function of what they are for: Threefry-2x32 with 20 rounds (Salmon et al., "Parallel
 * random numbers: as easy as 1, 2, 3", SC 2011), keyed by the SHA-256 of seed, model and tensor name. The counter is
 * the element's index, so neither blocks nor threads nor the order of tensors change a mask.
 */
import { sha256 } from "../../formats/artifact.ts";

const PARITY = 0x1bd1_1bda;

/**
 * One block of the cipher: writes two words, 0 … 2³² − 1, for a counter of two words. Five groups of four rounds, in
 * locals throughout: this runs once for every two elements of a masked tensor.
 */
export function threefry2x32(
  [key0, key1]: readonly [number, number],
  [counter0, counter1]: readonly [number, number],
  into: Uint32Array,
): void {
  const key2 = PARITY ^ key0 ^ key1;
  let [a, b, c] = [key0, key1, key2]; // the key words in the order of the next injection
  let x0 = (counter0 + a) | 0, x1 = (counter1 + b) | 0;
  for (let group = 1; group <= 5; group++) {
    const odd = group % 2 === 1;
    x0 = (x0 + x1) | 0;
    x1 = (odd ? (x1 << 13) | (x1 >>> 19) : (x1 << 17) | (x1 >>> 15)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = (odd ? (x1 << 15) | (x1 >>> 17) : (x1 << 29) | (x1 >>> 3)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = (odd ? (x1 << 26) | (x1 >>> 6) : (x1 << 16) | (x1 >>> 16)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = (odd ? (x1 << 6) | (x1 >>> 26) : (x1 << 24) | (x1 >>> 8)) ^ x0;
    const first = a;
    a = b;
    b = c;
    c = first;
    x0 = (x0 + a) | 0;
    x1 = (x1 + b + group) | 0;
  }
  into[0] = x0;
  into[1] = x1;
}

/** A word for each element of one tensor of one model. */
export class RandomWords {
  readonly #key: readonly [number, number];
  readonly #pair = new Uint32Array(2);

  constructor(seed: number, model: string, tensor: string) {
    const digest = sha256(JSON.stringify([seed, model, tensor]));
    this.#key = [parseInt(digest.slice(0, 8), 16), parseInt(digest.slice(8, 16), 16)];
  }

  /** Words of the elements from `start` on, uniform in 0 … 2³² − 1: two for each counter. */
  fill(start: number, into: Uint32Array): void {
    const [key, pair] = [this.#key, this.#pair];
    for (let i = 0; i < into.length;) {
      const counter = Math.floor((start + i) / 2);
      threefry2x32(key, [counter >>> 0, Math.floor(counter / 2 ** 32)], pair);
      if ((start + i) % 2 === 0) into[i++] = pair[0]!;
      if (i < into.length) into[i++] = pair[1]!;
    }
  }
}

/**
 * Token ids as a column holds them: LEB128 in base64, some three characters an id instead of JSON's five to six. What the
 * store reads back it wrote itself, so a text that does not decode is a broken invariant and throws a plain Error.
 */

/** Ids are whole numbers below 2^32. */
export function packTokenIds(ids: readonly number[]): string {
  const bytes = new Uint8Array(ids.length * 5);
  let length = 0;
  for (const id of ids) {
    let rest = id;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[length++] = (rest % 0x80) | 0x80;
    bytes[length++] = rest;
  }
  return bytes.subarray(0, length).toBase64();
}

/** The inverse of {@link packTokenIds}. */
export function unpackTokenIds(text: string): readonly number[] {
  const ids: number[] = [];
  let id = 0;
  let scale = 1;
  for (const byte of Uint8Array.fromBase64(text)) {
    id += (byte & 0x7f) * scale;
    scale *= 0x80;
    if (byte >= 0x80) continue;
    ids.push(id);
    id = 0;
    scale = 1;
  }
  if (scale !== 1) throw new Error("Stored token ids end in the middle of one");
  return ids;
}

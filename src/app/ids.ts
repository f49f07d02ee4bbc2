/**
 * Identifiers: UUID version 7 (RFC 9562, section 5.7), strictly increasing within a process, so that sorting by id is
 * sorting by creation and a page cursor needs no second column.
 */
import type { Clock } from "./clock.ts";

/** Makes the next identifier. */
export type Ids = () => string;

const COUNTER_LIMIT = 1 << 12;

/**
 * Layout: 48 bits of milliseconds, version, a 12-bit counter in `rand_a` (method 1 of section 6.2), variant, 62 random
 * bits. When the clock stands still, runs backwards or the counter is full, the milliseconds run ahead of it.
 */
export function uuidV7(clock: Clock): Ids {
  let lastMs = 0;
  let counter = 0;
  return () => {
    const nowMs = clock.now().getTime();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      counter = 0;
    } else if (++counter === COUNTER_LIMIT) {
      lastMs++;
      counter = 0;
    }
    const time = lastMs.toString(16).padStart(12, "0");
    const random = crypto.getRandomValues(new Uint8Array(8));
    random[0] = (random[0]! & 0x3f) | 0x80;
    const tail = random.toHex();
    return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, "0")}-${
      tail.slice(0, 4)
    }-${tail.slice(4)}`;
  };
}

/** Sizes as people write them on a command line, and as they read them in messages: decimal units, as `--gpu-memory 20GB`. */

const FACTORS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  kb: 1e3,
  kib: 2 ** 10,
  m: 1e6,
  mb: 1e6,
  mib: 2 ** 20,
  g: 1e9,
  gb: 1e9,
  gib: 2 ** 30,
  b: 1e9, // "billion", as mergekit reads it
  t: 1e12,
  tb: 1e12,
  tib: 2 ** 40,
};
const UNITS = ["kB", "MB", "GB", "TB"] as const;
/** Behind the point, beyond which nothing of a byte is left. */
const MOST_DIGITS = 12;

/** "5GB", "500M", "1.5GiB", "30000" → bytes; `undefined` for anything else and for less than one byte. */
export function parseByteSize(text: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim()) ?? [];
  const factor = unit === undefined ? undefined : FACTORS[unit.toLowerCase()];
  if (digits === undefined || factor === undefined) return undefined;
  const bytes = Math.floor(Number(digits) * factor);
  return bytes >= 1 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** "14.5 GB", "512 bytes". */
export function formatBytes(bytes: number): string {
  return format(bytes, 0);
}

/**
 * What a message sets against each other, as what is found and what was expected: "8.41 GB" and "8.40 GB", with as many
 * digits as it takes to tell those apart that differ.
 */
export function formatBytesApart<const T extends readonly number[]>(
  ...sizes: T
): { readonly [K in keyof T]: string } {
  const count = new Set(sizes).size;
  for (let digits = 0;; digits++) {
    const texts = sizes.map((bytes) => format(bytes, digits));
    if (new Set(texts).size === count || digits === MOST_DIGITS) return texts as { [K in keyof T]: string };
  }
}

/** With so many digits more than are usual. */
function format(bytes: number, digits: number): string {
  if (bytes < 1000) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  for (const [index, unit] of UNITS.entries()) {
    const value = bytes / 1000 ** (index + 1);
    const text = value.toFixed((value < 100 ? 1 : 0) + digits);
    // What is rounded up to a thousand is one of the next unit.
    if (Number(text) < 1000 || index === UNITS.length - 1) return `${text} ${unit}`;
  }
  throw new Error("There is always a last unit");
}

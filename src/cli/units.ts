/** Sizes, durations and rates: as people write them on a command line, and as they read them. */

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
  if (bytes < 1000) return `${bytes} bytes`;
  const units = ["kB", "MB", "GB", "TB"];
  const exponent = Math.min(Math.floor(Math.log10(bytes) / 3), units.length);
  const value = bytes / 1000 ** exponent;
  return `${value.toFixed(value < 100 ? 1 : 0)} ${units[exponent - 1]}`;
}

/** "8 s", "3 min 20 s", "2 h 5 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const SECONDS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, min: 60, h: 3600 };

/** "90", "90s", "5m", "2h" → seconds, -1 for "-1"; `undefined` for anything else. */
export function parseKeepAlive(text: string): number | undefined {
  if (text === "-1") return -1;
  const [, digits, unit] = /^(\d{1,9})(s|m|min|h)?$/.exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits) * SECONDS[unit ?? ""]!;
}

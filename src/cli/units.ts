/** Durations: as people write them on a command line, and as they read them. */

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

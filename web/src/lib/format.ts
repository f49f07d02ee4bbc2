/** Figures as people read them. */

const UNITS = ["B", "kB", "MB", "GB", "TB"];

export function bytes(value: string | number): string {
  let amount = Number(value);
  let unit = 0;
  for (; amount >= 1000 && unit < UNITS.length - 1; unit++) amount /= 1000;
  return `${round(amount)} ${UNITS[unit]}`;
}

/** 7241732096 is "7.2B", as models are called. */
export function parameters(value: string): string {
  const count = Number(value);
  if (count >= 1e9) return `${round(count / 1e9)}B`;
  if (count >= 1e6) return `${round(count / 1e6)}M`;
  return count >= 1e3 ? `${round(count / 1e3)}k` : String(count);
}

/** 4096 is "4k", 500 is "500". */
export function context(tokens: number): string {
  return tokens >= 1024 ? `${round(tokens / 1024)}k` : String(tokens);
}

function round(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

export function date(iso: string): string {
  return new Date(iso).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

export function moment(iso: string): string {
  return new Date(iso).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}

export function count(value: string | number): string {
  return Number(value).toLocaleString("en");
}

export function seconds(value: number): string {
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 90) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  return `${Math.round(value / 60)} min`;
}

/** Of the angle between two tensors whose cosine is given. */
export function degrees(cosine: number): number {
  return Math.acos(Math.min(1, Math.max(-1, cosine))) * 180 / Math.PI;
}

/** BFLOAT16 as engineers write it. */
export const DTYPES: Readonly<Record<string, string>> = {
  BFLOAT16: "bfloat16",
  FLOAT16: "float16",
  FLOAT32: "float32",
  FLOAT8_E4M3: "FP8",
};

export const QUANTIZATIONS: Readonly<Record<string, string>> = { FP8_E4M3: "FP8", NONE: "None" };

/** Enum values as words: MISSING_WEIGHTS is "Missing weights". */
export function words(value: string): string {
  return value[0]! + value.slice(1).toLowerCase().replaceAll("_", " ");
}

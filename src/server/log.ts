/** The gateway's log: one JSON object a line. Callers keep prompts, answers and keys out of the fields. */
import type { Log, LogLevel } from "../app/request.ts";

const RANKS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Lines `{time, level, message, …fields}` to `write`, from `minLevel` on. */
export function createJsonLog(
  write: (line: string) => void,
  minLevel: LogLevel = "info",
  now: () => Date = () => new Date(),
): Log {
  return (level, message, fields = {}) => {
    if (RANKS[level] < RANKS[minLevel]) return;
    write(JSON.stringify({ time: now().toISOString(), level, message, ...fields }));
  };
}

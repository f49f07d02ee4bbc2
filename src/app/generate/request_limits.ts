/** What a request may ask of the queue: how urgent it is, and how long it may take. Errors name the field and the range. */
import { ConfigError } from "../../errors.ts";
import { PRIORITY_LIMITS } from "../../engine/protocol.ts";
import type { GenerateInput, Principal } from "../types.ts";

/** What everybody may ask for: to step back, never ahead of others. The engine's whole range is for admins. */
const EVERYBODYS_PRIORITY = { min: PRIORITY_LIMITS.min, max: 0 } as const;
/** A day, as the engine has it. */
const MAX_DEADLINE_SECONDS = 86_400;
/** The shortest that a clock of milliseconds can keep. */
const MIN_DEADLINE_SECONDS = 0.001;

/** 0 unless given. */
export function checkPriority(principal: Principal, priority: GenerateInput["priority"]): number {
  if (priority === undefined) return 0;
  const { min, max } = principal.role === "ADMIN" ? PRIORITY_LIMITS : EVERYBODYS_PRIORITY;
  if (Number.isInteger(priority) && priority >= min && priority <= max) return priority;
  throw invalid("priority", priority, `an integer, ${min} … ${max}`);
}

/** In whole milliseconds; null unless given. */
export function checkDeadline(seconds: GenerateInput["deadlineSeconds"]): number | null {
  if (seconds === undefined) return null;
  // Written so that NaN fails.
  if (seconds >= MIN_DEADLINE_SECONDS && seconds <= MAX_DEADLINE_SECONDS) return Math.ceil(seconds * 1000);
  throw invalid("deadlineSeconds", seconds, `${MIN_DEADLINE_SECONDS} … ${MAX_DEADLINE_SECONDS}`);
}

function invalid(field: string, found: number, allowed: string): ConfigError {
  return new ConfigError(`Invalid ${field}: found ${found}, expected ${allowed}`, {
    field,
    found: String(found),
    allowed,
  });
}

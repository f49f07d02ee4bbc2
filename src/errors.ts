/**
 * The errors that Geodesic expects and can explain. Each carries a stable `code` that clients, the CLI and
 * tests rely on, and `details` that name the file, tensor or field in question. Whatever else is thrown is a
 * broken invariant: it is logged with its stack, and outsiders see only a request id.
 */

/** Base class: an expected failure with a code that never changes once released. */
export class GeodesicError extends Error {
  /** Stable, upper-case, machine-readable: `FORMAT`, `CONFIG`, `MERGE`, … */
  readonly code: string;
  /** What was found and expected, by name; JSON-serializable, free of secrets and prompt text. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, details: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.details = details;
  }
}

/** A file is not what its format promises: safetensors, config.json, tokenizer.json, an index. */
export class FormatError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("FORMAT", message, details, options);
  }
}

/** What the user wrote cannot be used: merge YAML, sampling parameters, arguments, settings. */
export class ConfigError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("CONFIG", message, details, options);
  }
}

/** The configuration is sound but these checkpoints cannot be merged by it. */
export class MergeError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("MERGE", message, details, options);
  }
}

/** A limit is reached: memory, context length, queue, disk. `details.retryAfterMs` where waiting helps. */
export class CapacityError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("CAPACITY", message, details, options);
  }
}

/** In the details of a {@link CapacityError}, true: the device lacks memory, and whatever leaves it makes room. */
export const LACKS_MEMORY = "lacksMemory";

/** No such model, file, session, generation or merge, or none that the caller may see. */
export class NotFoundError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("NOT_FOUND", message, details, options);
  }
}

/** The caller is known (or nobody) and may not do this. */
export class ForbiddenError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("FORBIDDEN", message, details, options);
  }
}

/** What the caller went by has changed meanwhile; `details` say what was expected and what is there now. */
export class ConflictError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("CONFLICT", message, details, options);
  }
}

/** It took longer than the caller gave it. */
export class DeadlineError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("DEADLINE", message, details, options);
  }
}

/** The GPU, its driver or its thread is gone; whatever ran on it can be run again. */
export class DeviceLostError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("DEVICE_LOST", message, details, options);
  }
}

/** A model's activations left the range of the numbers it is run with; the same would come out again. */
export class NotFiniteError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("NOT_FINITE", message, details, options);
  }
}

/** Another server cannot be reached, or does not answer as it should; the same may succeed later. */
export class UnavailableError extends GeodesicError {
  constructor(message: string, details?: Record<string, unknown>, options?: ErrorOptions) {
    super("UNAVAILABLE", message, details, options);
  }
}

/** A plain object for JSON and for crossing threads: `{code, message, details}`; unknown errors become `INTERNAL`. */
export interface ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Expected errors keep their words; anything else is reported as `INTERNAL` without its message. */
export function toErrorRecord(error: unknown): ErrorRecord {
  if (error instanceof GeodesicError) {
    return { code: error.code, message: error.message, details: error.details };
  }
  return { code: "INTERNAL", message: "Internal error", details: {} };
}

/** The inverse of {@link toErrorRecord} for a record that crossed a thread: same code, message and details. */
export function fromErrorRecord(record: ErrorRecord): GeodesicError {
  return new GeodesicError(record.code, record.message, { ...record.details });
}

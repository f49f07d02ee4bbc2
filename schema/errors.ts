/**
 * The only place where errors become GraphQL. An expected failure (GeodesicError) is a member of a mutation's
 * result union, or a GraphQL error with `extensions.code` elsewhere. Anything else is a broken invariant: it is
 * logged with its stack, and the client sees the request's id and nothing more.
 */
import { GraphQLError } from "graphql";
import { logUnexpected, type RequestContext } from "../src/app/request.ts";
import { type ErrorRecord, GeodesicError } from "../src/errors.ts";
import { builder } from "./builder.ts";

export const ErrorInterface = builder.interfaceRef<ErrorRecord>("Error").implement({
  description: "An expected failure.",
  fields: (t) => ({
    message: t.exposeString("message", { description: "One sentence for people. May change." }),
    code: t.exposeString("code", { description: "Stable and machine-readable, such as `NOT_FOUND`." }),
  }),
  resolveType: ({ code }) => typeNameOf(code),
});

function errorType(name: string, description: string) {
  return builder.objectRef<ErrorRecord>(name).implement({ description, interfaces: [ErrorInterface] });
}

const ERROR_TYPES = {
  CONFIG: errorType("ConfigError", "What was written cannot be used: an argument, a parameter, a setting."),
  FORMAT: errorType("FormatError", "A file of a checkpoint is not what its format promises."),
  MERGE: errorType("MergeError", "The configuration is sound, but these checkpoints cannot be merged by it."),
  NOT_FOUND: errorType("NotFoundError", "There is no such object, or none that you may see."),
  FORBIDDEN: errorType("ForbiddenError", "Your key's role does not allow this."),
  CONFLICT: errorType("ConflictError", "What you went by has changed meanwhile: look again, then decide."),
  DEADLINE: errorType("DeadlineError", "It took longer than the request's deadline."),
  DEVICE_LOST: errorType("DeviceLostError", "The GPU is gone. The same request can be made again."),
  NOT_FINITE: errorType(
    "NotFiniteError",
    "The model's activations left the range of the numbers that it is run with, so there is no next token. The message " +
      "says which numbers would hold them; the same request ends like this again until the model is run with those.",
  ),
  UNAVAILABLE: errorType(
    "UnavailableError",
    "Another server cannot be reached, or does not answer as it should; the same may succeed later.",
  ),
  INTERNAL: errorType("InternalError", "An unexpected failure. The log of the server has the details."),
  CAPACITY: builder.objectRef<ErrorRecord>("CapacityError").implement({
    description: "A limit is reached: memory, context length, queue, disk.",
    interfaces: [ErrorInterface],
    fields: (t) => ({
      retryAfterMs: t.int({
        nullable: true,
        description: "Where waiting helps: for how long.",
        resolve: ({ details }) => typeof details.retryAfterMs === "number" ? details.retryAfterMs : null,
      }),
    }),
  }),
} as const;
export type ErrorCode = keyof typeof ERROR_TYPES;

function typeNameOf(code: string): string {
  const type = Object.hasOwn(ERROR_TYPES, code) ? ERROR_TYPES[code as ErrorCode] : ERROR_TYPES.INTERNAL;
  return type.name;
}

/** Members of a union for these codes; see {@link resultTypeName} and {@link expected}. */
export function errorTypes(codes: readonly ErrorCode[]) {
  return codes.map((code) => ERROR_TYPES[code]);
}

/** An expected failure as a value. Executors take a returned Error for a thrown one, so this is none. */
class Failure implements ErrorRecord {
  readonly code: string;
  readonly message: string;
  readonly details: ErrorRecord["details"];

  constructor({ code, message, details }: GeodesicError) {
    this.code = code;
    this.message = message;
    this.details = details;
  }
}

/** For `resolveType` of a result union: the error's type, or the payload's. */
export function resultTypeName(value: unknown, payload: string): string {
  return value instanceof Failure ? typeNameOf(value.code) : payload;
}

/** Runs a mutation; failures with one of `codes` become its result, all others stay thrown. */
export async function expected<T>(codes: readonly ErrorCode[], run: () => Promise<T>): Promise<T | Failure> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof GeodesicError && codes.some((code) => code === error.code)) {
      return new Failure(error);
    }
    throw error;
  }
}

/** Translates whatever a resolver threw, and logs it if nobody expected it. Idempotent. */
export function toGraphQLError(error: unknown, context: RequestContext): GraphQLError {
  if (error instanceof GraphQLError) return error;
  if (error instanceof GeodesicError) {
    return new GraphQLError(error.message, { extensions: { code: error.code, details: error.details } });
  }
  if (context.signal.aborted && error === context.signal.reason) {
    return new GraphQLError("The request was aborted", { extensions: { code: "ABORTED" } });
  }
  logUnexpected(context.log, "unexpected error in a resolver", error, {
    requestId: context.requestId,
    principal: context.principal.id,
  });
  return new GraphQLError("Internal error", {
    extensions: { code: "INTERNAL", requestId: context.requestId },
  });
}

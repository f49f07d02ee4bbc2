/**
 * GraphQL as this gateway executes it: one set of limits, one way to mask what is unexpected, for every transport. HTTP
 * (JSON for queries and mutations, Server-Sent Events for subscriptions) is answered here; other transports run their
 * operations through the same hooks. Takes a schema whose errors are already translated. No batching, no uploads.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHash } from "node:crypto";
import {
  type ExecutionResult,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
} from "graphql";
import { createYoga, type GraphQLParams, type Plugin } from "graphql-yoga";
import { type Log, logUnexpected, type RequestContext } from "../app/request.ts";
import { type IntrospectionPolicy, useIntrospectionPolicy } from "./introspection.ts";
import type { KeyWatch } from "./key_watch.ts";
import { type PersistedOperations, usePersistedOperations } from "./persisted.ts";
import { useQueryLimits } from "./query_limits.ts";
import { useVariableLimits } from "./variable_limits.ts";

/** A prompt of several hundred thousand characters fits; nothing else comes near. */
export const MAX_BODY_BYTES = 1_000_000;
export const GRAPHQL_PATH = "/graphql";
/** Of an error. GraphQL quotes what is wrong, however long it is. */
const MAX_MESSAGE = 1_000;

export interface GraphQLOptions {
  readonly schema: GraphQLSchema;
  readonly log: Log;
  readonly introspection?: IntrospectionPolicy;
  readonly persisted?: PersistedOperations;
  /** Log documents and variables, which hold the prompts. */
  readonly logPrompts?: boolean;
  /** Asked when all of an operation has arrived, which may be long after its caller was let in. */
  readonly keys: Pick<KeyWatch, "endOf">;
}

export type OperationResult = ExecutionResult | AsyncIterable<ExecutionResult>;

export interface GraphQLHandler {
  /** Over HTTP, as the request asks for it. */
  fetch(request: Request, context: RequestContext): Promise<Response>;
  /** One operation that came another way. Never rejects; `params` are as a client sent them. */
  run(params: unknown, context: RequestContext): Promise<OperationResult>;
}

export function createGraphQLHandler(options: GraphQLOptions): GraphQLHandler {
  const { schema, log, keys, introspection = "roles", persisted, logPrompts = false } = options;
  // Yoga masks errors without saying whose they are.
  const current = new AsyncLocalStorage<RequestContext>();
  const maskError = (error: unknown): GraphQLError => {
    if (isForClients(error)) return forClients(error);
    const requestId = current.getStore()?.requestId ?? crypto.randomUUID();
    const cause = error instanceof GraphQLError ? error.originalError ?? error : error;
    logUnexpected(log, "unexpected error in GraphQL", cause, { requestId });
    return new GraphQLError("Internal error", { extensions: { code: "INTERNAL", requestId } });
  };
  const yoga = createYoga<RequestContext>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    plugins: [
      useKeyCheck(keys),
      ...persisted === undefined ? [] : [usePersistedOperations(persisted)],
      useQueryLimits(),
      useVariableLimits(),
      useIntrospectionPolicy(introspection),
      useOperationLog(log, logPrompts),
    ],
    ...persisted === undefined ? {} : { extraParamNames: ["documentId"] },
    maxRequestBodySize: MAX_BODY_BYTES,
    maskedErrors: { maskError },
    batching: false,
    multipart: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
  });
  // What hooks ask of a request: that it may carry mutations.
  const request = new Request(`http://gateway.invalid${GRAPHQL_PATH}`, { method: "POST" });
  return {
    fetch: async (request, context) => await current.run(context, () => yoga.fetch(request, context)),
    run: (params, context) =>
      current.run(context, async () => {
        try {
          // The hooks check what the parameters are, before they take them for what they should be.
          const result = await yoga.getResultForParams(
            { params: params as GraphQLParams, request },
            { ...context } as never,
          );
          return result ?? { data: null };
        } catch (error) {
          return { errors: [maskError(error)] };
        }
      }),
  };
}

/** Whether an operation was refused as a request: status and errors, where another transport would answer with them. */
export function refusalOf(
  result: OperationResult,
): { readonly status: number; readonly errors: readonly GraphQLError[] } | null {
  if (!("errors" in result) || result.errors === undefined || "data" in result) return null;
  const statuses = result.errors.map(({ extensions }) =>
    (extensions["http"] as { status?: number } | undefined)?.status
  );
  const known = statuses.filter((status) => status !== undefined);
  return known.length === 0 ? null : { status: Math.max(...known), errors: result.errors };
}

/** A result as it is sent: without what errors tell the HTTP transport. */
export function toWire({ data, errors, extensions }: WireSource): FormattedExecutionResult {
  return {
    ...data === undefined ? {} : { data },
    ...errors === undefined ? {} : { errors: errors.map(toWireError) },
    ...extensions === undefined ? {} : { extensions },
  };
}

interface WireSource {
  readonly data?: ExecutionResult["data"] | undefined;
  readonly errors?: readonly GraphQLError[] | undefined;
  readonly extensions?: ExecutionResult["extensions"] | undefined;
}

export function toWireError(error: GraphQLError): GraphQLFormattedError {
  const { extensions, ...rest } = error.toJSON();
  const { http: _http, ...shown } = extensions ?? {};
  return { ...rest, ...Object.keys(shown).length === 0 ? {} : { extensions: shown } };
}

/** Refuses what a key has asked that ended while it was asking. */
function useKeyCheck(keys: Pick<KeyWatch, "endOf">): Plugin<RequestContext, RequestContext> {
  return {
    onParams({ context }) {
      const ended = keys.endOf(context.principal);
      if (ended === null) return;
      const { code, message } = ended;
      throw new GraphQLError(message, { extensions: { code, http: { status: 401 } } });
    },
  };
}

/** At level debug, one line for each operation; with `logPrompts`, at level info and with all it says. */
function useOperationLog(log: Log, logPrompts: boolean): Plugin<RequestContext, RequestContext> {
  return {
    onParams({ params, context }) {
      const { query, variables, operationName } = params ?? {};
      if (typeof query !== "string") return;
      log(logPrompts ? "info" : "debug", "operation", {
        requestId: context.requestId,
        principal: context.principal.id,
        ...typeof operationName === "string" ? { operation: operationName.slice(0, 100) } : {},
        sha256: createHash("sha256").update(query).digest("hex"),
        ...logPrompts ? { document: query, variables } : {},
      });
    },
  };
}

/** What GraphQL says of variables and operation names has no code of its own, and no end. */
function forClients(error: GraphQLError): GraphQLError {
  const isLong = error.message.length > MAX_MESSAGE;
  if (error.extensions["code"] !== undefined && !isLong) return error;
  const { nodes, source, positions, path, extensions } = error;
  return new GraphQLError(isLong ? `${error.message.slice(0, MAX_MESSAGE)} …` : error.message, {
    ...{ nodes, source, positions, path },
    extensions: { code: "BAD_USER_INPUT", ...extensions },
  });
}

/** Errors that GraphQL itself, or the schema's translation, made for the client. */
function isForClients(error: unknown): error is GraphQLError {
  if (!(error instanceof GraphQLError)) return false;
  return error.originalError === undefined || isForClients(error.originalError);
}

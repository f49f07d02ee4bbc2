/**
 * GraphQL over HTTP: JSON answers for queries and mutations, Server-Sent Events for subscriptions. Takes a schema
 * whose errors are already translated; what is unexpected even so is masked here. No batching, no uploads, no CORS.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { GraphQLError, type GraphQLSchema } from "graphql";
import { createYoga } from "graphql-yoga";
import { type Log, logUnexpected, type RequestContext } from "../app/request.ts";
import { useQueryLimits } from "./query_limits.ts";

/** A prompt of several hundred thousand characters fits; nothing else comes near. */
export const MAX_BODY_BYTES = 1_000_000;
export const GRAPHQL_PATH = "/graphql";

export type GraphQLHandler = (request: Request, context: RequestContext) => Promise<Response>;

export function createGraphQLHandler(schema: GraphQLSchema, log: Log): GraphQLHandler {
  // Yoga masks errors without saying whose they are.
  const current = new AsyncLocalStorage<RequestContext>();
  const yoga = createYoga<RequestContext>({
    schema,
    graphqlEndpoint: GRAPHQL_PATH,
    plugins: [useQueryLimits()],
    maxRequestBodySize: MAX_BODY_BYTES,
    maskedErrors: {
      maskError: (error) => {
        if (isForClients(error)) return withCode(error);
        const requestId = current.getStore()?.requestId ?? crypto.randomUUID();
        const cause = error instanceof GraphQLError ? error.originalError ?? error : error;
        logUnexpected(log, "unexpected error in GraphQL", cause, { requestId });
        return new GraphQLError("Internal error", { extensions: { code: "INTERNAL", requestId } });
      },
    },
    batching: false,
    multipart: false,
    cors: false,
    graphiql: false,
    landingPage: false,
    logging: false,
  });
  return async (request, context) => await current.run(context, () => yoga.fetch(request, context));
}

/** What GraphQL says of variables and operation names has no code of its own. */
function withCode(error: GraphQLError): GraphQLError {
  if (error.extensions["code"] !== undefined) return error;
  const { nodes, source, positions, path, extensions } = error;
  return new GraphQLError(error.message, {
    ...{ nodes, source, positions, path },
    extensions: { ...extensions, code: "BAD_USER_INPUT" },
  });
}

/** Errors that GraphQL itself, or the schema's translation, made for the client. */
function isForClients(error: unknown): error is GraphQLError {
  if (!(error instanceof GraphQLError)) return false;
  return error.originalError === undefined || isForClients(error.originalError);
}

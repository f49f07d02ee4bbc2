/**
 * The error for an operation that asks too much, thrown by the complexity check at execution. Limits that need no
 * schema (tokens, depth, aliases, fields) are held by the server before validation.
 */
import { GraphQLError } from "graphql";

/** `QUERY_TOO_COMPLEX`, answered with status 400. */
export function tooComplex(what: string, found: number, limit: number): GraphQLError {
  return new GraphQLError(`Cannot run the operation: its ${what} is ${found}, allowed are ${limit}`, {
    extensions: { code: "QUERY_TOO_COMPLEX", http: { status: 400 } },
  });
}

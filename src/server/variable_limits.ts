/**
 * What the variables of an operation may look like, before GraphQL looks at them: it quotes a wrong value in every error
 * that it finds in it, so 60,000 unknown fields would be quoted fifty times.
 */
import { GraphQLError } from "graphql";
import type { Plugin } from "graphql-yoga";

export interface VariableLimits {
  /** Levels of lists and objects. */
  readonly depth: number;
  /** Fields of one object; no input type has half as many. */
  readonly fields: number;
  /** Fields of all objects together. A conversation has two a message. */
  readonly allFields: number;
}

export const DEFAULT_VARIABLE_LIMITS: VariableLimits = { depth: 16, fields: 100, allFields: 10_000 };

/** Holds the variables of every operation of a Yoga server to `limits`. */
export function useVariableLimits(limits: VariableLimits = DEFAULT_VARIABLE_LIMITS): Plugin {
  return {
    onParams({ params }) {
      const error = checkVariableLimits(params?.variables, limits);
      if (error !== null) throw error;
    },
  };
}

/** `BAD_USER_INPUT` naming the limit that `variables` exceed, or null. */
export function checkVariableLimits(variables: unknown, limits: VariableLimits): GraphQLError | null {
  let all = 0;
  function check(value: unknown, depth: number): GraphQLError | null {
    if (typeof value !== "object" || value === null) return null;
    if (depth > limits.depth) return exceeds("depth", depth, limits.depth);
    const isList = Array.isArray(value);
    const inner: readonly unknown[] = isList ? value : Object.values(value);
    if (!isList) {
      all += inner.length;
      if (inner.length > limits.fields) return exceeds("fields of one object", inner.length, limits.fields);
      if (all > limits.allFields) return exceeds("fields", all, limits.allFields);
    }
    for (const each of inner) {
      const error = check(each, depth + 1);
      if (error !== null) return error;
    }
    return null;
  }
  return check(variables, 0);
}

function exceeds(what: string, found: number, limit: number): GraphQLError {
  return new GraphQLError(
    `Cannot use the variables: found ${found} for their ${what}, allowed are ${limit}`,
    {
      extensions: { code: "BAD_USER_INPUT", http: { status: 400 } },
    },
  );
}

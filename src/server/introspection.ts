/**
 * Who may ask for the schema itself. Whoever may not is not told the names of fields by way of suggestions either. The
 * printed schema is no secret (it is in the repository); what this keeps apart is what a key is for.
 */
import { type DocumentNode, GraphQLError, Kind, visit } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { RequestContext } from "../app/request.ts";
import type { Principal } from "../app/types.ts";

/** `roles`: generators and admins, and so everybody on loopback, where GraphiQL is for. `off`: nobody. */
export type IntrospectionPolicy = "roles" | "off";

const SUGGESTION = / ?Did you mean [^?]*\?/g;

/** Whether this caller may see the schema, and suggestions. */
export function mayIntrospect(policy: IntrospectionPolicy, { role }: Principal): boolean {
  return policy === "roles" && role !== "VIEWER";
}

/** Refuses `__schema` and `__type`, and strips suggestions from errors, for callers who may not introspect. */
export function useIntrospectionPolicy(policy: IntrospectionPolicy): Plugin<RequestContext, RequestContext> {
  return {
    // Not a validation rule: whether a document is valid is kept for everybody who sends it.
    onExecute({ args, setResultAndStopExecution }) {
      if (mayIntrospect(policy, args.contextValue.principal) || !introspects(args.document)) return;
      setResultAndStopExecution({ errors: [refused()] });
    },
    onExecutionResult({ result, context, setResult }) {
      if (result === undefined || !("errors" in result) || mayIntrospect(policy, context.principal)) return;
      const errors = result.errors?.map((error) => withoutSuggestion(error));
      setResult({ ...result, ...errors && { errors } });
    },
  };
}

function introspects(document: DocumentNode): boolean {
  let found = false;
  visit(document, {
    [Kind.FIELD](node) {
      if (node.name.value === "__schema" || node.name.value === "__type") found = true;
    },
  });
  return found;
}

function refused(): GraphQLError {
  return new GraphQLError("The schema is not shown to this caller", {
    extensions: { code: "FORBIDDEN", http: { status: 403 } },
  });
}

function withoutSuggestion(error: GraphQLError): GraphQLError {
  const message = error.message.replaceAll(SUGGESTION, "");
  if (message === error.message) return error;
  const { nodes, source, positions, path, extensions } = error;
  return new GraphQLError(message, { nodes, source, positions, path, extensions });
}

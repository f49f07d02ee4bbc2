/**
 * Wraps every resolver of a built schema so that errors leave it already translated (schema/errors.ts), whoever
 * executes it.
 */
import { defaultFieldResolver, type GraphQLFieldResolver, type GraphQLSchema, isObjectType } from "graphql";
import type { RequestContext } from "../src/app/request.ts";
import { toGraphQLError } from "./errors.ts";

type Resolve = GraphQLFieldResolver<unknown, RequestContext>;

/** Changes `schema` in place and returns it. */
export function translateErrors(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    for (const field of Object.values(type.getFields())) {
      if (field.resolve && field.resolve !== defaultFieldResolver) field.resolve = translating(field.resolve);
      if (field.subscribe) field.subscribe = translating(field.subscribe);
    }
  }
  return schema;
}

function translating(resolve: Resolve): Resolve {
  return (source, args, context, info) => {
    try {
      const result = resolve(source, args, context, info);
      if (!(result instanceof Promise)) return result;
      return result.catch((error) => {
        throw toGraphQLError(error, context);
      });
    } catch (error) {
      throw toGraphQLError(error, context);
    }
  };
}

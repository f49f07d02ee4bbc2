/**
 * The Pothos builder that every schema file adds to: which plugins run, how scalars look in TypeScript, and what
 * a query may cost. Holds no types of its own and no access rules: the use cases check role and ownership.
 */
import SchemaBuilder from "@pothos/core";
import ComplexityPlugin from "@pothos/plugin-complexity";
import RelayPlugin from "@pothos/plugin-relay";
import { type GraphQLSchema, isObjectType } from "graphql";
import type { RequestContext } from "../src/app/request.ts";
import { decodeId, encodeId } from "./ids.ts";
import { tooComplex } from "./limits.ts";

/** Cost of one operation: 1 a field, a list's content times its expected (or asked-for) length. */
export const MAX_COMPLEXITY = 3_000;
/** A list without a page size (files, sources, tokens) is taken to be this long. */
const LIST_MULTIPLIER = 5;
/** Stands for a global id that no type of ours could have made. */
const NO_OBJECT = { typename: "", id: "" } as const;

export interface Schema {
  Context: RequestContext;
  DefaultFieldNullability: false;
  Connection: { readonly totalCount: number };
  Scalars: {
    DateTime: { Input: Date; Output: Date };
    BigInt: { Input: bigint; Output: bigint | number };
    Sha256: { Input: string; Output: string };
    ID: { Input: string; Output: string };
  };
}

export const builder = new SchemaBuilder<Schema>({
  plugins: [ComplexityPlugin, RelayPlugin],
  defaultFieldNullability: false,
  complexity: {
    limit: { complexity: MAX_COMPLEXITY },
    defaultComplexity: 1,
    defaultListMultiplier: LIST_MULTIPLIER,
    complexityError: (_kind, { complexity }) => tooComplex("complexity", complexity, MAX_COMPLEXITY),
  },
  relay: {
    clientMutationId: "omit",
    cursorType: "String",
    encodeGlobalID: (typename, id) => encodeId(typename, String(id)),
    decodeGlobalID: (globalId) => decodeId(globalId) ?? NO_OBJECT,
    nodesQueryOptions: false,
    nodeQueryOptions: {
      description: "Any object by its global id; null where there is none you may see.",
      resolve: (_root, { id }, _context, info, resolveNode) =>
        isNodeType(info.schema, id.typename) ? resolveNode(id) : null,
    },
    nodeTypeOptions: { description: "An object that can be fetched again by its global id." },
    pageInfoTypeOptions: { description: "Where a page lies in its list. Lists page forward only." },
    // The connection field itself carries the multiplier (its page size).
    edgesFieldOptions: { complexity: { field: 1, multiplier: 1 }, description: "The page." },
    cursorFieldOptions: { description: "Pass as `after` to continue behind this edge." },
  },
});

function isNodeType(schema: GraphQLSchema, typename: string): boolean {
  const type = schema.getType(typename);
  return isObjectType(type) && type.getInterfaces().some(({ name }) => name === "Node");
}

builder.queryType({ description: "Reading. Nothing here changes anything." });
builder.mutationType({
  description: "Acting. Expected failures are members of the result union; each has `code` and `message`.",
});
builder.subscriptionType({
  description:
    "Watching, over Server-Sent Events. Events of a log carry `seq`: continue after it on a new connection.",
});

/**
 * What an operation may ask for, measured on its text before it is validated: size, tokens, depth, aliases, fields.
 * Fragments count wherever they are spread, so that a few of them cannot stand for millions of fields. What a field
 * costs to answer is the schema's complexity limit, not this.
 */
import type { Plugin } from "graphql-yoga";
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  parse,
  type SelectionSetNode,
  validate,
} from "graphql";

export interface QueryLimits {
  /** Characters of the document. It becomes a key of the cache of parsed documents, which this bounds as well. */
  readonly characters: number;
  readonly tokens: number;
  /** Levels of fields; those below `__schema` and `__type` are left to GraphQL's own rule. */
  readonly depth: number;
  readonly aliases: number;
  /** Fields of one selection set. */
  readonly breadth: number;
  /** Fields of the whole operation. */
  readonly fields: number;
}

export const DEFAULT_QUERY_LIMITS: QueryLimits = {
  characters: 32_768,
  tokens: 1_000,
  depth: 12,
  aliases: 15,
  breadth: 200,
  // The introspection query that tools send counts about 200.
  fields: 500,
};

/** Holds every operation of a Yoga server to `limits`. */
export function useQueryLimits(limits: QueryLimits = DEFAULT_QUERY_LIMITS): Plugin {
  return {
    onParams({ params }) {
      const length = typeof params.query === "string" ? params.query.length : 0;
      if (length > limits.characters) throw exceeds("length", length, limits.characters, USE_VARIABLES);
    },
    onParse({ setParseFn }) {
      setParseFn((source, options) => {
        try {
          return parse(source, { ...options, maxTokens: limits.tokens });
        } catch (error) {
          throw isTooMany(error) ? withHint(error) : error;
        }
      });
    },
    onValidate({ setValidationFn }) {
      setValidationFn((schema, document, rules) => {
        const error = checkQueryLimits(document, limits);
        return error ? [error] : validate(schema, document, rules);
      });
    },
  };
}

interface Measure {
  depth: number;
  aliases: number;
  /** Fields of the widest selection set below this one. */
  breadth: number;
  fields: number;
  /** Fields of this selection set itself. */
  own: number;
}

/** The first limit that an operation of `document` exceeds, or null. The document need not be valid. */
export function checkQueryLimits(document: DocumentNode, limits: QueryLimits): GraphQLError | null {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node);
  }
  const measureSet = measuring(fragments);
  for (const node of document.definitions) {
    if (node.kind !== Kind.OPERATION_DEFINITION) continue;
    const measure = measureSet(node.selectionSet);
    for (const what of ["depth", "aliases", "breadth", "fields"] as const) {
      if (measure[what] > limits[what]) return exceeds(what, measure[what], limits[what]);
    }
  }
  return null;
}

function measuring(fragments: ReadonlyMap<string, FragmentDefinitionNode>) {
  const known = new Map<string, Measure>();
  const nothing: Measure = { depth: 0, aliases: 0, breadth: 0, fields: 0, own: 0 };

  function measureFragment(name: string): Measure {
    const measured = known.get(name);
    if (measured) return measured;
    // Stands while the fragment is being measured: a cycle (which validation reports) adds nothing.
    known.set(name, nothing);
    const fragment = fragments.get(name);
    const measure = fragment ? measureSet(fragment.selectionSet) : nothing;
    known.set(name, measure);
    return measure;
  }

  function measureSet(set: SelectionSetNode | undefined): Measure {
    const sum = { ...nothing };
    for (const selection of set?.selections ?? []) {
      if (selection.kind === Kind.FIELD) {
        const inner = measureSet(selection.selectionSet);
        const depth = selection.name.value.startsWith("__") ? 0 : inner.depth;
        sum.depth = Math.max(sum.depth, depth + 1);
        sum.aliases += inner.aliases + (selection.alias ? 1 : 0);
        sum.fields += inner.fields + 1;
        sum.own += 1;
        sum.breadth = Math.max(sum.breadth, inner.breadth);
      } else {
        const inner = selection.kind === Kind.FRAGMENT_SPREAD
          ? measureFragment(selection.name.value)
          : measureSet(selection.selectionSet);
        sum.depth = Math.max(sum.depth, inner.depth);
        sum.aliases += inner.aliases;
        sum.fields += inner.fields;
        sum.own += inner.own;
        sum.breadth = Math.max(sum.breadth, inner.breadth);
      }
    }
    sum.breadth = Math.max(sum.breadth, sum.own);
    return sum;
  }
  return measureSet;
}

/** Mostly such a document holds a prompt, its token ids or a configuration. */
const USE_VARIABLES = "; send texts and lists that are long as variables";

/** GraphQL counts the tokens itself, and has no code for it. */
function isTooMany(error: unknown): error is GraphQLError {
  return error instanceof GraphQLError && /Document contains more tha[nt] \d+ tokens/.test(error.message);
}

function withHint({ message, source, positions }: GraphQLError): GraphQLError {
  return new GraphQLError(message.replace(/\.?$/, USE_VARIABLES), { source, positions });
}

function exceeds(what: string, found: number, limit: number, hint = ""): GraphQLError {
  return new GraphQLError(`Cannot run the operation: its ${what} is ${found}, allowed are ${limit}${hint}`, {
    extensions: { code: "QUERY_TOO_COMPLEX", http: { status: 400 } },
  });
}

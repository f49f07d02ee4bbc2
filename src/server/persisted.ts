/**
 * Operations that are known by their hash: a client sends `documentId`, or `extensions.persistedQuery.sha256Hash`,
 * instead of the text. The list is written by whoever builds the client, and nothing is ever added to it at run time.
 * Where only these are let in, admins are excepted, so that somebody can still look.
 */
import { createHash } from "node:crypto";
import { GraphQLError, parse } from "graphql";
import type { Plugin } from "graphql-yoga";
import type { RequestContext } from "../app/request.ts";
import { ConfigError } from "../errors.ts";

export interface PersistedOperations {
  /** Documents by the hex SHA-256 of their text. */
  readonly documents: ReadonlyMap<string, string>;
  /** Refuse everything else. */
  readonly only: boolean;
}

const MAX_OPERATIONS = 10_000;
const ID = /^(?:sha256:)?([0-9a-f]{64})$/;

/** A JSON object from hash to document, as generators of typed clients write it. Throws ConfigError naming the entry. */
export function parsePersistedOperations(json: string, path: string): ReadonlyMap<string, string> {
  const wrong = (what: string) => new ConfigError(`Cannot use "${path}": ${what}`, { path });
  let entries: [string, unknown][];
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new SyntaxError();
    entries = Object.entries(value);
  } catch {
    throw wrong("expected a JSON object from SHA-256 to document");
  }
  if (entries.length > MAX_OPERATIONS) {
    throw wrong(`it has ${entries.length} operations, allowed are ${MAX_OPERATIONS}`);
  }
  const documents = new Map<string, string>();
  for (const [id, document] of entries) {
    const hash = ID.exec(id)?.[1];
    if (hash === undefined || typeof document !== "string") {
      throw wrong(`found the entry "${id.slice(0, 80)}", expected a SHA-256 in hex and a document`);
    }
    const found = createHash("sha256").update(document).digest("hex");
    if (found !== hash) throw wrong(`the document of "${id}" hashes to ${found}`);
    try {
      parse(document);
    } catch (error) {
      throw wrong(`the document of "${id}" is no GraphQL: ${error instanceof Error ? error.message : error}`);
    }
    documents.set(hash, document);
  }
  return documents;
}

/** Puts documents in the place of their ids, for a Yoga server with the extra parameter `documentId`. */
export function usePersistedOperations(
  { documents, only }: PersistedOperations,
): Plugin<RequestContext, RequestContext> {
  return {
    onParams({ params, setParams, context, request }) {
      if (typeof params !== "object" || params === null) return; // Yoga has its own words for this.
      const { documentId, ...rest } = params as typeof params & { documentId?: unknown };
      const id = documentId ?? hashOf(params.extensions) ?? idOfAddress(request);
      if (id === undefined || id === null) {
        if (only && context.principal.role !== "ADMIN") throw refusal("PERSISTED_QUERY_ONLY", ONLY, 403);
        return;
      }
      const document = typeof id === "string" ? documents.get(ID.exec(id)?.[1] ?? "") : undefined;
      if (document === undefined) throw refusal("PERSISTED_QUERY_NOT_FOUND", NOT_FOUND, 404);
      if (params.query && params.query !== document) throw refusal("BAD_REQUEST", MISMATCH, 400);
      setParams({ ...rest, query: document });
    },
  };
}

const ONLY = "Only persisted operations are let in here";
const NOT_FOUND = "There is no persisted operation of this id";
const MISMATCH = "The document is not the one of the id that came with it";

/** Of a GET, whose other parameters Yoga has read. */
function idOfAddress({ method, url }: Request): string | null {
  return method === "GET" ? new URL(url).searchParams.get("documentId") : null;
}

function hashOf(extensions: unknown): unknown {
  const persisted = (extensions as { persistedQuery?: { sha256Hash?: unknown } } | null | undefined)
    ?.persistedQuery;
  return persisted?.sha256Hash;
}

function refusal(code: string, message: string, status: number): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { status } } });
}

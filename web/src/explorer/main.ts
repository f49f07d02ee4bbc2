/**
 * The explorer: GraphiQL over the gateway's own transports. What is written in it is kept for this tab only, as its
 * key is, and nothing is loaded from elsewhere.
 */
import { GraphiQL } from "graphiql";
import { getOperationAST, parse } from "graphql";
import { createClient } from "graphql-sse";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { tabStorage } from "./storage.ts";

const ENDPOINT = "/graphql";
/** Where the console keeps the key of this tab. */
const KEY_ITEM = "geodesic.key";
const FIRST_QUERY = `{
  models {
    edges {
      node { id name residency { state } }
    }
  }
}
`;

interface Params {
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: unknown;
}

interface Options {
  /** As they were written in the explorer. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Queries and mutations over POST; subscriptions over Server-Sent Events, which end when they are stopped. */
const fetcher = async (params: Params, options?: Options): Promise<unknown> => {
  const key = sessionStorage.getItem(KEY_ITEM);
  const headers: Record<string, string> = {
    ...key === null ? {} : { authorization: `Bearer ${key}` },
    ...options?.headers,
  };
  if (isSubscription(params)) {
    const client = createClient({ url: ENDPOINT, headers, retryAttempts: 0 });
    return client.iterate(params as never);
  }
  const response = await fetch(ENDPOINT, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(params),
  });
  return await response.json();
};

/** GraphiQL itself knows only where it was shown the schema. */
function isSubscription({ query, operationName }: Params): boolean {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    // The gateway says what is wrong with it.
    return false;
  }
}

/** The way back to the console, in the place of GraphiQL's own name. */
const home = createElement(GraphiQL.Logo, null, createElement("a", { href: "/" }, "Geodesic"));

const theme = document.documentElement.dataset["theme"];
createRoot(document.getElementById("explorer")!).render(
  createElement(GraphiQL, {
    fetcher,
    storage: tabStorage,
    // They may hold a key.
    shouldPersistHeaders: false,
    showPersistHeadersSettings: false,
    defaultQuery: FIRST_QUERY,
    ...theme === "light" || theme === "dark" ? { defaultTheme: theme } : {},
  }, home),
);

/** GraphiQL: a page of its own, that loads nothing from elsewhere. */
import { htmlResponse } from "./responses.ts";

let graphiql: Promise<string> | undefined;

/** GraphiQL with everything inlined, so that it works without a network. Loaded on first use: it is 9 MB. */
export async function graphiqlPage(): Promise<Response> {
  graphiql ??= import("@graphql-yoga/render-graphiql").then(({ renderGraphiQL }) =>
    renderGraphiQL({ title: "Geodesic", defaultQuery: DEFAULT_QUERY })
  );
  return htmlResponse(
    await graphiql,
    "script-src 'unsafe-inline' blob:; worker-src blob:; style-src 'unsafe-inline'; " +
      "img-src 'self' data:; font-src 'self' data:; connect-src 'self'",
  );
}

const DEFAULT_QUERY = "{ models { edges { node { id name residency { state } } } } }\n";

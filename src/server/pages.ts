/** The gateway's own pages: a plain front page, and GraphiQL. Neither loads anything from elsewhere. */
import { createHash } from "node:crypto";
import type { Gateway } from "../app/types.ts";
import { curlExample } from "./curl_example.ts";
import { htmlResponse } from "./responses.ts";

const MAX_LISTED_MODELS = 20;
const STYLE = `body{max-width:48rem;margin:3rem auto;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif}
pre{overflow-x:auto;padding:1rem;background:#8881;border-radius:.3rem}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#111}a{color:#9cf}}`;
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

/** What is served here and how to ask it. `showModels` is false for callers who would need a key to list them. */
export async function frontPage(gateway: Gateway, origin: string, showModels: boolean): Promise<Response> {
  const page = showModels ? await gateway.models.list({ first: MAX_LISTED_MODELS }) : null;
  const models = page?.edges.map(({ node }) => node) ?? [];
  const list = models.map(({ name }) => `<li>${escaped(name)}</li>`).join("");
  const example = models.find(({ mergeId }) => mergeId !== null) ?? models[0];
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Geodesic</title>
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><style>${STYLE}</style></head><body>
<h1>Geodesic</h1><p>A model gateway. It speaks <a href="/graphql">GraphQL at /graphql</a>.</p>
${list ? `<h2>Models</h2><ul>${list}</ul>` : ""}
${page !== null && example === undefined ? "<p>No model is registered yet.</p>" : ""}
<h2>Try it</h2><pre>${escaped(curlExample(origin, example?.name ?? "owner/name"))}</pre></body></html>`;
  return htmlResponse(html, `style-src 'sha256-${STYLE_HASH}'; img-src data:`);
}

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

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

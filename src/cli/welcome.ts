/** What a gateway says when it is ready: where it is, who is let in with what, and a line to try. */
import type { Gateway } from "../app/types.ts";
import { curlExample } from "../server/curl_example.ts";

export interface WelcomeFacts {
  readonly origin: string;
  /** New on a first run. */
  readonly adminKey: string | null;
  /** The one to try. */
  readonly model: string | null;
  readonly allowAnonymous: boolean;
  /** With `--persisted-only`: the file of operations that are let in besides the console's. Null without. */
  readonly onlyKnown: { readonly persistedFile: string | undefined } | null;
  readonly nothingServed: boolean;
}

export function welcome(facts: WelcomeFacts): string {
  const { origin, adminKey, model, allowAnonymous, onlyKnown, nothingServed } = facts;
  const lines = [
    `listening on ${origin}`,
    "Open that address in a browser for the console; GraphQL is at /graphql",
  ];
  if (adminKey !== null) lines.push("", `Admin key, shown this once: ${adminKey}`);
  if (!allowAnonymous) {
    lines.push(
      "",
      "Other machines can connect, so every caller needs a key (deno task -q geodesic keys create)",
    );
  }
  if (onlyKnown !== null) lines.push("", whatIsLetIn(onlyKnown.persistedFile));
  if (nothingServed) {
    lines.push(
      "",
      "There are no weights yet. `deno task start` brings the demo family, `deno task -q geodesic pull NAME` a model from " +
        "a hub, and the mutation registerModel makes a folder of yours one",
    );
  }
  if (model !== null) {
    const key = onlyKnown !== null ? "ADMIN_KEY" : allowAnonymous ? null : "KEY";
    const header = key === null ? "" : ` -H 'authorization: Bearer ${key}'`;
    lines.push("", "Watch an answer arrive:", `  ${curlExample(origin, model)}${header}`);
  }
  return lines.join("\n");
}

/** What has weights need not be cold by now: whoever watched before a restart is back before this is printed. */
export async function hasNoWeights({ list }: Pick<Gateway["models"], "list">): Promise<boolean> {
  const [all, missing] = await Promise.all([
    list({ first: 1 }),
    list({ first: 1 }, { state: "MISSING_WEIGHTS" }),
  ]);
  return all.totalCount === missing.totalCount;
}

/** Somebody who gave no file may not have meant to lock everybody out. */
function whatIsLetIn(persistedFile: string | undefined): string {
  return persistedFile === undefined
    ? "--persisted-only without --persisted FILE: over GraphQL, only the console's own operations are let in, and " +
      "whatever admins send"
    : `--persisted-only: over GraphQL, only the operations of "${persistedFile}" and the console's are let in, and ` +
      "whatever admins send";
}

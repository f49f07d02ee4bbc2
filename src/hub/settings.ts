/** Which hub to pull from, as the environment says it (`HF_ENDPOINT`, `HF_TOKEN`), checked before anything is asked. */
import { ConfigError } from "../errors.ts";
import { DEFAULT_ENDPOINT } from "./hub_fetch.ts";
import type { Hub } from "./hub.ts";

/** Throws ConfigError that names the variable, and never the token. */
export function parseHub(endpoint?: string, token?: string): Hub {
  const given = endpoint === undefined || endpoint === "" ? DEFAULT_ENDPOINT : endpoint;
  const url = URL.canParse(given) ? new URL(given) : null;
  if (
    url === null || !["http:", "https:"].includes(url.protocol) || url.username !== "" ||
    url.password !== "" ||
    url.search !== "" || url.hash !== ""
  ) {
    throw new ConfigError(
      "Invalid HF_ENDPOINT: expected an http or https address without a user or a query",
      {
        field: "HF_ENDPOINT",
      },
    );
  }
  if (token !== undefined && !/^[\x21-\x7e]{0,500}$/.test(token)) {
    throw new ConfigError("Invalid HF_TOKEN: it has characters that no token has", { field: "HF_TOKEN" });
  }
  return {
    endpoint: url.href.replace(/\/+$/, ""),
    ...(token !== undefined && token !== "" && { token }),
  };
}

/** Throws ConfigError for what can be no branch, tag or commit. */
export function parseRevision(revision: string): string {
  if (/^\w[\w./-]{0,199}$/.test(revision) && !revision.includes("..")) return revision;
  throw new ConfigError(
    `Invalid revision ${JSON.stringify(revision.slice(0, 200))}: expected a branch, tag or commit`,
    {
      field: "revision",
    },
  );
}

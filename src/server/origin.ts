/**
 * Keeps other people's web pages from using a visitor's gateway. Beside what `Cors` withholds from them, requests that
 * a browser sends for another origin are refused, and a gateway on loopback answers only to loopback
 * names (a page can make its own name resolve to 127.0.0.1).
 */

/** Whether only this machine can connect to a server bound to `host`. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" ||
    /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/** Whether the name the client used is one that a server bound to `boundHost` answers to. */
export function isKnownHost(url: URL, boundHost: string): boolean {
  return !isLoopbackHost(boundHost) || isLoopbackHost(url.hostname);
}

/**
 * Whether a browser sent this for a page of another origin. Browsers state it in `Sec-Fetch-Site`; older ones send at
 * least `Origin` with a POST. Other clients send neither, and have no visitor whose rights could be borrowed.
 */
export function isCrossOrigin(request: Request, url: URL): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site !== "same-origin" && site !== "none";
  const origin = request.headers.get("origin");
  if (origin === null) return false;
  return !URL.canParse(origin) || new URL(origin).host !== url.host;
}

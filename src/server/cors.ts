/**
 * Which pages of other origins may use this gateway: those that its operator has named, and nobody else. Nothing is
 * allowed with credentials; a page sends its key in a header that it has to know.
 */

const METHODS = "GET, POST, PUT, DELETE";
/** Any: clients of the OpenAI API send a dozen about themselves. The key's is none of those that `*` stands for. */
const REQUEST_HEADERS = "authorization, *";
/** What a client goes by that tries again. */
const RESPONSE_HEADERS = "x-request-id, retry-after, retry-after-ms, x-should-retry";
const PREFLIGHT_SECONDS = 600;

export class Cors {
  readonly #origins: ReadonlySet<string>;

  /** Exact origins, such as `https://app.example`. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** Whether a page of the request's origin may send it. */
  allows(request: Request): boolean {
    return this.#origins.has(request.headers.get("origin") ?? "");
  }

  /** The answer to a browser that asks first, where its page may go on. */
  preflight(request: Request): Response | null {
    const asks = request.method === "OPTIONS" && request.headers.has("access-control-request-method");
    if (!asks || !this.allows(request)) return null;
    return new Response(null, {
      status: 204,
      headers: {
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": REQUEST_HEADERS,
        "access-control-max-age": `${PREFLIGHT_SECONDS}`,
      },
    });
  }

  /** Lets the page read the response. Changes its headers. */
  open(request: Request, response: Response): void {
    if (this.#origins.size === 0) return;
    response.headers.append("vary", "origin");
    if (!this.allows(request)) return;
    response.headers.set("access-control-allow-origin", request.headers.get("origin")!);
    response.headers.set("access-control-expose-headers", RESPONSE_HEADERS);
  }
}

/** Whether `text` is an origin as browsers write it: a scheme, a host, perhaps a port, and nothing more. */
export function isOrigin(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && new URL(text).origin === text;
}

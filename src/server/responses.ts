/** Responses that are made before GraphQL is reached: shaped like GraphQL errors, so that clients can read them. */

/** A refused request: one error with `extensions.code`. */
export function errorResponse(
  status: number,
  code: string,
  message: string,
  options: { readonly requestId: string; readonly headers?: Readonly<Record<string, string>> },
): Response {
  const extensions = { code, requestId: options.requestId };
  return new Response(JSON.stringify({ errors: [{ message, extensions }] }), {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...options.headers },
  });
}

/** A page that may load nothing from elsewhere. `policy` adds to `default-src 'none'`. */
export function htmlResponse(html: string, policy: string): Response {
  return new Response(html, {
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        `default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; ${policy}`,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    },
  });
}

/**
 * The console and the explorer: the files of `web/dist` as they were built. Everything under `/assets/` is named after
 * its contents and may be kept for ever; the pages that name them are asked for anew each time. Compressed once, when
 * first asked for.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { parsePersistedOperations } from "./persisted.ts";
import { pageHeaders } from "./responses.ts";

const DIST = new URL("../../web/dist/", import.meta.url);
const ASSET = /^\/assets\/([\w-]+\.(js|css|svg))$/;
const PAGE = /^\/(models(\/[^/]+){0,2}|play(\/[^/]+)?|admin(\/[^/]+)?)?\/?$/;
const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};
/** Nothing from elsewhere, nothing inline, and no text that becomes HTML unless the purifier has seen it. */
const CONSOLE_POLICY =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types dompurify";
/** GraphiQL's dialogs write a style for the page behind them; scripts are files of ours alone here, too. */
const EXPLORER_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const ONE_YEAR_SECONDS = 31_536_000;
/** Beyond this, brotli's last tenth costs more seconds than it saves. */
const MAX_BEST_BYTES = 300_000;

type Encoding = "br" | "gzip" | "identity";

/** A file in the three ways in which it is sent. */
class Asset {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #encoded = new Map<Encoding, Promise<Uint8Array<ArrayBuffer>>>();
  readonly etag: string;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.etag = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  }

  as(encoding: Encoding): Promise<Uint8Array<ArrayBuffer>> {
    const known = this.#encoded.get(encoding);
    if (known !== undefined) return known;
    const making = compressed(this.#bytes, encoding);
    this.#encoded.set(encoding, making);
    making.catch(() => this.#encoded.delete(encoding));
    return making;
  }
}

/** Not on this thread, which has streams to serve. */
async function compressed(
  bytes: Uint8Array<ArrayBuffer>,
  encoding: Encoding,
): Promise<Uint8Array<ArrayBuffer>> {
  switch (encoding) {
    case "br": {
      const params = {
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
        [constants.BROTLI_PARAM_QUALITY]: bytes.length > MAX_BEST_BYTES ? 9 : 11,
      };
      return new Uint8Array(await promisify(brotliCompress)(bytes, { params }));
    }
    case "gzip":
      return new Uint8Array(await promisify(gzip)(bytes, { level: 9 }));
    case "identity":
      return bytes;
  }
}

const assets = new Map<string, Promise<Asset | null>>();

/** What the console answers with at a path, or null where it has nothing. The method is GET or HEAD. */
export async function consoleResponse(request: Request, pathname: string): Promise<Response | null> {
  if (PAGE.test(pathname)) return await fileResponse(request, "index.html", pageHeaders(CONSOLE_POLICY));
  const [, name, ending] = ASSET.exec(pathname) ?? [];
  if (name === undefined) return null;
  return await fileResponse(request, `assets/${name}`, {
    "content-type": TYPES[ending!]!,
    "cache-control": `public, max-age=${ONE_YEAR_SECONDS}, immutable`,
    "x-content-type-options": "nosniff",
  });
}

/** GraphiQL, for browsers that open the address of the API. */
export async function explorerResponse(request: Request): Promise<Response | null> {
  const response = await fileResponse(request, "explorer.html", pageHeaders(EXPLORER_POLICY));
  // Others get something else at this address.
  response?.headers.append("vary", "accept");
  return response;
}

async function fileResponse(
  request: Request,
  path: string,
  head: Readonly<Record<string, string>>,
): Promise<Response | null> {
  const asset = await load(path);
  if (asset === null) return null;
  const encoding = acceptedEncoding(request.headers.get("accept-encoding") ?? "");
  const headers = new Headers(head);
  headers.set("vary", "accept-encoding");
  // Of what is sent: each encoding is a text of its own.
  const etag = `"${asset.etag}-${encoding}"`;
  headers.set("etag", etag);
  if (isKnownTo(request, etag)) return new Response(null, { status: 304, headers });
  if (encoding !== "identity") headers.set("content-encoding", encoding);
  const bytes = await asset.as(encoding);
  headers.set("content-length", String(bytes.length));
  return new Response(request.method === "HEAD" ? null : bytes, { headers });
}

function isKnownTo(request: Request, etag: string): boolean {
  const known = request.headers.get("if-none-match")?.split(",").map((each) =>
    each.trim().replace(/^W\//, "")
  );
  return known?.some((each) => each === etag || each === "*") ?? false;
}

/** The console's own operations by their hash, which is all that it sends. */
export function consoleOperations(): ReadonlyMap<string, string> {
  const path = new URL("operations.json", DIST);
  return parsePersistedOperations(Deno.readTextFileSync(path), path.pathname);
}

/** Only names that were asked for and exist are kept, and there are as many of those as files. */
async function load(path: string): Promise<Asset | null> {
  const known = assets.get(path);
  if (known !== undefined) return await known;
  const loading = Deno.readFile(new URL(path, DIST)).then((bytes) => new Asset(bytes)).catch(
    (error: unknown) => {
      assets.delete(path);
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    },
  );
  assets.set(path, loading);
  return await loading;
}

/** The best of what a client takes; one that it gives the weight 0 it does not take. */
export function acceptedEncoding(header: string): Encoding {
  const accepted = new Set(
    header.toLowerCase().split(",").map((part) => part.trim().split(/\s*;\s*/))
      .filter(([, weight]) => !/^q=0(\.0*)?$/.test(weight ?? "")).map(([name]) => name),
  );
  return accepted.has("br") ? "br" : accepted.has("gzip") ? "gzip" : "identity";
}

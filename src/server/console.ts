/**
 * The console: the files of `web/dist` as they were built. Everything under `/assets/` is named after its contents and
 * may be kept for ever; the page that names them is asked for anew each time. Compressed once, when first asked for.
 */
import { createHash } from "node:crypto";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { parsePersistedOperations } from "./persisted.ts";
import { pageHeaders } from "./responses.ts";

const DIST = new URL("../../web/dist/", import.meta.url);
const ASSET = /^\/assets\/([\w-]+\.(js|css|svg))$/;
const PAGE = /^\/(models\/[^/]+(\/[^/]+)?|play(\/[^/]+)?|admin(\/[^/]+)?)?\/?$/;
const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};
const POLICY =
  "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

type Encoding = "br" | "gzip" | "identity";

/** A file in the three ways in which it is sent. */
class Asset {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #encoded = new Map<Encoding, Uint8Array<ArrayBuffer>>();
  readonly etag: string;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
    this.etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;
  }

  as(encoding: Encoding): Uint8Array<ArrayBuffer> {
    const known = this.#encoded.get(encoding);
    if (known !== undefined) return known;
    const made = new Uint8Array(compressed(this.#bytes, encoding));
    this.#encoded.set(encoding, made);
    return made;
  }
}

function compressed(bytes: Uint8Array, encoding: Encoding): Uint8Array {
  switch (encoding) {
    case "br":
      return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
    case "gzip":
      return gzipSync(bytes, { level: 9 });
    case "identity":
      return bytes;
  }
}

const assets = new Map<string, Promise<Asset | null>>();

/** What the console answers with at a path, or null where it has nothing. The method is GET or HEAD. */
export async function consoleResponse(request: Request, pathname: string): Promise<Response | null> {
  const [, name, ending] = ASSET.exec(pathname) ?? [];
  if (name === undefined && !PAGE.test(pathname)) return null;
  const asset = await load(name === undefined ? "index.html" : `assets/${name}`);
  if (asset === null) return null;
  const encoding = acceptedEncoding(request.headers.get("accept-encoding") ?? "");
  const headers = new Headers(
    ending === undefined
      ? pageHeaders(POLICY)
      : { "content-type": TYPES[ending]!, "x-content-type-options": "nosniff" },
  );
  headers.set("cache-control", ending === undefined ? "no-cache" : "public, max-age=31536000, immutable");
  headers.set("vary", "accept-encoding");
  headers.set("etag", asset.etag);
  if (request.headers.get("if-none-match") === asset.etag) {
    return new Response(null, { status: 304, headers });
  }
  if (encoding !== "identity") headers.set("content-encoding", encoding);
  return new Response(request.method === "HEAD" ? null : asset.as(encoding), { headers });
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

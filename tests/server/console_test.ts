/** The console as files: what a browser is told of them, and how much it loads before it shows something. */
import { brotliCompressSync, brotliDecompressSync, gunzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import { expect } from "@std/expect";
import { acceptedEncoding } from "../../src/server/console.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";

const MAX_FIRST_LOAD_BYTES = 60_000;
const DIST = new URL("../../web/dist/", import.meta.url);
const page = await Deno.readTextFile(new URL("index.html", DIST));
const named = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path!);

/** As it comes over the wire: `fetch` would unpack it. */
async function get(
  url: string,
  headers: Record<string, string> = {},
): Promise<Response & { bytes: Uint8Array }> {
  const client = Deno.createHttpClient({});
  const response = await fetch(url, { headers: { "accept-encoding": "identity", ...headers }, client });
  const bytes = new Uint8Array(await response.arrayBuffer());
  client.close();
  return Object.assign(response, { bytes });
}

Deno.test("the console's page is strict, and every address of the console is that page", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  for (const path of ["/", "/models/owner/name", "/play", "/play/U2Vzc2lvbjox", "/admin", "/admin/keys"]) {
    const response = await get(api.server.origin + path);
    expect(response.status).toBe(200);
    expect(new TextDecoder().decode(response.bytes)).toBe(page);
    const policy = response.headers.get("content-security-policy")!;
    expect(policy).toMatch(/^default-src 'self';/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(response.headers.get("cache-control")).toBe("no-cache");
  }
  expect(page).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
});

Deno.test("an asset is named after its contents, kept for ever, and sent compressed", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  expect(named.length).toBeGreaterThan(3);
  for (const path of named) {
    const plain = await get(api.server.origin + path);
    expect(plain.status).toBe(200);
    expect(plain.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(path).toContain(createHash("sha256").update(plain.bytes).digest("hex").slice(0, 12));
    const again = await get(api.server.origin + path, { "if-none-match": plain.headers.get("etag")! });
    expect(again.status).toBe(304);
    expect(again.bytes.length).toBe(0);
  }
});

for (const [encoding, unpack] of [["br", brotliDecompressSync], ["gzip", gunzipSync]] as const) {
  Deno.test(`an asset in ${encoding} is the asset`, async () => {
    await using api = new ApiServer(new FakeGateway().gateway);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: api.server.port });
    const path = named.find((each) => each.endsWith(".css"))!;
    const request = `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${api.server.port}\r\n` +
      `accept-encoding: ${encoding}\r\nconnection: close\r\n\r\n`;
    await connection.write(new TextEncoder().encode(request));
    const raw = new Uint8Array(await new Response(connection.readable).arrayBuffer());
    const end = new TextDecoder("latin1").decode(raw).indexOf("\r\n\r\n");
    const head = new TextDecoder().decode(raw.subarray(0, end)).toLowerCase();
    expect(head).toContain(`content-encoding: ${encoding}`);
    const length = Number(/content-length: (\d+)/.exec(head)?.[1]);
    const body = unpack(raw.subarray(end + 4, end + 4 + length));
    expect(new TextDecoder().decode(body)).toBe(await Deno.readTextFile(new URL(`.${path}`, DIST)));
  });
}

Deno.test("the first load is under 60 KB: the page, its style, its script and what that imports at once", async () => {
  const wanted = new Set(named);
  for (const path of wanted) {
    const text = await Deno.readTextFile(new URL(`.${path}`, DIST));
    // Static imports only: import(…) loads when it is needed.
    for (const [, name] of text.matchAll(/(?:from|import)"\.\/([\w-]+\.js)"/g)) wanted.add(`/assets/${name}`);
  }
  const sizes = await Promise.all(
    ["/index.html", ...wanted].map(async (path) =>
      brotliCompressSync(await Deno.readFile(new URL(`.${path}`, DIST))).length
    ),
  );
  const total = sizes.reduce((sum, size) => sum + size, 0);
  expect(total).toBeGreaterThan(10_000);
  expect(total).toBeLessThan(MAX_FIRST_LOAD_BYTES);
});

for (
  const path of [
    "/assets/none-000000000000.js",
    "/assets/../index.html",
    "/assets/..%2f..%2fdeno.json",
    "/operations.json",
    "/other",
  ]
) {
  Deno.test(`nothing is served at ${path}`, async () => {
    await using api = new ApiServer(new FakeGateway().gateway);
    const response = await get(api.server.origin + path);
    expect(response.status).toBe(404);
  });
}

Deno.test("acceptedEncoding() takes the best that the client has not excluded", () => {
  expect(acceptedEncoding("gzip, deflate, br")).toBe("br");
  expect(acceptedEncoding("gzip;q=0.5, br;q=0")).toBe("gzip");
  expect(acceptedEncoding("GZIP")).toBe("gzip");
  expect(acceptedEncoding("gzip;q=0.0")).toBe("identity");
  expect(acceptedEncoding("")).toBe("identity");
});

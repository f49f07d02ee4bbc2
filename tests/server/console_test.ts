/** The console as files: what a browser is told of them, and how much it loads before it shows something. */
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import { expect } from "@std/expect";
import { acceptedEncoding } from "../../src/server/console.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";

const MAX_FIRST_LOAD_BYTES = 60_000;
const MAX_EXPLORER_BYTES = 450_000;
const DIST = new URL("../../web/dist/", import.meta.url);
const page = await Deno.readTextFile(new URL("index.html", DIST));
const explorer = await Deno.readTextFile(new URL("explorer.html", DIST));
const namedIn = (html: string) =>
  [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path!);
const named = namedIn(page);

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
  for (
    const path of [
      "/",
      "/models",
      "/models/owner/name",
      "/play",
      "/play/U2Vzc2lvbjox",
      "/admin",
      "/admin/keys",
    ]
  ) {
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

/** What comes over the wire, byte by byte. */
async function raw(
  port: number,
  path: string,
  { method = "GET", ...headers }: Record<string, string> = {},
): Promise<{ readonly head: string; readonly body: Uint8Array<ArrayBuffer> }> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = Object.entries({ host: `127.0.0.1:${port}`, connection: "close", ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`).join("");
  await connection.write(new TextEncoder().encode(`${method} ${path} HTTP/1.1\r\n${lines}\r\n`));
  const all = new Uint8Array(await new Response(connection.readable).arrayBuffer());
  const end = new TextDecoder("latin1").decode(all).indexOf("\r\n\r\n");
  return { head: new TextDecoder().decode(all.subarray(0, end)).toLowerCase(), body: all.slice(end + 4) };
}

for (const [encoding, unpack] of [["br", brotliDecompressSync], ["gzip", gunzipSync]] as const) {
  Deno.test(`an asset in ${encoding} is the asset`, async () => {
    await using api = new ApiServer(new FakeGateway().gateway);
    const path = named.find((each) => each.endsWith(".css"))!;
    const { head, body } = await raw(api.server.port, path, { "accept-encoding": encoding });
    expect(head).toContain(`content-encoding: ${encoding}`);
    expect(head).toContain(`content-length: ${body.length}`);
    expect(new TextDecoder().decode(unpack(body))).toBe(
      await Deno.readTextFile(new URL(`.${path}`, DIST)),
    );
  });
}

Deno.test("HEAD tells what GET would send, a tag is of one encoding, and a range is answered whole", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const { port } = api.server;
  const path = named.find((each) => each.endsWith(".js"))!;
  const plain = await raw(port, path);
  const told = await raw(port, path, { method: "HEAD" });
  expect(told.body.length).toBe(0);
  expect(told.head).toContain(`content-length: ${plain.body.length}`);
  const tag = (head: string) => /etag: (\S+)/.exec(head)![1]!;
  const packed = await raw(port, path, { "accept-encoding": "br" });
  expect(tag(packed.head)).not.toBe(tag(plain.head));
  const known = await raw(port, path, {
    "accept-encoding": "br",
    "if-none-match": `"x", W/${tag(packed.head)}`,
  });
  expect(known.head).toMatch(/^http\/1\.1 304/);
  const changed = await raw(port, path, { "if-none-match": tag(packed.head) });
  expect(changed.head).toMatch(/^http\/1\.1 200/);
  const range = await raw(port, path, { range: "bytes=0-9" });
  expect([range.head.slice(0, 12), range.body.length]).toEqual(["http/1.1 200", plain.body.length]);
});

/** Bytes on the wire of pages and what they load at once. `import(…)` loads when it is needed. */
async function firstLoad(port: number, pages: readonly (readonly [string, string])[]): Promise<number> {
  const wanted = new Map<string, Record<string, string>>();
  for (const [path, html] of pages) {
    wanted.set(path, { accept: "text/html" });
    for (const asset of namedIn(html)) wanted.set(asset, {});
  }
  let total = 0;
  for (const [path, headers] of wanted) {
    const { head, body } = await raw(port, path, { ...headers, "accept-encoding": "gzip, br" });
    expect(head).toMatch(/^http\/1\.1 200/);
    total += body.length;
    if (!path.endsWith(".js")) continue;
    const text = new TextDecoder().decode(brotliDecompressSync(body));
    for (const [, name] of text.matchAll(/(?:from|import)"\.\/([\w-]+\.js)"/g)) {
      wanted.set(`/assets/${name}`, {});
    }
  }
  expect(wanted.size).toBeGreaterThan(5);
  return total;
}

Deno.test("the first load is under 60 KB: the page, its style, its scripts and what they import at once", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const total = await firstLoad(api.server.port, [["/", page]]);
  expect(total).toBeGreaterThan(10_000);
  expect(total).toBeLessThan(MAX_FIRST_LOAD_BYTES);
});

Deno.test("the explorer is a page of files of ours, under a policy without inline scripts, and not large", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  // A reload carries what is in the address, and asks for no operation.
  const response = await get(`${api.url}?query={viewer{id}}`, { accept: "text/html,*/*" });
  expect(response.status).toBe(200);
  expect(new TextDecoder().decode(response.bytes)).toBe(explorer);
  expect(explorer).not.toMatch(/(src|href)="(https?:)?\/\/|<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
  const policy = new Map(
    response.headers.get("content-security-policy")!.split("; ").map((each) => {
      const [name, ...sources] = each.split(" ");
      return [name, sources.join(" ")];
    }),
  );
  expect(policy.get("default-src")).toBe("'none'");
  expect(policy.get("script-src")).toBe("'self'");
  expect(policy.get("connect-src")).toBe("'self'");
  expect(policy.get("frame-ancestors")).toBe("'none'");
  expect(response.headers.get("vary")).toMatch(/accept\b(?!-)/);
  expect(await firstLoad(api.server.port, [["/graphql", explorer]])).toBeLessThan(MAX_EXPLORER_BYTES);
  // Who opens the console does not load it.
  expect(page).not.toContain("explorer");
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

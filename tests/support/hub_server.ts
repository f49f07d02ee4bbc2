/**
 * A model hub on this machine: the protocol as pulls use it (model info, the tree in pages, resolve with its headers,
 * large files by a redirect to another host), and every way to go wrong that a test asks for.
 */
import { createHash } from "node:crypto";
import type { Hub } from "../../src/hub/hub.ts";

export const COMMIT = "a".repeat(40);
export const CREATED_AT = "2024-01-10T12:00:00.000Z";

export interface HubRequestSeen {
  readonly host: "hub" | "cdn";
  readonly path: string;
  readonly authorization: string | null;
  readonly range: string | null;
}
/** What to answer instead, or what to do with the body that would be sent. */
export interface Fault {
  readonly respond?: (request: Request) => Response;
  readonly change?: (body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  /** The connection breaks after so many bytes. */
  readonly cutAfter?: number;
  /** Nothing comes any more after so many bytes. */
  readonly stallAfter?: number;
  /** After so many bytes one comes at a time, DRIP_MS apart. */
  readonly dripAfter?: number;
  /** A range is asked for, and the whole file sent. */
  readonly ignoreRange?: boolean;
}

export const DRIP_MS = 20;

/** The first bytes at once, the others one by one. */
export function dripping(bytes: Uint8Array<ArrayBuffer>, after = 0): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return new ReadableStream({
    pull: async (controller) => {
      if (sent > 0) await new Promise<void>((resolve) => timer = setTimeout(resolve, DRIP_MS));
      const end = Math.max(sent + 1, after);
      controller.enqueue(bytes.slice(sent, end));
      sent = end;
      if (sent >= bytes.length) controller.close();
    },
    cancel: () => clearTimeout(timer),
  });
}

export class HubServer implements AsyncDisposable {
  /** Of the one repository that there is. */
  name = "pair/model";
  readonly files = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Added to the tree as they are. */
  readonly extraEntries: unknown[] = [];
  /** Entries of one page of the tree. */
  pageSize = 3;
  /** Files from this size on lie on the other host. */
  lfsBytes = 4096;
  /** Needed where set. */
  token: string | null = null;
  commit = COMMIT;
  /** Taken off one by one, by what the path ends with. */
  readonly faults = new Map<string, Fault[]>();
  readonly seen: HubRequestSeen[] = [];
  readonly #cleanup = new AbortController();
  readonly #cdn: Deno.HttpServer<Deno.NetAddr>;
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    this.#cdn = Deno.serve(options, (request) => this.#onCdn(request));
    this.#hub = Deno.serve(options, (request) => this.#onHub(request));
  }

  static async of(folder: string): Promise<HubServer> {
    const server = new HubServer();
    for await (const { name } of Deno.readDir(folder)) {
      server.files.set(name, await Deno.readFile(`${folder}/${name}`));
    }
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }
  get hub(): Hub {
    return {
      endpoint: this.endpoint,
      stallMs: 30_000,
      pauseMs: 1,
      ...(this.token !== null && { token: this.token }),
    };
  }

  fail(path: string, ...faults: readonly Fault[]): void {
    this.faults.set(path, [...this.faults.get(path) ?? [], ...faults]);
  }

  /** Requests for a file's content, both hosts. */
  requestsFor(file: string): readonly HubRequestSeen[] {
    return this.seen.filter(({ path, host }) => host === "cdn" && path.endsWith(`/${file}`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cleanup.abort();
    await Promise.all([this.#hub.shutdown(), this.#cdn.shutdown()]);
  }

  #note(host: "hub" | "cdn", request: Request): string {
    const path = decodeURIComponent(new URL(request.url).pathname);
    const { headers } = request;
    this.seen.push({ host, path, authorization: headers.get("authorization"), range: headers.get("range") });
    return path;
  }

  #fault(path: string): Fault {
    for (const [end, faults] of this.faults) if (path.endsWith(end)) return faults.shift() ?? {};
    return {};
  }

  #onHub(request: Request): Response {
    const path = this.#note("hub", request);
    const isFile = path.startsWith(`/${this.name}/resolve/`);
    const fault = isFile ? {} : this.#fault(path);
    if (fault.respond) return fault.respond(request);
    if (this.token !== null && request.headers.get("authorization") !== `Bearer ${this.token}`) {
      return new Response("Invalid username or password.", { status: 401 });
    }
    if (path.startsWith(`/api/models/${this.name}/revision/`)) {
      const revision = path.slice(`/api/models/${this.name}/revision/`.length);
      if (!["main", this.commit].includes(revision)) {
        return new Response("{}", { status: 404, headers: { "x-error-code": "RevisionNotFound" } });
      }
      return Response.json({
        _id: "1",
        id: this.name,
        sha: this.commit,
        createdAt: CREATED_AT,
        lastModified: CREATED_AT,
      });
    }
    if (path === `/api/models/${this.name}/tree/${this.commit}`) return this.#tree(new URL(request.url));
    if (isFile) return this.#resolve(request, path.slice(`/${this.name}/resolve/${this.commit}/`.length));
    return Response.json({ error: "Repository not found" }, {
      status: 404,
      headers: { "x-error-code": "RepoNotFound" },
    });
  }

  #tree(url: URL): Response {
    const all = [
      { type: "directory", oid: "b".repeat(40), size: 0, path: "original" },
      ...[...this.files].map(([path, bytes]) => this.#entry(path, bytes)),
      ...this.extraEntries,
    ];
    const start = Number(url.searchParams.get("cursor") ?? 0);
    const end = start + this.pageSize;
    const next = `<${this.endpoint}${url.pathname}?cursor=${end}>; rel="next"`;
    return Response.json(all.slice(start, end), { headers: end < all.length ? { link: next } : {} });
  }

  #entry(path: string, bytes: Uint8Array): object {
    const { length: size } = bytes;
    const oid = createHash("sha1").update(`blob ${size}\0`).update(bytes).digest("hex");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const lfs = size >= this.lfsBytes ? { lfs: { oid: sha256, size, pointerSize: 130 } } : {};
    return { type: "file", oid, size, path, ...lfs };
  }

  #resolve(request: Request, file: string): Response {
    const bytes = this.files.get(file);
    if (bytes === undefined) {
      return new Response(null, { status: 404, headers: { "x-error-code": "EntryNotFound" } });
    }
    if (bytes.length < this.lfsBytes) return this.#content(request, file, bytes);
    const fault = this.#fault(`redirect:${file}`);
    if (fault.respond) return fault.respond(request);
    return new Response(null, {
      status: 302,
      headers: {
        location: `http://127.0.0.1:${this.#cdn.addr.port}/blob/${file}`,
        "x-linked-size": String(bytes.length),
        "x-linked-etag": `"${createHash("sha256").update(bytes).digest("hex")}"`,
        "x-repo-commit": this.commit,
      },
    });
  }

  #onCdn(request: Request): Response {
    const file = this.#note("cdn", request).slice("/blob/".length);
    return this.#content(request, file, this.files.get(file)!);
  }

  #content(request: Request, file: string, bytes: Uint8Array<ArrayBuffer>): Response {
    const fault = this.#fault(`/${file}`);
    if (fault.respond) return fault.respond(request);
    const [, from] = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "") ?? [];
    const start = from === undefined || fault.ignoreRange ? 0 : Number(from);
    const whole = fault.change?.(bytes.slice()) ?? bytes;
    const part = whole.subarray(start);
    const headers = { etag: '"x"', "accept-ranges": "bytes", "content-length": String(part.length) };
    const range = { "content-range": `bytes ${start}-${whole.length - 1}/${whole.length}` };
    const status = start > 0 ? 206 : 200;
    return new Response(this.#stream(part, fault), {
      status,
      headers: start > 0 ? { ...headers, ...range } : headers,
    });
  }

  #stream(
    part: Uint8Array<ArrayBuffer>,
    { cutAfter, stallAfter, dripAfter }: Fault,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    if (dripAfter !== undefined) return dripping(part, dripAfter);
    const end = cutAfter ?? stallAfter ?? part.length;
    const { signal } = this.#cleanup;
    let sent = 0;
    return new ReadableStream({
      pull: async (controller) => {
        if (sent < end) {
          const chunk = part.slice(sent, Math.min(end, sent + 64 * 1024));
          sent += chunk.length;
          return controller.enqueue(chunk);
        }
        if (cutAfter !== undefined) return controller.close(); // short of its content-length: the connection breaks
        if (stallAfter !== undefined) {
          await new Promise<void>((resolve) =>
            signal.addEventListener("abort", () => resolve(), { once: true })
          );
        }
        controller.close();
      },
    });
  }
}

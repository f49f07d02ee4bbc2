/**
 * One file from a hub to disk. What an earlier try has left is hashed and continued where the hub can continue; in the
 * end the whole must have the size and the hash that the hub's listing names. Bytes that have them are the file,
 * wherever they came from; bytes that do not are thrown away, and asked for once more.
 */
import { createHash, type Hash } from "node:crypto";
import { FormatError } from "../errors.ts";
import { writeAll } from "../formats/staged_file.ts";
import { toWriteError } from "../formats/write_error.ts";
import { BodyReader, wasWorthwhile } from "./body.ts";
import { hubFetch, unreachable, withRetries } from "./hub_fetch.ts";
import type { Hub } from "./hub.ts";
import type { RemoteFile } from "./repository.ts";

export interface TransferOptions {
  readonly repository: string;
  readonly commit: string;
  readonly file: RemoteFile;
  /** Where it goes, and where its beginning may lie already. */
  readonly path: string;
  /** Bytes that are now there and were not before; negative where some had to go. */
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

const CHUNK_BYTES = 4 * 1024 * 1024;

/** Resolves with the SHA-256 of the whole. Throws FormatError for content that is not what the hub lists. */
export async function transferFile(hub: Hub, options: TransferOptions): Promise<string> {
  const { file, path, signal } = options;
  using target = await Deno.open(path, { read: true, write: true, create: true }).catch((error) => {
    throw toWriteError(error, path);
  });
  const received = await Received.read(target, options);
  for (let isSecond = false;; isSecond = true) {
    await withRetries(hub, signal, (made) => receive(hub, options, { target, received, made }));
    const { found, sha256 } = received.digests();
    if (found === file.hash.hex) {
      await flush(target, path);
      return sha256;
    }
    await received.forget();
    if (isSecond) {
      throw new FormatError(
        `Cannot pull "${file.path}" of "${options.repository}": what arrives has another hash than the hub lists. ` +
          "It was damaged on its way, twice; the hub or a proxy before it is at fault",
        { repository: options.repository, file: file.path, found, expected: file.hash.hex },
      );
    }
  }
}

async function receive(
  hub: Hub,
  options: TransferOptions,
  { target, received, made }: {
    readonly target: Deno.FsFile;
    readonly received: Received;
    readonly made: { progress: boolean };
  },
): Promise<void> {
  const { repository, commit, file, path, signal } = options;
  if (received.bytes === file.sizeBytes) return;
  const url = new URL(`${hub.endpoint}/${repository}/resolve/${commit}/${encodeURIComponent(file.path)}`);
  const request = { repository, file: file.path, signal };
  const askedMs = performance.now();
  const response = await hubFetch(hub, url.href, {
    ...request,
    // Coded content could not be continued, nor held to its size.
    headers: {
      "accept-encoding": "identity",
      ...(received.bytes > 0 && { range: `bytes=${received.bytes}-` }),
    },
  });
  if (!continuesAt(response, received.bytes, file.sizeBytes)) {
    if (received.bytes > 0) await received.restart(); // who cannot continue begins anew
    if (response.status !== 200) {
      await response.body?.cancel();
      throw unreachable(url, request, new Error("the hub sends another part than was asked for"));
    }
  }
  const connectedMs = performance.now() - askedMs;
  await using body = new BodyReader(hub, response.body!, signal);
  let freshBytes = 0;
  try {
    while (received.bytes < file.sizeBytes) {
      const part = await body.read().catch((cause) => {
        signal.throwIfAborted();
        throw unreachable(url, request, cause);
      });
      if (part === null) {
        throw unreachable(
          url,
          request,
          new Error(`it ends after ${received.bytes} of ${file.sizeBytes} bytes`),
        );
      }
      // A hub that sends more than it lists is not read to its end.
      const wanted = part.subarray(0, file.sizeBytes - received.bytes);
      await writeAll(target, wanted).catch((error) => {
        throw toWriteError(error, path);
      });
      freshBytes += received.add(wanted);
    }
  } finally {
    made.progress = wasWorthwhile(hub, { bytes: freshBytes, waitedMs: connectedMs + body.waitedMs });
  }
}

/** Whether the body goes on exactly where the file ends by now. */
function continuesAt(response: Response, start: number, sizeBytes: number): boolean {
  if (response.status === 200) return start === 0;
  const [, from, , total] =
    /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "") ?? [];
  return response.status === 206 && Number(from) === start && (total === "*" || Number(total) === sizeBytes);
}

/** What of a file is on disk, and its hash so far. */
class Received {
  readonly #target: Deno.FsFile;
  readonly #options: TransferOptions;
  #listed: Hash;
  #sha256: Hash;
  bytes = 0;
  /** The most that there has been. */
  #furthest = 0;

  private constructor(target: Deno.FsFile, options: TransferOptions) {
    this.#target = target;
    this.#options = options;
    [this.#listed, this.#sha256] = this.#begin();
  }

  /** Takes up what lies there; the position is left at its end. */
  static async read(target: Deno.FsFile, options: TransferOptions): Promise<Received> {
    const received = new Received(target, options);
    const { size } = await target.stat();
    if (size > options.file.sizeBytes) await target.truncate(0);
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let count = await target.read(buffer); count !== null; count = await target.read(buffer)) {
      options.signal.throwIfAborted();
      received.add(buffer.subarray(0, count));
    }
    return received;
  }

  /** How many more there are now than there ever were: who only sends again what had to go makes no progress. */
  add(bytes: Uint8Array): number {
    this.bytes += bytes.byteLength;
    this.#listed.update(bytes);
    if (this.#sha256 !== this.#listed) this.#sha256.update(bytes);
    this.#options.onBytes(bytes.byteLength);
    const fresh = Math.max(0, this.bytes - this.#furthest);
    this.#furthest += fresh;
    return fresh;
  }

  async restart(): Promise<void> {
    await this.#target.truncate(0);
    await this.#target.seek(0, Deno.SeekMode.Start);
    this.#options.onBytes(-this.bytes);
    this.bytes = 0;
    [this.#listed, this.#sha256] = this.#begin();
  }

  /** As if nothing had ever come. */
  async forget(): Promise<void> {
    await this.restart();
    this.#furthest = 0;
  }

  /** Ends the hashing: the hash that the hub lists, and the SHA-256. */
  digests(): { readonly found: string; readonly sha256: string } {
    const found = this.#listed.digest("hex");
    return { found, sha256: this.#sha256 === this.#listed ? found : this.#sha256.digest("hex") };
  }

  /** Git's blob hash is over a header and the content: `blob <size>\0…`; SHA-1, or SHA-256 in newer repositories. */
  #begin(): [Hash, Hash] {
    const { hash: { kind, hex }, sizeBytes } = this.#options.file;
    const sha256 = createHash("sha256");
    if (kind === "sha256") return [sha256, sha256];
    const git = createHash(hex.length === 64 ? "sha256" : "sha1").update(`blob ${sizeBytes}\0`);
    return [git, sha256];
  }
}

async function flush(file: Deno.FsFile, path: string): Promise<void> {
  await file.sync().catch((error) => {
    throw toWriteError(error, path);
  });
}

/**
 * What a hub says of a repository: the commit that a revision means, its files with their sizes and hashes, and who
 * published it when. Asked by way of the hub's own client library, over our requests; whatever comes back is checked
 * before anybody relies on it.
 */
import { listFiles, modelInfo } from "@huggingface/hub";
import { z } from "zod";
import { FormatError, GeodesicError, UnavailableError } from "../errors.ts";
import { isPlainFileName } from "../formats/folder.ts";
import { quote } from "../formats/json.ts";
import { readBounded, TooLong, TooSlow } from "./body.ts";
import { hubFetch, unreachable, withRetries } from "./hub_fetch.ts";
import type { Hub } from "./hub.ts";

export interface RemoteFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** SHA-256 of the content for large files, git's blob hash (SHA-1) for the others. */
  readonly hash: { readonly kind: "sha256" | "git"; readonly hex: string };
}

export interface Repository {
  readonly name: string;
  /** Hash of the commit. */
  readonly commit: string;
  readonly publishedAt: Date | null;
  /** Directly in the repository; folders within it are none of a checkpoint's. */
  readonly files: ReadonlyMap<string, RemoteFile>;
}

/** Far more than any checkpoint has. */
const MAX_FILES = 10_000;
/** Requests for one description; a page of the list has a thousand files. */
const MAX_PAGES = 200;
/** Of one answer. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const INFO = z.object({ sha: z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/), createdAt: z.unknown() });
const ENTRY = z.object({
  type: z.string(),
  path: z.string(),
  size: z.number().int().nonnegative(),
  oid: z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/),
  lfs: z.object({ oid: z.string().regex(/^[0-9a-f]{64}$/), size: z.number().int().nonnegative() }).optional(),
});

/** Throws typed errors for a repository that is not there, restricted, or not what a hub's should be. */
export async function describeRepository(
  hub: Hub,
  { name, revision, signal }: {
    readonly name: string;
    readonly revision: string;
    readonly signal: AbortSignal;
  },
): Promise<Repository> {
  const request = { repository: name, revision, signal };
  let asked = 0;
  const fetching = ((url: string | URL | Request) => {
    if (++asked > MAX_PAGES) {
      throw new FormatError(
        `Cannot pull "${name}": the hub's list of files has more than ${MAX_PAGES} pages`,
        {
          ...{ repository: name, expected: MAX_PAGES },
        },
      );
    }
    const address = url instanceof Request ? url.url : String(url);
    if (new URL(address).origin !== new URL(hub.endpoint).origin) {
      throw new UnavailableError(
        `Cannot pull "${name}": the hub continues its list of files on another host`,
        {
          repository: name,
          host: new URL(address).host,
        },
      );
    }
    return withRetries(hub, signal, async () => {
      const response = await hubFetch(hub, address, { ...request, headers: { accept: "application/json" } });
      return new Response(await readAnswer(hub, response, { ...request, address }), {
        headers: response.headers,
      });
    });
  }) as typeof fetch;
  try {
    const answer = await modelInfo({
      name,
      revision,
      hubUrl: hub.endpoint,
      fetch: fetching,
      additionalFields: ["sha", "createdAt"],
    });
    const info = INFO.safeParse(answer);
    if (!info.success) throw noHub(hub, name, info.error);
    const { sha: commit, createdAt } = info.data;
    const date = new Date(String(createdAt));
    const files = new Map<string, RemoteFile>();
    for await (
      const entry of listFiles({ repo: name, revision: commit, hubUrl: hub.endpoint, fetch: fetching })
    ) {
      if (entry.type !== "file") continue;
      const file = parseEntry(hub, name, entry);
      if (files.has(file.path)) throw hostile(name, file.path, "it is listed twice");
      if (files.size >= MAX_FILES) throw hostile(name, file.path, `there are more than ${MAX_FILES} files`);
      files.set(file.path, file);
    }
    return { name, commit, publishedAt: Number.isNaN(date.getTime()) ? null : date, files };
  } catch (error) {
    if (error instanceof GeodesicError || signal.aborted) throw error;
    throw noHub(hub, name, error); // such as an answer that is no JSON
  }
}

function parseEntry(hub: Hub, repository: string, entry: unknown): RemoteFile {
  const parsed = ENTRY.safeParse(entry);
  if (!parsed.success) throw noHub(hub, repository, parsed.error);
  const { path, size, oid, lfs } = parsed.data;
  if (!isPlainFileName(path)) throw hostile(repository, path, "expected a plain file name");
  if (lfs === undefined) return { path, sizeBytes: size, hash: { kind: "git", hex: oid } };
  return { path, sizeBytes: lfs.size, hash: { kind: "sha256", hex: lfs.oid } };
}

function hostile(repository: string, path: string, reason: string): FormatError {
  return new FormatError(`Cannot pull "${repository}": its file ${quote(path)} is refused: ${reason}`, {
    repository,
    file: path.slice(0, 300),
  });
}

function noHub({ endpoint }: Hub, repository: string, cause: unknown): UnavailableError {
  return new UnavailableError(
    `Cannot pull "${repository}": ${endpoint} does not answer as a model hub does. Check HF_ENDPOINT`,
    { repository, endpoint },
    { cause },
  );
}

async function readAnswer(
  hub: Hub,
  response: Response,
  { repository, signal, address }: {
    readonly repository: string;
    readonly signal: AbortSignal;
    readonly address: string;
  },
): Promise<Blob> {
  try {
    return new Blob([...await readBounded(hub, response, { maxBytes: MAX_ANSWER_BYTES, signal })]);
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof TooLong) {
      throw new FormatError(
        `Cannot pull "${repository}": an answer of the hub has more than ${MAX_ANSWER_BYTES} bytes`,
        { repository, expected: MAX_ANSWER_BYTES },
      );
    }
    if (cause instanceof TooSlow) throw unreachable(new URL(address), { repository, signal }, cause);
    throw new UnavailableError(`Cannot pull "${repository}": the hub's answer broke off`, { repository }, {
      cause,
    });
  }
}

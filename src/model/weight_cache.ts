/**
 * Quantized weights on disk, so that a model is quantized once and not at every load. An entry is a checkpoint of its own
 * (see quantized_copy.ts) in `<folder>/<manifest hash>-fp8/`, with a record that says of which artifact it is and what its
 * bytes add up to. It is trusted no further than that: whatever does not match is said, and not used.
 */
import { join } from "node:path";
import { z } from "zod";
import { ConfigError, FormatError, NotFoundError } from "../errors.ts";
import { type Checkpoint, openCheckpoint } from "../formats/checkpoint.ts";
import { isUnquantized, writeQuantizedCopy } from "./quantized_copy.ts";
import { checkTensors } from "./weights.ts";

/** Raised when quantization or record change, so that older entries are written anew. */
const VERSION = 1;
const RECORD_FILE = "geodesic-cache.json";

const recordSchema = z.strictObject({
  version: z.literal(VERSION),
  manifestSha256: z.string(),
  quantization: z.literal("fp8"),
  /** Modulo 2^32, by tensor; see rowChecksum(). */
  checksums: z.record(z.string(), z.uint32()),
  files: z.array(z.object({ path: z.string(), sizeBytes: z.number(), sha256: z.string() })),
});

/** Which artifact's weights, and where entries lie. */
export interface CacheKey {
  readonly dir: string;
  readonly manifestSha256: string;
}

/** Something to write; plain data, for a thread of its own may do it. */
export interface CacheJob extends CacheKey {
  /** The checkpoint folder. */
  readonly source: string;
}

/** An entry opened for a load. Disposing closes its files. */
export interface CacheEntry extends Disposable {
  readonly checkpoint: Checkpoint;
  /** Throws FormatError unless these are the sums of all tensors. */
  check(checksums: ReadonlyMap<string, number>): void;
}

function entryPath({ dir, manifestSha256 }: CacheKey): string {
  return join(dir, `${manifestSha256}-fp8`);
}

/** Null where there is no entry. Throws FormatError, or what reading throws, where there is one that cannot be used. */
export async function openCacheEntry(key: CacheKey, source: Checkpoint): Promise<CacheEntry | null> {
  const path = entryPath(key);
  if (!await Deno.lstat(path).then(() => true, () => false)) return null;
  const checkpoint = await openCheckpoint(path);
  try {
    const record = recordSchema.safeParse(await checkpoint.folder.readJson(RECORD_FILE));
    const fail = (found: unknown, expected: unknown) =>
      new FormatError(`Cannot use "${path}": found ${found}, expected ${expected}`, {
        dir: path,
        found,
        expected,
      });
    if (!record.success) throw fail(z.prettifyError(record.error), `a record of version ${VERSION}`);
    const { manifestSha256, checksums } = record.data;
    if (manifestSha256 !== key.manifestSha256) throw fail(`artifact ${manifestSha256}`, key.manifestSha256);
    const [found, expected] = [checkpoint, source].map(({ config }) => JSON.stringify(config));
    if (found !== expected) throw fail(`configuration ${found}`, expected);
    checkTensors(checkpoint, "fp8");
    if (isUnquantized(checkpoint)) throw fail("weights that are not quantized", "F8_E4M3");
    return {
      checkpoint,
      check(sums) {
        for (const [tensor, sum] of sums) {
          if (sum === checksums[tensor]) continue;
          throw new FormatError(
            `Cannot use "${path}": the bytes of tensor "${tensor}" add up to ${sum}, expected ${
              checksums[tensor]
            }`,
            { dir: path, tensor, found: sum, expected: checksums[tensor] },
          );
        }
      },
      [Symbol.dispose]: () => checkpoint[Symbol.dispose](),
    };
  } catch (error) {
    checkpoint[Symbol.dispose]();
    throw error;
  }
}

/**
 * Writes an entry, in place of one that could not be used. Does nothing for a checkpoint that is quantized already. One
 * process at a time has the folder, so what others left unfinished is removed.
 */
export async function writeCacheEntry(job: CacheJob, signal?: AbortSignal): Promise<void> {
  using checkpoint = await openCheckpoint(job.source, signal ? { signal } : {});
  checkTensors(checkpoint, "fp8");
  if (!isUnquantized(checkpoint)) return;
  const path = entryPath(job);
  await removeLeftovers(job);
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  const { manifestSha256 } = job;
  await writeQuantizedCopy(checkpoint, path, {
    signal,
    extraFile: {
      name: RECORD_FILE,
      content: ({ checksums, files }) =>
        JSON.stringify(
          {
            version: VERSION,
            manifestSha256,
            quantization: "fp8",
            checksums: Object.fromEntries(checksums),
            files: [...files],
          } satisfies z.infer<typeof recordSchema>,
          null,
          2,
        ),
    },
  });
}

/** Temporary folders of processes that died; staged_folder.ts names them. */
async function removeLeftovers({ dir }: CacheKey): Promise<void> {
  const names = await Array.fromAsync(Deno.readDir(dir), ({ name }) => name).catch(() => []);
  for (const name of names.filter((name) => /^\..*\.partial-/.test(name))) {
    await Deno.remove(join(dir, name), { recursive: true }).catch(() => {});
  }
}

/** Whether a load failed for what lies on disk. */
export function isUnusable(error: unknown): boolean {
  return error instanceof FormatError || error instanceof ConfigError || error instanceof NotFoundError;
}

/** What a log says of an entry that was not used or not written. */
export function cacheNotice(error: unknown): string {
  const reason = error instanceof Error ? error.message : String(error);
  return `Quantized weights are not cached: ${reason}`;
}

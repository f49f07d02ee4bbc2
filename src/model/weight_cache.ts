/**
 * Quantized weights on disk, so that a model is quantized once and not at every load. An entry is a checkpoint of its own
 * (see quantized_copy.ts) in `<folder>/<manifest hash>-fp8/`, with a record that says of which artifact it is and what its
 * bytes add up to. It is trusted no further than that: whatever does not match is said, and not used.
 */
import { z } from "zod";
import { CapacityError, ConfigError, FormatError, NotFoundError } from "../errors.ts";
import { type Checkpoint, openCheckpoint } from "../formats/checkpoint.ts";
import {
  type CacheKey,
  claimFolder,
  entryPath,
  holdEntry,
  makeRoom,
  noteUse,
  RECORD_FILE,
  removeEntry,
} from "./cache_folder.ts";
import { isUnquantized, quantizedTensors, writeQuantizedCopy } from "./quantized_copy.ts";
import { tensorByteLength } from "../tensor/dtype.ts";
import { checkTensors } from "./weights.ts";

/** Raised when quantization or record change, so that older entries are written anew. */
const VERSION = 1;

/** Beside its name: in the header of its file, in the index, in the record. */
const FILE_BYTES_A_TENSOR = 200;
const CONFIG_BYTES_ADDED = 2048;

const recordSchema = z.strictObject({
  version: z.literal(VERSION),
  manifestSha256: z.string(),
  quantization: z.literal("fp8"),
  /** Modulo 2^32, by tensor; see rowChecksum(). */
  checksums: z.record(z.string(), z.uint32()),
  files: z.array(z.object({ path: z.string(), sizeBytes: z.number(), sha256: z.string() })),
});

export type { CacheKey };

/** Something to write; plain data, for a thread of its own may do it. */
export interface CacheJob extends CacheKey {
  /** What all entries together may take. */
  readonly maxBytes: number;
  /** The checkpoint folder. */
  readonly source: string;
  /** How its files looked when they were loaded as this artifact, see {@link stampOf}. */
  readonly stamp: string;
}

/** An entry opened for a load. Disposing closes its files. */
export interface CacheEntry extends Disposable {
  readonly checkpoint: Checkpoint;
  /** Throws FormatError unless these are the sums of all tensors. */
  check(checksums: ReadonlyMap<string, number>): void;
}

/** While it stays the same, the weight files are taken to hold what they held. */
export async function stampOf(checkpoint: Checkpoint): Promise<string> {
  const files = [...checkpoint.weightPaths].map(async ([name, path]) => {
    const { size, mtime, ino } = await Deno.stat(path);
    return [name, size, mtime?.getTime() ?? null, ino];
  });
  return JSON.stringify(await Promise.all(files));
}

/** Null where there is no entry. Throws FormatError, or what reading throws, where there is one that cannot be used. */
export async function openCacheEntry(key: CacheKey, source: Checkpoint): Promise<CacheEntry | null> {
  const path = entryPath(key);
  if (!await Deno.lstat(path).then(() => true, () => false)) return null;
  using owned = new DisposableStack();
  const hold = await holdEntry(path);
  if (hold === null) return null;
  owned.use(hold);
  const checkpoint = owned.use(await openCheckpoint(path));
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
  await noteUse(path);
  const held = owned.move();
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
    [Symbol.dispose]: () => held[Symbol.dispose](),
  };
}

/**
 * Writes an entry, in place of one that could not be used; others go for it where the room is needed. Does nothing for a
 * checkpoint that is quantized already. CapacityError where there cannot be room, or where another process writes;
 * FormatError where the checkpoint is not what was loaded.
 */
export async function writeCacheEntry(job: CacheJob, signal?: AbortSignal): Promise<void> {
  using checkpoint = await openCheckpoint(job.source, signal ? { signal } : {});
  checkTensors(checkpoint, "fp8");
  if (!isUnquantized(checkpoint)) return;
  const path = entryPath(job);
  const { dir, manifestSha256, maxBytes } = job;
  using _claim = await claimFolder(dir);
  if (!await removeEntry(path)) {
    throw new CapacityError(`Cannot replace "${path}": another process uses it`, { path });
  }
  await makeRoom(dir, { maxBytes, incomingBytes: mostBytesOf(checkpoint) });
  await writeQuantizedCopy(checkpoint, path, {
    signal,
    extraFile: {
      name: RECORD_FILE,
      content: async ({ checksums, files }) => {
        await requireUnchanged(checkpoint, job);
        return JSON.stringify(
          {
            version: VERSION,
            manifestSha256,
            quantization: "fp8",
            checksums: Object.fromEntries(checksums),
            files: [...files],
          } satisfies z.infer<typeof recordSchema>,
          null,
          2,
        );
      },
    },
  });
}

/** An upper bound of what an entry takes. */
function mostBytesOf(checkpoint: Checkpoint): number {
  return quantizedTensors(checkpoint).reduce(
    (sum, { name, dtype, shape }) =>
      sum + tensorByteLength(dtype, shape)! + FILE_BYTES_A_TENSOR + 3 * name.length,
    checkpoint.configText.length + CONFIG_BYTES_ADDED,
  );
}

/** Other files may have taken their place since they were loaded; under this artifact's name they must not be kept. */
async function requireUnchanged(checkpoint: Checkpoint, { stamp: expected }: CacheJob): Promise<void> {
  const found = await stampOf(checkpoint);
  if (found === expected) return;
  const { dir } = checkpoint;
  throw new FormatError(`Cannot quantize "${dir}": its files have changed since they were loaded`, {
    ...{ dir, found, expected },
  });
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

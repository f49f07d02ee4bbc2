/**
 * The tensors of a merged model: that each is there, that its bytes are those that were recorded, and, with the parents
 * at hand, that merging them again gives these very bytes.
 */
import { createHash } from "node:crypto";
import { sha256 } from "../../formats/artifact.ts";
import type { Checkpoint } from "../../formats/checkpoint.ts";
import type { MergePlan, PlannedStep } from "../plan.ts";
import type { MergeRecord, TensorRecord } from "../record.ts";
import { mixedBlocks, mixStep, tensorRecord } from "../step.ts";
import type { Mismatch } from "./mismatch.ts";

const PIECE_BYTES = 4 * 1024 * 1024;

/** `count` of the recorded tensors, or all: by the SHA-256 of `seed:name`, so that anyone can draw them again. */
export function sampleTensors(
  record: MergeRecord,
  count: number | undefined,
  seed: number,
): readonly TensorRecord[] {
  if (count === undefined || count >= record.tensors.length) return record.tensors;
  const drawn = record.tensors
    .map(({ name }) => ({ name, rank: sha256(`${seed}:${name}`) }))
    .sort((a, b) => a.rank < b.rank ? -1 : 1).slice(0, count);
  const names = new Set(drawn.map(({ name }) => name));
  return record.tensors.filter(({ name }) => names.has(name));
}

/** Headers against the record: names, dtypes and shapes. */
export function* verifyHeaders(record: MergeRecord, checkpoint: Checkpoint): Generator<Mismatch> {
  const recorded = new Set<string>();
  for (const { name, dtype, shape } of record.tensors) {
    recorded.add(name);
    const expected = `${dtype} [${shape}]`;
    const info = checkpoint.tensors.get(name);
    if (info === undefined) {
      yield { kind: "TENSOR_MISSING", subject: name, field: null, expected, found: null };
    } else if (`${info.dtype} [${info.shape}]` !== expected) {
      const found = `${info.dtype} [${info.shape}]`;
      yield { kind: "TENSOR_HASH", subject: name, field: "dtype and shape", expected, found };
    }
  }
  for (const [name, { dtype, shape }] of checkpoint.tensors) {
    const found = `${dtype} [${shape}]`;
    if (!recorded.has(name)) {
      yield { kind: "TENSOR_EXTRA", subject: name, field: null, expected: null, found };
    }
  }
}

/** SHA-256 of a tensor's bytes as they lie in the file. */
export async function hashTensor(
  checkpoint: Checkpoint,
  name: string,
  options: { readonly signal?: AbortSignal },
): Promise<string> {
  const { byteLength } = checkpoint.tensor(name);
  const hash = createHash("sha256");
  const piece = new Uint8Array(Math.min(PIECE_BYTES, byteLength));
  for (let offset = 0; offset < byteLength; offset += piece.length) {
    const part = piece.subarray(0, Math.min(piece.length, byteLength - offset));
    await checkpoint.readRange(name, offset, part, options);
    hash.update(part);
  }
  return hash.digest("hex");
}

/** Merges a step again; what the record must say of it. `write` takes the tensor's bytes, block by block. */
export async function remakeTensor(
  plan: MergePlan,
  step: PlannedStep,
  { signal, write }: { readonly signal?: AbortSignal; readonly write?: (block: Uint8Array) => void },
): Promise<TensorRecord> {
  const mix = await mixStep(plan, step, signal === undefined ? {} : { signal });
  const hash = createHash("sha256");
  for (const block of mixedBlocks(step, mix)) {
    signal?.throwIfAborted();
    hash.update(block);
    write?.(block);
  }
  return tensorRecord(step, mix, hash.digest("hex"));
}

/** A tensor merged again against the record. `found` is the hash of the one that was written. */
export function* compareTensor(
  again: TensorRecord,
  record: TensorRecord,
  { found, fields = ["mode", "cosine", "seed", "inputs"] }: {
    readonly found: string;
    readonly fields?: readonly (keyof TensorRecord)[];
  },
): Generator<Mismatch> {
  const subject = record.name;
  if (again.outputSha256 !== found) {
    const expected = again.outputSha256;
    yield { kind: "TENSOR_RECOMPUTED", subject, field: null, expected, found };
  }
  for (const field of fields) {
    const [expected, claimed] = [json(again[field]), json(record[field])];
    if (expected !== claimed) {
      yield { kind: "PARAMETER", subject: `tensor "${subject}"`, field, expected, found: claimed };
    }
  }
}

/** Merges the parents' tensors again. `found` is the hash of the tensor in the folder. */
export async function recomputeTensor(
  plan: MergePlan,
  record: TensorRecord,
  { found, signal }: { readonly found: string; readonly signal?: AbortSignal },
): Promise<readonly Mismatch[]> {
  const subject = record.name;
  const step = plan.steps.find(({ name }) => name === subject);
  if (step === undefined) {
    return [{ kind: "TENSOR_RECOMPUTED", subject, field: null, expected: null, found }];
  }
  const again = await remakeTensor(plan, step, signal === undefined ? {} : { signal });
  return [...compareTensor(again, record, { found })];
}

function json(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

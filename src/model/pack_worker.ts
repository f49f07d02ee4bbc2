/** A thread of a load: reads the ranges of one task after the other, packs what is to be packed and passes it on. */
import { type ErrorRecord, GeodesicError, toErrorRecord } from "../errors.ts";
import { SyncFile } from "../formats/sync_file.ts";
import { type LoadTask, type PackedRows, type RawRows, startTask } from "./pack.ts";

/** What a thread is told: a task, and a buffer that may be used for its result. */
export interface PackOrder {
  readonly task: LoadTask;
  readonly buffer: ArrayBuffer | null;
}
export type PackAnswer =
  | { readonly type: "done"; readonly rows: PackedRows | RawRows }
  | { readonly type: "failed"; readonly error: ErrorRecord }
  | { readonly type: "broken"; readonly error: unknown };

/** What a Worker's global scope offers beyond the window's types. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<PackOrder>) => void) | null;
  postMessage(message: PackAnswer, transfer?: Transferable[]): void;
}
const scope = self as unknown as WorkerScope;

const files = new Map<string, SyncFile>();
/** Reused from task to task, one a tensor. */
const buffers: Uint8Array[] = [];

scope.onmessage = ({ data: { task, buffer } }) => {
  try {
    const into = buffer === null ? undefined : new Uint8Array(buffer);
    const { reads, targets, finish } = startTask(task, into, scratch);
    for (const [index, { offset, bytes }] of reads.entries()) {
      if (bytes > 0) open(task.tensors[index]!.path).read(offset, targets[index]!);
    }
    const rows = finish();
    scope.postMessage({ type: "done", rows }, [rows.bytes.buffer]);
  } catch (error) {
    if (error instanceof GeodesicError) scope.postMessage({ type: "failed", error: toErrorRecord(error) });
    else scope.postMessage({ type: "broken", error });
  }
};

function scratch(index: number, bytes: number): Uint8Array {
  if ((buffers[index]?.byteLength ?? -1) < bytes) buffers[index] = new Uint8Array(bytes);
  return buffers[index]!.subarray(0, bytes);
}

function open(path: string): SyncFile {
  let file = files.get(path);
  if (file === undefined) files.set(path, file = SyncFile.open(path, "read"));
  return file;
}

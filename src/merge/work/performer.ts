/**
 * Does the tasks of one worker, one after the other, blocking: reads inputs by range, mixes, hashes the result while it
 * lies in cache, and writes it in place. Holds a few blocks whatever the tensor's size, one handle per file, and the
 * state of the hashes it has begun.
 */
import { createHash, type Hash } from "node:crypto";
import { SyncFile } from "../../formats/sync_file.ts";

import { findMethod } from "../methods/registry.ts";
import type { ByteSource } from "../operand.ts";
import type { PlannedInput } from "../plan.ts";
import { inputBytes, mixedBlocks, mixInputs } from "../step.ts";
import type { Hashed, HashTask, Mixed, Outcome, Setup, StepTask, Task } from "./protocol.ts";

/** Bytes hashed at a time: they stay in the second-level cache between the read and the hash. */
const HASH_BLOCK = 256 * 1024;

/** Thrown by a task that was told to stop. */
export class Stopped extends Error {}

interface Stream {
  readonly file: SyncFile;
  readonly hash: Hash;
  done: number;
}

export class Performer implements Disposable {
  readonly #setup: Setup;
  readonly #report: (bytes: number) => void;
  readonly #stop: Int32Array;
  readonly #inputs = new Map<string, SyncFile>();
  readonly #streams = new Map<string, Stream>();
  readonly #buffer = new Uint8Array(HASH_BLOCK);
  #output: SyncFile | undefined;

  /** `report` hears of bytes written and hashed. */
  constructor(setup: Setup, report: (bytes: number) => void) {
    this.#setup = setup;
    this.#report = report;
    this.#stop = new Int32Array(setup.stop);
  }

  /** Throws {@link Stopped} once the flag is set, FormatError, and what toWriteError() makes of a failed write. */
  perform(task: Task): Outcome {
    return task.type === "step" ? this.#mix(task) : this.#hash(task);
  }

  [Symbol.dispose](): void {
    for (const file of this.#inputs.values()) file[Symbol.dispose]();
    for (const { file } of this.#streams.values()) file[Symbol.dispose]();
    this.#output?.[Symbol.dispose]();
  }

  #mix({ step, path, offset }: StepTask): Mixed {
    const method = findMethod(this.#setup.method);
    if (method === undefined) throw new Error(`There is no merge method "${this.#setup.method}"`);
    const mix = mixInputs(method, step, step.inputs.map((input) => this.#source(input)));
    const output = this.#openOutput(path);
    const hash = createHash("sha256");
    let at = offset;
    for (const block of mixedBlocks(step, mix)) {
      hash.update(block);
      output.write(at, block);
      at += block.byteLength;
      this.#report(block.byteLength);
    }
    const { mode, t, cosine, seed } = mix;
    return {
      type: "mixed",
      mode,
      t,
      cosine,
      ...(seed !== undefined && { seed }),
      sha256: hash.digest("hex"),
    };
  }

  #source(input: PlannedInput): ByteSource {
    const { model, tensor } = input;
    const path = this.#setup.files.get(model)?.get(tensor.file);
    if (path === undefined) throw new Error(`Model "${model}" has no file "${tensor.file}"`);
    let file = this.#inputs.get(path);
    if (file === undefined) this.#inputs.set(path, file = SyncFile.open(path, "read"));
    return {
      byteLength: inputBytes(input),
      read: (offset, into) => {
        this.#throwIfStopped();
        file.read(tensor.offset + offset, into);
      },
    };
  }

  #openOutput(path: string): SyncFile {
    if (this.#output?.path === path) return this.#output;
    this.#output?.[Symbol.dispose]();
    return this.#output = SyncFile.open(path, "write");
  }

  #hash({ stream: key, path, to, isLast }: HashTask): Hashed {
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = { file: SyncFile.open(path, "read"), hash: createHash("sha256"), done: 0 };
      this.#streams.set(key, stream);
    }
    while (stream.done < to) {
      this.#throwIfStopped();
      const block = this.#buffer.subarray(0, Math.min(HASH_BLOCK, to - stream.done));
      stream.file.read(stream.done, block);
      stream.hash.update(block);
      stream.done += block.byteLength;
      this.#report(block.byteLength);
    }
    if (!isLast) return { type: "hashed", sha256: null };
    this.#streams.delete(key);
    stream.file[Symbol.dispose]();
    return { type: "hashed", sha256: stream.hash.digest("hex") };
  }

  #throwIfStopped(): void {
    if (Atomics.load(this.#stop, 0) !== 0) throw new Stopped("Told to stop");
  }
}

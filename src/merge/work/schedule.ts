/**
 * Who does what next in a merge: pure bookkeeping over steps (tensors to mix) and streams (files to hash, each in order and
 * by one worker). Hashing of sources keeps pace with mixing, so that neither is left over at the end; a file being
 * written is hashed close behind the tensors, while its bytes are still in memory.
 */
import type { HashTask, StepTask, Task } from "./protocol.ts";

/** Most bytes of a stream in one task: 20 ms of hashing, so that the round trip between threads does not matter. */
const STREAM_CHUNK = 32 * 1024 * 1024;

/** A file that exists as a whole. */
export interface SourceFile {
  readonly stream: string;
  readonly path: string;
  readonly sizeBytes: number;
}
/** A file that the steps fill; its first `headerBytes` are there. */
export interface OutputFile extends SourceFile {
  readonly headerBytes: number;
  /** In the order of their places, without gaps. */
  readonly steps: readonly { readonly task: StepTask; readonly bytes: number }[];
}

interface Stream extends SourceFile {
  /** Bytes that can be hashed. */
  available: number;
  given: number;
  owner: number | null;
  isBusy: boolean;
  isDone: boolean;
}
interface Step {
  readonly task: StepTask;
  readonly bytes: number;
  readonly output: Output;
  isDone: boolean;
}
interface Output extends Stream {
  readonly pending: Step[];
}

export class Schedule {
  readonly #sources: readonly Stream[];
  readonly #outputs: readonly Output[];
  readonly #steps: readonly Step[];
  readonly #stepOf: ReadonlyMap<Task, Step>;
  readonly #sourceBytes: number;
  readonly #stepBytes: number;
  #nextStep = 0;
  #givenSourceBytes = 0;
  #givenStepBytes = 0;

  constructor(sources: readonly SourceFile[], outputs: readonly OutputFile[]) {
    this.#sources = sources.map((file) => stream(file, file.sizeBytes));
    this.#outputs = outputs.map((file) => {
      const output: Output = { ...stream(file, file.headerBytes), pending: [] };
      for (const { task, bytes } of file.steps) {
        output.pending.push({ task, bytes, output, isDone: false });
      }
      return output;
    });
    this.#steps = this.#outputs.flatMap(({ pending }) => pending);
    this.#stepOf = new Map(this.#steps.map((step) => [step.task, step]));
    this.#outputs.forEach((output) => advance(output));
    this.#sourceBytes = sources.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#stepBytes = this.#steps.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Whether every task has been done. */
  get isDone(): boolean {
    return this.#nextStep === this.#steps.length &&
      [...this.#sources, ...this.#outputs].every((stream) => stream.isDone);
  }

  /** A task for an idle worker; `undefined` where there is none until another task is done. */
  next(worker: number): Task | undefined {
    const output = pick(this.#outputs, worker);
    if (output !== undefined) return this.#give(output, worker);
    const source = pick(this.#sources, worker);
    const step = this.#steps[this.#nextStep];
    const stepShare = this.#givenStepBytes / this.#stepBytes;
    if (
      source !== undefined && (step === undefined || this.#givenSourceBytes / this.#sourceBytes <= stepShare)
    ) {
      const before = source.given;
      const task = this.#give(source, worker);
      this.#givenSourceBytes += source.given - before;
      return task;
    }
    if (step === undefined) return undefined;
    this.#nextStep++;
    this.#givenStepBytes += step.bytes;
    return step.task;
  }

  /** Notes that a task which next() gave is done. */
  finish(task: Task): void {
    if (task.type === "hash") {
      const stream = [...this.#outputs, ...this.#sources].find(({ stream }) => stream === task.stream)!;
      stream.isBusy = false;
      stream.isDone = task.isLast;
      return;
    }
    const step = this.#stepOf.get(task)!;
    step.isDone = true;
    advance(step.output);
  }

  #give(stream: Stream, worker: number): HashTask {
    stream.owner = worker;
    stream.isBusy = true;
    stream.given = Math.min(stream.given + STREAM_CHUNK, stream.available);
    return {
      type: "hash",
      stream: stream.stream,
      path: stream.path,
      to: stream.given,
      isLast: stream.given === stream.sizeBytes,
    };
  }
}

function stream(file: SourceFile, available: number): Stream {
  return { ...file, available, given: 0, owner: null, isBusy: false, isDone: false };
}

/** What lies before the first tensor that is not yet written can be hashed. */
function advance(output: Output): void {
  while (output.pending[0]?.isDone) output.available += output.pending.shift()!.bytes;
}

/** The first stream that a worker can go on with; its own before one that nobody has begun. */
function pick<S extends Stream>(streams: readonly S[], worker: number): S | undefined {
  const ready = streams.filter(({ isBusy, isDone, given, available, sizeBytes }) =>
    !isBusy && !isDone && (available === sizeBytes || available - given >= STREAM_CHUNK)
  );
  return ready.find(({ owner }) => owner === worker) ?? ready.find(({ owner }) => owner === null);
}

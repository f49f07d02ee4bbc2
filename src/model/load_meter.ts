/** How far a load is, and how fast. Never goes back, also where a load begins anew, from another folder
 * or with other kernels. */

/**
 * `READING`: headers, nothing of the weights yet. `QUANTIZING` and `UPLOADING` both read, pack and upload as they go; the
 * name says which of it takes the time. `WARMING_UP`: all bytes are on the device; kernels are compiled and, but on
 * software devices, tried out.
 */
export type LoadStage = "READING" | "QUANTIZING" | "UPLOADING" | "WARMING_UP";

export interface LoadProgress {
  readonly stage: LoadStage;
  /** Of the tensors, as they lie on disk; never decreases. */
  readonly loadedBytes: number;
  readonly totalBytes: number;
  /** Mean since the first byte was asked for; 0 before one has arrived. */
  readonly bytesPerSecond: number;
}

export class LoadMeter {
  readonly #report: ((progress: LoadProgress) => void) | undefined;
  readonly #now: () => number;
  #working: LoadStage = "UPLOADING";
  #loadedBytes = 0;
  #totalBytes = 0;
  #startMs = 0;
  /** When the last bytes arrived. */
  #lastMs = 0;

  constructor(report: ((progress: LoadProgress) => void) | undefined, now = () => performance.now()) {
    this.#report = report;
    this.#now = now;
  }

  /** So many bytes will come, in addition to those that have; `stage` is what is done to them. */
  begin(totalBytes: number, stage: LoadStage): void {
    if (this.#totalBytes === 0) this.#startMs = this.#lastMs = this.#now();
    this.#totalBytes = this.#loadedBytes + totalBytes;
    this.#working = stage;
    this.#send("READING");
  }

  add(bytes: number): void {
    this.#loadedBytes += bytes;
    this.#lastMs = this.#now();
    this.#send(this.#working);
  }

  warmUp(): void {
    this.#send("WARMING_UP");
  }

  #send(stage: LoadStage): void {
    const seconds = (this.#lastMs - this.#startMs) / 1000;
    this.#report?.({
      stage,
      loadedBytes: this.#loadedBytes,
      totalBytes: this.#totalBytes,
      bytesPerSecond: seconds > 0 ? this.#loadedBytes / seconds : 0,
    });
  }
}

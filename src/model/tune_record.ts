/**
 * What a search for quick forms leaves on the disk while it goes on, so that it is lost neither with an interruption nor with
 * the device or the process: the best so far, and what is being tried. A form may take the driver, the process or the whole
 * machine with it; what a search ended with is left out by those that come after it.
 */
import type { DeviceTuning } from "../kernels/tuning.ts";
import type { SearchRecord } from "./tune.ts";
import {
  noted,
  readTunedNotes,
  removeEarlierForms,
  type TunedNotes,
  type TunedShape,
  writeTunedForms,
} from "./tuned_forms.ts";

/** What is tried before any form is, and again by a search that could do without. */
export const KEPT = { forms: "the forms that are kept", tiles: "the tiles that are kept" } as const;

/** What would be left if the search ended now. */
export interface KeptSoFar {
  readonly path: string;
  /** That were searched through: a matrix, and a number of rows or of a prompt's tokens, each. */
  readonly places: number;
}

export interface TuneRecordOptions {
  /** Where the forms are kept. */
  readonly dir: string;
  readonly shape: TunedShape;
  /** Nothing is left out because of what came of it earlier. */
  readonly retries?: boolean | undefined;
  readonly log?: ((line: string) => void) | undefined;
  readonly onKept?: ((kept: KeptSoFar) => void) | undefined;
}

export class TuneRecord implements SearchRecord {
  readonly #options: TuneRecordOptions;
  readonly #lost: Set<string>;
  /** Not tried by this search. */
  readonly #leftOut: ReadonlySet<string>;
  #tuning: DeviceTuning;
  #trying: string | undefined;
  /** On the disk. */
  #isNoted = false;
  #places = 0;

  private constructor(options: TuneRecordOptions, tuning: DeviceTuning, { trying, lost }: TunedNotes) {
    this.#options = options;
    this.#tuning = tuning;
    this.#lost = new Set(lost);
    const isKept = Object.values<string | undefined>(KEPT).includes(trying);
    // What is kept will be something else then.
    if (trying !== undefined && !isKept) this.#lost.add(trying);
    this.#leftOut = new Set([...this.#lost, ...isKept ? [trying!] : []]);
  }

  /** `tuning` is what is kept already. A file that cannot be used has no notes. */
  static async open(options: TuneRecordOptions, tuning: DeviceTuning): Promise<TuneRecord> {
    const { dir, shape, retries = false } = options;
    const none = { lost: [] };
    const notes = retries ? none : await readTunedNotes(dir, shape).catch(() => none);
    return new TuneRecord(options, tuning, notes);
  }

  async mayTry(what: string): Promise<boolean> {
    const name = noted(what);
    if (this.#leftOut.has(name)) return false;
    this.#trying = undefined;
    await this.#write(name);
    [this.#trying, this.#isNoted] = [name, true];
    return true;
  }

  tried(): void {
    this.#trying = undefined; // its note goes with the next one
  }

  async keep(tuning: DeviceTuning, { isPlace }: { readonly isPlace: boolean }): Promise<void> {
    this.#tuning = tuning;
    const path = await this.#settle();
    if (!isPlace) return;
    this.#places++;
    const { dir, shape, log, onKept } = this.#options;
    onKept?.({ path, places: this.#places });
    if (this.#places > 1) return;
    for (const name of await removeEarlierForms(dir, shape)) {
      log?.(`Removed "${name}" from "${dir}": earlier kernels had it for this shape on this device`);
    }
  }

  /** The file, with all that was found. */
  async close(): Promise<string> {
    return await this.#settle();
  }

  /** The search has failed, or (`isOver`) was told to end, which is not the fault of what it was trying. */
  async failed({ isOver }: { readonly isOver: boolean }): Promise<void> {
    if (!this.#isNoted) return;
    if (isOver || this.#trying === undefined) await this.#settle();
    else this.#options.log?.(`The next search leaves out what this one ended with: ${this.#trying}`);
  }

  /** Nothing is being tried. */
  async #settle(): Promise<string> {
    this.#trying = undefined;
    const path = await this.#write(undefined);
    this.#isNoted = false;
    return path;
  }

  async #write(trying: string | undefined): Promise<string> {
    const { dir, shape } = this.#options;
    return await writeTunedForms(dir, shape, this.#tuning, { trying, lost: [...this.#lost] });
  }
}

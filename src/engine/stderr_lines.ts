/**
 * What a process prints, as lines for the gateway's log: long ones are cut, a flood is dropped and counted, and the last
 * few are kept, for they say why it died.
 */

const MAX_LINE_LENGTH = 500;
const KEPT_LINES = 20;
/** Lines handed on within a window. */
const MAX_LINES = 200;
const WINDOW_MS = 60_000;

export interface StderrOptions {
  readonly onLine: (line: string) => void;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

export class StderrLines {
  readonly #options: StderrOptions;
  readonly #decoder = new TextDecoder();
  readonly #last: string[] = [];
  #open = "";
  #windowStartMs = -Infinity;
  #linesInWindow = 0;
  #dropped = 0;

  constructor(options: StderrOptions) {
    this.#options = options;
  }

  /** The last lines, oldest first. */
  get last(): readonly string[] {
    return this.#last;
  }

  push(bytes: Uint8Array): void {
    const lines = (this.#open + this.#decoder.decode(bytes, { stream: true })).split(/\r?\n/);
    this.#open = lines.pop()!;
    for (const line of lines) this.#take(line);
    // A line that does not end is not kept in memory either: what is cut anyway may go.
    this.#open = this.#open.slice(0, MAX_LINE_LENGTH + 1);
  }

  /** Takes a last line without an end. */
  end(): void {
    if (this.#open !== "") this.#take(this.#open);
    this.#open = "";
  }

  #take(whole: string): void {
    const plain = stripControls(whole);
    if (plain.trim() === "") return;
    const line = plain.length > MAX_LINE_LENGTH ? `${plain.slice(0, MAX_LINE_LENGTH)}…` : plain;
    this.#last.push(line);
    if (this.#last.length > KEPT_LINES) this.#last.shift();
    const nowMs = this.#options.now();
    if (nowMs - this.#windowStartMs >= WINDOW_MS) {
      if (this.#dropped > 0) this.#options.onLine(`(${this.#dropped} more lines)`);
      this.#windowStartMs = nowMs;
      this.#linesInWindow = this.#dropped = 0;
    }
    if (++this.#linesInWindow <= MAX_LINES) this.#options.onLine(line);
    else this.#dropped++;
  }
}

/** Colours and whatever else would act on a terminal. */
function stripControls(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[[0-9;]*[A-Za-z]/g, "").replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "");
}

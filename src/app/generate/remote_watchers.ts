/**
 * Who watches at one gateway what another one runs, as rows: where a generation runs, its watchers elsewhere count as
 * well as those who are here. A row is written and removed beside the stream, which waits for neither. Where this gateway
 * was thought dead its rows have gone with it, and are written again.
 */
import { deleteWatcher, insertWatcher, isWatchedAt } from "../../store/generation_watchers.ts";
import type { Db, GenerationWatchersTable } from "../../store/database.ts";
import type { Ids } from "../ids.ts";
import type { Membership } from "../membership.ts";

export interface RemoteWatchersOptions {
  readonly db: Db;
  readonly ids: Ids;
  readonly membership: Membership;
  readonly reportError: (error: unknown) => void;
}

interface Stream {
  readonly row: GenerationWatchersTable;
  /** Resolves when what was begun of it is written. */
  written: Promise<void>;
}

export class RemoteWatchers implements AsyncDisposable {
  readonly #options: RemoteWatchersOptions;
  readonly #streams = new Set<Stream>();
  readonly #writing = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: RemoteWatchersOptions) {
    this.#options = options;
  }

  /** A stream here watches it, until disposed. */
  note(generationId: string): Disposable {
    const { db, ids, membership } = this.#options;
    const row = { id: ids(), generation_id: generationId, gateway_id: membership.id };
    const stream: Stream = { row, written: Promise.resolve() };
    this.#streams.add(stream);
    this.#change(stream, () => insertWatcher(db, row));
    return {
      [Symbol.dispose]: () => {
        this.#streams.delete(stream);
        // After the gateway its row goes, and this one with it.
        this.#change(stream, () => deleteWatcher(db, row.id));
      },
    };
  }

  /** The gateway is back among the others, which have forgotten what it had told them. Waits for nothing. */
  noteAgain(): void {
    const { db } = this.#options;
    for (const stream of this.#streams) this.#change(stream, () => insertWatcher(db, stream.row));
  }

  /** Whether a stream at another living gateway watches it. */
  async areAny(generationId: string): Promise<boolean> {
    const { db, membership } = this.#options;
    const others = [...await membership.living()].filter((id) => id !== membership.id);
    return others.length > 0 && await isWatchedAt(db, generationId, others);
  }

  /** Nothing more is written; resolves when what was begun is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#writing);
  }

  #change(stream: Stream, work: () => Promise<void>): void {
    const { written } = stream;
    stream.written = this.#write(() => written.then(work));
  }

  /** Never rejects: a stream goes on without its row. */
  #write(work: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const writing = work().catch(this.#options.reportError).finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    return writing;
  }
}

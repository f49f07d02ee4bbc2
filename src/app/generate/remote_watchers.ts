/**
 * Who watches at one gateway what another one runs, as rows: where a generation runs, its watchers elsewhere count as
 * well as those who are here. A row is written and removed beside the stream, which waits for neither.
 */
import { deleteWatcher, insertWatcher, isWatchedAt } from "../../store/generation_watchers.ts";
import type { Db } from "../../store/database.ts";
import type { Ids } from "../ids.ts";
import type { Membership } from "../membership.ts";

export interface RemoteWatchersOptions {
  readonly db: Db;
  readonly ids: Ids;
  readonly membership: Membership;
  readonly reportError: (error: unknown) => void;
}

export class RemoteWatchers implements AsyncDisposable {
  readonly #options: RemoteWatchersOptions;
  readonly #writing = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: RemoteWatchersOptions) {
    this.#options = options;
  }

  /** A stream here watches it, until disposed. */
  note(generationId: string): Disposable {
    const { db, ids, membership } = this.#options;
    const id = ids();
    const row = { id, generation_id: generationId, gateway_id: membership.id };
    const written = this.#write(() => insertWatcher(db, row));
    // After the gateway its row goes, and this one with it.
    return { [Symbol.dispose]: () => void this.#write(() => written.then(() => deleteWatcher(db, id))) };
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

  /** Never rejects: a stream goes on without its row. */
  #write(work: () => Promise<void>): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    const writing = work().catch(this.#options.reportError).finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    return writing;
  }
}

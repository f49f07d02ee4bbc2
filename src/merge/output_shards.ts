/**
 * The weight files of a merge on their way: created with their headers, filled in place by workers, flushed when
 * complete. Flushing goes on beside the writing, so that little is left to wait for at the end.
 */
import { layOutShard, type ShardLayout, type ShardPlan } from "../formats/shard_plan.ts";
import { writeAll } from "../formats/staged_file.ts";
import { flushAndClose, type StagedFolder } from "../formats/staged_folder.ts";
import { toWriteError } from "../formats/write_error.ts";

/** Written bytes after which the system is asked to bring them to disk. */
const FLUSH_BYTES = 128 * 1024 * 1024;

export class OutputShard implements Disposable {
  readonly plan: ShardPlan;
  readonly layout: ShardLayout;
  readonly path: string;
  readonly #file: Deno.FsFile;
  #unflushed = 0;
  #flush: Promise<void> | undefined;
  #isClosed = false;

  private constructor(plan: ShardPlan, layout: ShardLayout, path: string, file: Deno.FsFile) {
    this.plan = plan;
    this.layout = layout;
    this.path = path;
    this.#file = file;
  }

  /** Creates the file and writes its header. */
  static async create(
    folder: StagedFolder,
    plan: ShardPlan,
    layout = layOutShard(plan),
  ): Promise<OutputShard> {
    const file = await folder.createFile(plan.file);
    try {
      await writeAll(file, layout.header);
      return new OutputShard(plan, layout, folder.pathOf(plan.file), file);
    } catch (error) {
      file.close();
      throw toWriteError(error, folder.target);
    }
  }

  /** Notes that a worker has written so many bytes. */
  wrote(bytes: number): void {
    this.#unflushed += bytes;
    if (this.#flush !== undefined || this.#unflushed < FLUSH_BYTES) return;
    this.#unflushed = 0;
    // Whether it worked is told by the flush at the end, which is the one that counts.
    this.#flush = this.#file.syncData().catch(() => {}).then(() => this.#flush = undefined);
  }

  /** Brings all of the file to disk and closes it. */
  async finish(): Promise<void> {
    await this.#flush;
    this.#isClosed = true;
    await flushAndClose(this.#file, this.path);
  }

  [Symbol.dispose](): void {
    if (!this.#isClosed) this.#file.close();
    this.#isClosed = true;
  }
}

/** Drives a pool through a schedule until all is done, the first task fails, or the signal says stop. */
import type { WorkerPool } from "./pool.ts";
import type { Outcome, Task } from "./protocol.ts";
import type { Schedule } from "./schedule.ts";

export interface CarryOutHooks {
  /** Hears of bytes as they are written or hashed. */
  readonly onBytes: (task: Task, bytes: number) => void;
  /** Called in the order in which tasks finish, whichever worker did them. May throw to stop it all. */
  readonly onDone: (task: Task, outcome: Outcome) => void;
}

/** Rejects with the signal's reason or the first failure, once no task is under way any more. */
export async function carryOut(
  pool: WorkerPool,
  schedule: Schedule,
  hooks: CarryOutHooks,
  signal: AbortSignal | undefined,
): Promise<void> {
  signal?.throwIfAborted();
  let failure: { readonly error: unknown } | undefined;
  let changed = Promise.withResolvers<void>();
  const wake = () => {
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const fail = (error: unknown) => {
    failure ??= { error };
    pool.stop();
    wake();
  };
  const onAbort = () => fail(signal!.reason);
  signal?.addEventListener("abort", onAbort, { once: true });

  const drive = async (worker: number) => {
    while (failure === undefined && !schedule.isDone) {
      const task = schedule.next(worker);
      if (task === undefined) {
        await changed.promise;
        continue;
      }
      const outcome = await pool.run(worker, task, (bytes) => {
        try {
          hooks.onBytes(task, bytes);
        } catch (error) {
          fail(error);
        }
      });
      if (failure !== undefined) return;
      schedule.finish(task);
      hooks.onDone(task, outcome);
      wake();
    }
  };
  try {
    await Promise.all(Array.from({ length: pool.size }, (_, worker) => drive(worker).catch(fail)));
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
  if (failure !== undefined) throw failure.error;
}

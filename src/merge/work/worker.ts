/** A thread of a merge: takes tasks from the coordinator and answers each (see protocol.ts). */
import { GeodesicError, toErrorRecord } from "../../errors.ts";
import { Performer, Stopped } from "./performer.ts";
import type { Setup, Task, WorkerMessage } from "./protocol.ts";

/** What a Worker's global scope offers beyond the window's types. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<Setup | Task>) => void) | null;
  postMessage(message: WorkerMessage): void;
}
const scope = self as unknown as WorkerScope;

/** Bytes between progress messages of one task. */
const REPORT_BYTES = 8 * 1024 * 1024;

let performer: Performer | undefined;
let unreported = 0;

function report(bytes: number): void {
  unreported += bytes;
  if (unreported >= REPORT_BYTES) flush();
}
function flush(): void {
  if (unreported > 0) scope.postMessage({ type: "progress", bytes: unreported });
  unreported = 0;
}

scope.onmessage = ({ data }) => {
  if (data.type === "setup") {
    performer = new Performer(data, report);
    return;
  }
  try {
    const outcome = performer!.perform(data);
    flush();
    scope.postMessage(outcome);
  } catch (error) {
    if (error instanceof Stopped) scope.postMessage({ type: "stopped" });
    else if (error instanceof GeodesicError) {
      scope.postMessage({ type: "failed", error: toErrorRecord(error) });
    } else scope.postMessage({ type: "broken", error });
  }
};

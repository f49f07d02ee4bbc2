/**
 * The engine of a serving process: a supervised process of its own, for a gateway outlives what ends the GPU's driver,
 * and the news of its lives in the gateway's log. `generate` keeps the Worker: it has one generation and nothing to
 * outlive it for, and starts sooner without another process.
 */
import type { Log } from "../app/request.ts";
import { systemClock } from "../app/clock.ts";
import type { EngineClient } from "../engine/protocol.ts";
import { openProcessPort } from "../engine/process_port.ts";
import { type EngineNews, SupervisedEngine } from "../engine/supervisor.ts";

export interface ServeEngineOptions {
  readonly log: Log;
  /** What the engine's process prints, a line at a time. */
  readonly onOutput: (line: string) => void;
  /** Where it keeps quantized weights. */
  readonly cacheDir: string;
}

/** Starts it. What goes wrong, also at once, is told by `ready`. */
export function createServeEngine({ log, onOutput, cacheDir }: ServeEngineOptions): EngineClient {
  return new SupervisedEngine({
    open: () => openProcessPort({ onOutput, writableDir: cacheDir }),
    clock: systemClock,
    onNews: (news) => report(log, news),
  });
}

function report(log: Log, news: EngineNews): void {
  if (news.kind === "restarted") return log("warn", "engine restarted", { device: news.device.adapter });
  const { error, next } = news;
  // The last thing that was heard of it is most often the reason, and for the operator alone.
  const { output } = error.details;
  const said = Array.isArray(output) && output.length > 0 ? { lastOutput: output.at(-1) } : {};
  if (next.kind === "restart") {
    const { attempt, delayMs: restartInMs } = next;
    log("error", "engine died", { reason: error.message, ...said, attempt, restartInMs });
  } else {
    log("error", "engine died too often", {
      reason: error.message,
      ...said,
      deaths: next.deaths,
      restartInMs: next.delayMs,
    });
  }
}

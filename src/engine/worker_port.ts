/**
 * The engine's Worker as a port, and the knowledge of when its thread has let go of the GPU driver. `Worker.terminate()`
 * only asks: the thread takes its WebGPU instance down afterwards, which unloads the driver, and a process that exits in
 * that moment runs the driver's exit handlers while their code is being unmapped (Deno 2.9: a segmentation fault in one
 * of fifty runs). So the thread holds one end of a channel. Having collected its WebGPU objects before it reports
 * `closed` (worker.ts), it drops the instance first and the channel's end after it, and that is seen here.
 */
import { MessageChannel } from "node:worker_threads";
import { Backlog } from "./backlog.ts";
import type { EnginePort } from "./port.ts";
import type { EngineMessage, Ping, Pong } from "./protocol.ts";
import type { Attachment } from "./worker.ts";

/** A thread that is stuck in the driver is not waited for any longer. */
const GONE_TIMEOUT_MS = 5_000;

/** A port that also tells whether the thread is stuck. */
export interface WorkerPort extends EnginePort {
  /** Milliseconds for which a ping has gone unanswered; 0 when none has. Asks anew if need be. */
  silentMs(): number;
}

/** Starts the Worker. Its permissions are those of this thread. */
export function openWorkerPort(): WorkerPort {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module", name: "engine" });
  // Node's kind of channel, for the web's kind does not tell when the other end has gone.
  const { port1: lifeline, port2: held } = new MessageChannel();
  const gone = new Promise<void>((resolve) => lifeline.once("close", () => resolve()));
  lifeline.on("message", () => {}); // It notices the close only while it listens.
  const backlog = new Backlog();
  const attachment: Attachment = { type: "attach", backlog: backlog.shared };
  worker.postMessage(attachment, [held as unknown as Transferable]);
  let askedAtMs: number | undefined;
  let ending: Promise<void> | undefined;
  return {
    post: (command) => worker.postMessage(command),
    listen(onMessage, onDeath) {
      worker.onmessage = ({ data }: MessageEvent<EngineMessage | Pong>) => {
        if (data.type === "pong") return void (askedAtMs = undefined);
        try {
          onMessage(data);
        } finally {
          backlog.remove();
        }
      };
      worker.onmessageerror = () => onDeath(new Error("a message could not be read"));
      worker.onerror = (event) => {
        event.preventDefault(); // Otherwise the error would end this thread too.
        onDeath(new Error(event.message));
      };
    },
    silentMs() {
      if (askedAtMs !== undefined) return performance.now() - askedAtMs;
      askedAtMs = performance.now();
      const ping: Ping = { type: "ping" };
      worker.postMessage(ping);
      return 0;
    },
    terminate: () => ending ??= terminate(worker, gone).finally(() => lifeline.close()),
  };
}

async function terminate(worker: Worker, gone: Promise<void>): Promise<void> {
  worker.terminate();
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, GONE_TIMEOUT_MS);
  await Promise.race([gone, late]);
  clearTimeout(timer);
}

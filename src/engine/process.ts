/**
 * The process that owns the GPU, as `serve` runs it: whatever ends it, a panic in the driver included, leaves the
 * gateway alive. The engine is the Worker of worker.ts; this thread only passes frames between it and the standard
 * streams (process_port.ts has their other ends), so it answers pings and sees the end of its parent while the GPU's
 * thread is busy or stuck. Standard input's end is the end of the gateway, however that came about: nobody is left to
 * compute for. Needs to read models and kernels, and to write to the cache of quantized weights.
 */
import { DeviceLostError, FormatError, toErrorRecord } from "../errors.ts";
import { FrameDecoder, FrameEncoder } from "./frames.ts";
import type { EngineCommand, EngineMessage, Ping, Pong } from "./protocol.ts";
import { openWorkerPort } from "./worker_port.ts";

/** What ends it, in the exit code. The gateway has been told more in words before. */
export const EXIT = { closed: 0, orphaned: 0, failed: 70 } as const;

/** Ctrl-C and a service manager's stop reach every process of the group; when this one ends is the gateway's to say. */
const IGNORED_SIGNALS = ["SIGINT", "SIGTERM"] as const satisfies readonly Deno.Signal[];

if (import.meta.main) await main();

async function main(): Promise<void> {
  if (Deno.build.os !== "windows") {
    for (const signal of IGNORED_SIGNALS) Deno.addSignalListener(signal, () => {});
  }
  const frames = new FrameEncoder();
  // Blocks while the gateway does not read, and with it the engine, whose messages are then left unread (backlog.ts).
  const send = (message: EngineMessage | Pong) => writeAll(frames.encode(message));
  const fail = (error: unknown): never => {
    if (!(error instanceof Deno.errors.BrokenPipe)) {
      send({ type: "unavailable", error: toErrorRecord(error) });
    }
    Deno.exit(EXIT.failed);
  };
  const port = openWorkerPort();
  let closing: Promise<void> | undefined;
  port.listen((message) => {
    try {
      send(message);
    } catch (error) {
      fail(error);
    }
    if (message.type === "closed") closing = port.terminate().then(() => Deno.exit(EXIT.closed));
  }, (error) => fail(new DeviceLostError(`The engine's thread died: ${error.message}`)));

  const decoder = new FrameDecoder({
    onMessage(message) {
      const command = parseCommand(message);
      if (command.type !== "ping") return port.post(command);
      send({ type: "pong", silentMs: port.silentMs() });
    },
  });
  try {
    for await (const chunk of Deno.stdin.readable) decoder.push(chunk);
  } catch (error) {
    fail(error);
  }
  // The gateway closes the pipe when it has read `closed`. To exit before the driver is let go of would end in a crash.
  await closing;
  Deno.exit(EXIT.orphaned);
}

/** Written by the gateway's own client: the engine looks at the rest. */
function parseCommand(message: unknown): EngineCommand | Ping {
  if (typeof message === "object" && message !== null && "type" in message) {
    return message as EngineCommand | Ping;
  }
  throw new FormatError("Cannot read a command: it has no type");
}

function writeAll(bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) {
    written += Deno.stdout.writeSync(bytes.subarray(written));
  }
}

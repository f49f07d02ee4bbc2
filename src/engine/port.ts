import type { EngineCommand, EngineMessage } from "./protocol.ts";

/** A two-way channel to an engine. Messages arrive in order, from a later turn than the one that created it. */
export interface EnginePort {
  /** Throws for a command that cannot be sent, having sent nothing. Nothing arrives or dies before it returns. */
  post(command: EngineCommand): void;
  /** Called once. `onDeath` is called when nothing more can come; a GeodesicError explains it as it is. */
  listen(onMessage: (message: EngineMessage) => void, onDeath: (error: Error) => void): void;
  /** Ends the other side at once; resolves when nothing of it runs any more. Idempotent, never rejects. */
  terminate(): Promise<void>;
}

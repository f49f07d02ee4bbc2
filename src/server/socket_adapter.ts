/**
 * One Deno WebSocket as the protocol's server wants it. `send` resolves once the client has taken what was sent before,
 * so whoever produces messages one by one goes at the client's speed and holds one at a time. What does not wait for
 * that (answers to pings, refusals) is bounded by closing the socket.
 */
import { Buffer } from "node:buffer";
import type { ServerLimits } from "./limits.ts";

/** Bytes on their way to a client from which on its streams wait. */
const HIGH_WATER_BYTES = 256 * 1024;
/** Bytes from which on a client that does not read is given up. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
/** Of a reason; the protocol leaves no room for more, and the library puts the client's own words in. */
const MAX_REASON_BYTES = 123;
const FIRST_POLL_MS = 4;
const LAST_POLL_MS = 250;

/** Close codes of the WebSocket protocol itself. */
export const CLOSE = { goingAway: 1001, policyViolation: 1008, tooBig: 1009, tryLater: 1013 } as const;

export interface AdapterOptions {
  readonly limits: Pick<ServerLimits, "messageBytes" | "messagesAtOnce" | "operationsPerConnection">;
  /** Told of what nobody expected; the client sees 4500. */
  readonly reportError: (error: unknown) => void;
}

export class SocketAdapter {
  readonly protocol: string;
  readonly #socket: WebSocket;
  readonly #options: AdapterOptions;
  /** Resolves when the client has read, or is gone. */
  #drained: Promise<void> | undefined;
  #wake: () => void = () => {};
  #answering = 0;

  constructor(socket: WebSocket, protocol: string, options: AdapterOptions) {
    this.#socket = socket;
    this.protocol = protocol;
    this.#options = options;
  }

  readonly send = async (message: string): Promise<void> => {
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (this.#socket.bufferedAmount > MAX_WAITING_BYTES) {
      return this.close(CLOSE.policyViolation, "The client does not read");
    }
    this.#socket.send(message);
    if (this.#socket.bufferedAmount > HIGH_WATER_BYTES) await (this.#drained ??= this.#drain());
  };

  readonly close = (code: number, reason: string): void => {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.close(code, shortened(reason));
    this.#wake();
  };

  /** Hands over what the client sends. `answer` settles when the message is dealt with, which may be the end of a stream. */
  readonly onMessage = (answer: (message: string) => Promise<void>): void => {
    const { limits } = this.#options;
    const most = limits.operationsPerConnection + limits.messagesAtOnce;
    this.#socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return this.close(4400, "Invalid message received");
      if (data.length > limits.messageBytes || Buffer.byteLength(data) > limits.messageBytes) {
        return this.close(CLOSE.tooBig, `Messages may have ${limits.messageBytes} bytes`);
      }
      if (this.#answering >= most) return this.close(CLOSE.policyViolation, "Too many messages at a time");
      this.#answering++;
      answer(data).catch((error) => {
        this.#options.reportError(error);
        this.close(4500, "Internal server error");
      }).finally(() => this.#answering--);
    };
  };

  /** The socket is closed: nobody need wait for it. */
  ended(): void {
    this.#socket.onmessage = null;
    this.#wake();
  }

  /** There is no event for this; the client's own speed decides how often it is worth looking. */
  async #drain(): Promise<void> {
    for (let pollMs = FIRST_POLL_MS; this.#isFull(); pollMs = Math.min(2 * pollMs, LAST_POLL_MS)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, pollMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      await promise;
    }
    this.#drained = undefined;
  }

  #isFull(): boolean {
    return this.#socket.readyState === WebSocket.OPEN && this.#socket.bufferedAmount > HIGH_WATER_BYTES;
  }
}

/** As much of `reason` as fits, whole characters. */
function shortened(reason: string): string {
  const bytes = new Uint8Array(MAX_REASON_BYTES);
  const { read } = new TextEncoder().encodeInto(reason, bytes);
  return reason.slice(0, read);
}

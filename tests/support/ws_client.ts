/** A WebSocket as a test needs it: what came, what the close said, and nothing that the library would hide. */
import { GRAPHQL_TRANSPORT_WS_PROTOCOL } from "graphql-ws";
import type { Json } from "./api_server.ts";

export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export class RawSocket {
  readonly socket: WebSocket;
  readonly opened: Promise<void>;
  readonly closed: Promise<Closed>;
  #messages: Json[] = [];
  #waiting: ((message: Json) => void)[] = [];

  constructor(
    url: string,
    protocol = GRAPHQL_TRANSPORT_WS_PROTOCOL,
    headers: Readonly<Record<string, string>> = {},
  ) {
    // The type of the browser's constructor knows no headers.
    const options = { protocols: [protocol], headers } as unknown as string[];
    this.socket = new WebSocket(url.replace(/^http/, "ws"), options);
    const opened = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<Closed>();
    this.opened = opened.promise;
    this.closed = closed.promise;
    this.opened.catch(() => {});
    this.socket.onopen = () => opened.resolve();
    this.socket.onerror = () => {};
    this.socket.onclose = ({ code, reason }) => {
      opened.reject(new Error(`The socket closed: ${code} ${reason}`));
      closed.resolve({ code, reason });
    };
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      const next = this.#waiting.shift();
      if (next) next(message);
      else this.#messages.push(message);
    };
  }

  send(...messages: readonly unknown[]): void {
    for (const message of messages) {
      this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
    }
  }

  next(): Promise<Json> {
    if (this.#messages.length > 0) return Promise.resolve(this.#messages.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Opens and acknowledges, with this payload. */
  async init(payload?: Readonly<Record<string, unknown>>): Promise<this> {
    await this.opened;
    this.send({ type: "connection_init", ...payload === undefined ? {} : { payload } });
    const message = await Promise.race([this.next(), this.closed]);
    if (message.type !== "connection_ack") throw new Error(`Not acknowledged: ${JSON.stringify(message)}`);
    return this;
  }

  subscribe(id: string, query: string, variables: Readonly<Record<string, unknown>> = {}): void {
    this.send({ type: "subscribe", id, payload: { query, variables } });
  }

  async close(): Promise<void> {
    this.socket.close();
    await this.closed;
  }
}

/**
 * A client over bare TCP that never reads beyond the handshake. Browsers and Deno's own client read whatever comes, so
 * neither can show what a client that does not costs.
 */
export class DeafSocket implements Disposable {
  readonly #connection: Deno.TcpConn;

  private constructor(connection: Deno.TcpConn) {
    this.#connection = connection;
  }

  static async open(port: number): Promise<DeafSocket> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const lines = [
      "GET /graphql HTTP/1.1",
      `host: 127.0.0.1:${port}`,
      "upgrade: websocket",
      "connection: Upgrade",
      "sec-websocket-version: 13",
      "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
      `sec-websocket-protocol: ${GRAPHQL_TRANSPORT_WS_PROTOCOL}`,
    ];
    await connection.write(new TextEncoder().encode(`${lines.join("\r\n")}\r\n\r\n`));
    const byte = new Uint8Array(1);
    for (let head = ""; !head.endsWith("\r\n\r\n");) {
      if (await connection.read(byte) === null) throw new Error(`The connection ended after ${head}`);
      head += String.fromCharCode(byte[0]!);
    }
    return new DeafSocket(connection);
  }

  /** Rejects once the server is gone. */
  async send(message: unknown): Promise<void> {
    const writer = this.#connection.writable.getWriter();
    await writer.write(maskedFrame(JSON.stringify(message)));
    writer.releaseLock();
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}

/** One text frame, masked with zeros, as RFC 6455 lays it out. */
function maskedFrame(text: string): Uint8Array<ArrayBuffer> {
  const payload = new TextEncoder().encode(text);
  const { length } = payload;
  const head = length < 126 ? [0x81, 0x80 | length] : [0x81, 0xff, 0, 0, 0, 0];
  if (length >= 126) { for (const shift of [24, 16, 8, 0]) head.push((length >>> shift) & 0xff); }
  const frame = new Uint8Array(head.length + 4 + length);
  frame.set(head);
  frame.set(payload, head.length + 4);
  return frame;
}

/** The real server on a free port over some gateway, and a client for it. */
import { buildSchema } from "../../schema/index.ts";
import type { Gateway } from "../../src/app/types.ts";
import { createJsonLog } from "../../src/server/log.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../src/server/server.ts";

const schema = buildSchema();

// deno-lint-ignore no-explicit-any -- answers are compared as they are
export type Json = any;
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly data?: Json; readonly errors?: Json };
}

export class ApiServer implements AsyncDisposable {
  readonly server: RunningServer;
  /** What was logged, line by line. */
  readonly log: readonly string[];

  constructor(gateway: Gateway, options: Partial<ServerOptions> = {}) {
    const lines: string[] = [];
    this.log = lines;
    this.server = startServer({
      schema,
      gateway,
      host: "127.0.0.1",
      port: 0,
      log: createJsonLog((line) => lines.push(line)),
      ...options,
    });
  }

  get url(): string {
    return `${this.server.origin}/graphql`;
  }

  async post(body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const response = await fetch(this.url, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? {} : JSON.parse(text) };
  }

  /** A query or mutation; `key` is the bearer key. */
  query(query: string, variables: Readonly<Record<string, unknown>> = {}, key?: string): Promise<Answer> {
    return this.post({ query, variables }, key === undefined ? {} : { authorization: `Bearer ${key}` });
  }

  /** Results of a subscription, until it completes. Ending the iteration drops the connection. */
  async *subscribe(
    query: string,
    variables: Readonly<Record<string, unknown>> = {},
    options: { readonly key?: string; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Json> {
    const response = await this.openStream(query, variables, options);
    yield* sseResults(response.body!);
  }

  async openStream(
    query: string,
    variables: Readonly<Record<string, unknown>> = {},
    { key, signal }: { readonly key?: string; readonly signal?: AbortSignal } = {},
  ): Promise<Response> {
    return await fetch(this.url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "text/event-stream",
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      body: JSON.stringify({ query, variables }),
      ...(signal ? { signal } : {}),
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.server.shutdown();
  }
}

/** `next` messages of a GraphQL-over-SSE body; returns at `complete`, throws if the body ends without it. */
export async function* sseResults(body: ReadableStream<Uint8Array>): AsyncGenerator<Json> {
  let text = "";
  for await (
    const chunk of body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
  ) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const message = text.slice(0, end);
      text = text.slice(end + 2);
      if (message.startsWith("event: complete")) return;
      const data = /^data: ?(.*)$/m.exec(message)?.[1];
      if (message.startsWith("event: next") && data !== undefined) yield JSON.parse(data);
    }
  }
  throw new Error("The stream ended without complete");
}

/** Subscriptions over bare TCP: connections that a test can break, or leave unread. */
/** Where a gateway listens: a server of this process, or another one. */
export interface Listening {
  readonly server: { readonly port: number };
}

async function open(
  api: Listening,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<Deno.TcpConn> {
  const body = JSON.stringify({ query, variables });
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: api.server.port });
  await connection.write(
    new TextEncoder().encode(
      `POST /graphql HTTP/1.1\r\nhost: 127.0.0.1:${api.server.port}\r\ncontent-type: application/json\r\n` +
        `accept: text/event-stream\r\ncontent-length: ${
          new TextEncoder().encode(body).length
        }\r\n\r\n${body}`,
    ),
  );
  return connection;
}

/** Reads so many events, or all if there are fewer, then breaks the connection without a word. */
export async function killedStream(
  api: Listening,
  query: string,
  variables: Readonly<Record<string, unknown>>,
  afterEvents: number,
): Promise<void> {
  using connection = await open(api, query, variables);
  const buffer = new Uint8Array(4_096);
  const decoder = new TextDecoder();
  for (let text = ""; text.split("event: next").length <= afterEvents && !text.includes("event: complete");) {
    const length = await connection.read(buffer);
    if (length === null) return;
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
}

/** Asks, and never reads what is answered. */
export async function deafStream(
  api: Listening,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<Disposable> {
  return await open(api, query, variables);
}

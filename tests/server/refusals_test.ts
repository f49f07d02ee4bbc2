/** Each refusal, over each way in which a subscription can come: the code that its client receives is the same. */
import { expect } from "@std/expect";
import type { ServerOptions } from "../../src/server/server.ts";
import { ApiServer, type Json } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { tokens } from "../support/fake_log.ts";
import { startWatched, untilNoConnections, untilNoSockets, untilNoStreams } from "../support/watching.ts";
import { RawSocket } from "../support/ws_client.ts";

const WATCH = `subscription ($id: ID!, $after: Int, $beat: Int) {
  generationEvents(id: $id, afterSeq: $after, heartbeatSeconds: $beat) { seq } }`;
const generate = (input: string) => `subscription { generate(input: { ${input} }) { seq } }`;
const MODEL = `model: { name: "owner/merged" }`;
const PROMPT = `prompt: { text: "x" }`;
const deep = `subscription { generate(input: { ${MODEL}, ${PROMPT} }) { ${
  "... on GenerationEvent { ".repeat(400)
} seq ${"} ".repeat(400)}} }`;

interface Case {
  readonly name: string;
  readonly code: string;
  readonly query: string;
  /** `$id` is a generation of somebody anonymous that is watched already, once. */
  readonly variables?: (id: string) => Json;
  readonly key?: string;
  readonly options?: Partial<ServerOptions>;
}

const CASES: readonly Case[] = [
  { name: "no GraphQL", code: "GRAPHQL_PARSE_FAILED", query: "subscription {" },
  { name: "a field that is none", code: "GRAPHQL_VALIDATION_FAILED", query: "subscription { nope }" },
  {
    name: "two root fields",
    code: "GRAPHQL_VALIDATION_FAILED",
    query: `subscription { a: generationEvents(id: "x") { seq } b: generationEvents(id: "x") { seq } }`,
  },
  { name: "a variable of another type", code: "BAD_USER_INPUT", query: WATCH, variables: () => ({ id: {} }) },
  { name: "a variable that is missing", code: "BAD_USER_INPUT", query: WATCH, variables: () => ({}) },
  { name: "a generation that is none", code: "NOT_FOUND", query: WATCH, variables: () => ({ id: "nope" }) },
  {
    name: "somebody else's generation",
    code: "NOT_FOUND",
    query: WATCH,
    variables: (id) => ({ id }),
    key: "g",
  },
  { name: "a wrong cursor", code: "CONFIG", query: WATCH, variables: (id) => ({ id, after: -1 }) },
  { name: "a wrong heartbeat", code: "CONFIG", query: WATCH, variables: (id) => ({ id, beat: 301 }) },
  { name: "a viewer who generates", code: "FORBIDDEN", query: generate(`${MODEL}, ${PROMPT}`), key: "v" },
  {
    name: "a model that is none",
    code: "NOT_FOUND",
    query: generate(`model: { name: "no/such" }, ${PROMPT}`),
  },
  { name: "too many tokens", code: "GRAPHQL_PARSE_FAILED", query: deep },
  {
    name: "too many aliases",
    code: "QUERY_TOO_COMPLEX",
    query: `subscription { generationEvents(id: "x") { ${
      Array.from({ length: 16 }, (_, index) => `a${index}: seq`).join(" ")
    } } }`,
  },
  {
    name: "too many fields in one place",
    code: "QUERY_TOO_COMPLEX",
    query: `subscription { generationEvents(id: "x") { ${"seq ".repeat(201)} } }`,
  },
  {
    name: "too many characters",
    code: "QUERY_TOO_COMPLEX",
    query: `subscription { generationEvents(id: "x") { seq } }${" ".repeat(32_768)}`,
  },
  {
    name: "no place left at all",
    code: "CAPACITY",
    query: WATCH,
    variables: (id) => ({ id }),
    options: { limits: { streams: 1 } },
  },
  {
    name: "no place left for this caller",
    code: "CAPACITY",
    query: WATCH,
    variables: (id) => ({ id }),
    options: { limits: { streamsPerPrincipal: 1 } },
  },
  {
    name: "too many operations",
    code: "RATE_LIMITED",
    query: WATCH,
    variables: (id) => ({ id }),
    options: { limits: { rate: { burst: 2, perSecond: 0.001 } } },
  },
  {
    name: "an operation that is not on the list",
    code: "PERSISTED_QUERY_ONLY",
    query: WATCH,
    variables: (id) => ({ id }),
    key: "g",
    options: { persisted: { documents: new Map(), only: true } },
  },
  {
    name: "an unexpected failure",
    code: "INTERNAL",
    query: generate(`${MODEL}, ${PROMPT}, idempotencyKey: "broken"`),
  },
];

type Ask = (api: ApiServer, query: string, variables: Json, key?: string) => Promise<Json>;

/** What the client reads as errors, wherever its transport puts them. */
const TRANSPORTS: Readonly<Record<string, Ask>> = {
  async SSE(api, query, variables, key) {
    const response = await api.openStream(query, variables, key === undefined ? {} : { key });
    const text = await response.text();
    const data = text.startsWith("{") ? text : /^data: ?(\{.*)$/m.exec(text)?.[1];
    return JSON.parse(data!).errors;
  },
  async WebSocket(api, query, variables, key) {
    const socket = await new RawSocket(api.url).init(key === undefined ? undefined : { apiKey: key });
    socket.subscribe("1", query, variables);
    const message = await socket.next();
    expect(message.type).toBe("error");
    await socket.close();
    return message.payload;
  },
  async "one SSE connection"(api, query, variables, key) {
    const url = `${api.url}/stream`;
    const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
    const token = await (await fetch(url, { method: "PUT", headers })).text();
    const stream = await fetch(`${url}?token=${token}`, {
      headers: { ...headers, accept: "text/event-stream" },
    });
    const answer = await fetch(`${url}?token=${token}`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ query, variables, extensions: { operationId: "1" } }),
    });
    const text = await answer.text();
    if (answer.status !== 202) {
      await stream.body?.cancel();
      return JSON.parse(text).errors;
    }
    let events = "";
    for await (
      const chunk of stream.body!.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    ) {
      events += chunk;
      if (events.includes("event: complete")) break;
    }
    return JSON.parse(/^data: ?(.*)$/m.exec(events)![1]!).payload.errors;
  },
};

for (const { name, code, query, variables, key, options } of CASES) {
  Deno.test(`every transport refuses ${name} with ${code}`, async () => {
    for (const [transport, ask] of Object.entries(TRANSPORTS)) {
      const fake = new FakeGateway();
      const start = fake.generations.start;
      fake.generations.start = (principal, input) =>
        input.idempotencyKey === "broken" ? Promise.reject(new Error("secret")) : start(principal, input);
      await using api = new ApiServer(fake.gateway, options);
      const admin = options?.persisted === undefined ? undefined : "a";
      const id = admin === undefined ? await startWatched(api) : "x";
      const watched = api.subscribe(WATCH, { id });
      if (admin === undefined) {
        fake.lastLog.push(tokens("a"));
        await watched.next();
      }
      const errors = await ask(api, query, variables?.(id) ?? {}, key);
      expect({ transport, code: errors?.[0]?.extensions?.code }).toEqual({ transport, code });
      expect(JSON.stringify(errors)).not.toMatch(/secret|"http"/);
      expect(fake.started).toHaveLength(admin === undefined ? 1 : 0);
      await watched.return(undefined);
      await untilNoStreams(api);
      await untilNoSockets(api);
      await untilNoConnections(api);
    }
  });
}

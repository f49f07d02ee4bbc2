/**
 * Each refusal (of a limit, of a role, of what is malformed), over each way in which an operation can come: the code that
 * its client receives is the same. What only one transport can refuse stands in its own tests.
 */
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

const INPUT = `subscription ($input: GenerateInput!) { generate(input: $input) { seq } }`;
const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index)).join(" ");

interface Case {
  readonly name: string;
  readonly code: string;
  readonly query?: string;
  /** `$id` is a generation of somebody anonymous that is watched already, once. */
  readonly variables?: (id: string) => Json;
  /** Beside query and variables. */
  readonly params?: Json;
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
    name: "too many levels of fields",
    code: "QUERY_TOO_COMPLEX",
    query: `{ model(ref: { name: "owner/merged" }) { ${"provenance { model { ".repeat(6)} id ${
      "} } ".repeat(6)
    } } }`,
  },
  {
    name: "too many fields altogether",
    code: "QUERY_TOO_COMPLEX",
    query: `{ ${times(3, () => "viewer { ...F }")} } fragment F on Viewer { ${"id ".repeat(180)} }`,
  },
  {
    name: "fragments within fragments, sixty times doubled",
    code: "QUERY_TOO_COMPLEX",
    query: `{ viewer { ...F0 } } ${
      times(60, (index) => `fragment F${index} on Viewer { ...F${index + 1} ...F${index + 1} }`)
    } fragment F60 on Viewer { id }`,
  },
  {
    name: "fragments in a circle",
    code: "GRAPHQL_VALIDATION_FAILED",
    query: `{ ...A } fragment A on Query { ...B } fragment B on Query { ...A viewer { id } }`,
  },
  {
    name: "lists that cost too much",
    code: "QUERY_TOO_COMPLEX",
    query: `{ models(first: 100) { edges { node { parents { parents { parents { name } } } } } } }`,
  },
  {
    name: "variables with too many fields",
    code: "BAD_USER_INPUT",
    query: INPUT,
    variables: () => ({ input: Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`k${at}`, 1])) }),
  },
  {
    name: "the schema to a viewer",
    code: "FORBIDDEN",
    query: "{ __schema { queryType { name } } }",
    key: "v",
  },
  {
    name: "the schema to anybody",
    code: "FORBIDDEN",
    query: `{ __type(name: "Query") { name } }`,
    key: "a",
    options: { introspection: "off" },
  },
  {
    name: "an operation of an unknown hash",
    code: "PERSISTED_QUERY_NOT_FOUND",
    params: { documentId: "0".repeat(64) },
    options: { persisted: { documents: new Map(), only: false } },
  },
  {
    name: "no such operation of several",
    code: "OPERATION_RESOLUTION_FAILURE",
    query: "query A { viewer { id } } query B { viewer { id } }",
    params: { operationName: "C" },
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

const model = { name: "owner/merged" };
const prompt = { text: "x" };
const MALFORMED: Readonly<Record<string, Json>> = {
  "a model by id and by name": { model: { ...model, id: "x" }, prompt },
  "no model": { model: {}, prompt },
  "no prompt": { model },
  "two prompts": { model, prompt: { text: "x", tokenIds: [1] } },
  "a null prompt": { model, prompt: { text: null } },
  "a token id beyond 32 bits": { model, prompt: { tokenIds: [2 ** 31] } },
  "a token id that is a text": { model, prompt: { tokenIds: ["1"] } },
  "a role that nobody has": { model, prompt: { messages: [{ role: "TOOL", content: "x" }] } },
  "a seed that is no whole number": { model, prompt, sampling: { seed: 1.5 } },
  "a seed that JSON has rounded": { model, prompt, sampling: { seed: 2 ** 53 } },
  "an unknown sampling parameter": { model, prompt, sampling: { heat: 1 } },
  "an unknown policy": { model, prompt, onDisconnect: "LEAVE" },
  "a list for an input": [{ model, prompt }],
  "null for an input": null,
};
const ADMIN_ACTS: Readonly<Record<string, string>> = {
  "who loads a model":
    `mutation { loadModel(input: { model: { name: "owner/merged" } }) { ... on Error { code } } }`,
  "who unloads a model":
    `mutation { unloadModel(input: { model: { name: "owner/merged" } }) { ... on Error { code } } }`,
  "who registers a model": `mutation { registerModel(input: { path: "/x" }) { ... on Error { code } } }`,
  "who changes defaults": `mutation { updateSamplingDefaults(input: { sampling: {}, reason: "x" }) {
    ... on Error { code } } }`,
};
const TABLES: readonly Case[] = [
  ...Object.entries(MALFORMED).map(([name, input]) => ({
    ...{ name, code: "BAD_USER_INPUT", query: INPUT },
    variables: () => ({ input }),
  })),
  ...Object.entries(ADMIN_ACTS).flatMap(([name, query]) =>
    [["viewer", "v"], ["generator", "g"]].map(([role, key]) => ({
      ...{ name: `a ${role} ${name}`, code: "FORBIDDEN", query, key: key! },
    }))
  ),
];

type Ask = (api: ApiServer, params: Json, key?: string) => Promise<Json>;

/** What the client reads as the result, wherever its transport puts it. */
const TRANSPORTS: Readonly<Record<string, Ask>> = {
  async SSE(api, params, key) {
    const response = await fetch(api.url, {
      method: "POST",
      headers: { ...headersOf(key), "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify(params),
    });
    const text = await response.text();
    return JSON.parse(text.startsWith("{") ? text : /^data: ?(\{.*)$/m.exec(text)![1]!);
  },
  async WebSocket(api, params, key) {
    const socket = await new RawSocket(api.url).init(key === undefined ? undefined : { apiKey: key });
    socket.send({ type: "subscribe", id: "1", payload: { query: "", ...params } });
    const { type, payload } = await Promise.race([
      socket.next(),
      socket.closed.then(({ code }) => Promise.reject(new Error(`The socket closed: ${code}`))),
    ]);
    await socket.close();
    return type === "error" ? { errors: payload } : payload;
  },
  async "one SSE connection"(api, params, key) {
    const url = `${api.url}/stream`;
    const headers = headersOf(key);
    const token = await (await fetch(url, { method: "PUT", headers })).text();
    const stream = await fetch(`${url}?token=${token}`, {
      headers: { ...headers, accept: "text/event-stream" },
    });
    const answer = await fetch(`${url}?token=${token}`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ ...params, extensions: { operationId: "1" } }),
    });
    const text = await answer.text();
    if (answer.status !== 202) {
      await stream.body?.cancel();
      return JSON.parse(text);
    }
    let events = "";
    for await (
      const chunk of stream.body!.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
    ) {
      events += chunk;
      if (events.includes("event: complete")) break;
    }
    return JSON.parse(/^data: ?(.*)$/m.exec(events)![1]!).payload;
  },
};

function headersOf(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` };
}

/** Of an error, or of the expected failure that a mutation answers with. */
function codeOf({ data, errors }: Json): string | undefined {
  return errors?.[0]?.extensions?.code ?? Object.values<Json>(data ?? {})[0]?.code;
}

for (const { name, code, query, variables, params, key, options } of [...CASES, ...TABLES]) {
  Deno.test(`every transport refuses ${name} with ${code}`, async () => {
    for (const [transport, ask] of Object.entries(TRANSPORTS)) {
      const fake = new FakeGateway();
      const start = fake.generations.start;
      fake.generations.start = (principal, input) =>
        input.idempotencyKey === "broken" ? Promise.reject(new Error("secret")) : start(principal, input);
      await using api = new ApiServer(fake.gateway, options);
      // Where only known operations are let in, nothing can be started first.
      const isWatched = options?.persisted?.only !== true;
      const id = isWatched ? await startWatched(api) : "x";
      const watched = api.subscribe(WATCH, { id });
      if (isWatched) {
        fake.lastLog.push(tokens("a"));
        await watched.next();
      }
      const result = await ask(
        api,
        { ...query && { query }, variables: variables?.(id) ?? {}, ...params },
        key,
      );
      expect({ transport, code: codeOf(result) }).toEqual({ transport, code });
      expect(JSON.stringify(result)).not.toMatch(/secret|"http"/);
      expect(fake.started).toHaveLength(isWatched ? 1 : 0);
      await watched.return(undefined);
      await untilNoStreams(api);
      await untilNoSockets(api);
      await untilNoConnections(api);
    }
  });
}

Deno.test("no transport lets in who has no key, or another page's script", async () => {
  const fake = new FakeGateway();
  fake.allowAnonymous = false;
  await using api = new ApiServer(fake.gateway);
  const origin = { origin: "https://evil.example" };
  for (
    const [headers, status, code] of [
      [{}, 401, "UNAUTHENTICATED"],
      [{ authorization: "Bearer nope" }, 401, "UNAUTHENTICATED"],
      [{ authorization: "Bearer g", ...origin }, 403, "FORBIDDEN"],
    ] as const
  ) {
    for (const [method, path] of [["POST", ""], ["PUT", "/stream"], ["POST", "/stream"]] as const) {
      const response = await fetch(`${api.url}${path}`, {
        method,
        headers: { ...headers, "content-type": "application/json", accept: "text/event-stream" },
        ...method === "POST" ? { body: JSON.stringify({ query: generate(`${MODEL}, ${PROMPT}`) }) } : {},
      });
      const { errors } = await response.json();
      expect({ method, path, status: response.status, code: errors[0].extensions.code })
        .toEqual({ method, path, status, code });
    }
    const socket = new RawSocket(api.url, undefined, headers);
    await socket.opened.then(() => socket.send({ type: "connection_init" }), () => {});
    // Who comes from elsewhere gets no socket at all, and so no code.
    expect((await socket.closed).code).toBe(status === 401 ? 4403 : 0);
  }
  await untilNoSockets(api);
  expect(fake.started).toEqual([]);
});

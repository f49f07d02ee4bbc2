/** What an operator turns on: pages of other origins, who sees the schema, known operations, rates, and what is logged. */
import { createHash } from "node:crypto";
import { expect } from "@std/expect";
import { isOrigin } from "../../src/server/cors.ts";
import { createJsonLog } from "../../src/server/log.ts";
import { parsePersistedOperations } from "../../src/server/persisted.ts";
import { RateLimiter } from "../../src/server/rate_limiter.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { RawSocket } from "../support/ws_client.ts";

const VIEWER = "{ viewer { id } }";
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

Deno.test("startServer() lets the named origins in, and no others", async () => {
  const corsOrigins = ["https://app.example"];
  await using api = new ApiServer(new FakeGateway().gateway, { corsOrigins });
  const preflight = async (origin: string, path = "/graphql") => {
    const response = await fetch(`${api.server.origin}${path}`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
        "sec-fetch-site": "cross-site",
      },
    });
    await response.body?.cancel();
    return response;
  };
  for (const path of ["/graphql", "/graphql/stream", "/v1/chat/completions"]) {
    const { status, headers } = await preflight("https://app.example", path);
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe("https://app.example");
    // Whatever else the clients of an API say of themselves; "*" does not stand for the key.
    expect(headers.get("access-control-allow-headers")).toBe("authorization, *");
    expect(headers.get("access-control-allow-methods")).toContain("DELETE");
    expect(headers.get("access-control-allow-credentials")).toBeNull();
    expect(headers.get("vary")).toBe("origin");
  }
  for (
    const origin of ["https://evil.example", "https://app.example.evil.example", "null", "http://app.example"]
  ) {
    const { status, headers } = await preflight(origin);
    expect([status, headers.get("access-control-allow-origin")]).toEqual([405, null]);
    const asked = await api.post({ query: VIEWER }, { origin, "sec-fetch-site": "cross-site" });
    expect(asked.status).toBe(403);
    expect(asked.headers.get("access-control-allow-origin")).toBeNull();
  }
  const asked = await api.post({ query: VIEWER }, {
    origin: "https://app.example",
    "sec-fetch-site": "cross-site",
  });
  expect(asked.status).toBe(200);
  expect(asked.headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(asked.headers.get("access-control-expose-headers")).toBe(
    "x-request-id, retry-after, retry-after-ms, x-should-retry",
  );
  // A form of the page still is no GraphQL.
  const form = await api.post(VIEWER, { origin: "https://app.example", "content-type": "text/plain" });
  expect(form.status).toBe(415);
  const socket = await new RawSocket(api.url, undefined, { origin: "https://app.example" }).init();
  await socket.close();
  await expect(new RawSocket(api.url, undefined, { origin: "https://evil.example" }).opened).rejects
    .toThrow();
});

Deno.test("isOrigin() takes what browsers send, and nothing that is nearly that", () => {
  const texts = [
    "https://app.example",
    "http://localhost:3000",
    "https://app.example/",
    "app.example",
    "*",
    "null",
  ];
  expect(texts.filter(isOrigin)).toEqual(["https://app.example", "http://localhost:3000"]);
});

Deno.test("startServer() shows the schema to generators and admins, or to nobody, on every transport", async () => {
  const ask = "{ __schema { queryType { name } } }";
  for (
    const [introspection, key, shown] of [
      ["roles", undefined, true],
      ["roles", "g", true],
      ["roles", "a", true],
      ["roles", "v", false],
      ["off", "a", false],
      ["off", undefined, false],
    ] as const
  ) {
    await using api = new ApiServer(new FakeGateway().gateway, { introspection });
    // Somebody who may has asked before: what is kept of a document is not who may use it.
    await api.query(ask, {}, "a");
    const socket = await new RawSocket(api.url).init(key === undefined ? undefined : { apiKey: key });
    socket.subscribe("1", ask);
    const overSocket = await socket.next();
    const { body } = await api.query(ask, {}, key);
    if (shown) {
      expect(body.data.__schema.queryType.name).toBe("Query");
      expect(overSocket).toMatchObject({ type: "next", payload: { data: { __schema: {} } } });
    } else {
      expect(body).toMatchObject({ errors: [{ extensions: { code: "FORBIDDEN" } }] });
      expect(overSocket).toMatchObject({ type: "error", payload: [{ extensions: { code: "FORBIDDEN" } }] });
    }
    const typename = await api.query("{ __typename viewer { __typename } }", {}, key);
    expect(typename.body.data.__typename).toBe("Query");
    for (const query of ["{ viewre { id } }", "{ viewer { id } models(frist: 1) { totalCount } }"]) {
      const { errors } = (await api.query(query, {}, key)).body;
      expect(JSON.stringify(errors).includes("Did you mean")).toBe(shown);
      expect(errors[0].extensions.code).toBe("GRAPHQL_VALIDATION_FAILED");
    }
    const type = `query ($r: DisconnectPolicy!) { viewer { id } node(id: "x") @skip(if: true) { id }
      model(ref: { name: "x" }) @skip(if: true) { name } }`;
    expect(JSON.stringify((await api.query(type, { r: "CANCLE" }, key)).body).includes("Did you mean")).toBe(
      false,
    );
    await socket.close();
  }
});

Deno.test("startServer() carries out persisted operations by hash, on every transport", async () => {
  const documents = new Map([[sha256(VIEWER), VIEWER]]);
  for (const only of [false, true]) {
    await using api = new ApiServer(new FakeGateway().gateway, { persisted: { documents, only } });
    const hash = sha256(VIEWER);
    const persistedQuery = { version: 1, sha256Hash: hash };
    for (
      const body of [
        { extensions: { persistedQuery } },
        { documentId: hash },
        { documentId: `sha256:${hash}` },
        { query: VIEWER, documentId: hash },
      ]
    ) {
      expect((await api.post(body)).body).toEqual({ data: { viewer: { id: "anonymous" } } });
    }
    const code = async (body: unknown, headers = {}) =>
      (await api.post(body, headers)).body.errors?.[0].extensions.code;
    expect(await code({ documentId: sha256("{ runtime { running } }") })).toBe("PERSISTED_QUERY_NOT_FOUND");
    expect(await code({ documentId: 7 })).toBe("PERSISTED_QUERY_NOT_FOUND");
    expect(await code({ query: "{ runtime { running } }", documentId: hash })).toBe("BAD_REQUEST");
    // Nothing is ever added: sending a document with its own hash is no way in.
    const other = "{ runtime { running } }";
    expect(
      await code({ query: other, extensions: { persistedQuery: { version: 1, sha256Hash: sha256(other) } } }),
    )
      .toBe("PERSISTED_QUERY_NOT_FOUND");
    expect(await code({ query: other })).toBe(only ? "PERSISTED_QUERY_ONLY" : undefined);
    expect(await code({ query: other }, { authorization: "Bearer a" })).toBeUndefined();
    const get = await fetch(`${api.url}?documentId=${hash}`, { headers: { accept: "application/json" } });
    expect((await get.json()).data?.viewer).toEqual({ id: "anonymous" });
    const socket = await new RawSocket(api.url).init();
    socket.send({ type: "subscribe", id: "1", payload: { query: "", extensions: { persistedQuery } } });
    expect(await socket.next()).toMatchObject({ payload: { data: { viewer: { id: "anonymous" } } } });
    await socket.next();
    socket.subscribe("2", other);
    expect((await socket.next()).type).toBe(only ? "error" : "next");
    await socket.close();
  }
});

Deno.test("parsePersistedOperations() names the entry that cannot be used", () => {
  const hash = sha256(VIEWER);
  expect(parsePersistedOperations(JSON.stringify({ [hash]: VIEWER }), "f").get(hash)).toBe(VIEWER);
  expect(parsePersistedOperations(JSON.stringify({ [`sha256:${hash}`]: VIEWER }), "f").get(hash)).toBe(
    VIEWER,
  );
  for (
    const [json, words] of [
      ["[]", "expected a JSON object"],
      ["{", "expected a JSON object"],
      [JSON.stringify({ short: VIEWER }), '"short"'],
      [JSON.stringify({ [hash]: 1 }), "expected a SHA-256"],
      [JSON.stringify({ [hash]: `${VIEWER} ` }), "hashes to"],
      [JSON.stringify({ [sha256("{")]: "{" }), "no GraphQL"],
    ] as const
  ) {
    expect(() => parsePersistedOperations(json, "f")).toThrow(words);
  }
});

Deno.test("startServer() bounds the rate of each caller: 429, and when to come back", async () => {
  const limits = { rate: { burst: 3, perSecond: 0.5 } };
  await using api = new ApiServer(new FakeGateway().gateway, { limits });
  for (let index = 0; index < 3; index++) expect((await api.query(VIEWER)).status).toBe(200);
  const refused = await api.query(VIEWER);
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("2");
  expect(refused.body.errors[0].extensions).toMatchObject({
    code: "RATE_LIMITED",
    details: { retryAfterMs: expect.any(Number) },
  });
  const openAi = await fetch(`${api.server.origin}/v1/models`);
  expect([openAi.status, openAi.headers.get("retry-after")]).toEqual([429, "2"]);
  await openAi.body?.cancel();
  // Somebody else has a bucket of their own; health is nobody's.
  expect((await api.query(VIEWER, {}, "v")).status).toBe(200);
  expect(await (await fetch(`${api.server.origin}/livez`)).json()).toEqual({ live: true });
});

Deno.test("RateLimiter fills up over time, to its burst, and forgets the longest unseen", () => {
  let nowMs = 0;
  const rates = new RateLimiter({ burst: 2, perSecond: 10 }, () => nowMs);
  expect([rates.take("a"), rates.take("a"), rates.take("a")]).toEqual([0, 0, 100]);
  nowMs = 99;
  expect(rates.take("a")).toBeGreaterThan(0);
  nowMs = 101;
  expect(rates.take("a")).toBe(0);
  nowMs = 1e9;
  expect([rates.take("a"), rates.take("a"), rates.take("a") > 0]).toEqual([0, 0, true]);
  for (let index = 0; index < 10_000; index++) rates.take(`other ${index}`);
  expect(rates.take("a")).toBe(0);
});

Deno.test("the log of a run holds no key and no prompt, unless prompts are asked for", async () => {
  const prompt = "the launch code is 0000";
  for (const logPrompts of [false, true]) {
    const lines: string[] = [];
    const fake = new FakeGateway();
    {
      await using api = new ApiServer(fake.gateway, {
        logPrompts,
        log: createJsonLog((line) => lines.push(line), "debug"),
      });
      const start = `mutation ($text: String!) { startGeneration(
        input: { model: { name: "owner/merged" }, prompt: { text: $text } }) { __typename } }`;
      for (const key of ["g", "gsk_000000000000_secretsecret"]) await api.query(start, { text: prompt }, key);
      await api.query(`{ viewer { nope(x: "${prompt}") } }`, {}, "g");
      const socket = await new RawSocket(api.url).init({ apiKey: "g" });
      socket.subscribe("1", start, { text: prompt });
      await socket.next();
      await socket.close();
      await new RawSocket(api.url).init({ apiKey: "gsk_000000000000_secretsecret" }).catch(() => {});
      fake.failWith = new Error("unforeseen");
      await api.query(start, { text: prompt });
    }
    const log = lines.join("\n");
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) JSON.parse(line);
    expect(log).not.toContain("secretsecret");
    expect(log.includes(prompt)).toBe(logPrompts);
  }
});

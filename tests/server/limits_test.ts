/** What an operation may ask for. Every limit is met from both sides: the last that passes, the first that fails. */
import { expect } from "@std/expect";
import { getIntrospectionQuery, parse } from "graphql";
import { MAX_BODY_BYTES } from "../../src/server/graphql.ts";
import { checkQueryLimits, DEFAULT_QUERY_LIMITS as LIMITS } from "../../src/server/query_limits.ts";
import { RateLimiter } from "../../src/server/rate_limiter.ts";
import { StreamPlaces } from "../../src/server/stream_places.ts";
import { CapacityError } from "../../src/errors.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";
import { tokens } from "../support/fake_log.ts";

const times = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => text(index)).join(" ");
/** `model`, `provenance`, `model`, and so on: `levels` levels of fields that cost little each. */
const nested = (levels: number) => {
  const names = Array.from({ length: levels - 2 }, (_, index) => index % 2 === 0 ? "provenance" : "model");
  return `{ model(ref: { name: "owner/merged" }) { ${names.join(" { ")} { id ${"}".repeat(levels)}`;
};

const CASES: readonly {
  readonly name: string;
  readonly passes: string;
  readonly fails: string;
  readonly code?: string;
  /** What the message says to do. */
  readonly hint?: RegExp;
}[] = [
  {
    name: "characters",
    passes: `{ viewer { id } }${" ".repeat(LIMITS.characters - 17)}`,
    fails: `{ viewer { id } }${" ".repeat(LIMITS.characters - 16)}`,
    hint: /^Cannot run the operation: its length is \d+, allowed are \d+; send texts .* as variables$/,
  },
  {
    name: "tokens",
    // Variables unused by the operation would be invalid, so the tokens are those of a list.
    passes: `{ viewer { id @include(if: true) ${times(190, () => "id")} } }`,
    fails: `{ viewer { id } ${times(250, () => "viewer { id }")} }`,
    code: "GRAPHQL_PARSE_FAILED",
    hint: /1000 tokens.*; send texts and lists that are long as variables$/,
  },
  { name: "depth", passes: nested(LIMITS.depth), fails: nested(LIMITS.depth + 1) },
  {
    name: "depth through fragments",
    passes: `query { ...A } fragment A on Query ${nested(LIMITS.depth)}`,
    fails: `query { ...A } fragment A on Query ${nested(LIMITS.depth + 1)}`,
  },
  {
    name: "aliases",
    passes: `{ ${times(LIMITS.aliases, (index) => `a${index}: viewer { id }`)} }`,
    fails: `{ ${times(LIMITS.aliases + 1, (index) => `a${index}: viewer { id }`)} }`,
  },
  {
    name: "aliases through fragments",
    passes: `{ viewer { ...A } runtime { ...B } }
      fragment A on Viewer { ${times(7, (index) => `a${index}: id`)} }
      fragment B on Runtime { ${times(8, (index) => `a${index}: running`)} }`,
    fails: `{ viewer { ...A ...A } runtime { ...B } }
      fragment A on Viewer { ${times(7, (index) => `a${index}: id`)} }
      fragment B on Runtime { ${times(8, (index) => `a${index}: running`)} }`,
  },
  {
    name: "breadth",
    passes: `{ viewer { ${times(LIMITS.breadth, () => "id")} } }`,
    fails: `{ viewer { ${times(LIMITS.breadth + 1, () => "id")} } }`,
  },
  {
    name: "fields",
    passes: `{ ${times(3, () => `viewer { ${times(160, () => "id")} }`)} }`,
    fails: `{ ${times(3, () => `viewer { ${times(170, () => "id")} }`)} }`,
  },
  {
    name: "complexity",
    passes: `{ models(first: 100) { edges { node { name parents { name } } } } }`,
    fails:
      `{ models(first: 100) { edges { node { name parents { name parents { name parents { name } } } } } } }`,
  },
];

for (const { name, passes, fails, code = "QUERY_TOO_COMPLEX", hint = /./ } of CASES) {
  Deno.test(`startServer() limits the ${name} of an operation`, async () => {
    await using api = new ApiServer(new FakeGateway().gateway);
    const allowed = await api.query(passes);
    expect(allowed.body.errors).toBeUndefined();
    expect(allowed.body.data).toBeTruthy();
    const refused = await api.query(fails);
    expect(refused.body.errors[0].extensions.code).toBe(code);
    expect(refused.body.errors[0].message).toMatch(hint);
    expect(refused.body.data ?? null).toBeNull();
    const strict = await api.post({ query: fails }, { accept: "application/graphql-response+json" });
    expect(strict.status).toBe(400);
  });
}

Deno.test("startServer() answers the introspection query that tools send", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const answer = await api.query(getIntrospectionQuery({ oneOf: true, inputValueDeprecation: true }));
  expect(answer.body.errors).toBeUndefined();
  expect(answer.body.data.__schema.types.length).toBeGreaterThan(50);
});

Deno.test("startServer() never finds a subscription too complex once it has started something", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  const most = `tokens { ${times(190, () => "id")} top { ${times(195, () => "id")} } }`;
  const stream = api.subscribe(`subscription {
    generate(input: { model: { name: "owner/merged" }, prompt: { text: "x" } }) { ... on TokensGenerated { ${most} } }
  }`);
  const first = stream.next();
  while (api.server.liveStreams === 0) await (await fetch(`${api.server.origin}/livez`)).body?.cancel();
  fake.lastLog.push(tokens("a"));
  expect((await first).value).toEqual({ data: { generate: { tokens: [{ id: 1, top: [] }] } } });
  await stream.return(undefined);
});

Deno.test("checkQueryLimits() measures a bomb of fragments in the time of its text", () => {
  const levels = 60;
  const bomb = parse(
    `{ viewer { ...F0 } } ${
      times(levels, (index) => `fragment F${index} on Viewer { ...F${index + 1} ...F${index + 1} }`)
    } fragment F${levels} on Viewer { id }`,
  );
  // 2^60 fields; the number itself shows that every spread was counted.
  expect(checkQueryLimits(bomb, LIMITS)?.message).toContain(`${2 ** levels}`);
});

Deno.test("checkQueryLimits() counts a fragment's fields where it is spread", () => {
  const query = parse(`{ viewer { id role ...F ...F } } fragment F on Viewer { id ... { role } }`);
  const limits = { ...LIMITS, breadth: 6, fields: 7 };
  expect(checkQueryLimits(query, limits)).toBeNull();
  for (const what of ["breadth", "fields"] as const) {
    expect(checkQueryLimits(query, { ...limits, [what]: limits[what] - 1 })?.message).toContain(
      `its ${what} is`,
    );
  }
});

Deno.test("RateLimiter forgets the caller that has not been seen for longest", () => {
  let nowMs = 0;
  const limiter = new RateLimiter({ burst: 1, perSecond: 0.001 }, () => nowMs);
  const take = (caller: string) => limiter.take(caller) === 0;
  expect([take("often"), take("once"), take("often")]).toEqual([true, true, false]);
  nowMs = 1;
  for (let other = 0; other < 9_999; other++) take(`${other}`); // one more than there is room for
  expect([take("often"), take("once")]).toEqual([false, true]);
});

Deno.test("StreamPlaces gives every place once, takes it back once, and says when all are free", async () => {
  const places = new StreamPlaces({ streams: 3, streamsPerPrincipal: 2 });
  await places.empty();
  const mine = [places.take("a"), places.take("a")];
  expect(() => places.take("a")).toThrow("you have 2 open");
  const theirs = places.take("b");
  expect(() => places.take("c")).toThrow("3 are open");
  for (let time = 0; time < 2; time++) mine[0]![Symbol.dispose]();
  expect(places.taken).toBe(2);
  const again = places.take("a");
  expect(() => places.take("a")).toThrow(CapacityError);
  let isEmpty = false;
  const empty = places.empty().then(() => isEmpty = true);
  for (const place of [mine[1]!, again]) place[Symbol.dispose]();
  await Promise.resolve();
  expect([places.taken, isEmpty]).toEqual([1, false]);
  theirs[Symbol.dispose]();
  await empty;
});

Deno.test("checkQueryLimits() leaves cycles and unknown fragments to validation", () => {
  const cycle = parse(
    `{ ...A ...Nowhere } fragment A on Query { ...B } fragment B on Query { ...A viewer { id } }`,
  );
  expect(checkQueryLimits(cycle, LIMITS)).toBeNull();
});

Deno.test("startServer() reads no body beyond its limit", async () => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const body = (bytes: number) => {
    const start = `{"query":"{ viewer { id } }","variables":{"x":"`;
    return `${start}${"x".repeat(bytes - start.length - 3)}"}}`;
  };
  expect((await api.post(body(MAX_BODY_BYTES))).status).toBe(200);
  const refused = await api.post(body(MAX_BODY_BYTES + 1));
  expect(refused.status).toBe(413);
  expect(refused.body.errors[0].extensions.code).toBe("REQUEST_ENTITY_TOO_LARGE");
  // Without a length up front, what has been read decides.
  const chunk = new TextEncoder().encode("x".repeat(65_536));
  let sent = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent++ < 1_000) controller.enqueue(chunk);
      else controller.close();
    },
  });
  const response = await fetch(api.url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: endless,
  }).catch(() => null);
  if (response) expect(response.status).toBe(413);
  await response?.body?.cancel();
  expect(sent).toBeLessThan(1_000);
});

/** Keys that expire, the audit log and usage, through GraphQL on a real gateway. */
import { expect } from "@std/expect";
import { ApiServer } from "../support/api_server.ts";
import { ADMIN, collect, HELPER, TestGateway } from "../support/gateway.ts";

Deno.test("an admin makes a key that expires, reads of it in the audit log, and proves the log", async () => {
  await using test = await TestGateway.make();
  const { access } = test.gateway;
  const { secret: admin } = await access.createKey(ADMIN, { role: "ADMIN", label: "operator" });
  await using api = new ApiServer(test.gateway);
  const create =
    `mutation ($at: DateTime) { createApiKey(input: { role: GENERATOR, label: "ci", expiresAt: $at }) {
    __typename ... on Error { code message }
    ... on CreateApiKeyPayload { secret apiKey { id label role expiresAt lastUsedAt } }
  } }`;
  const at = new Date(test.clock.now().getTime() + 60_000).toISOString();
  const made = (await api.query(create, { at }, admin)).body.data.createApiKey;
  expect(made.apiKey).toMatchObject({ label: "ci", role: "GENERATOR", expiresAt: at, lastUsedAt: null });
  const past = (await api.query(create, { at: "2020-01-01T00:00:00Z" }, admin)).body.data.createApiKey;
  expect(past).toMatchObject({ __typename: "ConfigError", code: "CONFIG" });

  const log = `{ auditLog(first: 1, where: { action: "key.create" }) {
    totalCount edges { node { seq actorLabel target details hash previousHash } }
  } verifyAuditLog { isIntact entries headHash brokenSeq } }`;
  const { auditLog, verifyAuditLog } = (await api.query(log, {}, admin)).body.data;
  const [{ node }] = auditLog.edges;
  expect([auditLog.totalCount, node.actorLabel, node.target]).toEqual([2, "operator", made.apiKey.id]);
  expect(JSON.parse(node.details)).toMatchObject({ label: "ci", role: "GENERATOR", expiresAt: at });
  expect(verifyAuditLog).toEqual({ isIntact: true, entries: 3, headHash: node.hash, brokenSeq: null });

  for (const field of ["auditLog { totalCount }", "verifyAuditLog { isIntact }", "usage { totalCount }"]) {
    const refused = await api.query(`{ ${field} }`, {}, made.secret);
    expect([field, refused.body.errors[0].extensions.code]).toEqual([field, "FORBIDDEN"]);
  }
  test.clock.advance(60_000);
  expect((await api.query("{ viewer { id } }", {}, made.secret)).status).toBe(401);
});

Deno.test("viewer shows units, what waits, and one's own usage; usage shows everybody's to admins", async () => {
  await using test = await TestGateway.make({ admission: { totalUnits: 1, unitsPerPrincipal: 1 } });
  const { access, generations } = test.gateway;
  const { secret: admin } = await access.createKey(ADMIN, { role: "ADMIN", label: "operator" });
  const { secret, key } = await access.createKey(ADMIN, { role: "GENERATOR", label: "user" });
  await using api = new ApiServer(test.gateway);
  const user = await access.authenticate(`Bearer ${secret}`);
  const input = { model: HELPER, prompt: { tokenIds: [1, 300] } };
  const { id } = await generations.start(user, input);
  const waiting = await generations.start(user, { ...input, priority: -1 });
  const viewer = `{ viewer { concurrencyUnitsHeld concurrencyUnitsAllowed generationsQueued
    usage { day model { name } generations promptTokens cachedTokens completionTokens engineMs } } }`;
  expect((await api.query(viewer, {}, secret)).body.data.viewer).toEqual({
    ...{ concurrencyUnitsHeld: 1, concurrencyUnitsAllowed: 1, generationsQueued: 1, usage: [] },
  });
  const watch = `subscription ($id: ID!) { generationEvents(id: $id) {
    __typename ... on GenerationQueued { position estimateMs } } }`;
  const globalId = new TextEncoder().encode(`Generation:${waiting.id}`)
    .toBase64({ alphabet: "base64url", omitPadding: true });
  for await (const { data } of api.subscribe(watch, { id: globalId }, { key: secret })) {
    expect(data.generationEvents).toEqual({ __typename: "GenerationQueued", position: 1, estimateMs: null });
    break;
  }
  await generations.cancel(user, waiting.id);
  const request = await test.engine.request(0);
  request.promptProcessed(1);
  request.tokens(300);
  request.finish("STOP");
  await collect(generations.events(user, id, {}));
  const sums = { promptTokens: "2", cachedTokens: "1", completionTokens: "1", engineMs: "2" };
  const row = { day: "2024-01-31", model: { name: HELPER.name }, generations: "2", ...sums };
  const { body } = await api.query(viewer, {}, secret);
  expect(body.data.viewer).toMatchObject({ concurrencyUnitsHeld: 0, generationsQueued: 0, usage: [row] });
  const all = `query ($who: String, $from: String) {
    usage(where: { principalId: $who, from: $from, model: { name: "${HELPER.name}" } }) {
      totalCount edges { node { principalId completionTokens } }
    } }`;
  const found = (await api.query(all, { who: key.id }, admin)).body.data.usage;
  expect(found).toEqual({ totalCount: 1, edges: [{ node: { principalId: key.id, completionTokens: "1" } }] });
  const wrong = await api.query(all, { from: "soon" }, admin);
  expect(wrong.body.errors[0].extensions.code).toBe("CONFIG");
});

Deno.test("a stream ends when the key that opened it is revoked", async () => {
  await using test = await TestGateway.make();
  const { access, generations } = test.gateway;
  const { secret, key } = await access.createKey(ADMIN, { role: "GENERATOR", label: "user" });
  await using api = new ApiServer(test.gateway);
  const user = await access.authenticate(`Bearer ${secret}`);
  const { id } = await generations.start(user, { model: HELPER, prompt: { tokenIds: [1, 300] } });
  const globalId = new TextEncoder().encode(`Generation:${id}`)
    .toBase64({ alphabet: "base64url", omitPadding: true });
  const watch = `subscription ($id: ID!) { generationEvents(id: $id) { seq } }`;
  const results = [];
  for await (const result of api.subscribe(watch, { id: globalId }, { key: secret })) {
    results.push(result);
    if (results.length === 1) await access.revokeKey(ADMIN, key.id);
  }
  expect(results.at(-1)!.errors[0].extensions.code).toMatch(/UNAUTHENTICATED|FORBIDDEN/);
  expect((await generations.get(user, id))?.finishedAt).toBeNull(); // the generation is a fact of its own
});

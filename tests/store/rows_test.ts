/** The store's functions, on every database alike: what is written comes back, in the same order, once. */
import { expect } from "@std/expect";
import * as audit from "../../src/store/audit.ts";
import * as keys from "../../src/store/api_keys.ts";
import { toBigInt } from "../../src/store/codec.ts";
import type { Db } from "../../src/store/database.ts";
import { appendEvents, lastSeq, readEvents } from "../../src/store/generation_events.ts";
import * as generations from "../../src/store/generations.ts";
import { listMergeTensors } from "../../src/store/merge_tensors.ts";
import * as merges from "../../src/store/merges.ts";
import { migrate } from "../../src/store/migrate.ts";
import * as jobs from "../../src/store/model_jobs.ts";
import * as paths from "../../src/store/message_paths.ts";
import * as models from "../../src/store/models.ts";
import * as revisions from "../../src/store/sampling_revisions.ts";
import * as gateways from "../../src/store/gateways.ts";
import * as claims from "../../src/store/unit_claims.ts";
import * as usage from "../../src/store/usage.ts";
import * as sessions from "../../src/store/sessions.ts";
import { storeTest } from "../support/dialects.ts";

const AT = "2024-01-31T09:30:00.000Z";
const LATER = "2024-01-31T09:30:15.000Z";
const BIG = 2n ** 53n - 1n;

function modelRow(id: string, artifactId: string, more: Partial<models.ModelRow> = {}): models.ModelRow {
  return {
    ...{ id, name: id, path: `/m/${id}`, file_stamps: "{}", author: null, architecture: "X" },
    ...{ parameter_count: null, license: null, published_at: null, description: null },
    ...{ native_context_length: 8, served_context_length: 8, native_dtype: "BFLOAT16" },
    ...{ served_quantization: "none", concurrency_cost: 1, checkpoint_sampling: "{}" },
    ...{ artifact_id: artifactId, merge_id: null, created_at: AT },
    ...{ catalogue: null, recipe: null, origin: null, removed_at: null, keep_alive_seconds: null, pinned: 0 },
    ...more,
  };
}

async function addModel(db: Db, id: string, more: Partial<models.ModelRow> = {}): Promise<void> {
  const artifact = { id: `a-${id}`, manifest_sha256: `hash ${id}`, size_bytes: 10n, created_at: AT };
  const artifactId = await models.ensureArtifact(db, artifact, [
    { path: "b", size_bytes: 7n, sha256: "x" },
    { path: "a", size_bytes: 3n, sha256: "y" },
  ]);
  await models.insertModel(db, modelRow(id, artifactId, more));
}

function generationRow(id: string, more: Partial<generations.GenerationRow> = {}): generations.GenerationRow {
  return {
    ...{
      id,
      principal_id: "alice",
      model_id: "m",
      artifact_sha256: null,
      session_id: null,
      status: "QUEUED",
    },
    ...{ finish_reason: null, prompt: "{}", text: "", requested_sampling: "{}", effective_sampling: "{}" },
    ...{ sampling_revision_ids: "[]", usage: null, timings: null, error: null, on_disconnect: "CANCEL" },
    ...{
      idempotency_key: null,
      created_at: AT,
      finished_at: null,
      gateway_id: null,
      cancel_requested_at: null,
    },
    ...{ prompt_token_ids: null, sampling_origins: null, parent_message_id: null, trimmed: null },
    ...{ conditions: null, reproduction_of: null, reproduction: null, deleted_at: null, deadline_ms: null },
    ...{ context_policy: "REFUSE", priority: 0 },
    ...more,
  };
}

function mergeRow(id: string, more: Partial<merges.MergeRow> = {}): merges.MergeRow {
  return {
    ...{
      id,
      status: "SUCCEEDED",
      method: "slerp",
      base_model_name: null,
      dtype: "BFLOAT16",
      config_yaml: "",
    },
    ...{
      config_sha256: "",
      parameters: "[]",
      curves: "[]",
      tool_version: "1",
      artifact_sha256: null,
      error: null,
    },
    ...{ created_at: AT, started_at: null, finished_at: null, target_name: null, target_quantization: null },
    ...{ gateway_id: null, cancel_requested_at: null },
    ...more,
  };
}

storeTest("migrate() does nothing the second time", async (db) => {
  expect(await migrate(db)).toEqual([]);
});

storeTest("models come in the order of their names' bytes, page by page", async (db) => {
  const names = ["Zed", "a/b", "a-b", "a_b", "B", "ä", "z"];
  for (const name of names) await addModel(db, name, { parameter_count: BIG });
  const pages: string[] = [];
  let afterName: string | undefined;
  for (let page = 0; page < 3; page++) {
    const rows = await models.listModels(db, {}, { first: 3, ...(afterName !== undefined && { afterName }) });
    expect([rows.totalCount, rows.hasNextPage]).toEqual([7, page < 2]);
    pages.push(...rows.rows.map(({ name }) => name));
    afterName = pages.at(-1);
  }
  expect(pages).toEqual(["B", "Zed", "a-b", "a/b", "a_b", "z", "ä"]);
  expect(toBigInt((await models.findModel(db, { name: "ä" }))!.parameter_count!)).toBe(BIG);
  const found = await models.listModels(db, { nameContains: "A_B" }, { first: 5 });
  expect(found.rows.map(({ name }) => name)).toEqual(["a_b"]);
  const artifact = await models.findArtifact(db, "a-z");
  expect(artifact!.files.map((file) => [file.path, Number(file.size_bytes)])).toEqual([["a", 3], ["b", 7]]);
});

storeTest("parents and children are found by the hashes of their weights", async (db) => {
  await addModel(db, "p1");
  await addModel(db, "p2");
  await merges.insertMerge(db, mergeRow("merge", { artifact_sha256: "hash child" }));
  await merges.insertMergeSources(
    db,
    ["p2", "p1"].map((name, ordinal) => ({
      ...{ merge_id: "merge", ordinal, name, layer_start: null, layer_end: null, is_base: 0 },
      artifact_sha256: `hash ${name}`,
    })),
  );
  await addModel(db, "child", { merge_id: "merge" });
  expect((await models.parentModels(db, "child")).map(({ id }) => id)).toEqual(["p2", "p1"]);
  expect((await models.childModels(db, ["p1", "p2"])).map(({ id }) => id)).toEqual(["child"]);
  expect((await merges.mergeSources(db, ["merge"])).map((row) => row.model_id)).toEqual(["p2", "p1"]);
  expect((await merges.findMergeByResult(db, "hash child"))?.id).toBe("merge");
  await addModel(db, "another", { merge_id: "merge" });
  await addModel(db, "removed", { merge_id: "merge", removed_at: AT });
  await merges.insertMerge(db, mergeRow("unserved"));
  expect(await merges.modelIdsOfMerges(db, ["merge", "unserved"])).toEqual(new Map([["merge", "another"]]));
});

storeTest("tensors are sorted by any column, those without a value last in either direction", async (db) => {
  await merges.insertMerge(db, mergeRow("m"));
  const ts = [0.5, null, 0.25, null, 1];
  await merges.insertMergeTensors(
    db,
    ts.map((t, ordinal) => ({
      ...{ merge_id: "m", ordinal, name: `t${ordinal}`, layer: null, filter: null, t, mode: "SLERP" },
      ...{ cosine: null, output_sha256: "" },
    })),
  );
  for (const [direction, expected] of [["asc", [2, 0, 4, 1, 3]], ["desc", [4, 0, 2, 1, 3]]] as const) {
    const order = { column: "t", direction } as const;
    const first = await listMergeTensors(db, "m", { where: {}, order, first: 3 });
    const last = first.rows.at(-1)!;
    const after = { value: last.t, ordinal: last.ordinal };
    const rest = await listMergeTensors(db, "m", { where: {}, order, first: 3, after });
    expect([...first.rows, ...rest.rows].map(({ ordinal }) => ordinal)).toEqual(expected);
  }
  const bounded = await listMergeTensors(db, "m", {
    where: { tMin: 0.5, nameContains: "T" },
    order: { column: "ordinal", direction: "asc" },
    first: 9,
  });
  expect(bounded.rows.map(({ ordinal }) => ordinal)).toEqual([0, 4]);
});

storeTest("a merge into a name that another one is on its way to cannot be written", async (db) => {
  expect(await merges.insertMerge(db, mergeRow("one", { status: "QUEUED", target_name: "a/b" }))).toBe(true);
  expect(await merges.insertMerge(db, mergeRow("two", { status: "RUNNING", target_name: "a/b" }))).toBe(
    false,
  );
  await merges.updateMerge(db, "one", { status: "FAILED" });
  await merges.insertMerge(db, mergeRow("two", { status: "RUNNING", target_name: "a/b" }));
});

storeTest("sessions are trees of messages, page by page", async (db) => {
  await addModel(db, "m");
  const session = {
    id: "s",
    principal_id: "alice",
    model_id: "m",
    title: null,
    created_at: AT,
    updated_at: AT,
  };
  await sessions.insertSession(db, { ...session, active_message_id: null, context_policy: "REFUSE" });
  await generations.insertGeneration(db, generationRow("g", { session_id: "s", status: "SUCCEEDED" }));
  const message = (id: string, role = "USER") => ({
    ...{
      id,
      role,
      content: `\0${id}`,
      generation_id: "g",
      created_at: AT,
      is_answer: role === "USER" ? 0 : 1,
    },
  });
  await sessions.lockSession(db, "s");
  const leaf = await sessions.appendMessages(db, "s", null, [message("1"), message("2", "ASSISTANT")]);
  expect(leaf).toBe("2");
  await sessions.appendMessages(db, "s", "1", [message("3", "ASSISTANT"), message("4")]);
  expect(await sessions.lastOrdinal(db, "s")).toBe(4);
  const tail = async (bytes: number) => (await paths.readTail(db, "4", bytes)).map(({ content }) => content);
  expect(await tail(1000)).toEqual(["\x001", "\x003", "\x004"]);
  expect(await tail(12)).toEqual(["\x003", "\x004"]);
  const page = await paths.listPath(db, "4", { first: 1, afterOrdinal: 1 });
  expect([page.rows.map(({ id }) => id), page.totalCount, page.hasNextPage]).toEqual([["3"], 3, true]);
  const junctions = [{ sessionId: "s", messageId: "1" }, { sessionId: "s", messageId: null }];
  const idsOf = (found: ReadonlyMap<string, readonly { readonly id: string }[]>) =>
    [...found].map(([key, rows]) => [key, rows.map(({ id }) => id)]);
  expect(idsOf(await sessions.idsAfter(db, junctions))).toEqual([["/s", ["1"]], ["1", ["2", "3"]]]);
  expect(idsOf(await sessions.messagesAfter(db, junctions.slice(0, 1)))).toEqual([["1", ["2", "3"]]]);
  expect(await paths.newestLeaf(db, { id: "1", session_id: "s" })).toBe("4");
  expect((await sessions.lastOfPrompt(db, "g"))?.id).toBe("4");
  await sessions.deleteSession(db, "s");
  expect(await sessions.findMessage(db, "1")).toBeUndefined();
  expect((await generations.findGeneration(db, "g"))!.session_id).toBeNull();
});

storeTest("a generation's log has no number twice, and a principal no key twice", async (db) => {
  await addModel(db, "m");
  await generations.insertGeneration(db, generationRow("g", { idempotency_key: "k" }));
  await generations.insertGeneration(db, generationRow("h"));
  await generations.insertGeneration(db, generationRow("i")); // without keys nothing collides
  expect(await generations.insertGeneration(db, generationRow("j", { idempotency_key: "k" }))).toBe(false);
  expect((await generations.findGenerationByKey(db, "alice", "k"))?.id).toBe("g");
  const event = (seq: number) => ({ generation_id: "g", seq, at: AT, kind: "tokens", payload: "{}" });
  expect(await lastSeq(db, "g")).toBe(0);
  await appendEvents(db, [event(1), event(2), event(3)]);
  await expect(appendEvents(db, [event(3)])).rejects.toThrow();
  expect((await readEvents(db, "g", 1, 5)).map(({ seq }) => seq)).toEqual([2, 3]);
  expect((await generations.openGenerations(db)).map(({ id }) => id)).toEqual(["g", "h", "i"]);
});

storeTest("keys are found by their prefix, touched, and revoked once", async (db) => {
  const row = { id: "k", prefix: "p", secret_sha256: "s", role: "ADMIN", label: "l", created_at: AT };
  await keys.insertApiKey(db, { ...row, revoked_at: null, expires_at: null, last_used_at: null });
  await keys.touchApiKeys(db, ["k", "unknown"], AT);
  expect((await keys.findApiKeyByPrefix(db, "p"))?.last_used_at).toBe(AT);
  expect([await keys.revokeApiKey(db, "k", AT), await keys.revokeApiKey(db, "k", AT)]).toEqual([true, false]);
  expect(await keys.revokedKeyIds(db)).toEqual(["k"]);
});

storeTest("revisions of a scope are numbered once", async (db) => {
  const row = { scope: "gateway", values: "{}", author: "a", reason: "r", created_at: AT };
  for (const revision of [1, 2]) {
    expect(await revisions.insertRevision(db, { ...row, id: `${revision}`, revision })).toBe(true);
  }
  expect(await revisions.insertRevision(db, { ...row, id: "3", revision: 2 })).toBe(false);
  expect(await revisions.revisionNumbers(db, ["gateway", "m"])).toEqual([{ scope: "gateway", revision: 2 }]);
  expect((await revisions.latestRevision(db, "gateway"))?.id).toBe("2");
});

storeTest("the audit log's head counts on, and goes back with its transaction", async (db) => {
  const add = (fails = false) =>
    db.transaction().execute(async (trx) => {
      const { seq, hash } = await audit.lockAuditHead(trx);
      const entry = {
        seq,
        at: AT,
        actor_id: "a",
        actor_label: null,
        action: "x.y",
        target: null,
        details: "{}",
      };
      await audit.appendAuditEntry(trx, { ...entry, previous_hash: hash, hash: `hash ${seq}` });
      if (fails) throw new Error("power cut");
    });
  await add();
  await expect(add(true)).rejects.toThrow("power cut");
  await add();
  expect(await audit.findAuditHead(db)).toEqual({ id: 1, seq: 2, hash: "hash 2" });
  const page = await audit.listAuditEntries(db, {}, { first: 1 });
  expect([page.rows[0]!.seq, page.hasNextPage, page.totalCount]).toEqual([2, true, 2]);
});

storeTest(
  "an open generation is taken from its gateway once, and an ended one is not opened again",
  async (db) => {
    await addModel(db, "m");
    await generations.insertGeneration(db, generationRow("g", { gateway_id: "dead" }));
    await generations.insertGeneration(db, generationRow("h"));
    const take = (id: string, from: string | null) =>
      generations.takeOpenGeneration(db, id, { from, to: "me" });
    expect([await take("g", "dead"), await take("g", "dead")]).toEqual([true, false]);
    expect([await take("h", null), await take("h", null)]).toEqual([true, false]);
    await generations.requestCancel(db, "g", AT);
    expect(await generations.cancelRequested(db, "me")).toEqual(["g"]);
    await generations.updateGeneration(db, "g", { status: "FAILED" });
    expect(await generations.updateOpenGeneration(db, "g", { status: "RUNNING" })).toBe(false);
    expect(await generations.updateOpenGeneration(db, "h", { status: "RUNNING" })).toBe(true);
    expect((await generations.findGeneration(db, "g"))!.status).toBe("FAILED");
    expect(await take("g", "me")).toBe(false);
    expect(await generations.cancelRequested(db, "me")).toEqual([]);
    expect(
      (await generations.generationLogStates(db, ["g", "h", "x"])).map((one) => [one.id, one.isOpen]).sort(),
    )
      .toEqual([["g", false], ["h", true]]);
  },
);

storeTest("a merge whose gateway is dead is taken once, the oldest first", async (db) => {
  for (const [id, gateway_id] of [["1", "alive"], ["2", "dead"], ["3", null], ["4", "dead"]] as const) {
    const status = id === "4" ? "SUCCEEDED" : "QUEUED";
    await merges.insertMerge(db, mergeRow(id, { gateway_id, status, target_name: id }));
  }
  const lease = { id: "alive", started_at: AT, lease_until: LATER };
  await gateways.insertGateway(db, lease);
  await gateways.insertGateway(db, { ...lease, id: "dead", lease_until: AT });
  const take = () => merges.takeOrphanedMerge(db, { now: AT, gatewayId: "me", holds });
  // It has joined since.
  await gateways.insertGateway(db, { ...lease, id: "joined" });
  await merges.insertMerge(db, mergeRow("5", { gateway_id: "joined", status: "QUEUED", target_name: "5" }));
  const holds: string[] = [];
  for (const expected of ["2", "3"]) {
    expect((await take())?.id).toBe(expected);
    holds.push(expected);
  }
  expect(await take()).toBeUndefined();
  expect([await merges.keepMerge(db, "3", "me"), await merges.keepMerge(db, "3", "alive")]).toEqual([
    true,
    false,
  ]);
  expect(await merges.takenMerges(db, ["1", "2", "4", "x"], "me")).toEqual(["1", "4"]);
  expect((await merges.takeOrphanedMerge(db, { now: LATER, gatewayId: "me", holds: ["3"] }))?.id).toBe("1");
  await merges.updateMerge(db, "1", { gateway_id: "alive" });
  await merges.requestMergeCancel(db, "3", AT);
  expect(await merges.mergeCancelRequested(db, "me")).toEqual(["3"]);
  await merges.releaseQueuedMerges(db, "me");
  expect((await take())?.id).toBe("2");
  expect((await merges.mergeLogStates(db, ["1", "4"])).map((one) => [one.id, one.isOpen]).sort())
    .toEqual([["1", true], ["4", false]]);
});

storeTest("claims, turns and leases come and go", async (db) => {
  await addModel(db, "m");
  await generations.insertGeneration(db, generationRow("g"));
  const claim = { principal_id: "alice", gateway_id: "me", units: 2, priority: 0, is_held: 0 };
  await claims.insertClaim(db, { ...claim, generation_id: "g" });
  expect(await claims.standingOf(db, "alice")).toEqual({ held: 0, queued: 1 });
  const turn = await claims.lockUnitTurn(db);
  expect(await claims.lockUnitTurn(db)).toBe(turn + 1);
  for (const number of [turn, turn + 1]) await claims.holdClaim(db, (await claims.allClaims(db))[0]!, number);
  expect(await claims.standingOf(db, "alice")).toEqual({ held: 2, queued: 0 });
  expect(await claims.lastTurns(db, ["alice", "bob"])).toEqual(new Map([["alice", turn + 1]]));
  await claims.deleteClaim(db, "g");
  expect(await claims.allClaims(db)).toEqual([]);

  await gateways.insertGateway(db, { id: "a", started_at: AT, lease_until: LATER });
  await gateways.insertGateway(db, { id: "b", started_at: AT, lease_until: AT });
  expect(await gateways.livingGateways(db, AT)).toEqual(["a"]);
  await gateways.deleteDeadGateways(db, { now: AT, exceptId: "a", all: false });
  expect([await gateways.renewLease(db, "b", LATER), await gateways.renewLease(db, "a", LATER)]).toEqual([
    false,
    true,
  ]);
  await gateways.deleteGateway(db, "a");
  expect(await gateways.livingGateways(db, AT)).toEqual([]);
});

storeTest("usage of a day is one row that grows", async (db) => {
  const one = { day: "2024-01-31", principal_id: "p", model_id: "m" };
  const sums = { prompt_tokens: 3n, cached_tokens: 1n, completion_tokens: 2n ** 40n, engine_ms: 5n };
  for (let count = 0; count < 3; count++) await usage.addUsage(db, { ...one, ...sums });
  await usage.addUsage(db, { ...one, ...sums, day: "2024-02-01" });
  const page = await usage.listUsage(db, { from: "2024-01-01", to: "2024-01-31" }, { first: 5 });
  expect(page.rows.map((row) => [row.day, ...[row.generation_count, row.completion_tokens].map(Number)]))
    .toEqual([
      ["2024-01-31", 3, 3 * 2 ** 40],
    ]);
});

storeTest("a model job whose gateway is dead is taken once, and one's own that nobody runs", async (db) => {
  const job = { kind: "VERIFY", model_name: "m", input: "{}", result: null, error: null, principal_id: "p" };
  for (const [id, gateway_id] of [["1", "alive"], ["2", "dead"], ["3", null]] as const) {
    const row = { ...job, id, gateway_id, status: "RUNNING", created_at: AT };
    await jobs.insertModelJob(db, { ...row, finished_at: null, cancel_requested_at: null });
  }
  const holds: string[] = [];
  await gateways.insertGateway(db, { id: "alive", started_at: AT, lease_until: LATER });
  const take = () => jobs.takeOrphanedModelJob(db, { now: AT, gatewayId: "me", holds });
  for (const id of ["2", "3"]) {
    expect((await take())?.id).toBe(id);
    holds.push(id);
  }
  expect(await take()).toBeUndefined();
  holds.shift(); // its end could not be written
  expect((await take())?.id).toBe("2");
  holds.push("2");
  await jobs.requestModelJobCancel(db, "3", AT);
  expect(await jobs.modelJobCancelRequested(db, "me")).toEqual(["3"]);
  await jobs.updateModelJob(db, "3", { status: "CANCELLED" });
  expect(await jobs.modelJobLogStates(db, ["2", "3"])).toEqual([
    { id: "2", lastSeq: 0, isOpen: true },
    { id: "3", lastSeq: 0, isOpen: false },
  ]);
  await jobs.releaseModelJobs(db, "me");
  expect((await take())?.id).toBe("2"); // let go of
});

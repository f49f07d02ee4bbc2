/**
 * Two whole gateways, each with its own folder and engine, on one PostgreSQL database: whatever both could touch happens
 * once, what one runs the other can watch and cancel, and what a dead one leaves is ended by the other.
 */
import { expect } from "@std/expect";
import { uuidV7 } from "../../src/app/ids.ts";
import { type Clock, systemClock } from "../../src/app/clock.ts";
import type { MergeEvent } from "../../src/app/types.ts";
import { toTime } from "../../src/store/codec.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, collect, DEMO_DIR, HELPER, HELPER_DIR, STORYTELLER_DIR } from "../support/gateway.ts";
import { PostgresServer, whyNoServer } from "../support/postgres.ts";
import { openSite, until } from "../support/site.ts";

/** A minute ahead of all others, whose leases would be over by it. */
const fast: Clock = { ...systemClock, now: () => new Date(Date.now() + 60_000) };

const input = { model: HELPER, prompt: { text: "Hi" } };

Deno.test({
  name: "two gateways on one PostgreSQL database",
  ignore: whyNoServer !== null,
  async fn(t) {
    await using server = await PostgresServer.start();
    const url = server.url("postgres");
    await using a = await openSite(url, {
      admission: { totalUnits: 9, unitsPerPrincipal: 3 },
      reportError: () => {}, // as for B
    });
    await using b = await openSite(url, {
      admission: { totalUnits: 9, unitsPerPrincipal: 3 },
      reportError: () => {}, // that another gateway has ended what it runs, in one step below
    });
    await a.gateway.models.register(ADMIN, { path: HELPER_DIR, ...HELPER });
    const gateways = [a, b];

    await t.step("one idempotency key is one generation, however many ask at once and where", async () => {
      const asks = Array.from(
        { length: 10 },
        (_, index) =>
          gateways[index % 2]!.gateway.generations.start(ALICE, { ...input, idempotencyKey: "k" }),
      );
      const ids = new Set((await Promise.all(asks)).map(({ id }) => id));
      expect(ids.size).toBe(1);
      expect(await a.db.selectFrom("unit_claims").select("units").execute()).toEqual([{ units: 1 }]);
      await b.gateway.generations.cancel(ALICE, [...ids][0]!);
    });

    await t.step("one session answers one question at a time, wherever it is asked", async () => {
      const { id: sessionId } = await a.gateway.sessions.create(ALICE, { model: HELPER });
      const asked = await Promise.allSettled(
        gateways.map(({ gateway }) => gateway.generations.start(ALICE, { ...input, sessionId })),
      );
      const started = asked.filter((one) => one.status === "fulfilled");
      const refused = asked.filter((one) => one.status === "rejected");
      expect([started.length, refused.length]).toEqual([1, 1]);
      expect(refused[0]!.reason).toMatchObject({ code: "CAPACITY", details: { sessionId } });
      await a.gateway.generations.cancel(ALICE, started[0]!.value.id);
    });

    await t.step("what one runs the other watches to its end, and shows", async () => {
      const index = a.engine.requests.length;
      const { id } = await a.gateway.generations.start(ALICE, input);
      const watched = collect(b.gateway.generations.events(ALICE, id, {}));
      const request = await a.engine.request(index);
      request.promptProcessed();
      request.tokens(300, 301);
      await until(async () => (await b.gateway.generations.get(ALICE, id))!.text !== "");
      request.tokens(302);
      request.finish("STOP");
      const log = await watched;
      expect(log.map(({ seq }) => seq)).toEqual(log.map((_, at) => at + 1));
      expect(log.at(-1)).toMatchObject({ kind: "finished", usage: { completionTokens: 3 } });
      expect(await collect(a.gateway.generations.events(ALICE, id, {}))).toEqual(log);
    });

    await t.step("what one runs the other cancels", async () => {
      const index = a.engine.requests.length;
      const { id } = await a.gateway.generations.start(ALICE, input);
      const request = await a.engine.request(index);
      request.tokens(300);
      expect(await b.gateway.generations.cancel(ALICE, id)).toMatchObject({ id, status: "CANCELLED" });
      expect(request.cancelled).toBe(true);
      expect((await collect(a.gateway.generations.events(ALICE, id, {}))).at(-1)?.kind).toBe("cancelled");
    });

    await t.step("a principal's units are the same at both, and go over from one to the other", async () => {
      const running = [];
      for (const { gateway } of [a, b, a]) running.push((await gateway.generations.start(ALICE, input)).id);
      const { id } = await b.gateway.generations.start(ALICE, input);
      for (const { gateway } of gateways) {
        expect(await gateway.generations.concurrency(ALICE)).toEqual({ held: 3, allowed: 3, queued: 1 });
      }
      const before = b.engine.requests.length;
      await a.gateway.generations.cancel(ALICE, running[0]!);
      const next = await b.engine.request(before); // without a word from its own gateway
      expect(next.command.requestId).toBe(id);
      for (const one of [...running, id]) await a.gateway.generations.cancel(ALICE, one);
      expect((await b.gateway.generations.concurrency(ALICE)).held).toBe(0);
    });

    await t.step("many at once at both never hold more than they may", async () => {
      const ids = await Promise.all(
        Array.from(
          { length: 16 },
          async (_, index) => (await gateways[index % 2]!.gateway.generations.start(ALICE, input)).id,
        ),
      );
      let most = 0;
      const ended = new Set<string>();
      await until(async () => {
        const held = await a.db.selectFrom("unit_claims").select("generation_id").where("is_held", "=", 1)
          .execute();
        most = Math.max(most, held.length);
        for (const { engine } of gateways) {
          for (const request of engine.requests) {
            const { requestId } = request.command;
            if (!ids.includes(requestId) || ended.has(requestId)) continue;
            ended.add(requestId);
            request.finish("STOP");
          }
        }
        return ended.size === ids.length;
      });
      expect(most).toBe(3);
      for (const id of ids) {
        expect((await collect(a.gateway.generations.events(ALICE, id, {}))).at(-1)?.kind).toBe("finished");
      }
    });

    await t.step("one that starts leaves what the living run, and ends what the dead ran", async () => {
      const mine = await a.gateway.generations.start(ALICE, input);
      const theirs = await b.gateway.generations.start(ALICE, input);
      // B's process as good as killed: its row says so, and nobody has its memory.
      await a.db.updateTable("generations").set({ gateway_id: "dead" }).where("id", "=", theirs.id).execute();
      const watched = collect(a.gateway.generations.events(ALICE, theirs.id, {}));
      await using c = await openSite(url, { clock: fast });
      expect((await c.gateway.generations.get(ALICE, theirs.id))?.error?.code).toBe("INTERRUPTED");
      expect((await c.gateway.generations.get(ALICE, mine.id))?.finishedAt).toBeNull();
      expect((await watched).at(-1)).toMatchObject({ kind: "failed", code: "INTERRUPTED" });
      await a.gateway.generations.cancel(ALICE, mine.id);
    });

    await t.step("a session that is deleted at one leaves nothing of what the other runs in it", async () => {
      const { id: sessionId } = await a.gateway.sessions.create(ALICE, { model: HELPER });
      const { id } = await b.gateway.generations.start(ALICE, { ...input, sessionId });
      const request = await b.engine.request(b.engine.requests.length - 1);
      request.tokens(300);
      const watched = collect(b.gateway.generations.events(ALICE, id, {}));
      await a.gateway.sessions.delete(ALICE, sessionId);
      expect(request.cancelled).toBe(true); // its own gateway has ended it, and nobody has taken it for dead
      expect((await watched).at(-1)?.kind).toBe("cancelled");
      expect(await b.gateway.generations.get(ALICE, id)).toBeNull();
    });

    await t.step("what begins at one while the other deletes is refused, or deleted as well", async () => {
      const outcomes = new Set<string>();
      for (let round = 0; round < 12; round++) {
        const { id: sessionId } = await a.gateway.sessions.create(ALICE, { model: HELPER });
        const [started] = await Promise.allSettled([
          b.gateway.generations.start(ALICE, { ...input, sessionId }),
          new Promise((resolve) => setTimeout(resolve, round * 3))
            .then(() => a.gateway.sessions.delete(ALICE, sessionId)),
        ]);
        outcomes.add(started.status);
        if (started.status === "rejected") expect(started.reason).toMatchObject({ code: "NOT_FOUND" });
        else expect(await b.gateway.generations.get(ALICE, started.value.id)).toBeNull();
      }
      const left = await a.db.selectFrom("generations").select("prompt").where("session_id", "is", null)
        .where("deleted_at", "is", null).where("finished_at", "is", null).execute();
      expect(left).toEqual([]);
    });

    await t.step("a model is removed at one only while nobody uses it at the other", async () => {
      const folder = { path: STORYTELLER_DIR, name: "shared/removed" };
      const model = { name: folder.name };
      const outcomes = new Set<string>();
      for (let round = 0; round < 12; round++) {
        await a.gateway.models.register(ADMIN, folder);
        const [started, removed] = await Promise.allSettled([
          b.gateway.generations.start(ALICE, { ...input, model }),
          new Promise((resolve) => setTimeout(resolve, round * 2))
            .then(() => a.gateway.models.remove(ADMIN, model)),
        ]);
        expect([started.status, removed.status].toSorted()).toEqual(["fulfilled", "rejected"]);
        outcomes.add(started.status);
        if (started.status === "fulfilled") {
          await b.gateway.generations.cancel(ALICE, started.value.id);
          await a.gateway.models.remove(ADMIN, model);
        }
      }
      expect(outcomes.size).toBe(2);
    });

    await t.step("a gateway that was thought dead lets go of what it runs, and of what waits", async () => {
      const ids = [];
      for (let count = 0; count < 4; count++) ids.push((await b.gateway.generations.start(ALICE, input)).id);
      const watched = ids.map((id) => collect(b.gateway.generations.events(ALICE, id, {})));
      // B has stood still, and another one has ended all of it.
      await a.db.updateTable("generations").set({ gateway_id: "dead" }).where("id", "in", ids).execute();
      await using _c = await openSite(url);
      for (const log of await Promise.all(watched)) {
        expect(log.at(-1)).toMatchObject({ kind: "failed", code: "INTERRUPTED" });
      }
      for (const request of b.engine.requests.slice(-3)) {
        await until(() => Promise.resolve(request.cancelled));
      }
      const { id } = await b.gateway.generations.start(ALICE, input); // no unit of theirs is held
      await b.gateway.generations.cancel(ALICE, id);
    });

    await t.step("a merge that another gateway has taken is not ended by the first", async () => {
      const merge = { configYaml: await demoConfig(), name: "shared/taken" };
      const { id } = await a.gateway.merges.start(ADMIN, merge);
      const now = new Date();
      await b.db.insertInto("gateways").values({
        id: "other",
        started_at: toTime(now),
        lease_until: toTime(new Date(now.getTime() + 60_000)),
      }).execute();
      await b.db.updateTable("merges").set({ gateway_id: "other" }).where("id", "=", id).execute();
      const told = failure((async () => {
        for await (const _event of a.gateway.merges.events(id, {})) { /* to its end */ }
      })());
      const { status } = (await b.gateway.merges.get(id))!;
      expect(["QUEUED", "RUNNING"]).toContain(status);
      expect((await told).code).toBe("CAPACITY");
      const log = await b.db.selectFrom("merge_events").select("kind").where("merge_id", "=", id).execute();
      expect(log.filter(({ kind }) => !["queued", "progress"].includes(kind))).toEqual([]);
      await b.db.deleteFrom("gateways").where("id", "=", "other").execute();
      await until(async () => (await b.gateway.merges.get(id))!.finishedAt !== null); // whoever takes it over
    });

    await t.step("a merge into one name is started once, watched and cancelled from the other", async () => {
      const merge = { configYaml: await demoConfig(), name: "shared/merged" };
      const asked = await Promise.allSettled(
        gateways.map(({ gateway }) => gateway.merges.start(ADMIN, merge)),
      );
      const started = asked.find((one) => one.status === "fulfilled");
      expect(asked.filter(({ status }) => status === "rejected").length).toBe(1);
      const { id } = started!.value;
      const [other] = gateways.filter((_, index) => asked[index]!.status === "rejected");
      const events: MergeEvent[] = [];
      const watching = (async () => {
        for await (const event of other!.gateway.merges.events(id, {})) events.push(event);
      })();
      expect((await other!.gateway.merges.cancel(ADMIN, id)).status).toMatch(/CANCELLED|SUCCEEDED/);
      await watching;
      expect(events.at(-1)!.kind).toMatch(/cancelled|finished/);
    });

    await t.step("a merge that waited at a dead gateway is taken over, once", async () => {
      const at = toTime(new Date());
      const row = await a.db.selectFrom("merges").selectAll().limit(1).executeTakeFirstOrThrow();
      const id = uuidV7(systemClock)();
      const orphan = {
        status: "QUEUED",
        target_name: "shared/orphan",
        gateway_id: "dead",
        finished_at: null,
      };
      const unmade = { artifact_sha256: null, error: null, cancel_requested_at: null, started_at: null };
      await a.db.insertInto("merges").values({ ...row, ...orphan, ...unmade, id, created_at: at }).execute();
      await a.db.insertInto("merge_events").values({
        merge_id: id,
        seq: 1,
        at,
        kind: "queued",
        payload: '{"position":1}',
      })
        .execute();
      await using _c = await openSite(url, { modelDirs: [DEMO_DIR] });
      const events = [];
      for await (const event of a.gateway.merges.events(id, {})) events.push(event);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
      expect(events.at(-1)?.kind).toBe("finished");
    });

    await t.step(
      "a model job runs once, is watched from the other, and goes on elsewhere when its gateway dies",
      async () => {
        const asked = await Promise.allSettled(
          gateways.map(({ gateway }) => gateway.modelJobs.verify(ADMIN, HELPER)),
        );
        const started = asked.find((one) => one.status === "fulfilled")!.value;
        const watched = [];
        for (const { gateway } of gateways) {
          const events = [];
          for await (const event of gateway.modelJobs.events(started.id, {})) events.push(event);
          watched.push(events);
        }
        expect(watched[0]).toEqual(watched[1]);
        expect(watched[0]!.at(-1)!.kind).toMatch(/finished|failed/); // what it says of this folder is not the point
        const row = await a.db.selectFrom("model_jobs").selectAll().where("id", "=", started.id)
          .executeTakeFirstOrThrow();
        const id = uuidV7(systemClock)();
        const orphan = { id, status: "RUNNING", gateway_id: "dead", finished_at: null, result: null };
        await a.db.insertInto("model_jobs").values({ ...row, ...orphan }).execute();
        await using _c = await openSite(url);
        const events = [];
        for await (const event of b.gateway.modelJobs.events(id, {})) events.push(event);
        expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
        expect(events.at(-1)!.kind).toBe(watched[0]!.at(-1)!.kind);
      },
    );

    await t.step(
      "defaults that are changed at both at once are revisions in a row, and a folder is one model",
      async () => {
        await Promise.all(
          Array.from(
            { length: 8 },
            (_, topK) =>
              gateways[topK % 2]!.gateway.samplingDefaults.update(ADMIN, {
                sampling: { topK },
                reason: "try",
              }),
          ),
        );
        const history = (await a.gateway.samplingDefaults.history({})).edges.map(({ node }) => node);
        expect(history.map(({ revision }) => revision)).toEqual([8, 7, 6, 5, 4, 3, 2, 1]);
        const folder = { path: STORYTELLER_DIR, name: "shared/storyteller" };
        const models = await Promise.all(
          gateways.map(({ gateway }) => gateway.models.register(ADMIN, folder)),
        );
        expect(models[0]!.id).toBe(models[1]!.id);
      },
    );

    await t.step("who watches defaults at one hears what is changed at the other, once", async () => {
      const ending = new AbortController();
      const heard: (number | undefined)[] = [];
      const watching = (async () => {
        for await (const { values } of b.gateway.samplingDefaults.watch(HELPER, ending.signal)) {
          heard.push(values.topK);
          if (values.topK === 41) ending.abort();
        }
      })();
      await until(() => Promise.resolve(heard.length === 1));
      await new Promise((resolve) => setTimeout(resolve, 700)); // the first look at the database tells nothing new
      for (const topK of [40, 41]) {
        await a.gateway.samplingDefaults.update(ADMIN, { sampling: { topK }, reason: "try" });
        await until(() => Promise.resolve(heard.at(-1) === topK));
      }
      await watching;
      expect(heard.slice(1)).toEqual([40, 41]);
    });

    await t.step("of two changes upon the same revision one is a conflict", async () => {
      const [current] = (await a.gateway.samplingDefaults.history({})).edges;
      const expectedRevision = current!.node.revision;
      const asked = await Promise.allSettled(
        gateways.map(({ gateway }, topK) =>
          gateway.samplingDefaults.update(ADMIN, { sampling: { topK }, reason: "try", expectedRevision })
        ),
      );
      const refused = asked.filter((one) => one.status === "rejected");
      expect(refused.map(({ reason }) => reason.code)).toEqual(["CONFLICT"]);
    });

    await t.step("a key that is revoked at one is heard of at the other", async () => {
      const { key, secret } = await a.gateway.access.createKey(ADMIN, { role: "VIEWER", label: "x" });
      await b.gateway.access.authenticate(`Bearer ${secret}`);
      const { promise, resolve } = Promise.withResolvers<string>();
      using _listening = b.gateway.access.onRevoked(resolve);
      await b.gateway.access.listKeys(ADMIN);
      await new Promise((resolve) => setTimeout(resolve, 50)); // the first look, which tells of nothing
      await a.gateway.access.revokeKey(ADMIN, key.id);
      expect(await promise).toBe(key.id);
      expect((await failure(b.gateway.access.authenticate(`Bearer ${secret}`))).code).toBe("FORBIDDEN");
    });

    await t.step("the audit log of both is one chain, and usage one sum", async () => {
      expect((await b.gateway.audit.verify(ADMIN)).isIntact).toBe(true);
      const mine = await b.gateway.usage.mine(ALICE, {});
      const ended = await a.db.selectFrom("generations").select("id").where("finished_at", "is not", null)
        .execute();
      expect(mine.reduce((sum, { generations }) => sum + generations, 0n)).toBe(BigInt(ended.length));
    });
  },
});

async function demoConfig(): Promise<string> {
  const text = await Deno.readTextFile(`${DEMO_DIR}/merge.yml`);
  return text.replaceAll("parents/", `${DEMO_DIR}/parents/`);
}

/** What two gateways on one PostgreSQL database do to each other's rows at the same time, and who watches where. */
import { expect } from "@std/expect";
import { type ControlledTransaction, sql } from "kysely";
import type { GenerateInput, Principal } from "../../src/app/types.ts";
import { lockAuditChain } from "../../src/store/audit.ts";
import { toTime } from "../../src/store/codec.ts";
import type { Database } from "../../src/store/database.ts";
import { lockGeneration } from "../../src/store/generations.ts";
import { updateModel } from "../../src/store/models.ts";
import { lockSession, updateSession } from "../../src/store/sessions.ts";
import { lockUnitTurn } from "../../src/store/unit_claims.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, BOB, collect, DEMO_DIR, HELPER, HELPER_DIR } from "../support/gateway.ts";
import { PostgresServer, whyNoServer } from "../support/postgres.ts";
import { openSite, type Site, until } from "../support/site.ts";

type Trx = ControlledTransaction<Database>;

const reported: unknown[] = [];
const quiet = {
  admission: { totalUnits: 16, unitsPerPrincipal: 2 },
  reportError: (error: unknown) => void reported.push(error),
};
/** For what has been asked in this process to be on its way to the database. */
const pause = () => new Promise((resolve) => setTimeout(resolve, 100));
const input: GenerateInput = { model: HELPER, prompt: { text: "Hi" } };

Deno.test({
  name: "gateways that share a database",
  ignore: whyNoServer !== null,
  async fn(t) {
    await using server = await PostgresServer.start();
    await using a = await openSite(server.url("postgres"), quiet);
    await using b = await openSite(server.url("postgres"), quiet);
    await a.gateway.models.register(ADMIN, { path: HELPER_DIR, ...HELPER });

    /** Transactions that wait for a lock. */
    const waiting = async () => {
      const { rows: [row] } = await sql<{ count: string }>`
        select count(*) as count from pg_stat_activity where wait_event_type = 'Lock'`.execute(a.db);
      return Number(row!.count);
    };
    const begin = () => a.db.startTransaction().execute();
    /** A lock that whoever changes the row waits for, and nobody else. */
    const holding = async (id: string) => {
      const gate = await begin();
      await sql`select id from generations where id = ${id} for no key update`.execute(gate);
      return gate;
    };
    const start = async (site: Site, principal: Principal, given: Partial<GenerateInput> = {}) =>
      (await site.gateway.generations.start(principal, { ...input, ...given })).id;
    /**
     * Transactions may not wait for each other in a ring: steps stop one half-way, by a lock of their own, where another
     * order of locks would close it.
     */
    const apart = (name: string, body: () => Promise<void>) =>
      t.step(name, async () => {
        await body();
        expect(server.log).not.toContain("deadlock detected");
      });

    await apart("count usage of the same principals at once", async () => {
      const principals = Array.from({ length: 8 }, (_, index): Principal => ({
        id: `principal-${index}`,
        role: "GENERATOR",
      }));
      const orders = new Map([[a, principals], [b, principals.toReversed()]]);
      const rounds = 4;
      for (let round = 0; round < rounds; round++) {
        const started = await Promise.all([...orders].map(([site, order]) => startAll(site, order)));
        // Each in one turn, so that most of them are written in one transaction.
        for (const { finish } of started) finish();
        await Promise.all(started.map(({ ended }) => ended));
      }
      const rows = await a.db.selectFrom("usage_days").select(["principal_id", "generation_count"])
        .orderBy("principal_id").execute();
      expect(rows.map((row) => [row.principal_id, Number(row.generation_count)]))
        .toEqual(principals.map(({ id }) => [id, 2 * rounds]));
    });

    /** What `ask` asks for is written in one transaction at A, when it is let go: it gathers behind another one. */
    const together = async (ask: () => Promise<void>) => {
      const id = await start(a, BOB);
      const request = await requestOf(a, id);
      const gate = await holding(id);
      request.finish("STOP");
      await until(async () => await waiting() === 1);
      await ask();
      return () => gate.rollback().execute();
    };

    await apart("units that one gives away, and claims that end together", async () => {
      const held = [await start(b, ALICE), await start(b, ALICE)];
      const first = await start(a, ALICE, { priority: -2 });
      const second = await start(a, ALICE, { priority: -1 });
      const last = await start(a, ALICE, { priority: -3 });
      const ended: Promise<unknown>[] = [];
      const letGo = await together(async () => {
        for (const id of [first, second]) {
          ended.push(a.gateway.generations.cancel(ALICE, id));
          await pause();
        }
      });
      const gate = await holding(second);
      await letGo();
      await until(async () => await waiting() === 1);
      // Units become free, and are for the second before the first, for neither has ended yet.
      for (const id of held) (await requestOf(b, id)).finish("STOP");
      await until(async () => await waiting() === 2);
      await gate.rollback().execute();
      await Promise.all(ended);
      (await requestOf(a, last)).finish("STOP");
      await collect(a.gateway.generations.events(ALICE, last, {}));
      expect(await a.db.selectFrom("unit_claims").select("generation_id").execute()).toEqual([]);
    });

    await apart("ends of one that is thought dead, and of whoever ends them for it", async () => {
      const ids = [await start(a, ALICE), await start(a, ALICE)] as const;
      const requests = [await requestOf(a, ids[0]), await requestOf(a, ids[1])];
      const letGo = await together(async () => {
        for (const request of requests) request.finish("STOP");
        await pause();
      });
      const gate = await holding(ids[0]);
      await letGo();
      await until(async () => await waiting() === 1);
      await b.db.updateTable("generations").set({ gateway_id: "dead" }).where("id", "=", ids[1]).execute();
      let isOpen = false;
      const opening = openSite(server.url("postgres"), quiet).finally(() => isOpen = true);
      await until(async () => isOpen || await waiting() === 2);
      await gate.rollback().execute();
      await using c = await opening;
      const ends = [];
      for (const id of ids) ends.push((await collect(c.gateway.generations.events(ALICE, id, {}))).at(-1));
      expect(ends).toMatchObject([{ kind: "finished" }, { kind: "failed", code: "INTERRUPTED" }]);
    });

    /** Whether the answer came before its gateway had found out by itself, as it does every three seconds. */
    const answerMeetsQuestion = async (): Promise<boolean> => {
      const { id: sessionId } = await a.gateway.sessions.create(ALICE, { model: HELPER });
      const id = await start(a, ALICE, { sessionId });
      const request = await requestOf(a, id);
      await b.db.updateTable("generations").set({ gateway_id: "dead" }).where("id", "=", id).execute();
      await using c = await openSite(server.url("postgres"), quiet);
      expect(await c.gateway.generations.get(ALICE, id)).toMatchObject({ status: "FAILED" });
      // The session is free. Its next question has got half-way into it.
      const gate = await begin();
      await lockUnitTurn(gate);
      const asking = start(c, ALICE, { sessionId });
      await until(async () => await waiting() >= 1);
      reported.length = 0;
      const foundOut = request.ended;
      request.finish("STOP");
      await until(() => Promise.resolve(foundOut || reported.length > 0));
      await gate.rollback().execute();
      const next = await asking;
      if (!foundOut) expect(reported).toMatchObject([{ code: "INTERRUPTED" }]);
      expect(
        await b.db.selectFrom("messages").select(["generation_id", "is_answer"])
          .where("session_id", "=", sessionId).orderBy("ordinal").execute(),
      )
        .toEqual([{ generation_id: id, is_answer: 0 }, { generation_id: next, is_answer: 0 }]);
      (await requestOf(c, next)).finish("STOP");
      await collect(c.gateway.generations.events(ALICE, next, {}));
      return !foundOut;
    };
    await apart("an answer that comes from one that is thought dead, and the next question", async () => {
      const before = performance.now();
      while (!await answerMeetsQuestion()) expect(performance.now() - before).toBeLessThan(60_000);
    });

    /** Somebody else's act that waits for the log, while one that has it comes to the same row. */
    const actMeets = async (act: () => Promise<unknown>, lock: (trx: Trx) => Promise<unknown>) => {
      const other = await begin();
      await lockAuditChain(other);
      const acting = act();
      await until(async () => await waiting() === 1);
      await lock(other);
      await other.rollback().execute();
      await acting;
    };

    await apart("acts upon a session, and what is recorded of them", async () => {
      const { sessions } = a.gateway;
      const { id } = await sessions.create(ALICE, { model: HELPER });
      await actMeets(() => sessions.rename(ADMIN, id, "Another"), (trx) => lockSession(trx, id));
      await actMeets(() => sessions.delete(ADMIN, id), (trx) => lockSession(trx, id));
    });

    await apart("an answer that comes while another branch is being selected", async () => {
      const { sessions } = a.gateway;
      const { id: sessionId } = await sessions.create(ALICE, { model: HELPER });
      const answerTo = async (id: string) => {
        (await requestOf(a, id)).finish("STOP");
        await collect(a.gateway.generations.events(ALICE, id, {}));
      };
      await answerTo(await start(a, ALICE, { sessionId }));
      const first = (await sessions.get(ALICE, sessionId))!.activeMessageId!;
      await answerTo((await a.gateway.generations.regenerate(ALICE, { messageId: first })).id);
      const asked = await start(a, ALICE, { sessionId });
      // Half-way through selecting the first answer's branch.
      const selecting = await begin();
      await lockSession(selecting, sessionId);
      const answered = answerTo(asked);
      await until(async () => await waiting() === 1);
      await updateSession(selecting, sessionId, { active_message_id: first });
      await selecting.commit().execute();
      await answered;
      expect(await sessions.get(ALICE, sessionId)).toMatchObject({ activeMessageId: first });
    });

    await apart("a generation that is deleted, and run again", async () => {
      const id = await start(a, ALICE);
      (await requestOf(a, id)).finish("STOP");
      await collect(a.gateway.generations.events(ALICE, id, {}));
      await actMeets(() => a.gateway.generations.delete(ADMIN, id), (trx) => lockGeneration(trx, id));
    });

    await apart("a merge that ends, and another one into its name", async () => {
      const text = await Deno.readTextFile(`${DEMO_DIR}/merge.yml`);
      const configYaml = text.replaceAll("parents/", `${DEMO_DIR}/parents/`);
      const { merges } = a.gateway;
      const { id } = await merges.start(ADMIN, { configYaml, name: "shared/merged" });
      await actMeets(
        async () => {
          for await (const _event of merges.events(id, {})) { /* to its end */ }
        },
        (trx) => sql`select id from merges where id = ${id} for update`.execute(trx),
      );
      expect((await merges.get(id))?.status).toBe("SUCCEEDED");
    });

    await apart("a model that is changed while it is being removed", async () => {
      const { id } = await a.gateway.models.register(ADMIN, { path: HELPER_DIR, name: "shared/removed" });
      const removing = await begin();
      await lockAuditChain(removing);
      const changed = failure(a.gateway.models.update(ADMIN, { id }, { isPinned: true }));
      await until(async () => await waiting() === 1);
      await updateModel(removing, id, { removed_at: toTime(new Date()) });
      await removing.commit().execute();
      expect((await changed).code).toBe("NOT_FOUND");
    });

    await t.step("let a generation with CANCEL go on while its owner watches it at either", async () => {
      const { generations } = a.gateway;
      const index = a.engine.requests.length;
      const short = { ...input, onDisconnect: "CANCEL", disconnectGraceMs: 0 } as const;
      const { id } = await generations.start(ALICE, short);
      const request = await a.engine.request(index);
      const [here, there, other] = [a, b, b].map(({ gateway }, at) =>
        gateway.generations.events(at === 2 ? ADMIN : ALICE, id, {})[Symbol.asyncIterator]()
      );
      for (const stream of [here, there, other]) await stream!.next();
      const watchers = () => a.db.selectFrom("generation_watchers").select("gateway_id").execute();
      await until(async () => (await watchers()).length === 1);
      // A gateway that stood still was thought dead, and tells again who watches at it.
      const [{ gateway_id }] = await watchers() as [{ gateway_id: string }];
      await a.db.deleteFrom("gateways").where("id", "=", gateway_id).execute();
      expect(await watchers()).toEqual([]);
      await until(async () => (await watchers()).length === 1);
      await here!.return?.();
      await new Promise((resolve) => setTimeout(resolve, 300)); // it is asked at once, and answers that it is watched
      expect(request.cancelled).toBe(false);
      const tail = collect(generations.events(ADMIN, id, {}));
      await there!.return?.();
      expect((await tail).at(-1)?.kind).toBe("cancelled");
      await other!.return?.();
      await until(async () => (await watchers()).length === 0);
    });
  },
});

async function startAll(site: Site, principals: readonly Principal[]) {
  const { generations } = site.gateway;
  const index = site.engine.requests.length;
  const ids: string[] = [];
  for (const principal of principals) ids.push((await generations.start(principal, input)).id);
  await site.engine.request(index + principals.length - 1);
  const requests = ids.map((id) => site.engine.requests.find(({ command }) => command.requestId === id)!);
  return {
    finish: () => requests.forEach((request) => request.finish("STOP")),
    ended: Promise.all(ids.map((id, at) => collect(generations.events(principals[at]!, id, {})))),
  };
}

async function requestOf({ engine }: Site, id: string) {
  const find = () => engine.requests.find(({ command }) => command.requestId === id);
  await until(() => Promise.resolve(find() !== undefined));
  return find()!;
}

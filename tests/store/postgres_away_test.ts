/** A PostgreSQL server that is away, silent, busy or restarted: typed errors that tell callers nothing, and no hanging. */
import { expect } from "@std/expect";
import { Kysely, sql } from "kysely";
import type { Database, Db } from "../../src/store/database.ts";
import { openStore } from "../../src/store/open.ts";
import { postgresDialect, type PostgresOptions } from "../../src/store/postgres.ts";
import { StoreBusyError } from "../../src/store/store_busy.ts";
import { failure } from "../support/failure.ts";
import { PostgresServer, whyNoServer } from "../support/postgres.ts";
import { tempDir } from "../support/temp.ts";

/** A way to the server that can go silent: what is sent then arrives nowhere, and nothing says so. */
class Wire implements Disposable {
  isSilent = false;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections: Deno.Conn[] = [];

  constructor(port: number) {
    void this.#accept(port);
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  async #accept(port: number): Promise<void> {
    for await (const near of this.#listener) {
      const far = await Deno.connect({ hostname: "127.0.0.1", port });
      this.#connections.push(near, far);
      void this.#pump(near, far);
      void this.#pump(far, near);
    }
  }

  async #pump(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (let count = await from.read(buffer); count !== null; count = await from.read(buffer)) {
        if (!this.isSilent) await to.write(buffer.slice(0, count));
      }
      to.close();
    } catch { /* the other one was closed */ }
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch { /* it is */ }
    }
  }
}

function connect(url: string, options: PostgresOptions = {}): Db {
  return new Kysely<Database>({ dialect: postgresDialect(url, options) });
}

/** Typed, and with nothing in it that an API's callers should not read. */
async function busy(promise: Promise<unknown>, port: number): Promise<string> {
  const error = await failure(promise);
  expect(error).toBeInstanceOf(StoreBusyError);
  expect([error.code, error.details["retryAfterMs"]]).toEqual(["CAPACITY", 1000]);
  expect(JSON.stringify([error.message, error.details])).not.toMatch(
    new RegExp(`${port}|127\\.0\\.0\\.1|secret-word`),
  );
  return String(error.details["reason"]);
}

Deno.test({
  name: "a PostgreSQL server that is not there when it is needed",
  ignore: whyNoServer !== null,
  async fn(t) {
    await using server = await PostgresServer.start();
    await using dir = await tempDir();
    const url = server.url("postgres");
    await (await openStore(dir.path, { databaseUrl: url })).destroy();
    const head = (db: Db) => db.selectFrom("audit_head").select("seq").execute();

    await t.step("one that goes silent is given up", async () => {
      using wire = new Wire(server.port);
      const patience = { answerMs: 200, endMs: 100 };
      const db = connect(url.replace(`:${server.port}/`, `:${wire.port}/`), { patience });
      await head(db);
      wire.isSilent = true;
      expect(await busy(db.transaction().execute((trx) => head(trx)), wire.port)).toBe(
        "its connection was lost",
      );
      wire.isSilent = false;
      expect(await head(db)).toEqual([{ seq: 0 }]); // over another connection
      wire.isSilent = true;
      await db.destroy();
    });

    await t.step("a statement that takes too long is ended", async () => {
      const db = connect(url, { patience: { statementMs: 50 } });
      expect(await busy(sql`select pg_sleep(10)`.execute(db), server.port)).toBe("it takes too long");
      await db.destroy();
    });

    await t.step("a pool without a free connection says so", async () => {
      const db = connect(url, { patience: { connectMs: 2_000 } });
      const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
      const holding = Array.from({ length: 10 }, () => db.transaction().execute(() => held));
      expect(await busy(head(db), server.port)).toBe("all its connections are in use");
      letGo();
      await Promise.all(holding);
      await head(db);
      await db.destroy();
    });

    await t.step(
      "a gateway that stops within a transaction keeps its locks from nobody for long",
      async () => {
        const stopped = connect(url, { patience: { idleTransactionMs: 100 } });
        const other = connect(url);
        const lock = (db: Db) => db.updateTable("unit_turn").set({ turn: 1 }).execute();
        const { promise: asleep, resolve: wake } = Promise.withResolvers<void>();
        const { promise: locked, resolve: hasLocked } = Promise.withResolvers<void>();
        const transaction = stopped.transaction().execute(async (trx) => {
          await lock(trx);
          hasLocked();
          await asleep;
          await lock(trx);
        });
        const outcome = busy(transaction, server.port);
        await locked;
        await lock(other);
        wake();
        expect(await outcome).toBe("its connection was lost");
        await stopped.destroy();
        await other.destroy();
      },
    );

    await t.step(
      "two transactions that wait for each other: one goes on, the other may try again",
      async () => {
        const db = connect(url);
        const rows = ["a", "b"];
        await db.insertInto("unit_turns").values(rows.map((principal_id) => ({ principal_id, turn: 0 })))
          .execute();
        const both = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
        const touch = (trx: Db, principal_id: string) =>
          trx.updateTable("unit_turns").set({ turn: 1 }).where("principal_id", "=", principal_id).execute();
        const outcomes = await Promise.allSettled(
          both.map((own, index) =>
            db.transaction().execute(async (trx) => {
              await touch(trx, rows[index]!);
              own.resolve();
              await both[1 - index]!.promise;
              await touch(trx, rows[1 - index]!);
            })
          ),
        );
        const failed = outcomes.filter((one) => one.status === "rejected");
        expect(failed.length).toBe(1);
        expect(await busy(Promise.reject(failed[0]!.reason), server.port)).toBe(
          "another transaction is in the way",
        );
        await db.destroy();
      },
    );

    await t.step("one that is restarted is used again, without a word of where it is meanwhile", async () => {
      const db = connect(url);
      await head(db);
      await server.stop();
      await busy(head(db), server.port);
      expect(await busy(head(db), server.port)).toBe("it cannot be reached (ECONNREFUSED)");
      await server.start();
      expect(await head(db)).toEqual([{ seq: 0 }]);
      await db.destroy();
    });
  },
});

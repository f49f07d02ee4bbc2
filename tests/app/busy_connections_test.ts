/** So many requests that each of their connections is in use: what has begun goes on, and nobody takes its gateway for dead. */
import { expect } from "@std/expect";
import { sql } from "kysely";
import { ADMIN, ALICE, HELPER, HELPER_DIR } from "../support/gateway.ts";
import { PostgresServer, whyNoServer } from "../support/postgres.ts";
import { openSite, type Site, until } from "../support/site.ts";

/** As many as there are; resolves once all of them are taken. Dispose to let go. */
async function holdConnections({ db }: Site, count: number): Promise<AsyncDisposable> {
  const over = Promise.withResolvers<void>();
  const taken = Array.from({ length: count }, () => Promise.withResolvers<void>());
  const holding = taken.map(({ resolve }) =>
    db.connection().execute(async (connection) => {
      await sql`select 1`.execute(connection);
      resolve();
      await over.promise;
    })
  );
  await Promise.all(taken.map(({ promise }) => promise));
  return {
    async [Symbol.asyncDispose]() {
      over.resolve();
      await Promise.all(holding);
    },
  };
}

Deno.test({
  name: "a gateway whose requests hold every connection keeps its lease, and ends what it runs",
  ignore: whyNoServer !== null,
  async fn() {
    await using server = await PostgresServer.start();
    await using site = await openSite(server.url("postgres"));
    const { gateway, engine, workDb } = site;
    await gateway.models.register(ADMIN, { path: HELPER_DIR, ...HELPER });
    const { id } = await gateway.generations.start(ALICE, { model: HELPER, prompt: { text: "Hi" } });
    const request = await engine.request(0);
    const lease = async () => {
      const row = await workDb.selectFrom("gateways").select("lease_until").executeTakeFirstOrThrow();
      return row.lease_until;
    };
    const statusOf = async () => {
      const rows = workDb.selectFrom("generations").select("status").where("id", "=", id);
      return (await rows.executeTakeFirstOrThrow()).status;
    };
    await using _held = await holdConnections(site, 10);
    request.promptProcessed();
    request.tokens(300);
    request.finish("STOP");
    await until(async () => await statusOf() === "SUCCEEDED");
    const before = await lease();
    await until(async () => await lease() > before);
    expect(await workDb.selectFrom("unit_claims").selectAll().execute()).toEqual([]);
  },
});

/** What two gateways on one PostgreSQL database do to each other's rows at the same time, and who watches where. */
import { expect } from "@std/expect";
import type { GenerateInput, Principal } from "../../src/app/types.ts";
import { ADMIN, ALICE, collect, HELPER, HELPER_DIR } from "../support/gateway.ts";
import { PostgresServer, whyNoServer } from "../support/postgres.ts";
import { openSite, type Site, until } from "../support/site.ts";

const input: GenerateInput = { model: HELPER, prompt: { text: "Hi" } };

Deno.test({
  name: "gateways that share a database",
  ignore: whyNoServer !== null,
  async fn(t) {
    await using server = await PostgresServer.start();
    await using a = await openSite(server.url("postgres"));
    await using b = await openSite(server.url("postgres"));
    await a.gateway.models.register(ADMIN, { path: HELPER_DIR, ...HELPER });

    await t.step("count usage of the same principals at once, and never wait for each other", async () => {
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
      expect(server.log).not.toContain("deadlock detected");
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

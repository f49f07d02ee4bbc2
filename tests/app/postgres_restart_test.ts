/** A PostgreSQL server that is restarted under a gateway: what runs stands still meanwhile, and nothing of it is lost. */
import { expect } from "@std/expect";
import type { GenerationEvent, GenerationUseCases } from "../../src/app/types.ts";
import { failure } from "../support/failure.ts";
import { ADMIN, ALICE, HELPER, HELPER_DIR } from "../support/gateway.ts";
import { PostgresServer, whyNoServer } from "../support/postgres.ts";
import { openSite } from "../support/site.ts";

/** As a client does it: whoever is told that the database is away asks for the rest. */
async function watch(generations: GenerationUseCases, id: string): Promise<readonly GenerationEvent[]> {
  const seen: GenerationEvent[] = [];
  for (;;) {
    try {
      for await (const event of generations.events(ALICE, id, { afterSeq: seen.length })) seen.push(event);
      return seen;
    } catch (error) {
      expect(error).toMatchObject({ code: "CAPACITY" });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

Deno.test({
  name: "a generation outlives a restart of the database, with every token and its usage",
  ignore: whyNoServer !== null,
  async fn() {
    await using server = await PostgresServer.start();
    const reported: unknown[] = [];
    await using site = await openSite(server.url("postgres"), {
      reportError: (error) => void reported.push(error),
      admission: { totalUnits: 9, unitsPerPrincipal: 1 },
    });
    const { generations, models, usage } = site.gateway;
    await models.register(ADMIN, { path: HELPER_DIR, ...HELPER });
    const input = { model: HELPER, prompt: { text: "Hi" } };
    const { id } = await generations.start(ALICE, input);
    const { id: waiting } = await generations.start(ALICE, input);
    const request = await site.engine.request(0);
    request.promptProcessed();
    request.tokens(300);
    const watched = watch(generations, id);
    await server.stop();
    for (let token = 301; token < 320; token++) {
      request.tokens(token);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect((await failure(generations.start(ALICE, input))).code).toBe("CAPACITY");
    request.finish("STOP"); // while nobody can be told
    await server.start();
    const log = await watched;
    expect(log.map(({ seq }) => seq)).toEqual(log.map((_, index) => index + 1));
    const ids = log.flatMap((event) => event.kind === "tokens" ? event.tokens.map((token) => token.id) : []);
    expect(ids).toEqual(Array.from({ length: 20 }, (_, index) => 300 + index));
    expect(log.at(-1)).toMatchObject({ kind: "finished", usage: { completionTokens: 20 } });
    expect(await usage.mine(ALICE, {})).toMatchObject([{ generations: 1n, completionTokens: 20n }]);
    const next = await site.engine.request(1); // what waited has its units
    expect(next.command.requestId).toBe(waiting);
    await generations.cancel(ALICE, waiting);
    for (const error of reported) expect(error).toMatchObject({ code: "CAPACITY" });
  },
});

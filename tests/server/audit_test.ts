/** The GraphQL-over-HTTP audits, against the server as it is served: limits, keys and origin checks on. */
import { expect } from "@std/expect";
import { serverAudits } from "graphql-http";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";

Deno.test("startServer() passes every GraphQL-over-HTTP audit without an error or a warning", async (t) => {
  await using api = new ApiServer(new FakeGateway().gateway);
  const audits = serverAudits({ url: api.url, fetchFn: fetch });
  expect(audits).toHaveLength(61);
  for (const audit of audits) {
    await t.step(`${audit.id} ${audit.name}`, async () => {
      const result = await audit.fn();
      if ("response" in result) await result.response.body?.cancel();
      expect({ status: result.status, reason: "reason" in result ? result.reason : null }).toEqual({
        status: "ok",
        reason: null,
      });
    });
  }
});

/** Clients of the OpenAI endpoints that leave before the end, over the real use cases: nothing is left of them. */
import { expect } from "@std/expect";
import { ApiServer } from "../support/api_server.ts";
import { HELPER, TestGateway } from "../support/gateway.ts";

for (const stream of [true, false]) {
  Deno.test(`a client that leaves a ${stream ? "streamed" : "whole"} answer is no error`, async () => {
    await using test = await TestGateway.make();
    await using api = new ApiServer(test.gateway);
    const leaving = new AbortController();
    const answer = fetch(`${api.server.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: HELPER.name, messages: [{ role: "user", content: "Hi" }], stream }),
      signal: leaving.signal,
    }).then((response) => response.text()).catch(() => "left");
    const request = await test.engine.request(0);
    request.tokens(300);
    leaving.abort();
    expect(await answer).toBe("left");
    while (!request.cancelled || api.server.liveStreams > 0) {
      await (await fetch(`${api.server.origin}/livez`)).text();
    }
    expect(api.log.filter((line) => line.includes("unexpected"))).toEqual([]);
  });
}

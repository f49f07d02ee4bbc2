/** Real keys that are revoked or expire while streams are open with them. */
import { expect } from "@std/expect";
import { systemClock } from "../../src/app/clock.ts";
import { ApiServer, type Json } from "../support/api_server.ts";
import { ADMIN, HELPER, TestGateway } from "../support/gateway.ts";
import { untilNoSockets, untilNoStreams } from "../support/watching.ts";
import { RawSocket } from "../support/ws_client.ts";

const GENERATE = `subscription ($input: GenerateInput!) { generate(input: $input) { seq } }`;
const input = { model: HELPER, prompt: { text: "Hi" }, onDisconnect: "CANCEL", disconnectGraceMs: 0 };

for (const how of ["revoked", "expired"] as const) {
  Deno.test(`a key that is ${how} ends what was opened with it, on every transport, and nothing else`, async () => {
    await using test = await TestGateway.make({ clock: systemClock });
    await using api = new ApiServer(test.gateway, { beforeStop: () => test.gateway.stop() });
    const { access } = test.gateway;
    const expiresAt = how === "expired" ? new Date(Date.now() + 3_000) : null;
    const { key, secret } = await access.createKey(ADMIN, { role: "GENERATOR", label: "short", expiresAt });
    const other = await access.createKey(ADMIN, { role: "GENERATOR", label: "other" });

    const socket = await new RawSocket(api.url).init({ apiKey: secret });
    const stays = await new RawSocket(api.url).init({ apiKey: other.secret });
    socket.subscribe("1", GENERATE, { input });
    expect((await socket.next()).payload.data.generate.seq).toBe(1);
    const results: Json[] = [];
    const stream = api.subscribe(GENERATE, { input }, { key: secret });
    results.push((await stream.next()).value);
    if (how === "revoked") await access.revokeKey(ADMIN, key.id);
    for await (const result of stream) results.push(result);

    const words = how === "revoked" ? "The API key has been revoked" : "The API key has expired";
    expect(results.at(-1).errors).toMatchObject([{
      message: words,
      extensions: { code: "UNAUTHENTICATED" },
    }]);
    expect(await socket.closed).toEqual({ code: 4403, reason: words });
    await untilNoStreams(api);
    // Whether or not they had got as far as the engine by then.
    const open = async () =>
      await test.db.selectFrom("generations").select("id").where("status", "!=", "CANCELLED").execute();
    while ((await open()).length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await api.query("{ viewer { id } }", {}, secret)).status).toBe(401);
    await expect(new RawSocket(api.url).init({ apiKey: secret })).rejects.toThrow("4403");
    stays.subscribe("1", "{ viewer { id } }");
    expect((await stays.next()).payload.data.viewer.id).toBe(other.key.id);
    await stays.close();
    await untilNoSockets(api);
  });
}

/** Errors of the real use cases as clients of the OpenAI endpoints meet them: in the words that they sent. */
import { expect } from "@std/expect";
import { ApiServer, type Json } from "../support/api_server.ts";
import { HELPER, TestGateway } from "../support/gateway.ts";

const MESSAGES = [{ role: "user", content: "Hi" }];
const SCHEMA = { type: "json_schema", json_schema: { name: "n", schema: { not: {} } } };

const REFUSED:
  readonly (readonly [endpoint: "chat/completions" | "completions", body: Json, param: string])[] = [
    ["chat/completions", { max_tokens: 100_000 }, "max_tokens"],
    ["chat/completions", { max_completion_tokens: 100_000 }, "max_completion_tokens"],
    ["chat/completions", { max_tokens: 3, min_tokens: 4 }, "min_tokens"],
    ["chat/completions", { top_p: 2 }, "top_p"],
    ["chat/completions", { temperature: -1 }, "temperature"],
    ["chat/completions", { presence_penalty: 3 }, "presence_penalty"],
    ["chat/completions", { logprobs: true, top_logprobs: 500 }, "top_logprobs"],
    ["chat/completions", { logit_bias: { 7: 1e9 } }, "logit_bias"],
    ["chat/completions", { stop: ["a", ""] }, "stop[1]"],
    ["chat/completions", { stop_token_ids: [-1] }, "stop_token_ids[0]"],
    ["chat/completions", { response_format: SCHEMA }, "response_format.json_schema.schema"],
    // The model's template takes no system prompt.
    ["chat/completions", { messages: [{ role: "developer", content: "Be brief" }, ...MESSAGES] }, "messages"],
    ["completions", { logprobs: 500 }, "logprobs"],
    ["completions", { prompt: [5, 1e9] }, "prompt[1]"],
    ["completions", { prompt: "" }, "prompt"],
  ];

Deno.test("the OpenAI endpoints name parameters as the client sent them", async () => {
  await using test = await TestGateway.make();
  await using api = new ApiServer(test.gateway);
  for (const [endpoint, given, param] of REFUSED) {
    const base = endpoint === "completions" ? { prompt: "Hi" } : { messages: MESSAGES };
    const response = await fetch(`${api.server.origin}/v1/${endpoint}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: HELPER.name, ...base, ...given }),
    });
    const { error } = await response.json();
    expect([given, response.status, error.type, error.param]).toEqual([
      ...[given, 400, "invalid_request_error", param],
    ]);
    expect(error.message).not.toMatch(
      /maxTokens|minTokens|topP|Penalty|Bias|stopTokenIds|constraint|tokenIds/,
    );
  }
  expect(test.engine.requests.length).toBe(0);
});

Deno.test("a client of the OpenAI endpoints that leaves is not waited for, unless its key lets it come back", async () => {
  await using test = await TestGateway.make({ disconnectGraceMs: 60_000 });
  await using api = new ApiServer(test.gateway);
  const leave = async (headers: Record<string, string>) => {
    const leaving = new AbortController();
    const index = test.engine.requests.length;
    const answer = fetch(`${api.server.origin}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ model: HELPER.name, messages: MESSAGES, stream: true }),
      signal: leaving.signal,
    }).then((response) => response.text()).catch(() => "left");
    const request = await test.engine.request(index);
    leaving.abort();
    expect(await answer).toBe("left");
    while (api.server.liveStreams > 0) await (await fetch(`${api.server.origin}/livez`)).text();
    return request;
  };
  const kept = await leave({ "idempotency-key": "k" });
  const request = await leave({});
  while (!request.cancelled) await (await fetch(`${api.server.origin}/livez`)).text();
  expect(kept.cancelled).toBe(false);
});

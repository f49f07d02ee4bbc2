/** Which fields a request in the OpenAI shape may have, whatever they say. */
import { expect } from "@std/expect";
import { readChatRequest, readTextRequest } from "../../src/server/openai/requests.ts";
import { ApiServer } from "../support/api_server.ts";
import { FakeGateway } from "../support/fake_gateway.ts";

const CHAT = { model: "owner/merged", messages: [{ role: "user", content: "Hi" }] };
const TEXT = { model: "owner/merged", prompt: "Hi" };

/** What clients of this API send that has no effect here, with the values of servers that know more. */
const PASSED_OVER = {
  metadata: { a: "b" },
  moderation: { model: "m" },
  parallel_tool_calls: false,
  prompt_cache_key: "k",
  prompt_cache_options: {},
  prompt_cache_retention: "24h",
  reasoning_effort: "low",
  request_id: "r",
  safety_identifier: "s",
  service_tier: "auto",
  store: true,
  user: "somebody",
  verbosity: "low",
  tools: [],
  tool_choice: "none",
  functions: null,
  function_call: "auto",
  audio: null,
  modalities: ["text"],
  prediction: null,
  web_search_options: null,
  best_of: 1,
  echo: false,
  use_beam_search: false,
  length_penalty: 1,
  include_stop_str_in_output: false,
  skip_special_tokens: true,
  spaces_between_special_tokens: true,
  add_generation_prompt: true,
  chat_template_kwargs: null,
  somebodys_own: null,
  continue_final_message: false,
  priority: 0,
};

Deno.test("readChatRequest() and readTextRequest() pass over what changes no token", () => {
  const input = (request: { readonly input: unknown }) => request.input;
  expect(input(readChatRequest({ ...CHAT, ...PASSED_OVER }, null))).toEqual(
    input(readChatRequest(CHAT, null)),
  );
  expect(input(readTextRequest({ ...TEXT, ...PASSED_OVER }, null))).toEqual(
    input(readTextRequest(TEXT, null)),
  );
});

const UNKNOWN: readonly (readonly [field: string, message: string])[] = [
  ["temprature", 'Unknown parameter: "temprature"; did you mean "temperature"?'],
  ["max_token", 'Unknown parameter: "max_token"; did you mean "max_tokens"?'],
  ["topP", 'Unknown parameter: "topP"; did you mean "top_p"?'],
  ["guided_json", 'Unknown parameter: "guided_json"'],
  ["toString", 'Unknown parameter: "toString"'],
  ["x".repeat(1000), `Unknown parameter: "${"x".repeat(100)}"`],
];

Deno.test("the OpenAI endpoints refuse a parameter that nobody knows, and say which one was meant", async () => {
  const fake = new FakeGateway();
  await using api = new ApiServer(fake.gateway);
  for (const [path, body] of [["chat/completions", CHAT], ["completions", TEXT]] as const) {
    for (const [field, message] of UNKNOWN) {
      const response = await fetch(`${api.server.origin}/v1/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ ...body, [field]: 1 }),
      });
      expect([response.status, await response.json()]).toEqual([400, {
        error: {
          message,
          type: "invalid_request_error",
          param: field.slice(0, 100),
          code: "unknown_parameter",
        },
      }]);
    }
  }
  expect(fake.started).toEqual([]);
});

Deno.test("readChatRequest() refuses what other servers carry out and this one does not", () => {
  const changes = [{ best_of: 2 }, { use_beam_search: true }, { skip_special_tokens: false }, { echo: true }];
  for (const change of changes) {
    const [field] = Object.keys(change);
    expect(() => readChatRequest({ ...CHAT, ...change }, null)).toThrow(`Unsupported parameter: ${field} is`);
  }
});

Deno.test("readTextRequest() takes max_completion_tokens, which clients send beside max_tokens", () => {
  const both = { ...TEXT, max_tokens: 7, max_completion_tokens: 7 };
  expect(readTextRequest(both, null).input.sampling).toEqual({ maxTokens: 7 });
  expect(readTextRequest({ ...TEXT, max_tokens: 7 }, null).sent.maxTokens).toBe("max_tokens");
});

const ANSWER = { role: "assistant", content: "Yes" };
/** What asks for nothing, beside what it is the same as. */
const SAME_CHATS: readonly (readonly [change: object, same: object])[] = [
  [{ top_logprobs: 0 }, {}],
  [{ logprobs: false, top_logprobs: 0 }, {}],
  [{ top_k: -1 }, { top_k: 0 }],
  [{ messages: [...CHAT.messages, { role: "assistant", content: null }, ...CHAT.messages] }, {
    messages: [...CHAT.messages, { role: "assistant", content: "" }, ...CHAT.messages],
  }],
  [{ messages: [...CHAT.messages, { role: "assistant", tool_calls: [] }, ...CHAT.messages] }, {
    messages: [...CHAT.messages, { role: "assistant", content: "" }, ...CHAT.messages],
  }],
  [{
    messages: [...CHAT.messages, { ...ANSWER, refusal: null, tool_calls: null, audio: null, prefix: false }],
  }, { messages: [...CHAT.messages, ANSWER] }],
];

Deno.test("readChatRequest() takes what asks for nothing for what it is the same as", () => {
  for (const [change, same] of SAME_CHATS) {
    expect(readChatRequest({ ...CHAT, ...change }, null)).toEqual(
      readChatRequest({ ...CHAT, ...same }, null),
    );
  }
});

Deno.test("readTextRequest() takes one list of token ids in a list, and no logprobs for false", () => {
  expect(readTextRequest({ ...TEXT, prompt: [[1, 2]] }, null)).toEqual(
    readTextRequest({ ...TEXT, prompt: [1, 2] }, null),
  );
  expect(readTextRequest({ ...TEXT, logprobs: false }, null)).toEqual(readTextRequest(TEXT, null));
  for (const prompt of [[[1], [2]], [[]], [[1], "a"], [1, [2]]]) {
    expect(() => readTextRequest({ ...TEXT, prompt }, null)).toThrow(/^prompt(\[0\])? is /);
  }
  expect(() => readTextRequest({ ...TEXT, logprobs: true }, null)).toThrow("logprobs is true, expected");
});

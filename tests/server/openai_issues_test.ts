/** What refused requests in the OpenAI shape are told, word by word. */
import { expect } from "@std/expect";
import { RequestError } from "../../src/server/openai/errors.ts";
import { readChatRequest, readTextRequest } from "../../src/server/openai/requests.ts";

const CHAT = { model: "owner/merged", messages: [{ role: "user", content: "Hi" }] };
const TEXT = { model: "owner/merged", prompt: "Hi" };
const PARTS = 'expected a text, or a list of parts as in {"type": "text", "text": "…"}';

const CHATS: readonly (readonly [change: Record<string, unknown>, message: string])[] = [
  [{ n: 2 }, "n is 2, expected 1: one answer a request"],
  [{ model: undefined }, "model is missing, expected the name of a model"],
  [{ model: "" }, "model is empty, expected the name of a model"],
  [{ messages: undefined }, "messages is missing, expected a list of at least one message"],
  [{ messages: [] }, "messages is empty, expected a list of at least one message"],
  [{ messages: ["Hi"] }, 'messages[0] is "Hi", expected an object with role and content'],
  [{ messages: [{ role: "user" }] }, `messages[0].content is missing, ${PARTS}`],
  [
    { messages: [{ role: "user", content: [{ type: "text" }] }] },
    `messages[0].content is a list of 1, ${PARTS}`,
  ],
  [
    { messages: [{ role: "robot", content: "" }] },
    'messages[0].role is "robot", expected "system" or "developer" or "user" or "assistant"',
  ],
  [{ temperature: "hot" }, 'temperature is "hot", expected a number'],
  [{ temperature: "x".repeat(100) }, "temperature is a text of 100 characters, expected a number"],
  [{ max_tokens: 1.5 }, "max_tokens is 1.5, expected a whole number"],
  [{ seed: 2 ** 60 }, "seed is 1152921504606847000, expected at most 9007199254740991"],
  [{ stream: 1 }, "stream is 1, expected true or false"],
  [{ stream_options: [] }, "stream_options is empty, expected an object"],
  [{ stop: [1] }, "stop is a list of 1, expected a text or a list of texts"],
  [{ stop_token_ids: ["a"] }, 'stop_token_ids[0] is "a", expected a number'],
  [{ logit_bias: { a: 1 } }, 'logit_bias has the key "a", expected an object of numbers by token id'],
  [{ logit_bias: { 1: "a" } }, 'logit_bias.1 is "a", expected a number'],
  [
    { response_format: { type: "xml" } },
    'response_format.type is "xml", expected "text", "json_object" or "json_schema"',
  ],
];
const TEXTS: typeof CHATS = [
  [{ prompt: {} }, "prompt is an object, expected a text or a list of token ids, or a list with one of them"],
  [
    { prompt: ["a", "b"] },
    "prompt is a list of 2, expected a text or a list of token ids, or a list with one of them",
  ],
  [{ best_of: 3 }, "best_of is 3, expected 1: one answer a request"],
  [{ echo: true }, "echo is true, expected false: the prompt is not repeated"],
  [{ suffix: "end" }, 'suffix is "end", expected none: nothing is fitted in before a text'],
];

Deno.test("readChatRequest() and readTextRequest() say what they found and what they expected", () => {
  for (const [change, message] of CHATS) {
    expect(refusal(() => readChatRequest({ ...CHAT, ...change }, null))).toBe(message);
  }
  for (const [change, message] of TEXTS) {
    expect(refusal(() => readTextRequest({ ...TEXT, ...change }, null))).toBe(message);
  }
});

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof RequestError) return error.message;
    throw error;
  }
  throw new Error("It was taken");
}

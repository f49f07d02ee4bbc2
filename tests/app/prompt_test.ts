/** Prompts that are far too long: refused by their beginning, before anybody is held up. */
import { expect } from "@std/expect";
import { buildPrompt } from "../../src/app/generate/prompt.ts";
import { CapacityError } from "../../src/errors.ts";
import type { Tokenizer } from "../../src/tokenizer/tokenizer.ts";
import { tokenizer } from "../support/conversation.ts";

const CONTEXT = 1024;

/** The demo's tokenizer, and how many characters it has been given. */
function counting() {
  const seen = { characters: 0 };
  const counted = new Proxy(tokenizer, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        seen.characters += JSON.stringify(args[0]).length;
        return value.apply(target, args);
      };
    },
  }) as Tokenizer;
  return { seen, served: { tokenizer: counted, eosTokenIds: [], vocabSize: tokenizer.vocabSize } };
}

const LONG = "hello world ".repeat(80_000);
const user = (content: string) => ({ role: "USER", content }) as const;

for (
  const [what, source, history, dropOldestFor] of [
    ["a text", { text: LONG }, [], undefined],
    ["a raw text", { raw: LONG }, null, undefined],
    [
      "messages",
      { messages: Array.from({ length: 1000 }, () => user("hello world ".repeat(80))) },
      null,
      undefined,
    ],
    ["the last turn", { text: LONG }, [user("Hi")], 100],
    ["a history", { text: "Hi" }, [user(LONG)], undefined],
  ] as const
) {
  Deno.test(`buildPrompt() refuses ${what} of a million characters by its beginning`, () => {
    const { seen, served } = counting();
    const build = () =>
      buildPrompt(served, source, {
        history: history === null ? null : { messages: history, omitted: 0 },
        contextLength: CONTEXT,
        dropOldestFor,
      });
    expect(build).toThrow(CapacityError);
    expect(build).toThrow(
      /has more than \d+ tokens, and at most 1023 fit beside an answer into the context of 1024 tokens: /,
    );
    expect(seen.characters).toBeLessThan(2 * CONTEXT * 20);
  });
}

Deno.test("buildPrompt() does not take a long past, or white space that is stripped, for a long prompt", () => {
  const { served } = counting();
  const options = { contextLength: CONTEXT, dropOldestFor: 100 };
  const past = Array.from(
    { length: 2000 },
    () => [user("hello ".repeat(20)), { role: "ASSISTANT", content: "a" } as const],
  );
  const { trimmed, tokenIds } = buildPrompt(served, { text: "Hi" }, {
    ...options,
    history: { messages: past.flat(), omitted: 3 },
  });
  expect(tokenIds.length).toBeLessThanOrEqual(CONTEXT - 100);
  expect(trimmed!.droppedMessages + trimmed!.keptMessages).toBe(4004);
  expect(
    buildPrompt(served, { raw: `Hi${" ".repeat(20_000)}` }, { history: null, contextLength: 40_000 }).tokenIds
      .length,
  )
    .toBeLessThan(40_000);
});

Deno.test("buildPrompt() says how many tokens there are, how many fit and why, and what to do", () => {
  const { served } = counting();
  const messageOf = (options: Partial<Parameters<typeof buildPrompt>[2]>) => {
    const all = { history: null, contextLength: 16, ...options, mayReadMore: false as const };
    try {
      buildPrompt(served, { text: "Tell me of the bear and the rope, and of what they did there" }, all);
    } catch (error) {
      return (error as Error).message.replace(/ \d+ tokens/, " N tokens");
    }
    return "nothing";
  };
  const fit = "and at most 15 fit beside an answer into the context of 16 tokens";
  expect(messageOf({})).toBe(`The prompt has N tokens, ${fit}: shorten it`);
  expect(messageOf({ nativeContextLength: 1024 }))
    .toBe(`The prompt has N tokens, ${fit}, with which the model is served (its own is 1024): shorten it`);
  const history = { messages: [user("Hi"), { role: "ASSISTANT", content: "Hello" } as const], omitted: 0 };
  expect(messageOf({ history })).toBe(
    `The session is full: with this prompt it has N tokens, ${fit}: ` +
      "begin another session, or have its oldest turns left out (contextPolicy DROP_OLDEST)",
  );
  expect(messageOf({ history, dropOldestFor: 4 }))
    .toBe(`Even without all that came before, the prompt has N tokens, ${fit}: shorten the question`);
});

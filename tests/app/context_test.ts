/** Conversations that outgrow the context: which turns are left out, and who is told. */
import { expect } from "@std/expect";
import * as fc from "fast-check";
import { fitTurns, roomForAnswer } from "../../src/app/generate/context.ts";
import type { ChatMessage } from "../../src/app/types.ts";
import { ask, chat } from "../support/conversation.ts";
import { failure } from "../support/failure.ts";
import { ALICE, collect, HELPER, TestGateway } from "../support/gateway.ts";
import { runs } from "../support/properties.ts";

/** A token a character, and one a message. */
const encode = (messages: readonly ChatMessage[]) =>
  messages.flatMap(({ content }) => new Array<number>(content.length + 1).fill(1));
const message = (role: ChatMessage["role"], length: number): ChatMessage => ({
  role,
  content: "x".repeat(length),
});

Deno.test("fitTurns() drops the fewest oldest turns, and never system prompt or last turn", () => {
  const turn = fc.tuple(fc.nat(40), fc.nat(40)).map(([asked, said]) => [
    message("USER", asked),
    message("ASSISTANT", said),
  ]);
  const property = fc.property(
    fc.array(turn, { maxLength: 40 }),
    fc.option(fc.nat(20)),
    fc.nat(40),
    fc.integer({ min: 1, max: 600 }),
    (turns, system, last, limit) => {
      const head = system === null ? [] : [message("SYSTEM", system)];
      const tail = [message("USER", last)];
      const { tokenIds, dropped } = fitTurns([...head, ...turns.flat(), ...tail], { encode, limit });
      const kept = (count: number) => [...head, ...turns.flat().slice(count), ...tail];
      expect(dropped % 2).toBe(0);
      expect(tokenIds).toEqual(encode(kept(dropped)));
      if (tokenIds.length > limit) expect(dropped).toBe(turns.length * 2);
      if (dropped > 0) expect(encode(kept(dropped - 2)).length).toBeGreaterThan(limit);
    },
  );
  fc.assert(property, { numRuns: runs(300) });
});

Deno.test("fitTurns() encodes a long past a few times only, and never all of it", () => {
  const turns = Array.from({ length: 4000 }, () => [message("USER", 9), message("ASSISTANT", 9)]).flat();
  let encoded = 0;
  const { tokenIds, dropped } = fitTurns([...turns, message("USER", 9)], {
    encode: (messages) => (encoded += messages.length, encode(messages)),
    limit: 1000,
  });
  expect([tokenIds.length, dropped]).toEqual([990, 8000 - 98]);
  expect(encoded).toBeLessThan(1500);
});

Deno.test("roomForAnswer() is all of it, up to half the context", () => {
  expect([roomForAnswer(10, 1024), roomForAnswer(800, 1024)]).toEqual([10, 512]);
});

Deno.test("generations.start() with DROP_OLDEST leaves out old turns and says so", async () => {
  await using test = await TestGateway.make();
  const { sessions, generations } = test.gateway;
  const { id } = await sessions.create(ALICE, { model: HELPER, contextPolicy: "DROP_OLDEST" });
  const long = "word ".repeat(200);
  const sampling = { maxTokens: 100 };
  await ask(test, id, `1 ${long}`, "One.", { sampling });
  await ask(test, id, `2 ${long}`, "Two.", { sampling });
  const prompt = await ask(test, id, `3 ${long}`, "Three.", { sampling });
  expect(prompt).toEqual(chat(`2 ${long}`, "Two.", `3 ${long}`));
  expect(prompt.length).toBeLessThanOrEqual(1024 - 100);
  const { requestId } = test.engine.requests.at(-1)!.command;
  const trimmed = { droppedMessages: 2, keptMessages: 3 };
  expect(await generations.get(ALICE, requestId)).toMatchObject({ contextPolicy: "DROP_OLDEST", trimmed });
  const events = await collect(generations.events(ALICE, requestId, {}));
  expect(events.slice(0, 2)).toMatchObject([
    { seq: 1, kind: "queued" },
    { seq: 2, kind: "contextTrimmed", ...trimmed, promptTokens: prompt.length },
  ]);
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  // Nothing of it is forgotten, and a request may ask for the other policy.
  expect((await sessions.messages(ALICE, id, {})).totalCount).toBe(6);
  const input = { model: HELPER, sessionId: id, prompt: { text: `4 ${long}` } };
  const refused = await failure(generations.start(ALICE, { ...input, contextPolicy: "REFUSE" }));
  expect([refused.code, refused.details["contextLength"]]).toEqual(["CAPACITY", 1024]);
  const last = await failure(generations.start(ALICE, { ...input, prompt: { text: "more ".repeat(1100) } }));
  expect(last.details).toMatchObject({ contextLength: 1024, promptTokens: expect.any(Number) });
  expect(last.message).toMatch(/^Even without all that came before, the prompt has \d+ tokens/);
  expect((await sessions.setContextPolicy(ALICE, id, "REFUSE")).contextPolicy).toBe("REFUSE");
  expect((await failure(generations.start(ALICE, input))).code).toBe("CAPACITY");
});

Deno.test("generations.start() trims a conversation that comes without a session as well", async () => {
  await using test = await TestGateway.make();
  const turn = (text: string) => [
    { role: "USER", content: text } as const,
    { role: "ASSISTANT", content: "Yes." } as const,
  ];
  const long = "word ".repeat(200);
  const messages = [...turn(long), ...turn(long), ...turn(long), { role: "USER", content: "Now?" } as const];
  const input = {
    model: HELPER,
    prompt: { messages },
    contextPolicy: "DROP_OLDEST",
    sampling: { maxTokens: 100 },
  } as const;
  const { trimmed } = await test.gateway.generations.start(ALICE, input);
  expect(trimmed).toEqual({ droppedMessages: 2, keptMessages: 5 });
});

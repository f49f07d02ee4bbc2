/** How much of a session is read for a prompt, and that no more would make no difference. */
import { expect } from "@std/expect";
import * as fc from "fast-check";
import { type History, shownRows, withHistory } from "../../src/app/generate/history.ts";
import type { Db } from "../../src/store/database.ts";
import * as sessions from "../../src/store/sessions.ts";
import { storeTest } from "../support/dialects.ts";
import { ask, chat } from "../support/conversation.ts";
import { failure } from "../support/failure.ts";
import { ALICE, HELPER, TestGateway } from "../support/gateway.ts";
import { runs } from "../support/properties.ts";
import { QueryCounter } from "../support/query_counter.ts";

const AT = "2024-01-31T09:30:00.000Z";

interface Written {
  readonly role: "SYSTEM" | "USER" | "ASSISTANT";
  readonly length: number;
  /** Messages with the same number were asked or said by one generation; null: by none. */
  readonly generation: number | null;
  readonly isAnswer: boolean;
}

/** One branch; its leaf. */
async function write(db: Db, written: readonly Written[]): Promise<string> {
  await db.deleteFrom("messages").execute();
  const ids = new Set(written.flatMap(({ generation }) => generation === null ? [] : [`g${generation}`]));
  const known = new Set((await db.selectFrom("generations").select("id").execute()).map(({ id }) => id));
  const missing = [...ids].filter((id) => !known.has(id));
  const row = { principal_id: "a", model_id: "m", status: "SUCCEEDED", prompt: "{}", text: "" };
  const rest = { requested_sampling: "{}", effective_sampling: "{}", sampling_revision_ids: "[]" };
  if (missing.length > 0) {
    const rows = missing.map((id) => ({ ...row, ...rest, id, on_disconnect: "CONTINUE", created_at: AT }));
    for (let start = 0; start < rows.length; start += 500) {
      await db.insertInto("generations").values(rows.slice(start, start + 500) as never).execute();
    }
  }
  let leaf: string | null = null;
  for (let start = 0; start < written.length; start += 500) {
    const rows = written.slice(start, start + 500).map(({ role, length, generation, isAnswer }, index) => ({
      ...{ id: `${start + index}`, role, content: "x".repeat(length), created_at: AT },
      ...{ generation_id: generation === null ? null : `g${generation}`, is_answer: isAnswer ? 1 : 0 },
    }));
    leaf = await sessions.appendMessages(db, "s", leaf, rows);
  }
  return leaf!;
}

async function addSession(db: Db): Promise<void> {
  const none = { author: null, license: null, published_at: null, description: null, merge_id: null };
  await db.insertInto("artifacts").values({ id: "a", manifest_sha256: "0", size_bytes: 1, created_at: AT })
    .execute();
  await db.insertInto("models").values({
    ...{ id: "m", name: "m", path: "/m", file_stamps: "{}", architecture: "X", parameter_count: null },
    ...{ native_context_length: 8, served_context_length: 8, native_dtype: "BFLOAT16", artifact_id: "a" },
    ...{ served_quantization: "none", concurrency_cost: 1, checkpoint_sampling: "{}", created_at: AT },
    ...none,
  } as never).execute();
  await sessions.insertSession(db, {
    ...{ id: "s", principal_id: "a", model_id: "m", title: null, created_at: AT, updated_at: AT },
    ...{ active_message_id: null, context_policy: "REFUSE" },
  });
}

const turn = fc.tuple(
  fc.constantFrom(0, 3, 40, 400),
  fc.constantFrom(0, 5, 60),
  fc.constantFrom("answered", "lost", "two messages", "with system") as fc.Arbitrary<string>,
);

storeTest("withHistory() reads a part that says what the whole would", async (db) => {
  await addSession(db);
  const property = fc.asyncProperty(
    fc.array(turn, { minLength: 1, maxLength: 14 }),
    fc.nat(2),
    fc.boolean(),
    fc.integer({ min: 1, max: 60 }),
    async (turns, systems, asksAgain, contextLength) => {
      const head: Written[] = Array.from({ length: systems }, () => {
        return { role: "SYSTEM", length: 7, generation: null, isAnswer: false };
      });
      const body = turns.flatMap(([asked, said, kind], generation): Written[] => {
        const of = { generation, isAnswer: false } as const;
        return [
          ...kind === "with system" ? [{ ...of, role: "SYSTEM", length: 3 } as const] : [],
          ...kind === "two messages"
            ? [{ ...of, role: "USER", length: 1 }, { ...of, role: "ASSISTANT", length: 2 }] as const
            : [],
          { ...of, role: "USER", length: asked },
          ...kind === "lost" ? [] : [{ ...of, role: "ASSISTANT", length: said, isAnswer: true } as const],
        ];
      });
      const written = [
        ...head,
        ...body,
        ...asksAgain ? [{ role: "USER", length: 4, generation: 99, isAnswer: false } as const] : [],
      ];
      const leaf = await write(db, written);
      const rows = await sessions.allMessages(db, "s");
      const whole = shownRows(rows, { asksAgain }).map(({ role, content }) => ({ role, content }));
      const first = whole.findIndex(({ role }) => role !== "SYSTEM");
      const system = whole.slice(0, first < 0 ? whole.length : first);
      const seen: History[] = [];
      await withHistory(db, { parentId: leaf, asksAgain }, {
        contextLength,
        use: (history, { mayReadMore }) => {
          seen.push(history!);
          return mayReadMore ? null : true;
        },
      });
      for (const { messages, omitted } of seen) {
        // The system prompt, and the newest turns whole.
        const rest = messages.slice(system.length);
        expect(messages.slice(0, system.length)).toEqual(system);
        expect(rest).toEqual(whole.slice(whole.length - rest.length));
        expect(omitted).toBe(whole.length - messages.length);
        if (omitted > 0) expect(rest[0]!.role).toBe("USER");
      }
      expect(seen.at(-1)!.omitted).toBe(0);
    },
  );
  await fc.assert(property, { numRuns: runs(60) });
});

storeTest("withHistory() reads no more of a long session than of a short one", async (db) => {
  await addSession(db);
  const cost = async (turns: number) => {
    const leaf = await write(db, [
      { role: "SYSTEM", length: 9, generation: null, isAnswer: false },
      ...Array.from({ length: turns }, (_, generation): Written[] => [
        { role: "USER", length: 50, generation, isAnswer: false },
        { role: "ASSISTANT", length: 50, generation, isAnswer: true },
      ]).flat(),
    ]);
    const counter = new QueryCounter();
    const { messages, omitted } = await withHistory(
      db.withPlugin(counter),
      { parentId: leaf, asksAgain: false },
      { contextLength: 100, use: (history) => history },
    );
    expect([messages[0]!.role, messages.length + omitted]).toEqual(["SYSTEM", 1 + 2 * turns]);
    return [counter.queries, counter.rows];
  };
  expect(await cost(20)).toEqual([2, 15]);
  expect(await cost(2000)).toEqual([2, 15]);
});

Deno.test("a long session is trimmed, and refused, as if it had been read whole", async () => {
  await using test = await TestGateway.make();
  const { sessions: use, generations } = test.gateway;
  const { id } = await use.create(ALICE, { model: HELPER, contextPolicy: "DROP_OLDEST" });
  // Long tokens: 16,000 bytes of them are less than the context, so more is read than at first.
  const long = "the ".repeat(15);
  const at = new Date(0).toISOString();
  const pairs = Array.from({ length: 400 }, (_, index) => [
    {
      id: `q${index}`,
      role: "USER",
      content: `${index} ${long}`,
      generation_id: null,
      created_at: at,
      is_answer: 0,
    },
    {
      id: `a${index}`,
      role: "ASSISTANT",
      content: "Yes.",
      generation_id: null,
      created_at: at,
      is_answer: 1,
    },
  ]).flat();
  const leaf = await sessions.appendMessages(test.db, id, null, pairs);
  await sessions.updateSession(test.db, id, { active_message_id: leaf });
  const prompt = await ask(test, id, "Now?", "Yes.", { sampling: { maxTokens: 100 } });
  const told = (await generations.get(ALICE, test.engine.requests.at(-1)!.command.requestId))!.trimmed!;
  expect(told.droppedMessages + told.keptMessages).toBe(801);
  const kept = (dropped: number) => chat(...pairs.slice(dropped).map(({ content }) => content), "Now?");
  expect(prompt).toEqual(kept(told.droppedMessages));
  expect(kept(told.droppedMessages - 2).length).toBeGreaterThan(1024 - 100);
  const input = { model: HELPER, sessionId: id, prompt: { text: "Now?" }, contextPolicy: "REFUSE" } as const;
  const { code, message, details } = await failure(generations.start(ALICE, input));
  expect([code, details["contextLength"]]).toEqual(["CAPACITY", 1024]);
  expect(message).toMatch(/^The session is full: with this prompt it has at least \d+ tokens/);
});

Deno.test("sessions.export() refuses what is too long before it reads it", async () => {
  await using test = await TestGateway.make();
  const { sessions: use } = test.gateway;
  const { id } = await use.create(ALICE, { model: HELPER });
  const content = "é".repeat(4_000_000);
  const rows = Array.from({ length: 5 }, (_, index) => {
    return { id: `m${index}`, role: "USER", content, generation_id: null, created_at: AT };
  });
  for (const row of rows) await sessions.appendMessages(test.db, id, null, [row]);
  const { code, details } = await failure(use.export(ALICE, id, "MARKDOWN"));
  expect([code, details]).toEqual(["CAPACITY", { found: 40_000_000, allowed: 32_000_000 }]);
});

/** Turns of a session with the demo's helper, whose answers a test writes. */
import type { GenerateInput, Generation, Page, SessionMessage } from "../../src/app/types.ts";
import { openTokenizer } from "../../src/tokenizer/tokenizer.ts";
import { ALICE, collect, HELPER, HELPER_DIR, type TestGateway } from "./gateway.ts";

export const tokenizer = await openTokenizer(HELPER_DIR);

/** Starts something, lets the engine answer it, and waits for its end. The prompt as the engine got it. */
export async function answered(
  test: TestGateway,
  start: () => Promise<Generation>,
  answer: string,
): Promise<{ readonly id: string; readonly promptTokenIds: readonly number[] }> {
  const index = test.engine.requests.length;
  const { id } = await start();
  const request = await test.engine.request(index);
  for (const token of tokenizer.encode(answer)) request.tokens(token);
  request.finish("STOP");
  await collect(test.gateway.generations.events(ALICE, id, {}));
  return { id, promptTokenIds: request.command.promptTokenIds };
}

/** A question and its answer, at the end of the current branch unless `place` says otherwise. */
export async function ask(
  test: TestGateway,
  sessionId: string,
  text: string,
  answer: string,
  place: Partial<GenerateInput> = {},
): Promise<readonly number[]> {
  const input = { model: HELPER, sessionId, prompt: { text }, ...place };
  return (await answered(test, () => test.gateway.generations.start(ALICE, input), answer)).promptTokenIds;
}

/** The prompt of a conversation, user first. */
export function chat(...contents: readonly string[]): readonly number[] {
  const roles = ["user", "assistant"];
  return tokenizer.encodeChat(contents.map((content, index) => ({ role: roles[index % 2]!, content }))).ids;
}

export function contents(page: Page<SessionMessage>): string[] {
  return page.edges.map(({ node }) => node.content);
}

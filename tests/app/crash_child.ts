/**
 * A gateway to be killed: serves the data folder in its first argument with a scripted engine, finishes one generation,
 * runs others without end, and prints a line for each event that a watcher has been given.
 */
import { createGateway } from "../../src/app/compose.ts";
import type { GenerationEvent } from "../../src/app/types.ts";
import { openStore } from "../../src/store/open.ts";
import { ADMIN, ALICE, HELPER, HELPER_DIR } from "../support/gateway.ts";
import { FakeEngine } from "../support/scripted_engine.ts";

const output = Deno.stdout.writable.getWriter();
async function say(line: unknown): Promise<void> {
  await output.write(new TextEncoder().encode(JSON.stringify(line) + "\n"));
}

const [dataDir] = Deno.args;
if (dataDir === undefined) throw new Error("Usage: crash_child.ts DATA_DIR");
await say("opening");
const engine = new FakeEngine();
const db = await openStore(dataDir);
const gateway = await createGateway({ db, engine, dataDir, allowAnonymous: true });
await say("open");
await gateway.models.register(ADMIN, { path: HELPER_DIR, ...HELPER });

const { generations } = gateway;
async function start() {
  const index = engine.requests.length;
  const { id } = await generations.start(ALICE, { model: HELPER, prompt: { text: "Hi" } });
  return { id, request: await engine.request(index) };
}
async function report(events: AsyncIterable<GenerationEvent>): Promise<void> {
  for await (const { generationId, seq, kind } of events) await say({ generationId, seq, kind });
}

const finished = await start();
finished.request.tokens(300, 301);
finished.request.finish("LENGTH");
await report(generations.events(ALICE, finished.id, {}));

const running = [await start(), await start()];
for (const { id } of running) void report(generations.events(ALICE, id, {}));
for (;;) {
  for (const { request } of running) request.tokens(300, 301, 302, 303, 304);
  await new Promise((resolve) => setTimeout(resolve));
}

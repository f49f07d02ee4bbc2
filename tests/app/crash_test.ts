/** kill -9 at any moment: nothing that anybody was shown is lost, and the next start closes what was open. */
import { expect } from "@std/expect";
import { fileURLToPath } from "node:url";
import { lockDataDir } from "../../src/store/ownership.ts";
import { openStore } from "../../src/store/open.ts";
import { createGateway } from "../../src/app/compose.ts";
import { ADMIN, collect } from "../support/gateway.ts";
import { FakeEngine } from "../support/scripted_engine.ts";
import { failure } from "../support/failure.ts";
import { type TempDir, tempDir } from "../support/temp.ts";

interface Shown {
  readonly generationId: string;
  readonly seq: number;
  readonly kind: string;
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Runs the child until it has printed `lines` lines, kills it, and returns the events it had printed by then. */
async function runAndKill(
  dir: TempDir,
  lines: number,
  whileAlive = () => Promise.resolve(),
): Promise<Shown[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      `${ROOT}tests/app/crash_child.ts`,
      dir.path,
    ],
    cwd: ROOT,
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const shown: Shown[] = [];
  let count = 0;
  let rest = "";
  let killed = false;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    const complete = (rest + chunk).split("\n");
    rest = complete.pop()!;
    for (const line of complete) {
      const value: string | Shown = JSON.parse(line);
      if (typeof value !== "string") shown.push(value);
      if (++count >= lines && !killed) {
        await whileAlive();
        child.kill("SIGKILL");
        killed = true;
      }
    }
  }
  expect((await child.status).signal).toBe("SIGKILL");
  return shown;
}

async function reopen(dir: TempDir) {
  const db = await openStore(dir.path);
  const engine = new FakeEngine();
  const gateway = await createGateway({ db, engine, dataDir: dir.path, allowAnonymous: true });
  return {
    db,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await db.destroy();
    },
  };
}

for (const lines of [1, 2, 3, 5, 8, 40, 200]) {
  Deno.test(`createGateway() recovers from kill -9 after ${lines} lines of output`, async () => {
    await using dir = await tempDir();
    const shown = await runAndKill(dir, lines);
    await using after = await reopen(dir);
    const { generations } = after.gateway;
    const rows = await after.db.selectFrom("generations").select("id").execute();
    for (const { id } of rows) {
      const log = await collect(generations.events(ADMIN, id, {}));
      expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1));
      const row = await generations.get(ADMIN, id);
      const text = log.map((event) => event.kind === "tokens" ? event.text : "").join("");
      const last = log.at(-1)!;
      if (last.kind === "finished") expect(row).toMatchObject({ status: "SUCCEEDED", text, error: null });
      else {
        expect(last).toMatchObject({ kind: "failed", code: "INTERRUPTED" });
        expect(row).toMatchObject({ status: "FAILED", text, error: { code: "INTERRUPTED" } });
      }
      for (const event of shown.filter(({ generationId }) => generationId === id)) {
        expect(log[event.seq - 1]?.kind).toBe(event.kind);
      }
    }
    const finished = shown.filter(({ kind }) => kind === "finished");
    for (const { generationId } of finished) {
      expect(await generations.get(ADMIN, generationId)).toMatchObject({ status: "SUCCEEDED" });
    }
    if (lines >= 40) expect([finished.length, rows.length]).toEqual([1, 3]);
  });
}

Deno.test("createGateway() lets one process at a time serve a data folder, and a killed one is no obstacle", async () => {
  await using dir = await tempDir();
  await runAndKill(dir, 10, async () => {
    const error = await failure(reopen(dir));
    expect(error.code).toBe("CONFIG");
    expect(error.message).toContain("in use by another gateway");
  });
  using _lock = await lockDataDir(dir.path);
});
